"""Which documents of the index were written with the schema that is in force.

CKAN shows and edits a dataset as the index holds it. A document that a CKAN without these plugins wrote, or one with
another schema, has its fields in other places: read as it is, fields would be lost with the next save. So each document
bears the signature of its schema, and `ckan ecosphere init` writes anew those that bear another one.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.search.common import SearchIndexError, make_connection

from ckanext.ecosphere.fast_save import documents, solr

log = logging.getLogger(__name__)

FIELD = "ecosphere_schema"
#: What of a field decides where and how its value stands in a document.
DECISIVE = ("field_name", "repeating_subfields", "output_validators", "validators", "preset")
PAGE, BATCH = 1000, 100
#: The schema last asked for, and its signature.
_last: list[Any] = []


def current() -> str:
    """Return the signature of the schema of datasets that is in force, "" without ckanext-scheming."""
    if not p.plugin_loaded("scheming_datasets"):
        return ""
    schema = tk.h.scheming_get_dataset_schema("dataset", expanded=False) or {}
    if _last and _last[0] is schema:
        return _last[1]
    parts = [
        {key: field[key] for key in DECISIVE if key in field}
        for kind in ("dataset_fields", "resource_fields")
        for field in schema.get(kind, ())
    ]
    _last[:] = [schema, hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]]
    return _last[1]


def put(document: dict[str, Any], signature: str) -> None:
    """Write the signature into a document on its way to Solr."""
    if document.get("dataset_type") == "dataset":
        document[FIELD] = signature


def stale() -> list[str]:
    """Return the ids of the datasets whose document is missing or bears another signature."""
    fresh: set[str] = set()
    query = [f'site_id:"{tk.config["ckan.site_id"]}"', "entity_type:package", f'{FIELD}:"{current()}"']
    connection, start = make_connection(), 0
    while True:
        found = connection.search("*:*", fq=query, fl="id", rows=PAGE, start=start, sort="id asc")
        fresh |= {each["id"] for each in found.docs}
        start += PAGE
        if start >= found.hits:
            break
    package = model.Package
    known = model.Session.query(package.id).filter(package.type == "dataset", package.state != "deleted")
    return sorted({id_ for (id_,) in known} - fresh)


def index(ids: Collection[str]) -> list[str]:
    """Write the documents of datasets anew, with one commit at the end.

    Returns:
        the ids of those that cannot be shown, or that Solr refuses.

    Raises:
        SolrAwayError: Solr does not answer.
    """
    failed: list[str] = []

    def note(id_: str, error: Exception) -> None:
        log.error("Dataset %s cannot be indexed: %r", id_, error)
        failed.append(id_)

    maker, ordered = documents.Documents(), list(ids)
    for start in range(0, len(ordered), BATCH):
        made = maker.make(ordered[start : start + BATCH], note)
        try:
            solr.add(made, commit=False)
        except solr.SolrAwayError:
            raise
        except SearchIndexError:
            for document in made:  # one of them is refused
                try:
                    solr.add([document], commit=False)
                except SearchIndexError as error:
                    note(document["id"], error)
        model.Session.expunge_all()
    if ordered:
        solr.commit()
    return failed
