"""The documented table of fields matches the schema."""

from __future__ import annotations

import re

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from dev import reference

SCOPES = ("dataset", "resource")


def names(scope: str) -> list[str]:
    return [field.name for field in fields.fields(scope)]


def test_the_page_is_up_to_date():
    assert reference.FIELDS.read_text(encoding="utf-8") == reference.fields_page()


@pytest.mark.parametrize("scope", SCOPES)
def test_each_field_says_where_it_stands_in_rdf(scope):
    assert [field.name for field in fields.fields(scope) if not field.dcat] == []


@pytest.mark.parametrize("scope", SCOPES)
def test_each_field_says_how_much_it_is_wanted_and_where_it_stands(scope):
    definition = fields.schema()
    sections = {
        s["id"]
        for s in definition["form_sections" if scope == "dataset" else "resource_form_sections"]
    }
    for field in definition[f"{scope}_fields"]:
        assert field["obligation"] in reference.OBLIGATIONS, field["field_name"]
        assert field["form_section"] in sections, field["field_name"]


def test_the_page_names_each_field_and_vocabulary():
    page = reference.fields_page()
    for scope in SCOPES:
        for name in names(scope):
            assert f"| `{name}` |" in page
    listed = re.findall(
        r"\| `([a-z][a-z-]+)` \| [^|]*\| [^|]*\| [^|]*\| [^|]*\|$", page, re.MULTILINE
    )
    assert set(listed) <= set(voc.names())
    assert len(listed) > 20


def test_each_subfield_says_where_it_stands():
    """Subfields of all parties share one mapping.

    Subfields of a group without an ISO 19139 element have none.
    """
    rows = {
        line.split("`")[1]: line.split(" | ")
        for line in reference.fields_page().splitlines()
        if line.startswith("| `")
    }
    assert rows["contact.name"][6:8] == ["`gmd:organisationName`", "vcard:fn"]
    assert rows["qualified_attribution.agent.name"][6:8] == ["`gmd:organisationName`", "foaf:name"]
    assert rows["access_services.contact.name"][6:8] == ["", "vcard:fn"]
    assert all(row[7] for name, row in rows.items() if "." in name)
    subfields = [name for name in rows if "." in name]
    for place in fields.schema()["subfields"]:
        assert any(f".{name}".endswith(f".{place}") for name in subfields), place
