"""Corrections for hostile records: whoever runs the stylesheet or the batch edits runs nothing of the records."""

import csv
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from ckanext.ecosphere.harvest.repair import formats, listing, names
from ckanext.ecosphere.shared.formulas import is_formula
from ckanext.ecosphere.tests import hostile_records

XSL = f"{{{formats.XSL}}}"
#: Instructions that a stylesheet of corrections consists of, with the values of their attributes (None: see below).
INSTRUCTIONS = {
    "stylesheet": {"version": {"1.0"}},
    "template": {"match": None, "priority": {"2"}},
    "copy": {},
    "copy-of": {"select": {"@*"}},
    "apply-templates": {"select": {"@*|node()"}},
    "attribute": {"name": {"codeList", "codeListValue", "xlink:href"}},
    "text": {},
}
_LITERAL = r"(?:'[^']*'|\"[^\"]*\")"
_VALUE = rf"(?:{_LITERAL}|concat\({_LITERAL}(?:, {_LITERAL})*\))"
_STEP = r"/(?:gmd|srv|gco|gmx):[A-Za-z_]+(?:\[[0-9]+\])?"
#: The only pattern: an identifier compared with texts, and a path of plain names.
PATTERN = re.compile(rf"@\*\|node\(\)|\*\[gmd:fileIdentifier/\* = {_VALUE}\](?:{_STEP})+")


class Witness(etree.Resolver):
    """Answers whatever a stylesheet reads, whatever its scheme, and keeps the addresses."""

    def __init__(self):
        self.asked = []

    def resolve(self, url, public_id, context):
        self.asked.append(url)
        return self.resolve_string("<x/>", context)


@pytest.fixture
def witness():
    return Witness()


def parsed(text, witness):
    parser = etree.XMLParser(no_network=False)
    parser.resolvers.add(witness)
    return etree.fromstring(text.encode(), parser)


def found(text):
    return list(listing.of_document(text))


def judged(root):
    """Fail if a stylesheet contains anything but known instructions, known patterns and elements without attributes."""
    assert set(root.nsmap.values()) == {formats.XSL, *names.PREFIXES.values()}
    for element in root.iter():
        assert isinstance(element.tag, str), etree.tostring(element)
        assert element.nsmap == root.nsmap
        instruction = element.tag.removeprefix(XSL)
        if instruction == element.tag:
            assert names.known(element)
            assert not element.attrib
            continue
        allowed = INSTRUCTIONS[instruction]
        assert set(element.attrib) <= set(allowed)
        for name, value in element.attrib.items():
            assert PATTERN.fullmatch(value) if allowed[name] is None else value in allowed[name]


def names_of():
    return list(hostile_records.records("x"))


@pytest.mark.parametrize("url", ["http://127.0.0.2/x", "file:///etc/hostname"])
def test_the_witness_sees_what_a_stylesheet_reads(witness, url):
    text = f"""<xsl:stylesheet version="1.0" xmlns:xsl="{formats.XSL}"><xsl:template match="/">
      <x><xsl:copy-of select="document('{url}')"/></x></xsl:template></xsl:stylesheet>"""
    etree.XSLT(parsed(text, witness))(etree.fromstring("<y/>"))
    assert witness.asked == [url]


@pytest.mark.parametrize("url", ["http://127.0.0.2/x", "file:///etc/hostname"])
@pytest.mark.parametrize("name", names_of())
def test_the_stylesheet_runs_nothing_of_a_record(witness, name, url):
    text = hostile_records.records(url)[name]
    corrections = found(text)
    assert corrections, "nothing was tested"
    stylesheet = parsed(formats.stylesheet(corrections), witness)
    judged(stylesheet)
    made = etree.XSLT(stylesheet)(etree.fromstring(text))
    assert witness.asked == []
    (language,) = made.iterfind("{*}language/{*}LanguageCode")
    assert language.get("codeListValue") == "fre"


@pytest.mark.parametrize("name", names_of())
def test_batch_edits_contain_known_elements_only(name):
    (request,) = json.loads(formats.batch_edits(found(hostile_records.records("http://127.0.0.2/x")[name])))
    query = parse_qs(urlsplit(request["path"]).query, strict_parsing=True)
    assert set(query) == {"uuids", "updateDateStamp"}
    assert len(query["uuids"]) == 1
    assert query["updateDateStamp"] == ["true"]
    for edit in request["body"]:
        assert re.fullmatch(rf"(?:{_STEP})+", edit["xpath"])
        (content,) = etree.fromstring(edit["value"])
        assert names.known(content)
        assert len(content) == 0
        assert set(content.attrib) <= {"codeList", "codeListValue", f"{{{names.PREFIXES['xlink']}}}href"}


def test_no_cell_of_the_table_is_a_formula():
    given = [line for text in hostile_records.records("http://127.0.0.2/x").values() for line in found(text)]
    for separator in (";", ","):
        for row in csv.reader(io.StringIO(formats.table(given).lstrip("\ufeff"), newline=""), delimiter=separator):
            assert not any(is_formula(cell) and not cell.startswith("'") for cell in row)


def test_a_record_of_a_thousand_faults_takes_no_more_time_for_each():
    many = "<gmd:topicCategory><gmd:MD_TopicCategoryCode>agriculture</gmd:MD_TopicCategoryCode></gmd:topicCategory>"
    text = hostile_records.records("x")["element: include"].replace("<gmd:abstract>", f"{many * 20_000}<gmd:abstract>")
    (line,) = found(text)
    assert len(line[1]) == 200
    nested = text.replace("<gmd:topicCategory>", "<gmd:unknown><gmd:topicCategory>").replace(
        "</gmd:topicCategory>", "</gmd:topicCategory></gmd:unknown>"
    )
    (line,) = found(nested)
    assert {each.rule for each in line[1]} == {"languages", "dates"}


@pytest.mark.parametrize("length", [300, 301])
def test_a_long_identifier_is_not_repeated_with_each_correction(length):
    text = hostile_records.records("x")["identifier: end of CDATA"].replace("]]&gt;", "a" * length)
    assert len(found(text)) == (length == 300)
