"""Parse a search area: a point, a box, GeoJSON, WKT, or the name of a territory, commune or EPCI."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import shapely
from pyproj import Transformer
from shapely.errors import ShapelyError
from shapely.geometry import shape

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.vocabularies import communes, epci_outlines, epcis

LONGEST = 200_000
"""Maximum characters of an area."""
_DEEPEST = 12
"""Maximum nesting of brackets, since geometry parsers are recursive."""
_SIDES = re.compile(r"\s*[,;\s]\s*")
_NUMBERS = re.compile(r"[-+]?\d[-+0-9.]*[,;\s][-+0-9.,;\s]+")
_DECIMAL_COMMAS = re.compile(r"[-+]?\d+,\d+(?:(?:\s*;\s*|\s+)[-+]?\d+,\d+)+")
"""Numbers with decimal commas, separated by ";" or a space: "43,70 ; -1,06"."""
_LAMBERT_X, _LAMBERT_Y = (0, 1_300_000), (6_000_000, 7_200_000)
"""Area of use of Lambert-93 (EPSG:2154), in metres."""
_LATITUDES = (41, 52)
"""Latitudes of metropolitan France, none of which is a longitude of it."""
MOST_PROPOSED = 5
_WKT = re.compile(r"(?:SRID=4326;)?\s{0,9}(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION", re.IGNORECASE)
LONGEST_NAME = 100

Box = tuple[float, float, float, float]


class AreaError(ValueError):
    """The text is not a valid area; the message is in the language of the page."""


@dataclass(frozen=True)
class Area:
    """A search area.

    Attributes:
        label: name, "" if it has none.
        box: west, south, east, north in degrees (WGS 84); None for a commune, whose box is not known.
        covers: value of `ext_covers` for a commune.
    """

    label: str
    box: Box | None = None
    covers: str = ""


def parse(text: str) -> Area:
    """Parse an area.

    Raises:
        AreaError: it is invalid or too long.
    """
    text = text.strip()
    if not text:
        raise AreaError(tk._("Write or draw an area."))
    if len(text) > LONGEST:
        raise AreaError(tk._("The area is too long: {number} characters at most.").format(number=LONGEST))
    if text.startswith("{"):
        return Area("", _of_geometry(_geojson, text))
    if _WKT.match(text.lstrip()):
        return Area("", _of_geometry(shapely.from_wkt, text.partition(";")[2] or text))
    numbers = text.replace(",", ".") if _DECIMAL_COMMAS.fullmatch(text) else text
    if _NUMBERS.fullmatch(numbers):
        return Area("", _of_sides(numbers))
    return _of_name(text)


def _of_geometry(read: Any, text: str) -> Box:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise AreaError(tk._("This is neither GeoJSON nor WKT that can be read."))
    try:
        geometry = read(text)
        sides = tuple(map(float, geometry.bounds))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        raise AreaError(tk._("This is neither GeoJSON nor WKT that can be read.")) from None
    return _checked(sides)


def _geojson(text: str) -> Any:
    content = json.loads(text)
    features = content.get("features") if content.get("type") == "FeatureCollection" else [content]
    geometries = [each["geometry"] if each.get("type") == "Feature" else each for each in features]
    return shapely.GeometryCollection([shape(each) for each in geometries])


def _of_sides(text: str) -> Box:
    try:
        sides = tuple(float(each) for each in _SIDES.split(text.strip(" ,;")) if each)
    except ValueError:
        sides = ()
    return _checked(_in_degrees(sides))


def _in_degrees(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return a point or box as west, south, east, north in degrees; what is neither is returned as it is.

    Args:
        numbers: a point, or the sides of a box, in degrees or in metres (Lambert-93); of a point in degrees, latitude
            and longitude in any order.
    """
    if len(numbers) == 2:  # noqa: PLR2004 - a point
        longitude_last = _LATITUDES[0] <= numbers[0] <= _LATITUDES[1] and not _is_lambert(*numbers)
        numbers = (*reversed(numbers), *reversed(numbers)) if longitude_last else (*numbers, *numbers)
    if len(numbers) != 4 or not (_is_lambert(*numbers[:2]) and _is_lambert(*numbers[2:])):  # noqa: PLR2004 - a box
        return numbers
    west, south, east, north = numbers
    return tuple(Transformer.from_crs(2154, 4326, always_xy=True).transform_bounds(west, south, east, north))


def _is_lambert(x: float, y: float) -> bool:
    return _LAMBERT_X[0] <= x <= _LAMBERT_X[1] and _LAMBERT_Y[0] <= y <= _LAMBERT_Y[1]


def _checked(sides: tuple[float, ...]) -> Box:
    if len(sides) != 4 or not all(map(math.isfinite, sides)):  # noqa: PLR2004 - sides of a rectangle
        message = tk._(
            "Give a point as latitude, longitude (43.70, -1.06), a box as west,south,east,north in degrees, or either"
            " in metres (Lambert-93)."
        )
        raise AreaError(message)
    west, south, east, north = sides
    if not -180 <= west <= east <= 180 or not -90 <= south <= north <= 90:  # noqa: PLR2004 - degrees
        message = tk._(
            "The area is not on Earth: give longitudes and latitudes in degrees (WGS 84), west and south first."
        )
        raise AreaError(message)
    return west, south, east, north


def _of_name(text: str) -> Area:
    lang = language.current()
    known = voc.get("territories")
    territory = known.find(text) or known.get(text)
    if territory:
        west, south, east, north = territory.data["bbox"]
        return Area(territory.label(lang), (west, south, east + 360 if east < west else east, north))
    # Some codes are the INSEE code of a commune and the postal code of another.
    found = list(dict.fromkeys([*communes.of_postal(text), *communes.named(text[:LONGEST_NAME])]))
    if len(found) > 1:
        labels = "; ".join(f"{each.label}, {each.code}" for each in found[:MOST_PROPOSED])
        raise AreaError(tk._("Several communes are meant: {names}").format(names=labels))
    if found:
        return Area(found[0].label, None, f"commune-{found[0].code}")
    groups = epcis.epcis_named(text[:LONGEST_NAME])
    if len(groups) == 1 and (outline := epci_outlines.outlines().get(groups[0].code)):
        return Area(groups[0].name, outline.box)
    raise AreaError(
        tk._("No territory, commune or intercommunality has this name: {name}").format(name=text[:LONGEST_NAME])
    )
