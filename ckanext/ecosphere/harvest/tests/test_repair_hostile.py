"""Corrections for hostile records: whoever runs the stylesheet or the batch
edits runs nothing of the records.
"""

import json

import pytest
from lxml import etree

from ckanext.ecosphere.harvest import corrections
from ckanext.ecosphere.tests import export_readers as readers
from ckanext.ecosphere.tests import hostile_records


def found(text):
    return list(corrections.of_document(text))


def names_of():
    return list(hostile_records.records("x"))


@pytest.mark.parametrize("url", ["http://127.0.0.2/x", "file:///etc/hostname"])
def test_what_a_stylesheet_reads_is_seen(url):
    text = f"""<xsl:stylesheet version="1.0" xmlns:xsl="{corrections.XSL}"><xsl:template match="/">
      <x><xsl:copy-of select="document('{url}')"/></x></xsl:template></xsl:stylesheet>"""
    assert f"reads {url}" in list(readers.stylesheet(text))


@pytest.mark.parametrize("url", ["http://127.0.0.2/x", "file:///etc/hostname"])
@pytest.mark.parametrize("name", names_of())
def test_the_stylesheet_runs_nothing_of_a_record(name, url):
    text = hostile_records.records(url)[name]
    proposed = found(text)
    assert proposed, "nothing was tested"
    stylesheet = corrections.stylesheet(proposed)
    assert list(readers.stylesheet(stylesheet, text.encode())) == []
    made = etree.XSLT(etree.fromstring(stylesheet.encode()))(etree.fromstring(text))
    (language,) = made.iterfind("{*}language/{*}LanguageCode")
    assert language.get("codeListValue") == "fre"


@pytest.mark.parametrize("name", names_of())
def test_batch_edits_contain_known_elements_only(name):
    text = corrections.batch_edits(found(hostile_records.records("http://127.0.0.2/x")[name]))
    assert len(json.loads(text)) == 1
    assert list(readers.batch_edits(text)) == []


def test_no_cell_of_the_table_is_a_formula():
    records = hostile_records.records("http://127.0.0.2/attaque").values()
    text = corrections.table(line for record in records for line in found(record))
    assert readers.MARK in text
    assert list(readers.table(text)) == []


def test_a_record_of_a_thousand_faults_takes_no_more_time_for_each():
    many = "<gmd:topicCategory><gmd:MD_TopicCategoryCode>agriculture</gmd:MD_TopicCategoryCode></gmd:topicCategory>"
    text = hostile_records.records("x")["element: include"].replace(
        "<gmd:abstract>", f"{many * 20_000}<gmd:abstract>"
    )
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
