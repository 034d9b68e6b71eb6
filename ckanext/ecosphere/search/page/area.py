"""Parse a search area: a point, a box, GeoJSON, WKT, or the name of a territory, commune or EPCI."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import language, outlines
from ckanext.ecosphere.vocabularies import communes, coordinates, epcis
from ckanext.ecosphere.vocabularies.coordinates import Box

LONGEST = 200_000
"""Maximum characters of an area."""
_DEEPEST = 12
"""Maximum nesting of brackets, since geometry parsers are recursive."""
MOST_PROPOSED = 5
_WKT = re.compile(
    r"(?:SRID=4326;)?\s{0,9}(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION",
    re.IGNORECASE,
)
LONGEST_NAME = 100


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
        raise AreaError(
            tk._("The area is too long: {number} characters at most.").format(number=LONGEST)
        )
    if text.startswith("{"):
        return Area("", _of_geometry(_geojson, text))
    if _WKT.match(text.lstrip()):
        return Area("", _of_geometry(shapely.from_wkt, text.partition(";")[2] or text))
    if coordinates.numbers(text):
        return Area(text[:LONGEST_NAME], _checked(coordinates.read(text)))
    return _of_name(text)


def of_question(text: str) -> Box | None:
    """Return the point or box that a query of the search box gives, within France; None for a query in words.

    Whole numbers may be years or codes: they are a place in metres only.
    """
    if not coordinates.numbers(text.strip()):
        return None
    sides = coordinates.read(text.strip())
    if len(sides) != 4 or all(side == int(side) for side in sides):  # noqa: PLR2004 - a rectangle
        return None
    west, south, east, north = sides
    return (west, south, east, north) if outlines.frame_of((west, south, east, north)) else None


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
    except (
        ShapelyError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ):
        raise AreaError(tk._("This is neither GeoJSON nor WKT that can be read.")) from None
    return _checked(sides)


def _geojson(text: str) -> Any:
    content = json.loads(text)
    features = content.get("features") if content.get("type") == "FeatureCollection" else [content]
    geometries = [
        feature["geometry"] if feature.get("type") == "Feature" else feature for feature in features
    ]
    return shapely.GeometryCollection([shape(feature) for feature in geometries])


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
    territories = voc.get("territories")
    territory = territories.find(text) or territories.get(text)
    if territory:
        west, south, east, north = territory.data["bbox"]
        return Area(
            territory.label(lang), (west, south, east + 360 if east < west else east, north)
        )
    # Some codes are the INSEE code of a commune and the postal code of another.
    matches = list(dict.fromkeys([*communes.of_postal(text), *communes.named(text[:LONGEST_NAME])]))
    if len(matches) > 1:
        labels = "; ".join(
            f"{commune.label}, {commune.code}" for commune in matches[:MOST_PROPOSED]
        )
        raise AreaError(tk._("Several communes are meant: {names}").format(names=labels))
    if matches:
        return Area(matches[0].label, None, f"commune-{matches[0].code}")
    groups = epcis.epcis_named(text[:LONGEST_NAME])
    if len(groups) == 1 and (outline := epcis.outlines().get(groups[0].code)):
        return Area(groups[0].name, outline.box)
    raise AreaError(
        tk._("No territory, commune or intercommunality has this name: {name}").format(
            name=text[:LONGEST_NAME]
        )
    )
