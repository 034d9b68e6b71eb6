"""Read a point or a box as people write them: in degrees, or in metres (Lambert-93). No CKAN imports."""

from __future__ import annotations

import math
import re

from pyproj import Transformer

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (WGS 84); of a point, twice the same."""

POINT = 0.0005
"""Degrees by which a point is enlarged at each side, some fifty metres: Solr and some services find
no point."""

_SIDES = re.compile(r"\s*[,;\s]\s*")
_NUMBERS = re.compile(r"[-+]?\d[-+0-9.]*[,;\s][-+0-9.,;\s]+")
_DECIMAL_COMMAS = re.compile(r"[-+]?\d+,\d+(?:(?:\s*;\s*|\s+)[-+]?\d+,\d+)+")
"""Numbers with decimal commas, separated by ";" or a space: "43,70 ; -1,06"."""
_LAMBERT_X, _LAMBERT_Y = (0, 1_300_000), (6_000_000, 7_200_000)
"""Area of use of Lambert-93 (EPSG:2154), in metres."""
_LATITUDES = (41, 52)
"""Latitudes of metropolitan France, none of which is a longitude of it."""


def numbers(text: str) -> str:
    """Return a text of several numbers, with decimal points; "" if it is none."""
    if _DECIMAL_COMMAS.fullmatch(text):
        text = text.replace(",", ".")
    if _NUMBERS.fullmatch(text):
        return text
    return ""


def read(text: str) -> tuple[float, ...]:
    """Return a point or box as west, south, east, north in degrees; other finite numbers as they are, else nothing.

    Args:
        text: a point, or the sides of a box, in degrees or in metres (Lambert-93); of a point in degrees, latitude and
            longitude in any order.
    """
    try:
        coordinates = tuple(
            float(number) for number in _SIDES.split((numbers(text) or text).strip(" ,;")) if number
        )
    except ValueError:
        return ()
    if all(map(math.isfinite, coordinates)):
        return _in_degrees(coordinates)
    return ()


def enlarged(box: Box) -> Box:
    """Return a box that has an area: around a point or a line, one of some metres."""
    west, south, east, north = box
    if west < east and south < north:
        return box
    return west - POINT, south - POINT, east + POINT, north + POINT


def _in_degrees(sides: tuple[float, ...]) -> tuple[float, ...]:
    if len(sides) == 2:  # noqa: PLR2004 - a point
        if _LATITUDES[0] <= sides[0] <= _LATITUDES[1] and not _is_lambert(*sides):
            sides = (*reversed(sides),)
        sides = (*sides, *sides)
    if len(sides) != 4 or not (_is_lambert(*sides[:2]) and _is_lambert(*sides[2:])):  # noqa: PLR2004 - a box
        return sides
    west, south, east, north = sides
    return tuple(
        Transformer.from_crs(2154, 4326, always_xy=True).transform_bounds(west, south, east, north)
    )


def _is_lambert(x: float, y: float) -> bool:
    return _LAMBERT_X[0] <= x <= _LAMBERT_X[1] and _LAMBERT_Y[0] <= y <= _LAMBERT_Y[1]
