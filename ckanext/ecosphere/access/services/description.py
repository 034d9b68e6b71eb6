"""Description of a service, common to all kinds and limited in size. No CKAN imports."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_LAYERS = 2_000
MOST_CRS, MOST_FORMATS, MOST_MATRICES = 40, 20, 30
LONGEST_NAME, LONGEST_TEXT, LONGEST_FORMAT, LONGEST_URL = 300, 1_000, 80, 2_000

Box = tuple[float, float, float, float]


@dataclass
class Layer:
    """A layer, feature type, coverage, collection or feed entry.

    Attributes:
        extent: west, south, east, north in degrees (WGS 84).
        crs: codes such as "EPSG:2154".
        details: values needed by requests: `matrix_set` of a WMTS layer, `links` of a feed entry,
            `items` of a collection, etc.
    """

    name: str
    title: str = ""
    abstract: str = ""
    extent: Box | None = None
    crs: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class Description:
    """Description of a service.

    Attributes:
        formats: output formats of its main operation.
        limits: declared maxima: `features` per response, `width` and `height` of images.
        details: what requests need: URLs of operations, `parts` of an OGC API.
    """

    kind: str
    version: str = ""
    title: str = ""
    abstract: str = ""
    layers: list[Layer] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    layers_left_out: int = 0

    def add(self, layer: Layer) -> None:
        """Add a layer, unless it has no name or there are too many."""
        if not layer.name:
            return
        if len(self.layers) >= MOST_LAYERS:
            self.layers_left_out += 1
            return
        layer.crs = list(dict.fromkeys(filter(None, layer.crs)))[:MOST_CRS]
        layer.formats = list(dict.fromkeys(filter(None, layer.formats)))[:MOST_FORMATS]
        self.layers.append(layer)

    def as_dict(self) -> dict[str, Any]:
        """Return a dict for storage as JSON."""
        return asdict(self)


class NoDescriptionError(Exception):
    """The response is not a description of the service.

    Attributes:
        code: a key of `services.presentation.MESSAGES`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Return a text on one line, truncated."""
    beginning = str(value or "")[: longest * 4].replace("\x00", "")
    return " ".join(beginning.split())[:longest]


def box(west: Any, south: Any, east: Any, north: Any) -> Box | None:
    """Return an extent, None if the numbers are invalid or out of range."""
    try:
        sides = (float(west), float(south), float(east), float(north))
    except (TypeError, ValueError):
        return None
    if not all(map(math.isfinite, sides)):
        return None
    west, south, east, north = sides
    if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:  # noqa: PLR2004 - degrees
        return sides
    return None


def crs_code(name: Any) -> str:
    """Return the short code of a CRS: "urn:ogc:def:crs:EPSG::2154" → "EPSG:2154"."""
    written = text(name, 120)
    lower = written.lower()
    if "crs84" in lower:
        return "CRS:84"
    for mark in ("epsg:", "/epsg/", "epsg.xml#"):
        if mark not in lower:
            continue
        number = lower.rsplit(mark, 1)[1].rstrip("/").replace(":", "/").rsplit("/", 1)[-1]
        if number.isdigit():
            return f"EPSG:{number}"
        return written
    if lower.startswith("crs:"):
        return written.upper()
    return written
