"""Areas in degrees: buffers in metres, outlines of communes,
and the territories in which an area lies.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

import numpy
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.vocabularies import communes, epcis, gazetteer

#: Share of the area that a commune must hold to count, or of itself that must lie in the area.
LEAST_SHARE = 0.005
#: Communes that begin in an area and whose outlines are compared with it; a larger one is known by
#: its départements.
MOST_COMPARED = 150
#: Degrees from a corner of a commune's outline to its farthest point; in Guyane, communes are
#: larger than départements.
REACH, REACH_IN_GUYANE = 0.35, 3.0
#: Share of an area outside of all communes from which it is sea.
LEAST_SEA = 0.05
_GUYANE: Box = (-55, 2, -51, 6)


# --- metres ----------------------------------------------------------------------------------

Move = Callable[[BaseGeometry], BaseGeometry]


def to_metres(geometry: BaseGeometry) -> tuple[Move, Move]:
    """Return functions that move geometries from degrees to metres near a geometry, and back.

    The projection is azimuthal equidistant: within 300 km of its centre, lengths are true to 0.1 %.
    """
    centre = geometry.centroid
    return _moves(round(centre.x, 1), round(centre.y, 1))


@lru_cache(maxsize=200)
def _moves(x: float, y: float) -> tuple[Move, Move]:
    crs = f"+proj=aeqd +lat_0={y} +lon_0={x} +datum=WGS84 +units=m"
    forth = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    back = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    return _move(forth), _move(back)


def _move(transformer: Transformer) -> Move:
    def move(points: Any) -> Any:
        return numpy.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return lambda geometry: shapely.transform(geometry, move)


def widened(geometry: BaseGeometry, metres: float) -> BaseGeometry:
    """Return a geometry in degrees with a buffer in metres."""
    if not metres:
        return geometry
    forth, back = to_metres(geometry)
    # Detail far below the width of the buffer costs much time, and does not show.
    plain = forth(geometry).simplify(metres / 100)
    return back(plain.buffer(metres, quad_segs=12))


# --- outlines --------------------------------------------------------------------------------

_NUMBERS = re.compile(r"-?\d+")


@cache
def polygons(path: str) -> BaseGeometry:
    """Return an SVG path of moves and relative lines, in thousandths of a degree,
    as areas in degrees.
    """
    whole = shapely.Polygon()
    for ring in path.split("M")[1:]:
        steps = numpy.array(_NUMBERS.findall(ring), dtype=float).reshape(-1, 2)
        area = shapely.make_valid(shapely.Polygon(steps.cumsum(axis=0) / 1000))
        whole = whole.symmetric_difference(area)  # a ring within another is a hole
    return whole


def outline_of(commune: communes.Commune) -> BaseGeometry | None:
    """Return the approximate outline of a commune, else of what contains it.

    None if the outline is not known, nor that of anything about as small.
    """
    path = communes.outlines().get(commune.code)
    if path:
        return polygons(path)
    if commune.epci in epcis.outlines():
        return polygons(epcis.outlines()[commune.epci].path)
    departement = gazetteer.departements().get(commune.departement)
    if departement is None or geometry.area(departement.data["bbox"]) > 1:
        return None
    return shapely.box(*departement.data["bbox"])


def outline_of_epci(code: str) -> BaseGeometry:
    """Return the approximate outline of an intercommunality, by its SIREN."""
    members = [commune for commune in communes.by_population() if commune.epci == code]
    if members and all(commune.code in communes.outlines() for commune in members):
        return shapely.union_all([outline_of(commune) for commune in members])
    return polygons(epcis.outlines()[code].path)


# --- territories -----------------------------------------------------------------------------

_KINDS = ("commune", "epci", "departement", "outre-mer", "zone-maritime", "region")
#: Parts of an area, the largest first: share of the area, and the index values of the places around
#: it.
Shares = tuple[tuple[float, tuple[str, ...]], ...]


def by_size(values: Iterable[str]) -> tuple[str, ...]:
    """Return index values of places, each once, the smallest places first."""
    return tuple(sorted(dict.fromkeys(values), key=_rank))


def _rank(value: str) -> int:
    ranks = [rank for rank, kind in enumerate(_KINDS) if value.startswith(kind)]
    return next(iter(ranks), len(_KINDS))


def shares_of_communes(codes: Iterable[str]) -> Shares:
    """Return the communes, by INSEE code, as parts of the area that they form."""
    members = filter(None, map(communes.of_code, codes))
    sizes = [(shapely.area(outline_of(commune)), _around(commune)) for commune in members]
    total = sum(size for size, _places in sizes)
    sizes.sort(key=lambda part: -part[0])
    return tuple((size / total, around) for size, around in sizes)


def _around(commune: communes.Commune) -> tuple[str, ...]:
    place = gazetteer.of_commune(commune)
    return (*place.ids, *place.around)


def shares(area: BaseGeometry) -> Shares:
    """Return the parts of an area by commune, those of a wide one by département.

    The sea is a part of its own. The shares add up to 1.
    """
    is_near, is_inside = _communes_near(area)
    if is_inside.sum() > MOST_COMPARED:
        parts = _wide_shares(area, is_inside)
    else:
        parts = _exact_shares(area, is_near)
    on_land = sum(share for share, _around in parts)
    at_sea = 1 - on_land
    # Outlines are some hundred metres off: what is left between them, or common to them, is no sea.
    if parts and at_sea <= LEAST_SEA:
        parts = [(share / on_land, around) for share, around in parts]
    parts.sort(key=lambda part: -part[0])
    if not parts or at_sea > LEAST_SEA:
        parts.append((max(0.0, at_sea), _seas(area)))
    return tuple(parts)


@cache
def _corners() -> tuple[tuple[str, ...], Any]:
    """Return the codes of communes, and one corner of the outline of each, in degrees."""
    first = {code: _NUMBERS.findall(path[:30])[:2] for code, path in communes.outlines().items()}
    return tuple(first), numpy.array(list(first.values()), dtype=float) / 1000


def _communes_near(area: BaseGeometry) -> tuple[Any, Any]:
    """Return which communes of `_corners` may lie in an area, and which have their corner in it."""
    west, south, east, north = area.bounds
    reach = REACH
    if geometry.meet(area.bounds, _GUYANE):
        reach = REACH_IN_GUYANE
    _codes, corners = _corners()
    x, y = corners[:, 0], corners[:, 1]
    is_near = (x >= west - reach) & (x <= east + reach)
    is_near &= (y >= south - reach) & (y <= north + reach)
    is_inside = is_near.copy()
    is_inside[is_near] = shapely.contains_xy(area, corners[is_near])
    return is_near, is_inside


def _of_corners(is_chosen: Any) -> Iterator[tuple[communes.Commune, BaseGeometry]]:
    """Yield those communes of `_corners` that are chosen, with their outlines."""
    codes, _corners_of_communes = _corners()
    for number in numpy.flatnonzero(is_chosen):
        commune = communes.of_code(codes[number])
        if commune:
            yield commune, polygons(communes.outlines()[commune.code])


def _exact_shares(area: BaseGeometry, is_near: Any) -> list[tuple[float, tuple[str, ...]]]:
    parts: list[tuple[float, tuple[str, ...]]] = []
    shapely.prepare(area)
    for commune, outline in _of_corners(is_near):
        if not area.intersects(outline):
            continue
        common = area.intersection(outline).area
        if common > LEAST_SHARE * min(area.area, outline.area):
            parts.append((common / area.area, _around(commune)))
    return parts


def _wide_shares(area: BaseGeometry, is_inside: Any) -> list[tuple[float, tuple[str, ...]]]:
    """Return the shares of a wide area by département: by the communes whose corner lies in it."""
    sizes: dict[tuple[str, ...], float] = defaultdict(float)
    for commune, outline in _of_corners(is_inside):
        around = gazetteer.of_commune(commune).around
        sizes[tuple(value for value in around if not value.startswith("epci"))] += outline.area
    return [(size / area.area, above) for above, size in sizes.items()]


def _seas(area: BaseGeometry) -> tuple[str, ...]:
    """Return the index values of the sea in which an area lies: its maritime zones,
    and the country.
    """
    zones: list[tuple[float, str]] = []
    for concept in voc.get("territories"):
        west, south, east, north = concept.data["bbox"]
        if concept.data["type"] != "zone-maritime" or west > east:
            continue
        common = area.intersection(shapely.box(west, south, east, north)).area
        if common > 0:
            zones.append((common, concept.id))
    values = [value for _common, value in sorted(zones, reverse=True)]
    return (*values, *gazetteer.COUNTRIES)
