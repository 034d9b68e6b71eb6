"""How a reader gets the data of a dataset: download, service, on request, restricted; which URLs are internal.

Every page, the index and the measures of quality decide with these functions. Fields may be missing or of a wrong type.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import tables

#: Ids of the vocabulary `data-access`.
DOWNLOAD, SERVICE, REQUEST, RESERVED = "accestelechargement", "accesservice", "accesdemande", "accesreserve"
INTRANET = "intranet"
"""Id in the vocabulary `network`."""
_PUBLIC = "PUBLIC"
_NO_DATA_ROLES = frozenset({"documentation", "metadata", "sample"})
_NO_DATA_FAMILIES = frozenset({"formatdocument"})
_NO_DATA_TYPES = frozenset({"series", "SoftwareSourceCode"})
"""Ids of the kinds of resource, or the ends of their URIs, whose records have no data of their own."""
_HOSTS = Path(__file__).parents[2] / "data" / "intranet-hosts.csv"


def ways(dataset: Mapping[str, Any]) -> list[str]:
    """Return the ways of getting the data of a dataset: ids of the vocabulary `data-access`.

    Data that are not public, or reachable only within the State's network, are reserved; data without any such resource
    are available on request. A series and code without resources have no data to get.
    """
    if is_restricted(dataset):
        return [RESERVED]
    found = formats_by_way(dataset)
    at_once = [way for way in (DOWNLOAD, SERVICE) if way in found]
    if at_once:
        return at_once
    if RESERVED in found:
        return [RESERVED]
    kind = str(dataset.get("dcat_type") or "").rpartition("/")[2]
    return [] if kind in _NO_DATA_TYPES else [REQUEST]


def is_restricted(dataset: Mapping[str, Any]) -> bool:
    """Return whether not everyone may have the data: by the access right, else by a ground that limits access."""
    rights = str(dataset.get("access_rights") or "")
    if rights:
        known = voc.get("access-right").get(rights)
        return (known.id if known else rights) != _PUBLIC
    grounds = dataset.get("access_limitation") or []
    for uri in [grounds] if isinstance(grounds, str) else grounds:
        ground = voc.get("access-limitation").get(str(uri))
        if ground and ground.data["restricts"]:
            return True
    return False


def formats_by_way(dataset: Mapping[str, Any]) -> dict[str, list[str]]:
    """Group the formats of data resources by way of access; `RESERVED` is the State's own network."""
    found: dict[str, list[str]] = {}
    endpoints = dataset.get("endpoint_url") or []
    for url in [endpoints] if isinstance(endpoints, str) else endpoints:
        found.setdefault(RESERVED if is_internal({"url": url}) else SERVICE, [])
    for resource in _resources(dataset):
        way = _way(resource)
        if way:
            formats = found.setdefault(RESERVED if is_internal(resource) else way, [])
            name = str(resource.get("format") or "")
            if name and name not in formats:
                formats.append(name)
    return found


def _resources(dataset: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (each for each in dataset.get("resources") or [] if isinstance(each, Mapping))


def is_document(resource: Mapping[str, Any]) -> bool:
    """Return whether a resource documents or shows the data, rather than giving them: by its role or format."""
    role = str(resource.get("resource_role") or "")
    return role in _NO_DATA_ROLES or family_of(str(resource.get("format") or "")) in _NO_DATA_FAMILIES


def _way(resource: Mapping[str, Any]) -> str | None:
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
    known = voc.get("format").get(name) or voc.get("format").find(name)
    return _families().get(str(known.data["kind"])) if known else None


def is_internal(resource: Mapping[str, Any]) -> bool:
    """Return whether a resource is reachable only within the State's own network: as stated, else by its host."""
    if resource.get("url_type") == "upload":
        return False
    return resource.get("network") == INTRANET or is_internal_host(_host(str(resource.get("url") or "")))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


@lru_cache(maxsize=1_000)
def is_internal_host(host: str) -> bool:
    """Return whether a host is internal: a private address, a bare name, or a suffix from the table.

    A loopback address is not: it is the reader's own machine, as in a demonstration.
    """
    if not host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = f".{host.lower()}"
        return "." not in host or any(name.endswith(suffix) for suffix in _suffixes())
    return not address.is_global and not address.is_loopback


@cache
def _suffixes() -> tuple[str, ...]:
    return tuple(row["suffix"] for row in tables.rows(_HOSTS))
