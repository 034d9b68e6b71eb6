"""Boxes around the geometries that RDF holds as literals."""

from __future__ import annotations

import json
import re

from ckanext.ecosphere.harvest.record import Box

_FOUR_NUMBERS = re.compile(r"\s*-?\d+(?:\.\d+)?(?:\s*,\s*-?\d+(?:\.\d+)?){3}\s*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")


def box_of(text: str) -> Box | None:
    """The box around a geometry in WKT or GeoJSON, in the axis order longitude, latitude; None when it is neither."""
    bare = re.sub(r"^\s*<[^>]*>", "", text).strip()
    if bare.startswith("{"):
        try:
            bare = json.dumps(json.loads(bare).get("coordinates"))
        except (ValueError, AttributeError, RecursionError):
            return None
    elif _FOUR_NUMBERS.fullmatch(bare):  # ArcGIS: west, south, east, north
        west, south, east, north = (number.strip() for number in bare.split(","))
        return Box(west, east, south, north)
    elif not re.match(r"(?i)(?:MULTI)?(?:POLYGON|POINT|LINESTRING)|ENVELOPE|GEOMETRYCOLLECTION", bare):
        return None
    numbers = [float(number) for number in _NUMBER.findall(bare[:1_000_000])]
    if bare[:8].upper() == "ENVELOPE" and len(numbers) == 4:  # noqa: PLR2004 - west, east, north, south
        west, east, north, south = numbers
    elif numbers and len(numbers) % 2 == 0:
        west, east = min(numbers[::2]), max(numbers[::2])
        south, north = min(numbers[1::2]), max(numbers[1::2])
    else:
        return None
    return Box(str(west), str(east), str(south), str(north))
