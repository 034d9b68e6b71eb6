"""How a reader gets the data of a dataset: download, service, on request, restricted; and whether
its links answer.

Every page, the index and the measures of quality decide with these functions. Fields may be missing
or of a wrong type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.links import format_named, is_internal
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import once

#: Ids of the vocabulary `data-access`.
DOWNLOAD, SERVICE, REQUEST, RESERVED = (
    "accestelechargement",
    "accesservice",
    "accesdemande",
    "accesreserve",
)
_PUBLIC = "PUBLIC"
_NO_DATA_ROLES = frozenset({"documentation", "metadata", "sample"})
_NO_DATA_FAMILIES = frozenset({"formatdocument"})
_NO_DATA_TYPES = frozenset({"series", "SoftwareSourceCode"})
"""Ids of the kinds of resource, or the ends of their URIs, whose records have no data of their own.
"""


def ways(dataset: Row) -> list[str]:
    """Return the ways of getting the data of a dataset: ids of the vocabulary `data-access`.

    Data that are not public, or reachable only within the State's network, are reserved; data
    without any such resource are available on request. A series and code without resources have no
    data to get.
    """
    if is_restricted(dataset):
        return [RESERVED]
    formats = formats_by_way(dataset)
    at_once = [way for way in (DOWNLOAD, SERVICE) if way in formats]
    if at_once:
        return at_once
    if RESERVED in formats:
        return [RESERVED]
    kind = str(dataset.get("dcat_type") or "").rpartition("/")[2]
    if kind in _NO_DATA_TYPES:
        return []
    return [REQUEST]


def is_restricted(dataset: Row) -> bool:
    """Return whether not everyone may have the data: by the access right,
    else by a ground that limits access.
    """
    rights = str(dataset.get("access_rights") or "")
    if rights:
        right = voc.get("access-right").get(rights)
        return rights != _PUBLIC and (right is None or right.id != _PUBLIC)
    for uri in _list(dataset.get("access_limitation")):
        ground = voc.get("access-limitation").get(str(uri))
        if ground and ground.data["restricts"]:
            return True
    return False


def formats_by_way(dataset: Row) -> dict[str, list[str]]:
    """Group the formats of data resources by way of access;
    `RESERVED` is the State's own network.
    """
    formats_of_way: dict[str, list[str]] = {}
    for url in _list(dataset.get("endpoint_url")):
        way = SERVICE
        if is_internal({"url": url}):
            way = RESERVED
        formats_of_way.setdefault(way, [])
    for resource in _resources(dataset):
        way = _way(resource)
        if way is None:
            continue
        if is_internal(resource):
            way = RESERVED
        formats = formats_of_way.setdefault(way, [])
        name = str(resource.get("format") or "")
        if name and name not in formats:
            formats.append(name)
    return formats_of_way


def _list(value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        return [value]
    return value or []


def _resources(dataset: Row) -> Iterable[Row]:
    return (
        resource for resource in dataset.get("resources") or [] if isinstance(resource, Mapping)
    )


def is_document(resource: Row) -> bool:
    """Return whether a resource documents or shows the data, rather than giving them:
    by its role or format.
    """
    role = str(resource.get("resource_role") or "")
    return (
        role in _NO_DATA_ROLES or family_of(str(resource.get("format") or "")) in _NO_DATA_FAMILIES
    )


def _way(resource: Row) -> str | None:
    """Return how a resource gives access to data; None if it only documents or describes them."""
    role = str(resource.get("resource_role") or "")
    if role in _NO_DATA_ROLES or not (resource.get("url") or resource.get("download_url")):
        return None
    name = str(resource.get("format") or "")
    family = family_of(name)
    if resource.get("url_type") == "upload" or name == "Atom Feed":
        return DOWNLOAD
    if family == "formatservice" or (role == "service" and not resource.get("download_url")):
        return SERVICE
    if resource.get("download_url") or (family and family not in _NO_DATA_FAMILIES):
        return DOWNLOAD
    return None


@cache
def _families() -> dict[str, str]:
    """Return format kind (format.csv) → id of its family."""
    return {kind: family.id for family in voc.get("format-family") for kind in family.data["kinds"]}


def family_of(name: str) -> str | None:
    """Return the id of a format's family, None if the format is unknown."""
    concept = format_named(name)
    if concept:
        return _families().get(str(concept.data["kind"]))
    return None


def link_states(dataset: Row) -> dict[str, DataDict]:
    """Return the link checks of a dataset by URL (`ecosphere_quality_links`).

    Empty without `ecosphere_quality`.
    """
    return once.of_dataset("links", dataset, _link_states)


def _link_states(dataset: Row) -> dict[str, DataDict]:
    if not dataset.get("id") or not tk.h.plugin_loaded("ecosphere_quality"):
        return {}
    try:
        links = tk.get_action("ecosphere_quality_links")({}, {"id": dataset["id"]})
    except (tk.ObjectNotFound, tk.NotAuthorized, tk.ValidationError):
        return {}
    return {link["url"]: link for link in links}
