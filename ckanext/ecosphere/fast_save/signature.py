"""Signature of the dataset schema in index documents, to detect those written with another schema.

CKAN shows and edits datasets as stored in the index. A document written without these plugins, or with another schema,
has its fields in other places: the next save would lose them. So each document carries the signature of its schema, and
`ckan ecosphere init` rewrites those with another one.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError, make_connection

from ckanext.ecosphere.fast_save import documents, solr

log = logging.getLogger(__name__)

FIELD = "ecosphere_schema"
#: Properties of a field that determine where and how its value is stored in a document.
DECISIVE = ("field_name", "repeating_subfields", "output_validators", "validators", "preset")
PAGE, BATCH = 1000, 100
#: The last schema, and its signature.
_last: list[Any] = []


def current() -> str:
    """Return the signature of the current dataset schema, "" without ckanext-scheming."""
    if not p.plugin_loaded("scheming_datasets"):
        return ""
    schema = tk.h.scheming_get_dataset_schema("dataset", expanded=False) or {}
    if not _last or _last[0] is not schema:
        fields = [*schema.get("dataset_fields", ()), *schema.get("resource_fields", ())]
        parts = []
        for field in fields:
            parts.append({key: field[key] for key in DECISIVE if key in field})
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        _last[:] = [schema, digest[:16]]
    return _last[1]


def put(document: dict[str, Any], signature: str) -> None:
    """Add the signature to a document before it is sent to Solr."""
    if document.get("dataset_type") == "dataset":
        document[FIELD] = signature


def stale() -> list[str]:
    """Return the ids of datasets whose document is missing or has another signature."""
    fresh: set[str] = set()
    query = [
        f'site_id:"{tk.config["ckan.site_id"]}"',
        "entity_type:package",
        f'{FIELD}:"{current()}"',
    ]
    connection, start, hits = make_connection(), 0, 1
    while start < hits:
        answer = connection.search("*:*", fq=query, fl="id", rows=PAGE, start=start, sort="id asc")
        fresh.update(document["id"] for document in answer.docs)
        start, hits = start + PAGE, answer.hits
    package = model.Package
    datasets = sa.select(package.id).where(package.type == "dataset", package.state != "deleted")
    return sorted(set(model.Session.scalars(datasets)) - fresh)


def index(ids: Collection[str]) -> list[str]:
    """Reindex datasets, with one commit at the end.

    Returns:
        ids of datasets whose document cannot be built, or that Solr refuses.

    Raises:
        SolrAwayError: Solr is down.
    """
    failed: list[str] = []

    def note(id_: str, error: Exception) -> None:
        log.error("Dataset %s cannot be indexed: %r", id_, error)
        failed.append(id_)

    builder, ordered = documents.Documents(), list(ids)
    for start in range(0, len(ordered), BATCH):
        batch = builder.make(ordered[start : start + BATCH], note)
        try:
            solr.add(batch, commit=False)
        except solr.SolrAwayError:
            raise
        except SearchIndexError:
            for document in batch:  # find the refused one
                try:
                    solr.add([document], commit=False)
                except SearchIndexError as error:
                    note(document["id"], error)
        model.Session.expunge_all()
    if ordered:
        solr.commit()
    return failed
