"""Choose the kind of preview of a resource from its metadata, without requests."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ckanext.ecosphere.access.preview import images
from ckanext.ecosphere.access.take.request import offers_features

_FILE = Path(__file__).parents[1] / "data" / "previews.csv"
TILES, SAMPLE, INLINE = "tiles", "sample", "inline"
TOLD = "told"
"""Known formats without preview, for which a message says so."""
MOST_LAYERS = 12


@cache
def _ways() -> dict[str, str]:
    with _FILE.open(encoding="utf-8", newline="") as lines:
        return {
            row["format"]: row["how"]
            for row in csv.DictReader(line for line in lines if not line.startswith("#"))
        }


def way(resource: Mapping[str, Any], service: Mapping[str, Any] | None) -> str:
    """Return the kind of preview of a resource: tiles, sample, inline; "told" or "" for none.

    Args:
        resource: the resource, from `package_show`.
        service: its known service, or None.
    """
    if service is not None:
        layers = service["layers"]
        if any(images.can_draw(service, layer) for layer in layers):
            return TILES
        return SAMPLE if layers and offers_features(service, layers[0]) else ""
    url = str(resource.get("url") or "")
    if resource.get("url_type") != "upload" and not url.lower().startswith(("http://", "https://")):
        return ""
    try:
        suffix = PurePosixPath(urlsplit(url).path).suffix.lstrip(".").lower()
    except ValueError:
        return ""
    return _ways().get(suffix) or _ways().get(str(resource.get("format") or "").strip().lower(), "")


def layers(service: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the layers that can be shown as tiles: name, title, extent, and a zoom level for the extent."""
    return [
        {
            "name": layer["name"],
            "title": layer["title"] or layer["name"],
            "extent": layer["extent"],
            "zoom": images.zoom_of(layer["extent"]),
        }
        for layer in service["layers"]
        if images.can_draw(service, layer)
    ][:MOST_LAYERS]


def extent_of(spatial: Any) -> list[float] | None:
    """Return west, south, east, north of a GeoJSON geometry, None if it is invalid."""
    try:
        geometry = json.loads(spatial) if isinstance(spatial, str) else spatial
        numbers: list[tuple[float, float]] = []

        def walk(value: Any, depth: int = 0) -> None:
            if depth < 6 and isinstance(value, list) and len(value) < 5_000:  # noqa: PLR2004
                if len(value) >= 2 and all(isinstance(each, int | float) for each in value[:2]):  # noqa: PLR2004
                    numbers.append((float(value[0]), float(value[1])))
                else:
                    for each in value:
                        walk(each, depth + 1)

        walk(geometry["coordinates"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    if not numbers:
        return None
    xs, ys = zip(*numbers, strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]
