"""Rebuild index documents of unchanged datasets from the copies in the index.

Solr stores with each document the dataset as shown by CKAN. CKAN's index function and the hooks of all plugins run on
that copy, without queries or validation, in a quarter of the time of `documents.Documents`. Solr's atomic updates are
not an option: CKAN's schema does not store `permission_labels` and most other fields, which they would delete.

Changes that a hook makes to the copy might affect the result, so in every batch one document is built both ways; if
they differ, the whole batch is built from the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents, KnownPackages, OnError, asked_by_hooks

#: Keys that ckanext-harvest's hook adds to the copy, and would add again.
ADDED_BY_HARVEST = ("harvest_object_id", "harvest_source_id", "harvest_source_title")
COPIES = ("data_dict", "validated_data_dict")


class KeptDocuments:
    """Builder of documents from stored copies; use one per run.

    Attributes:
        from_index: number of documents built from the index; the others are built from the database.
    """

    def __init__(self) -> None:
        self.from_index = 0
        self._documents = Documents()

    def make(self, package_ids: Sequence[str], on_error: OnError) -> list[solr.Document]:
        """Build the documents of some datasets.

        Args:
            package_ids: dataset ids; those missing from the index, or with unusable copies, are read from the database.
            on_error: called for a dataset whose document cannot be built; the others are still built.

        Raises:
            SolrAwayError: Solr is down.
        """
        copies = solr.kept([index_id(id_) for id_ in package_ids], ("id", *COPIES)) if package_ids else []
        query = sa.select(model.Package).where(
            model.Package.id.in_([copy["id"] for copy in copies]), model.Package.state == model.State.ACTIVE
        )
        packages = {package.id: package for package in model.Session.scalars(query)}
        known = {copy["id"]: copy for copy in copies if copy["id"] in packages}
        held = asked_by_hooks(list(known))
        if known and not self._is_faithful(next(iter(known.values())), packages):
            known = {}
        documents = []
        for id_, copy in known.items():
            try:
                made = _again(copy, packages)
            except Exception as error:  # from a hook of any plugin: continue with the others
                on_error(id_, error)
            else:
                documents += [made] if made else []
        del held
        self.from_index += len(documents)
        return documents + self._documents.make([id_ for id_ in package_ids if id_ not in known], on_error)

    def _is_faithful(self, copy: dict[str, Any], packages: dict[str, model.Package]) -> bool:
        failed: list[Exception] = []
        expected = self._documents.make([copy["id"]], lambda _id, error: failed.append(error))
        try:
            made = _again(copy, packages)
        except Exception:  # reported when the batch is built from the database
            return False
        return not failed and [_readable(made)] == [_readable(each) for each in expected]


def index_id(package_id: str) -> str:
    """Return the key under which CKAN indexes a dataset."""
    return hashlib.md5(f"{package_id}{tk.config['ckan.site_id']}".encode(), usedforsecurity=False).hexdigest()


def _again(copy: dict[str, Any], packages: dict[str, model.Package]) -> solr.Document | None:
    default, custom = (json.loads(copy[name]) for name in COPIES)
    if p.plugin_loaded("harvest"):
        for shown in (default, custom):
            if "extras" in shown:
                shown["extras"] = [each for each in shown["extras"] if each.get("key") not in ADDED_BY_HARVEST]
    return solr.build(dict(default, with_custom_schema=custom), KnownPackages(packages))


def _readable(document: solr.Document | None) -> dict[str, Any]:
    """Return a document with its copies parsed, so that the order of keys and extras does not matter.

    The database has its own order of extras, which differs between a dataset just saved and the same one read again.
    """
    return {name: _unordered(value) if name in COPIES else value for name, value in (document or {}).items()}


def _unordered(copy: str) -> dict[str, Any]:
    shown = json.loads(copy)
    if "extras" in shown:
        shown["extras"] = sorted(shown["extras"], key=lambda extra: extra["key"])
    return shown
