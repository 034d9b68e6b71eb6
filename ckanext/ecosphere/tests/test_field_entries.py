"""A field is one entry of the schema: what the table of fields says can be done,
and a new entry is enough.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from rdflib import Graph, Literal, URIRef

from ckanext.dcat.profiles import DCT
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.harvest.iso import reader, walk
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.record import Link, Record
from ckanext.ecosphere.schemas.iso import values, writer, xml
from ckanext.ecosphere.schemas.rdf import profiles
from ckanext.ecosphere.schemas.rdf.parts import uri

ALL = [field for scope in fields.SCOPES for field in fields.fields(scope)]
CREDIT = {
    "field_name": "credit",
    "label": {"en": "Credit", "fr": "Remerciements"},
    "form_section": "content",
    "obligation": "optional",
    "iso": {"path": "identificationInfo/credit", "write": "texts", "read": "texts"},
    "dcat": {"property": "dct:bibliographicCitation", "object": "any"},
    "preset": "ecosphere_texts",
}
NODE = URIRef("https://example.org/1")


@pytest.mark.parametrize("field", ALL, ids=lambda field: f"{field.scope}-{field.name}")
def test_an_entry_names_what_exists(field: fields.Field):
    assert field.iso.get("write", "text") in values.WRITERS
    assert field.iso.get("read", "text") in walk.READERS
    for key in ("property", "also"):
        if key in field.dcat:
            uri(field.dcat[key])
    if field.dcat.get("object") not in (None, "any", "date"):
        uri(field.dcat["object"])
    if field.vocabulary:
        voc.get(field.vocabulary)
    if field.record:
        target = Link if field.scope == fields.RESOURCE else Record
        assert field.record in {part.name for part in dataclasses.fields(target)}


@pytest.mark.parametrize(
    "field", [field for field in ALL if "write" in field.iso], ids=lambda field: field.name
)
def test_what_the_table_writes_has_a_place_in_the_standard(field: fields.Field):
    types = {**xml.SHARED, "identificationInfo": xml.DATA}
    kind = xml.ROOT
    for name in field.iso["path"].split("/"):
        assert name in xml.CONTENTS[kind].split()
        if name not in types:
            break
        kind = types[name]


@pytest.fixture
def with_credit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A schema with a field more."""
    schema = copy.deepcopy(fields.schema())
    schema["dataset_fields"].append(CREDIT)
    monkeypatch.setattr(fields, "schema", lambda: schema)
    fields.fields.cache_clear()
    handlers = walk.of_fields(reader.IDENTIFICATION_INFO)
    monkeypatch.setitem(reader.IDENTIFICATION, "credit", handlers["credit"])
    yield
    fields.fields.cache_clear()


@pytest.mark.usefixtures("with_credit")
class TestANewFieldIsOneEntry:
    dataset: dict[str, Any] = {"title": "T", "credit": ["IGN", "Cerema"]}

    def test_in_iso_both_ways(self):
        record = writer.record(self.dataset)
        assert normalise(read_record(parse_xml(record)), Context()).dataset["credit"] == [
            "IGN",
            "Cerema",
        ]

    def test_in_dcat_both_ways(self):
        profile = profiles.EcosphereDCATAPProfile(Graph())
        profile._add_fields(self.dataset, NODE)
        assert (NODE, DCT.bibliographicCitation, Literal("IGN")) in profile.g
        again: dict[str, Any] = {}
        profiles._read_fields(profile.g, NODE, again)
        assert again["credit"] == ["Cerema", "IGN"]

    def test_in_the_documentation(self):
        from dev import reference

        (row,) = [
            line for line in reference.fields_page().splitlines() if line.startswith("| `credit` |")
        ]
        assert "`identificationInfo/credit`" in row
        assert "dct:bibliographicCitation" in row
