"""Areas of searches: the map of results, territories beside an empty one,
and the area that a text states.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import shapely
from ckan.common import _
from ckan.types import DataDict
from shapely.errors import ShapelyError
from shapely.geometry import shape

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry, outlines
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.index import TERRITORY_FIELD
from ckanext.ecosphere.search.page import RANK
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.vocabularies import communes, epcis

MOST_NEARBY = 6
"""Maximum number of territories suggested."""
LONGEST = 200_000
"""Maximum characters of an area."""
_DEEPEST = 12
"""Maximum nesting of brackets, since geometry parsers are recursive."""
MOST_PROPOSED = 5
"""Maximum number of communes listed when a name is ambiguous."""
LONGEST_NAME = 100
_WKT = re.compile(
    r"(?:SRID=4326;)?\s{0,9}(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION",
    re.IGNORECASE,
)

# --- the map of the results ---


@dataclass(frozen=True)
class Rectangle:
    """The extent of a result, in pixels of the drawing."""

    rank: int
    dataset: DataDict
    at: outlines.Rectangle


@dataclass(frozen=True)
class Map:
    """A map of extents.

    Attributes:
        frame: outline on which the extents are drawn.
        rectangles: extents, largest first, so that small ones lie on top.
        area: the searched area, in pixels of the drawing.
        elsewhere: number of results without an extent or outside the frame.
    """

    frame: outlines.Frame
    rectangles: tuple[Rectangle, ...]
    area: outlines.Rectangle | None
    elsewhere: int


def of_results(datasets: list[DataDict], searched: str) -> Map:
    """Draw the results of a page on the outline that contains most of them.

    Args:
        datasets: results as returned by `page.ecosphere_search_grouped`.
        searched: `ext_bbox` of the page, "" for none.
    """
    boxes_by_rank = {dataset[RANK]: box_of(dataset) for dataset in datasets}
    searched_box = _read_box(searched)
    frame = _frame_of_most(list(filter(None, [*boxes_by_rank.values(), searched_box])))
    drawn = []
    for dataset in datasets:
        box = boxes_by_rank[dataset[RANK]]
        if box and outlines.frame_of(box) == frame:
            drawn.append(Rectangle(dataset[RANK], dataset, outlines.rectangle(frame, box)))
    drawn.sort(key=lambda rectangle: -rectangle.at.width * rectangle.at.height)
    area = None
    if searched_box:
        area = outlines.rectangle(frame, searched_box)
    return Map(frame, tuple(drawn), area, len(datasets) - len(drawn))


def _frame_of_most(extents: list[Box]) -> outlines.Frame:
    """Return the outline that contains most of the extents; the first one if none does."""
    numbers = Counter(filter(None, map(outlines.frame_of, extents)))
    if numbers:
        return numbers.most_common(1)[0][0]
    return outlines.frames()[0]


def box_of(dataset: DataDict) -> Box | None:
    """Return the bounding box of a dataset in degrees: of its geometry,
    else of its first territory, else None.
    """
    view = View(dataset)
    box = boxes.of_geometry(view.values.get("spatial"))
    if box:
        return box
    for territory in filter(None, map(voc.get("territories").get, view.territories)):
        west, _south, east, _north = territory.data["bbox"]
        if west <= east:
            return territory.data["bbox"]
    return None


def _read_box(text: str) -> Box | None:
    try:
        west, south, east, north = (float(side) for side in text.split(","))
    except ValueError:
        return None
    return west, south, east, north


# --- territories beside one without results ---


@dataclass(frozen=True)
class Nearby:
    """A territory with results.

    Attributes:
        concept: the territory.
        count: number of results there.
        contains: whether it contains the chosen territory.
    """

    concept: voc.Concept
    count: int
    contains: bool


def nearby(query: str, chosen: Mapping[str, list[str]]) -> list[Nearby]:
    """Return the territories with results, those containing the chosen one first, with one query to
    the index.

    Args:
        query: the words searched.
        chosen: filters of the page (facet → values).
    """
    territories = voc.get("territories")
    others = dict(chosen)
    concept = None
    for value in others.pop(TERRITORY_FIELD, []):
        concept = territories.get(value)  # the last one counts
    if concept is None:
        return []
    parameters = {
        "q": query,
        "fq": "+dataset_type:dataset",
        "rows": 0,
        "ext_facets": others,
        "facet.field": [TERRITORY_FIELD],
        "facet.limit": -1,
    }
    counts = tk.get_action("package_search")({}, parameters)["facets"].get(TERRITORY_FIELD, {})
    places = []
    for territory in territories.ancestors(concept.uri):
        places.append(Nearby(territory, counts.get(territory.id, 0), contains=True))
    beside = boxes.neighbours(concept.id)
    for territory in sorted(beside, key=lambda territory: -counts.get(territory.id, 0)):
        places.append(Nearby(territory, counts.get(territory.id, 0), contains=False))
    return [place for place in places if place.count][:MOST_NEARBY]


# --- the area that a text states ---


class AreaError(ValueError):
    """The text is not a valid area; the message is in the language of the page."""


@dataclass(frozen=True)
class Area:
    """A search area.

    Attributes:
        label: name, "" if it has none.
        box: west, south, east, north in degrees (WGS 84); None for a commune, whose box is not
            known.
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
        raise AreaError(_("Write or draw an area."))
    if len(text) > LONGEST:
        raise AreaError(
            _("The area is too long: {number} characters at most.").format(number=LONGEST)
        )
    if text.startswith("{"):
        return Area("", _of_geometry(_geojson, text))
    if _WKT.match(text.lstrip()):
        return Area("", _of_geometry(shapely.from_wkt, text.partition(";")[2] or text))
    if geometry.numbers_in(text):
        return Area(text[:LONGEST_NAME], _checked(geometry.read_coordinates(text)))
    return _of_name(text)


def of_question(text: str) -> Box | None:
    """Return the point or box that a query of the search box gives, within France; None for a query
    in words.

    Whole numbers may be years or codes: they are a place in metres only.
    """
    if not geometry.numbers_in(text.strip()):
        return None
    sides = geometry.read_coordinates(text.strip())
    if len(sides) != 4 or all(map(float.is_integer, sides)):  # noqa: PLR2004 - a rectangle
        return None
    box: Any = sides
    if outlines.frame_of(box):
        return box
    return None


def _of_geometry(read: Any, text: str) -> Box:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise AreaError(_("This is neither GeoJSON nor WKT that can be read."))
    try:
        geometry = read(text)
        sides = tuple(map(float, geometry.bounds))
    except (
        ShapelyError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
        RecursionError,
    ):
        raise AreaError(_("This is neither GeoJSON nor WKT that can be read.")) from None
    return _checked(sides)


def _geojson(text: str) -> Any:
    content = json.loads(text)
    if content.get("type") == "FeatureCollection":
        features = content.get("features")
    else:
        features = [content]
    return shapely.GeometryCollection([shape(_geometry_of(feature)) for feature in features])


def _geometry_of(feature: DataDict) -> DataDict:
    if feature.get("type") == "Feature":
        return feature["geometry"]
    return feature


def _checked(sides: tuple[float, ...]) -> Box:
    if len(sides) != 4 or not all(map(math.isfinite, sides)):  # noqa: PLR2004 - of a rectangle
        message = _(
            "Give a point as latitude, longitude (43.70, -1.06), a box as west,south,east,north in"
            " degrees, or either in metres (Lambert-93)."
        )
        raise AreaError(message)
    west, south, east, north = sides
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004
        message = _(
            "The area is not on Earth: give longitudes and latitudes in degrees (WGS 84), west and"
            " south first."
        )
        raise AreaError(message)
    return west, south, east, north


def _of_name(text: str) -> Area:
    lang = language.current()
    territories = voc.get("territories")
    territory = territories.find(text) or territories.get(text)
    if territory:
        west, south, east, north = territory.data["bbox"]
        if east < west:
            east += 360
        return Area(territory.label(lang), (west, south, east, north))
    # Some codes are the INSEE code of a commune and the postal code of another.
    matches = list(dict.fromkeys([*communes.of_postal(text), *communes.named(text[:LONGEST_NAME])]))
    if len(matches) > 1:
        labels = "; ".join(
            f"{commune.label}, {commune.code}" for commune in matches[:MOST_PROPOSED]
        )
        raise AreaError(_("Several communes are meant: {names}").format(names=labels))
    if matches:
        return Area(matches[0].label, None, f"commune-{matches[0].code}")
    groups = epcis.epcis_named(text[:LONGEST_NAME])
    if len(groups) == 1 and (outline := epcis.outlines().get(groups[0].code)):
        return Area(groups[0].name, outline.box)
    raise AreaError(
        _("No territory, commune or intercommunality has this name: {name}").format(
            name=text[:LONGEST_NAME]
        )
    )
