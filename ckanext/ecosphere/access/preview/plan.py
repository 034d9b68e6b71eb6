"""Choose the kind of preview of a resource from its metadata, without requests."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import shape

from ckanext.ecosphere.access.preview import images
from ckanext.ecosphere.access.take.request import offers_features
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.vocabularies import tables

_FILE = Path(__file__).parents[1] / "data" / "previews.csv"
TILES, SAMPLE, INLINE = "tiles", "sample", "inline"
TOLD = "told"
"""Known formats without preview, for which a message says so."""
MOST_LAYERS = 12
LONGEST_SPATIAL = 2_000_000


@cache
def _ways() -> dict[str, str]:
    return {row["format"]: row["how"] for row in tables.rows(_FILE)}


def way(resource: Mapping[str, Any], service: Mapping[str, Any] | None) -> str:
    """Return the kind of preview of a resource: tiles, sample, inline; "told" or "" for none.

    Args:
        resource: the resource, from `package_show`.
        service: its known service, or None.
    """
    if service is not None:
        return _way_of_service(service)
    url = str(resource.get("url") or "")
    if resource.get("url_type") != "upload" and not url.lower().startswith(("http://", "https://")):
        return ""
    format_ = str(resource.get("format") or "").strip().lower()
    return _ways().get(links.extension_of(url)) or _ways().get(format_, "")


def _way_of_service(service: Mapping[str, Any]) -> str:
    layers_ = service["layers"]
    if any(images.can_draw(service, layer) for layer in layers_):
        return TILES
    if layers_ and offers_features(service, layers_[0]):
        return SAMPLE
    return ""


def layers(service: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the layers that can be shown as tiles.

    Each has name, title, extent, and a zoom level for the extent.
    """
    drawn = [layer for layer in service["layers"] if images.can_draw(service, layer)]
    return [
        {
            "name": layer["name"],
            "title": layer["title"] or layer["name"],
            "extent": layer["extent"],
            "zoom": images.zoom_of(layer["extent"]),
        }
        for layer in drawn[:MOST_LAYERS]
    ]


def extent_of(spatial: Any) -> list[float] | None:
    """Return west, south, east, north of a GeoJSON geometry, None if it is invalid."""
    try:
        if isinstance(spatial, str):
            spatial = json.loads(spatial[:LONGEST_SPATIAL])
        geometry = shape(spatial)
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    if geometry.is_empty or not all(map(math.isfinite, geometry.bounds)):
        return None
    return list(geometry.bounds)
