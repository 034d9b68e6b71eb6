"""QGIS layers of a resource that its reader can reach, with names for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.access.model import CLOSED, FAILED
from ckanext.ecosphere.access.qgis import sources
from ckanext.ecosphere.access.qgis.sources import Source
from ckanext.ecosphere.shared import reach, template_helpers

Fields = Mapping[str, Any]

MOST_LAYERS = 12
BROKEN = "broken"
"""State of a URL that did not answer its last check."""
_TECHNICAL = re.compile(r"\w[_:]\w")


def of_resource(
    dataset: Mapping[str, Any], resource: Mapping[str, Any], service: Mapping[str, Any] | None
) -> list[Source]:
    """Return the layers of a resource that QGIS can open and the reader can reach.

    Services and files that are closed to the reader (`template_helpers.ecosphere_closed`) or did not answer when they
    were last asked are left out.

    Args:
        dataset: the dataset, from `package_show`.
        resource: one of its resources.
        service: its known service, or None.
    """
    if template_helpers.ecosphere_closed(dataset, resource):
        return []
    title = _title(str(resource.get("name") or ""), str(dataset.get("title") or dataset["name"]))
    if service is not None:
        return [] if service["state"] in (CLOSED, FAILED) else _of_service(service, title)
    url = str(resource.get("url") or "")
    if resource.get("url_type") == "upload" and not url.startswith("http"):
        url = tk.h.url_for("/", qualified=True).rstrip("/") + url
    known = sources.of_file(url, str(resource.get("format") or ""), title)
    if known is None or reach.link_states(dataset).get(url, {}).get("state") == BROKEN:
        return []
    return [known]


def _of_service(service: Fields, title: str) -> list[Source]:
    layers = service["layers"][:MOST_LAYERS]
    made = [sources.of_service(service, layer) for layer in layers]
    found = [source for source in made if source is not None]
    if len(layers) == 1:
        return [replace(source, title=title) for source in found]
    return [replace(source, title=f"{title} – {source.title}") for source in found]


def _title(name: str, title: str) -> str:
    """Return the name of a layer: the title of the dataset, and the name of the resource unless it is technical."""
    if not name or _TECHNICAL.search(name) or name in title:
        return title
    return name if title in name else f"{title} – {name}"
