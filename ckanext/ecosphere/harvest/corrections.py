"""Corrections that producers can apply to their ISO 19139 records, from what our rules had to do.

Only values that a rule understood and had to convert are proposed; missing or unintelligible values
are left to a person. Corrections are given as CSV for people, XSLT for any catalogue, and batch
edits for GeoNetwork 4: those of ``PUT /srv/api/records/batchediting`` (user guide, "Batch
editing"), a list of `{xpath, value}`, where ``<gn_replace>`` holds the new content of the element
at the XPath, relative to the root. They differ from record to record, so each record has its own
request.

Catalogues execute these files, and records are written by others. So no name, namespace or markup
of a record gets into a file, only names of `data/elements.csv`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from ckan import model
from lxml import etree

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.dates import parse_date
from ckanext.ecosphere.harvest.iso.reader import ROOTS, records_in
from ckanext.ecosphere.harvest.iso.walk import one_line
from ckanext.ecosphere.harvest.iso.xml import WELL_KNOWN_PREFIXES, parse_xml
from ckanext.ecosphere.harvest.normalise.constraints import limits_of_text
from ckanext.ecosphere.harvest.normalise.draft import by_label, is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.extent import repair
from ckanext.ecosphere.harvest.normalise.reference import EPSG_URI, epsg_codes
from ckanext.ecosphere.harvest.normalise.texts import clean_url
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Box, Identifier
from ckanext.ecosphere.shared import csv_table
from ckanext.ecosphere.shared.parsing import Element, local_name
from ckanext.ecosphere.vocabularies import tables
from ckanext.harvest.model import HarvestObject

PREFIXES = {
    prefix: WELL_KNOWN_PREFIXES[prefix]
    for prefix in ("gmd", "gco", "gmx", "gmi", "srv", "gts", "gml", "xlink")
}
"""Namespace prefixes of XPaths and contents, as in GeoNetwork's schema plugin iso19139."""
AT_ONCE = 500
"""Maximum records per page or file, since each is parsed, which takes some milliseconds."""
MOST = 200
"""Maximum corrections per record."""
LONGEST_RECORD = 2_000_000
"""Maximum length of a record, in characters; longer ones are skipped."""
LONGEST_IDENTIFIER = 300
"""Maximum length of an identifier, in characters: each correction repeats it. Records beyond are
skipped."""
LONGEST_VALUE = 500
"""Maximum length of a value, in characters: longer ones are texts, not faulty codes."""
LONGEST_LIMIT = 120
"""Maximum length of a text that says that access is not limited, in characters."""
DEEPEST = 24
"""Maximum number of steps of an XPath."""
COLUMNS = ("record", "rule", "xpath", "today", "proposed")
ENDPOINT = "srv/api/records/batchediting"
XSL = "http://www.w3.org/1999/XSL/Transform"
_FILE = Path(__file__).parent / "data" / "elements.csv"
_LASTING_ATTRIBUTES = ("codeList", "xlink:href")
"""Attributes that a corrected element keeps, as texts."""
_CODES = ("gmd:LanguageCode", "gmd:MD_MaintenanceFrequencyCode")
"""Elements whose value is the attribute `codeListValue`."""
_SIDES = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
_NO_LIMIT = "noLimitations"


@dataclass(frozen=True, slots=True)
class Correction:
    """A value to change.

    Attributes:
        rule: name of the rule of `normalise/` that proposes it.
        xpath: path of the property element below the root, with the prefixes of `PREFIXES`.
        today: its current text or code.
        proposed: the proposed text or code.
        element: the element that the property is to contain, a name of `elements.csv`.
        text: the text of this element.
        attributes: its attributes: those of `_LASTING_ATTRIBUTES`, and `codeListValue`.
    """

    rule: str
    xpath: str
    today: str
    proposed: str
    element: str
    text: str
    attributes: dict[str, str]

    @property
    def content(self) -> str:
        """The new content of the property, as XML."""
        element = etree.Element(_expanded(self.element), nsmap=PREFIXES)
        element.text = self.text or None
        for name, value in self.attributes.items():
            element.set(_expanded(name), value)
        etree.cleanup_namespaces(element)
        return etree.tostring(element, encoding="unicode")


RecordCorrections = Iterable[tuple[str, list[Correction]]]
"""(identifier of a record, its corrections)."""


# --- the records of a source ---


def count(source_id: str) -> int:
    """Return the number of records of a source that became datasets."""
    query = sa.select(sa.func.count()).select_from(_current_objects(source_id).subquery())
    return model.Session.scalar(query) or 0


def of_source(source_id: str, offset: int = 0) -> Iterator[tuple[str, list[Correction]]]:
    """Yield identifier and corrections of each record that has any.

    Args:
        source_id: the source.
        offset: the record to begin with, in the order of their identifiers; `AT_ONCE` are examined.
    """
    query = _current_objects(source_id).with_only_columns(HarvestObject.content)
    query = query.order_by(HarvestObject.guid).offset(offset).limit(AT_ONCE)
    for content in model.Session.scalars(query):
        if content and len(content) <= LONGEST_RECORD:
            yield from of_document(content)


def _current_objects(source_id: str) -> sa.Select[Any]:
    return sa.select(HarvestObject.id).where(
        HarvestObject.harvest_source_id == source_id,
        HarvestObject.current.is_(True),
        HarvestObject.content.is_not(None),
    )


def of_document(content: str) -> Iterator[tuple[str, list[Correction]]]:
    """Yield identifier and corrections of each record of a document that has any.

    Nothing if it is not XML.
    """
    try:
        records = list(records_in(parse_xml(content.encode())))
    except RecordError:
        return
    for record in records:
        element = record.find("{*}fileIdentifier")
        identifier = "" if element is None else one_line(" ".join(map(str, element.itertext())))
        if 0 < len(identifier) <= LONGEST_IDENTIFIER:
            corrections = proposals(record)
            if corrections:
                yield identifier, corrections


# --- the corrections of a record ---


def proposals(record: Element) -> list[Correction]:
    """Return the corrections of a ``gmd:MD_Metadata``; none for a record of another standard.

    Elements whose path includes an unknown name are skipped.
    """
    is_gmd = str(record.tag).startswith(f"{{{PREFIXES['gmd']}}}")
    if not is_gmd and local_name(record) != "MI_Metadata":
        return []
    corrections: dict[str, Correction] = {}
    rules = (_boxes, _dates, _systems, _frequencies, _topics, _languages, _protocols, _limits)
    for correction in chain.from_iterable(rule(record) for rule in rules):
        corrections.setdefault(correction.xpath, correction)
        if len(corrections) == MOST:
            break
    return list(corrections.values())


def _boxes(record: Element) -> Iterator[Correction]:
    for box in record.iter("{*}EX_GeographicBoundingBox"):
        sides: list[Element] = []
        for name in _SIDES:
            sides += box.iterfind(f"{{*}}{name}")
        if [local_name(side) for side in sides] != list(_SIDES):
            continue  # a side is missing, or stated twice
        values = [_value(side) for side in sides]
        west, south, east, north = values
        degrees, repairs = repair(Box(west, east, south, north))
        if degrees is None or not repairs:
            continue
        for side, today, number in zip(sides, values, degrees, strict=True):
            proposed = f"{number:.6f}".rstrip("0").rstrip(".")
            yield from _changed("boxes", side, today, proposed)


def _dates(record: Element) -> Iterator[Correction]:
    for date in record.iter("{*}Date", "{*}DateTime"):
        prop = date.getparent()
        today = one_line(date.text)
        day = parse_date(today)
        if prop is not None and day and not today.startswith(day):
            yield from _changed("dates", prop, today, day)


def _systems(record: Element) -> Iterator[Correction]:
    for code in record.iterfind(".//{*}referenceSystemIdentifier//{*}code"):
        today = _value(code)
        if is_placeholder(today) or code.find("{*}Anchor") is not None:
            continue
        codes = epsg_codes(Identifier(today))
        if len(codes) == 1:
            proposed = EPSG_URI.format(code=codes[0])
            yield from _changed("reference-systems", code, today, proposed)


def _frequencies(record: Element) -> Iterator[Correction]:
    codes = voc.get("maintenance-frequency")
    for frequency in record.iter("{*}maintenanceAndUpdateFrequency"):
        today = _value(frequency)
        concept = voc.get("frequency").find(today)
        if concept and today not in codes:
            code = next(filter(codes.get, concept.alt_labels), today)
            yield from _changed("frequency", frequency, today, code)


def _topics(record: Element) -> Iterator[Correction]:
    topics = voc.get("topic-category")
    other_codes = by_label("topic-categories", "topic", "other_codes")
    for topic in record.iter("{*}topicCategory"):
        today = _value(topic)
        other = other_codes.get(plain(today), "")
        concept = topics.lookup(today) or topics.get(other)
        if concept:
            yield from _changed("topic-categories", topic, today, concept.id)


def _languages(record: Element) -> Iterator[Correction]:
    for language in record.iter("{*}language"):
        today = _value(language)
        if today.lower() in ("fr", "fra", "french", "français", "francais"):
            yield from _changed("languages", language, today, "fre")


def _protocols(record: Element) -> Iterator[Correction]:
    for resource in record.iter("{*}CI_OnlineResource"):
        prop = resource.find("{*}protocol")
        linkage = resource.find("{*}linkage")
        if prop is None or linkage is None:
            continue
        today = _value(prop)
        url = clean_url(_value(linkage)).url or ""
        protocol = links.protocol_of(today, url)
        sign = links.sign_of(links.Link(url))
        if sign.certain and sign.use in (links.DATA, "request"):
            protocol = "WWW:DOWNLOAD-1.0-http--download"
        elif protocol not in links.OGC_WITH_CAPABILITIES:
            continue
        is_download = "download" in today.lower()
        if url and not is_download and not plain(today).startswith(plain(protocol)):
            yield from _changed("links", prop, today, protocol)


def _limits(record: Element) -> Iterator[Correction]:
    """Yield a link in place of each text that says that access is not limited.

    INSPIRE requires the URI of a code list there (TG 2.0, C.17).
    """
    concept = voc.get("access-limitation")[_NO_LIMIT]
    proposed = f"{concept.label_fr} ({concept.uri})"
    anchor = ("gmx:Anchor", concept.label_fr, {"xlink:href": concept.uri})
    for constraint in record.iter("{*}otherConstraints"):
        today = _value(constraint)
        if constraint.find("{*}CharacterString") is None or len(today) > LONGEST_LIMIT:
            continue
        path = _xpath(constraint)
        if path and limits_of_text(today) == [_NO_LIMIT]:
            yield Correction("constraints", path, today, proposed, *anchor)


def _changed(rule: str, prop: Element, today: str, proposed: str) -> Iterator[Correction]:
    """Yield the correction of a property, unless it says so already or can't be named safely."""
    content = _content_of(prop)
    if content is None or today == proposed or len(today) > LONGEST_VALUE:
        return
    element = name_of(content)
    path = _xpath(prop)
    if element is None or path is None:
        return
    attributes = {}
    for name in _LASTING_ATTRIBUTES:
        value = content.get(_expanded(name)) or ""
        if 0 < len(value) <= LONGEST_VALUE:
            attributes[name] = value
    text = proposed
    if element in _CODES:
        attributes["codeListValue"] = proposed
        if not one_line(content.text):
            text = ""
    yield Correction(rule, path, today, proposed, element, text, attributes)


def _content_of(prop: Element) -> Element | None:
    """Return the element within a property (``gco:CharacterString`` within ``gmd:title``)."""
    return next((child for child in prop if local_name(child)), None)


def _value(prop: Element) -> str:
    """Return the text or code of a property."""
    content = _content_of(prop)
    if content is None:
        return ""
    return one_line(content.get("codeListValue") or content.text)


def _xpath(element: Element) -> str | None:
    """Return the path of an element below the root; None with an unknown name, or if too deep."""
    branch = [element]
    for parent in element.iterancestors():
        if local_name(parent) in ROOTS:
            break
        branch.insert(0, parent)
    names = [name_of(step) for step in branch]
    if len(branch) > DEEPEST or None in names:
        return None
    return "".join(f"/{name}{_position(step)}" for name, step in zip(names, branch, strict=True))


def _position(element: Element) -> str:
    """Return the position of an element among those of its name, in brackets; "" if it is alone."""
    tag = str(element.tag)
    before = list(element.itersiblings(tag, preceding=True))
    if not before and next(element.itersiblings(tag), None) is None:
        return ""
    return f"[{len(before) + 1}]"


def _expanded(name: str) -> str:
    """Return a name with a prefix as lxml writes it; one without a prefix is in no namespace."""
    prefix, _colon, local = name.rpartition(":")
    if not prefix:
        return local
    return f"{{{PREFIXES[prefix]}}}{local}"


@cache
def _elements() -> dict[str, str]:
    return {_expanded(row["element"]): row["element"] for row in tables.rows(_FILE)}


def name_of(element: Element) -> str | None:
    """Return the name of an element with its prefix; None if it is not in the table."""
    return _elements().get(str(element.tag))


# --- files ---


def table(records: RecordCorrections) -> str:
    """Return corrections as CSV with the columns `COLUMNS`."""
    rows = []
    for identifier, corrections in records:
        for correction in corrections:
            values = [getattr(correction, name) for name in COLUMNS[1:]]
            rows.append([identifier, *values])
    return csv_table.write(COLUMNS, rows)


def batch_edits(records: RecordCorrections) -> str:
    """Return requests to GeoNetwork's API as JSON: method, path below the catalogue's URL, body."""
    requests: list[dict[str, Any]] = []
    for identifier, corrections in records:
        if not corrections:
            continue
        query = urlencode({"uuids": identifier, "updateDateStamp": "true"})
        edits = []
        for correction in corrections:
            value = f"<gn_replace>{correction.content}</gn_replace>"
            edits.append({"xpath": correction.xpath, "value": value})
        requests.append({"method": "PUT", "path": f"/{ENDPOINT}?{query}", "body": edits})
    return json.dumps(requests, ensure_ascii=False, indent=1)


def stylesheet(records: RecordCorrections) -> str:
    """Return an XSLT 1.0 stylesheet that copies a record with corrections applied.

    Records are matched by fileIdentifier. Whoever runs the stylesheet runs what is written here, so
    texts of records occur in two places only, where a processor evaluates nothing: as literals of
    XPath, and as contents of `xsl:text`.
    """
    nsmap = {"xsl": XSL, **PREFIXES}
    root = etree.Element(f"{{{XSL}}}stylesheet", version="1.0", nsmap=nsmap)
    everything = _instruction(root, "template", match="@*|node()")
    copy = _instruction(everything, "copy")
    _instruction(copy, "apply-templates", select="@*|node()")
    for identifier, corrections in records:
        record = f"*[gmd:fileIdentifier/* = {_literal(identifier)}]"
        for correction in corrections:
            _template(root, f"{record}{correction.xpath}", correction)
    etree.indent(root, level=0)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True).decode()


def _template(root: Element, match: str, correction: Correction) -> None:
    """Add a template that gives a property its new content."""
    template = _instruction(root, "template", match=match, priority="2")
    copy = _instruction(template, "copy")
    _instruction(copy, "copy-of", select="@*")
    content = etree.SubElement(copy, _expanded(correction.element))
    for name, value in correction.attributes.items():
        # By an instruction, since XSLT evaluates what is in braces in attributes of the element.
        attribute = _instruction(content, "attribute", name=name)
        _instruction(attribute, "text").text = value
    _instruction(content, "text").text = correction.text


def _instruction(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{XSL}}}{tag}", attributes)


def _literal(text: str) -> str:
    """Return a text as an XPath 1.0 expression: a literal, or several joined around apostrophes.

    XPath 1.0 has no escapes.
    """
    if "'" not in text:
        return f"'{text}'"
    pieces = [f"'{piece}'" for piece in text.split("'")]
    return "concat({})".format(""", "'", """.join(pieces))


FILES: dict[str, tuple[Callable[[RecordCorrections], str], str]] = {
    "csv": (table, "text/csv"),
    "xsl": (stylesheet, "application/xslt+xml"),
    "json": (batch_edits, "application/json"),
}
"""Kind of file → function that writes it, and media type."""
