"""QGIS layers of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.access.qgis import sources
from ckanext.ecosphere.access.qgis.sources import Source

MOST_LAYERS = 12


def of_resource(resource: Mapping[str, Any], service: Mapping[str, Any] | None, title: str) -> list[Source]:
    """Return the layers of a resource that QGIS can open.

    Args:
        resource: the resource, from `package_show`.
        service: its known service, or None.
        title: title of the layer for a file.
    """
    if service is not None:
        found = [sources.of_service(service, layer) for layer in service["layers"][:MOST_LAYERS]]
        return [each for each in found if each is not None]
    url = str(resource.get("url") or "")
    if resource.get("url_type") == "upload" and not url.startswith("http"):
        url = tk.h.url_for("/", qualified=True).rstrip("/") + url
    known = sources.of_file(url, str(resource.get("format") or ""), title)
    return [known] if known else []
