"""Structured data (schema.org) of a dataset of the portal, with page URLs and relations to other datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import relations, schemaorg


def describe(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dataset as a JSON-LD object.

    Args:
        dataset: the dataset, from ``package_show``. Related datasets that the current user may not see are left out.
    """
    completed = inheritance.completed(dataset)
    described = schemaorg.describe(completed, _page(dataset), tk.config["ckan.site_title"])
    parts: list[Any] = []
    if dataset.get("dcat_type") == relations.SERIES:
        parts = relations.referring(dataset, relations.SERIES_FIELD)["results"]
    wholes = relations.find(as_list(dataset.get("in_series") or []))
    for name, others in (("hasPart", parts), ("isPartOf", wholes)):
        if others:
            described[name] = [_named(other) for other in others]
    return described


def _named(dataset: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": "Dataset", "name": dataset["title"], "url": _page(dataset)}


def _page(dataset: Mapping[str, Any]) -> str:
    return tk.url_for("dataset.read", id=dataset["name"], qualified=True, locale="default")
