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
    declared = next(type_ for type_ in types if type_.get("name") == solr_schema.TEXT_TYPE)
    field_type: dict[str, Any] = dict(declared.attrib)
    for analyzer in declared.iter("analyzer"):
        field_type[f"{analyzer.get('type')}Analyzer"] = {
            "tokenizer": dict(next(analyzer.iter("tokenizer")).attrib),
            "filters": [dict(filter_.attrib) for filter_ in analyzer.iter("filter")],
        }
    return field_type


def commands(current: dict[str, Any], ours: dict[str, Any]) -> dict[str, list[Any]]:
    """Compute the Schema API commands that remove the French schema.

    Args:
        current: the schema as Solr returns it.
        ours: the declared French schema.

    Returns:
        commands by name, in the order that Solr requires; empty when there is nothing to remove. A field that is only
        added when missing is removed if it matches our declaration; otherwise it comes from CKAN's spatial image.
    """
    present = {field["name"]: field for field in current["fields"]}
    types = {type_["name"]: type_ for type_ in current["fieldTypes"]}
    copies = {(copy["source"], copy["dest"]) for copy in current["copyFields"]}
    fields = [field["name"] for field in ours["fields"]]
    for field in ours["fields_if_missing"]:
        if solr_schema.same(field, present.get(field["name"])):
            fields.append(field["name"])
    declared_types = [type_["name"] for type_ in ours["field_types"]]
    own_types = [name for name in declared_types if name != solr_schema.TEXT_TYPE]
    by_name = {
        "delete-copy-field": [
            {"source": copy["source"], "dest": dest}
            for copy in ours["copy_fields"]
            for dest in copy["dest"]
            if (copy["source"], dest) in copies
        ],
        "delete-field": [{"name": name} for name in fields if name in present],
        "replace-field-type": [],
        "delete-field-type": [{"name": name} for name in own_types if name in types],
    }
    if not _is_stock(types[solr_schema.TEXT_TYPE]):
        by_name["replace-field-type"].append(text_type())
    return {command: items for command, items in by_name.items() if items}


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
    deleted = {
        field["name"]
        for field in commands(solr.schema(), solr_schema.wanted()).get("delete-field", [])
    }
    return [
        name for name in solr_schema.number_fields() if name in deleted and solr.indexed_field(name)
    ]


def _is_stock(declared: dict[str, Any]) -> bool:
    return solr_schema.same(text_type(), declared)
