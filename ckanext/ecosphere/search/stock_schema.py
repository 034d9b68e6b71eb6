"""Restore CKAN's own schema in a running Solr, undoing `solr_schema`."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import ckan

from ckanext.ecosphere.search import solr_schema
from ckanext.ecosphere.search.solr_client import SolrAdmin

SCHEMA = Path(ckan.__file__).parent / "config" / "solr" / "schema.xml"
LISTS = ("synonyms", "stopwords")


def text_type() -> dict[str, Any]:
    """Return the field type `text` of the installed CKAN, in the format of the Schema API."""
    types = ET.parse(SCHEMA).iter("fieldType")  # noqa: S314 - a file of the package
    declared = next(each for each in types if each.get("name") == solr_schema.TEXT_TYPE)
    analyzers = {
        f"{each.get('type')}Analyzer": {
            "tokenizer": dict(next(each.iter("tokenizer")).attrib),
            "filters": [dict(filter_.attrib) for filter_ in each.iter("filter")],
        }
        for each in declared.iter("analyzer")
    }
    return {**declared.attrib, **analyzers}


def commands(current: dict[str, Any], ours: dict[str, Any]) -> dict[str, list[Any]]:
    """Compute the Schema API commands that remove the French schema.

    Args:
        current: the schema as Solr returns it.
        ours: the declared French schema.

    Returns:
        commands by name, in the order that Solr requires; empty when there is nothing to remove. A field that is only
        added when missing is removed if it matches our declaration; otherwise it comes from CKAN's spatial image.
    """
    present = {each["name"]: each for each in current["fields"]}
    types = {each["name"]: each for each in current["fieldTypes"]}
    copies = {(each["source"], each["dest"]) for each in current["copyFields"]}
    fields = [each["name"] for each in ours["fields"]]
    fields += [
        each["name"]
        for each in ours["fields_if_missing"]
        if solr_schema.same(each, present.get(each["name"]))
    ]
    found = {
        "delete-copy-field": [
            {"source": each["source"], "dest": dest}
            for each in ours["copy_fields"]
            for dest in each["dest"]
            if (each["source"], dest) in copies
        ],
        "delete-field": [{"name": name} for name in fields if name in present],
        "replace-field-type": [] if _is_stock(types[solr_schema.TEXT_TYPE]) else [text_type()],
        "delete-field-type": [
            {"name": each["name"]}
            for each in ours["field_types"]
            if each["name"] in types and each["name"] != solr_schema.TEXT_TYPE
        ],
    }
    return {command: items for command, items in found.items() if items}


def restore(solr: SolrAdmin) -> list[str]:
    """Remove from Solr what `solr_schema.apply` added; does nothing if it is not there.

    Returns:
        the changes made; if not empty, every dataset must be reindexed.

    Raises:
        SolrAdminError: Solr is down or refuses.
    """
    needed = commands(solr.schema(), solr_schema.wanted())
    if not needed:
        return []
    solr.change_schema(needed)
    solr.reload()  # until then analyzers of the former schema keep the lists in use
    for kind in LISTS:
        solr.forget_list(kind, solr_schema.MANAGED_NAME)
    solr.reload()
    return solr_schema.names_of(needed)


def blocking_fields(solr: SolrAdmin) -> list[str]:
    """Return the fields that cannot become texts again because the index holds them as numbers."""
    taken_out = {
        each["name"]
        for each in commands(solr.schema(), solr_schema.wanted()).get("delete-field", [])
    }
    return [
        name
        for name in solr_schema.number_fields()
        if name in taken_out and solr.indexed_field(name)
    ]


def _is_stock(declared: dict[str, Any]) -> bool:
    return solr_schema.same(text_type(), declared)
