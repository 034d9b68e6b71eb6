"""Bounding boxes: the rule that repairs or drops them,
and the territories that a box alone explains.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

import shapely

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry, places
from ckanext.ecosphere.dataset.geometry import HALF_TURN, QUARTER_TURN
from ckanext.ecosphere.dataset.places import COUNTRY, MAINLAND, SOUTHERN_LANDS
from ckanext.ecosphere.harvest.normalise.draft import Draft, rows
from ckanext.ecosphere.harvest.record import Box, Extent
from ckanext.ecosphere.vocabularies import Concept

MAX_BOXES = 50
_TOLERANCE = 0.01
"""Degrees beyond the poles or the 180th meridian that count as rounding errors."""
_DECIMALS = 6


def read_number(text: str | None) -> float:
    """Return a number, written with a point or a comma.

    Raises:
        ValueError: it is none, or not finite.
    """
    number = float((text or "").strip().replace(",", ".").rstrip("°"))
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def repair(box: Box) -> tuple[geometry.Box | None, list[str]]:
    """Return a box in degrees and the names of the repairs; None if it cannot be used."""
    try:
        west, south, east, north = map(read_number, (box.west, box.south, box.east, box.north))
    except ValueError:
        return None, ["box-not-a-number"]
    repairs: list[str] = []
    from_metres = geometry.from_metres((west, south, east, north))
    if from_metres:
        west, south, east, north = from_metres
        repairs.append("box-metres")
    if abs(south) > QUARTER_TURN + _TOLERANCE and max(abs(west), abs(east)) <= QUARTER_TURN:
        west, south, east, north = south, west, north, east
        repairs.append("box-axes-swapped")
    wrapped = _from_full_circle(west, east)
    if wrapped:
        west, east = wrapped
        repairs.append("box-beyond-180")
    is_too_wide = max(abs(west), abs(east)) > HALF_TURN + _TOLERANCE
    if is_too_wide or max(abs(south), abs(north)) > QUARTER_TURN + _TOLERANCE:
        return None, ["box-outside-world"]
    west, east = _clamp(west, 180), _clamp(east, 180)
    south, north = _clamp(south, 90), _clamp(north, 90)
    if south > north:
        south, north = north, south
        repairs.append("box-south-north-swapped")
    if west > east and not geometry.crosses_the_pacific(west, east):
        west, east = east, west
        repairs.append("box-west-east-swapped")
    if (west, south, east, north) == (0.0, 0.0, 0.0, 0.0):
        return None, ["box-zero"]
    if places.has_swapped_axes((west, south, east, north)):
        return (south, west, north, east), [*repairs, "box-axes-swapped"]
    return (west, south, east, north), repairs


def _clamp(value: float, limit: float) -> float:
    """Return a coordinate within its limits, without its rounding errors."""
    return round(max(-limit, min(limit, value)), _DECIMALS)


def _from_full_circle(west: float, east: float) -> tuple[float, float] | None:
    """Convert longitudes from 0..360 to -180..180 degrees; None if they are not written so."""
    if not -_TOLERANCE <= west < east <= 2 * HALF_TURN + _TOLERANCE:
        return None
    if east <= HALF_TURN + _TOLERANCE:
        return None
    if east - west >= 2 * HALF_TURN - _TOLERANCE:
        return -HALF_TURN, HALF_TURN
    east -= 2 * HALF_TURN
    if west > HALF_TURN:
        west -= 2 * HALF_TURN
    if west < east or geometry.crosses_the_pacific(west, east):
        return west, east
    return None


# --- the rule of boxes -----------------------------------------------------------------------


def boxes(draft: Draft) -> None:
    """Convert each usable box to an extent with its description, and keep the other shapes."""
    record = draft.record
    usable = _usable(draft)
    draft.boxes = list(usable)
    descriptions = _descriptions(draft, list(usable.values()))
    coverage = []
    for box, text in zip(usable, descriptions, strict=True):
        coverage.append({"bbox": json.dumps(geometry.box_to_geometry(box)), "text": text})
    texts = [text for text in record.extent_descriptions if text.strip()]
    unused = [text for text in texts if text not in descriptions]
    if unused:
        draft.lost("extent/description", unused)
    polygons = draft.first("EX_BoundingPolygon", record.shapes, MAX_BOXES)
    shapes = [geometry_of(shape, draft.boxes) for shape in polygons]
    if len(shapes) == len(coverage):
        for row, shape in zip(coverage, shapes, strict=True):
            row["geom"] = shape
    else:
        coverage += [{"geom": shape} for shape in shapes]
    draft.set("spatial_coverage", coverage)


def _usable(draft: Draft) -> dict[geometry.Box, Box]:
    """Return the usable boxes in degrees, with the original of each; report the others' errors."""
    usable: dict[geometry.Box, Box] = {}
    for box in draft.first("EX_GeographicBoundingBox", draft.record.boxes, MAX_BOXES):
        before = f"{box.west}, {box.south}, {box.east}, {box.north}"
        degrees, repairs = repair(box)
        for code in repairs:
            draft.problem(code, box=before)
        if degrees is None:
            draft.lost("EX_GeographicBoundingBox", before)
        elif degrees not in usable:
            usable[degrees] = box
            if repairs:
                draft.change("spatial_coverage", before, ", ".join(map(str, degrees)))
    return usable


def _descriptions(draft: Draft, usable: list[Box]) -> list[str]:
    """Return the description of each box, or "": the one beside it, or the one at its index."""
    record = draft.record
    beside = [_beside(record.extents, box) for box in usable]
    texts = [text for text in record.extent_descriptions if text.strip()]
    is_one_each = len(texts) == len(record.boxes) == len(usable)
    if not any(beside) and (is_one_each or (len(usable) == 1 and texts)):
        return texts[: len(usable)]
    return beside


def _beside(extents: Iterable[Extent], box: Box) -> str:
    """Return the description in the same extent as a box, at its index if there are several."""
    for extent in extents:
        for place, other in enumerate(extent.boxes):
            if other is box:
                texts = [text for text in extent.texts if text.strip()]
                if len(extent.boxes) in (1, len(texts)) and place < len(texts):
                    return texts[place]
                return ""
    return ""


def geometry_of(shape: geometry.Geometry, around: Iterable[geometry.Box]) -> str:
    """Return a geometry as GeoJSON text, with its axes swapped if it was written latitude first.

    That is so if it lies within one of the boxes only when swapped, or beyond the poles.
    """
    positions = list(geometry.positions_in(shape["coordinates"]))
    bounds = geometry.bounds(positions)
    swapped = geometry.swapped(bounds)
    fits = any(geometry.holds(box, bounds, _TOLERANCE) for box in around)
    fits_swapped = any(geometry.holds(box, swapped, _TOLERANCE) for box in around)
    is_beyond_the_poles = max(abs(bounds[1]), abs(bounds[3])) > QUARTER_TURN
    if not fits and (fits_swapped or is_beyond_the_poles):
        return json.dumps(geometry.with_axes_swapped(shape))
    return json.dumps(shape)


# --- territories of a box --------------------------------------------------------------------
#
# Territories of a bounding box alone: the fewest that explain it, and none rather than a wrong one.
# A box whose coordinates a person drew around a territory has nearly the box of that territory;
# others are explained by the land in them, or overseas and at sea by boxes.
#
# In what follows, `around` are the territories whose boxes contain the box, nearest first, `shares`
# the mainland départements on which it has land, largest first, and `land_share` is the share of
# land in it.
#
# Which mainland départements and other countries a box covers is known from their outlines
# (`data/departements.csv`, `data/neighbours.csv`); overseas, boxes of territories are compared.

MOST_TERRITORIES = 12
"""Number of territories above which the boxes of a dataset are regarded as one."""
_EUROPE: geometry.Box = (-32.0, 26.0, 70.0, 82.0)
"""From the Azores to the Urals, from the Canary Islands to Svalbard."""
_NORTH_OF_FRANCE = 53.0
"""Latitude beyond which no box drawn around French territories extends."""
_NEAR_ENOUGH, _LEAD_OVER_NEXT = 0.75, 0.25
"""Distance of the nearest territory, and lead over the next, with which it is certain."""
_FEW_DEPARTEMENTS = 3
"""Maximum départements of one region that are listed individually."""
_MOST_WITH_COMMON_BOX = 5
"""Maximum départements whose common box is recognised; with more, régions are looked for."""
_HALF = 0.5
"""Share of a département in a box, or of land abroad or at sea, above which it counts."""
_MAIN_SHARE = 0.6
"""Share of a box's land above which the box belongs to that département."""
_NOTABLE_SHARE = 0.25
"""Share of a box's land, or of the smaller of two boxes, above which a territory counts."""
_NEGLIGIBLE_SHARE = 0.02
"""Share of the smaller of two boxes below which they barely overlap."""
_WHOLE_REGION = 0.8
"""Share of a région above which a box covers it."""
_NEARLY_ALL = 0.85
"""Share of a box's land in a région above which a few départements stand for it."""
_LEAST_EXPLAINED = 0.6
"""Share of a box's land that its territories must account for: a river basin is no union of
them."""
_WHOLE_DEPARTEMENT = 0.9
"""Share of a département above which a box contains it."""
_LAND_AT_SEA = 0.1
"""Share of land below which a box is at sea."""
_COVERED_SHARE = 0.72
"""Share of a territory's box above which a box covers it."""
_MOSTLY_WITHIN, _SIMILAR = 0.6, 0.35
"""Share of a box within a service's territory, or similarity to it, above which it is its box."""
_FAR_LARGER, _OCEAN = 6, 400.0
"""Ratio to the area of the touched territories, and square degrees, above which a box is about
something else."""
_SAME_BOX = 0.7
"""Similarity above which a box is that of a territory."""
_NO_AREA = 1e-12
"""Square degrees in place of the area of a point."""


@dataclass(frozen=True, slots=True)
class Hints:
    """Other information in the record.

    Attributes:
        own: département or overseas territory of the service that the record names.
        likely: URIs of the territories of the service and of the postal codes of the parties.
        of_the_sea: whether the record is about the sea.
    """

    own: Concept | None
    likely: Collection[str]
    of_the_sea: bool

    def suggest(self, concept: Concept) -> bool:
        """Tell whether a territory, or that around it, is a likely one."""
        return concept.uri in self.likely or concept.broader in self.likely


@dataclass(frozen=True, slots=True)
class Share:
    """Overlap of a box and a département, from 0 to 1.

    Attributes:
        of_land: share of the box's land that lies in the département.
        of_departement: share of the département that lies in the box.
    """

    departement: Concept
    of_land: float
    of_departement: float


def of_box(box: geometry.Box, hints: Hints) -> list[Concept]:
    """Return the territories of a box.

    That of the service, the one with the same box, or those of its land.
    """
    if hints.own and _is_mostly_within(box, hints.own):
        return [hints.own]
    around = _territories_around(box)
    shares, land_share = shares_of_land(box)
    is_at_sea = hints.of_the_sea or (bool(shares) and land_share < _LAND_AT_SEA)
    if not around and is_at_sea:
        zones = _sea_zones(box)
        if zones:
            return zones
    # A box may resemble that of one territory and lie within that of a likely one.
    if not any(concept.uri in hints.likely for concept in around):
        drawn = _drawn_around(box, around, shares)
        if drawn:
            return drawn
    if shares and (around or not _is_whole_country(box)):
        return _by_land(box, around, shares, land_share, hints)
    return _by_boxes(box, around, hints)


def is_outside(box: geometry.Box) -> bool:
    """Tell whether a box is about another country or an ocean."""
    if _is_whole_country(box):
        return False
    return _is_abroad(box) or not shares_of_land(box)[0]


def like_box(box: geometry.Box) -> Concept | None:
    """Return the territory whose box is nearly this one: département, région, country…"""
    concepts = places.of_type("departement", "outre-mer", "region", "pays")
    best = max(concepts, key=lambda concept: geometry.likeness(box, concept.data["bbox"]))
    if geometry.likeness(box, best.data["bbox"]) >= _SAME_BOX:
        return best
    return None


def _by_boxes(box: geometry.Box, around: list[Concept], hints: Hints) -> list[Concept]:
    """Return the territories of a box overseas, at sea, abroad, or around the whole country.

    Args:
        box: the box.
        around: the territories whose boxes contain it, nearest first.
        hints: other information in the record.
    """
    likely = [concept for concept in around if concept.uri in hints.likely]
    if likely:
        return likely[:1]
    if _is_abroad(box) and not _is_whole_country(box):
        return []
    if around:
        return [_most_likely(box, around)]
    return of_wide_box(box, hints.likely)


def _drawn_around(box: geometry.Box, around: list[Concept], shares: list[Share]) -> list[Concept]:
    """Return the territory that has this box, or the adjacent
    départements that have it in common.
    """
    alike = like_box(box)
    is_exact = alike is not None and geometry.same(alike.data["bbox"], box)
    if not around and not is_exact:
        several = _with_common_box(box, shares)
        if several:
            return several
    if alike:
        return [alike]
    return []


def _with_common_box(box: geometry.Box, shares: list[Share]) -> list[Concept]:
    """Return the adjacent départements whose common box this is, as parts of a former région.

    Preferably those of one région; none if they are too many, since their régions then describe the
    box better.
    """
    contained = [
        share.departement for share in shares if share.of_departement >= _WHOLE_DEPARTEMENT
    ]
    groups = [*_by_region(contained).values(), contained]
    for concepts in groups:
        if len(concepts) < 2:  # noqa: PLR2004
            continue
        common = geometry.hull(concept.data["bbox"] for concept in concepts)
        if geometry.same(common, box):
            if len(concepts) > _MOST_WITH_COMMON_BOX:
                return []
            return concepts
    return []


def _by_region(concepts: Iterable[Concept]) -> dict[str | None, list[Concept]]:
    groups: dict[str | None, list[Concept]] = defaultdict(list)
    for concept in concepts:
        groups[concept.broader].append(concept)
    return groups


def _most_likely(box: geometry.Box, around: list[Concept]) -> Concept:
    """Choose among the territories whose boxes contain this one; in doubt, their common région."""
    if len(around) == 1:
        return around[0]
    first, second = (_distance(box, concept) for concept in around[:2])
    if first < _NEAR_ENOUGH and second - first > _LEAD_OVER_NEXT:
        return around[0]
    return _common_region(around) or around[0]


def _common_region(concepts: Iterable[Concept]) -> Concept | None:
    regions = {concept.broader for concept in concepts}
    if len(regions) > 1:
        return None
    return voc.get("territories").get(regions.pop() or "")


# --- boxes on the mainland -------------------------------------------------------------------


def _by_land(
    box: geometry.Box, around: list[Concept], shares: list[Share], land_share: float, hints: Hints
) -> list[Concept]:
    """Return the territories of a box with land of the mainland in it.

    Args:
        box: the box.
        around: the territories whose boxes contain it; a box that has none is a large one.
        shares: the départements in it, largest first.
        land_share: share of land in the box.
        hints: other information in the record.
    """
    if _is_abroad(box) and land_share < _HALF:
        return []
    if around:
        concepts = _of_small_box(shares, hints)
    else:
        concepts = _of_large_box(shares, hints)
    if not concepts and land_share < _HALF:
        return _sea_zones(box)
    return concepts


def _of_small_box(shares: list[Share], hints: Hints) -> list[Concept]:
    """Return the territory of a box within that of a département: where most of its land is.

    In doubt, the région.
    """
    notable = [share.departement for share in shares if share.of_land >= _NOTABLE_SHARE]
    likely = [concept for concept in notable if hints.suggest(concept)]
    if likely:
        return likely[:1]
    main = shares[0]
    if main.of_land >= _MAIN_SHARE or len(notable) < 2:  # noqa: PLR2004
        return [main.departement]
    region = _common_region(notable)
    if region:
        return [region]
    return notable


def _of_large_box(shares: list[Share], hints: Hints) -> list[Concept]:
    """Return the départements or régions in which the land of a large box lies, or which it covers.

    None if they leave much of it unexplained; only those of the service's region, if much of the
    box lies there.
    """
    likely = [share for share in shares if hints.suggest(share.departement)]
    is_certain = _land(likely) >= _NOTABLE_SHARE
    if is_certain:
        shares = likely
    by_region: dict[str, list[Share]] = defaultdict(list)
    for share in shares:
        if share.departement.broader:
            by_region[share.departement.broader].append(share)
    concepts: list[Concept] = []
    explained = 0.0
    for region, own in by_region.items():
        of_land = _land(own)
        if of_land >= _NOTABLE_SHARE or _share_of_region(region, own) >= _WHOLE_REGION:
            explained += of_land
            concepts += _of_region(region, own)
    if is_certain or explained >= _LEAST_EXPLAINED:
        return concepts
    return []


def _land(shares: Iterable[Share]) -> float:
    """Return the share of a box's land that lies in some départements."""
    return sum(share.of_land for share in shares)


def _of_region(region: str, own: list[Share]) -> list[Concept]:
    """Return the few départements that make nearly all of a box in a région, else the région."""
    few = [
        share for share in own if share.of_departement >= _HALF or share.of_land >= _NOTABLE_SHARE
    ]
    if few and len(few) <= _FEW_DEPARTEMENTS and _land(few) >= _NEARLY_ALL * _land(own):
        return [share.departement for share in few]
    return [voc.get("territories")[region]]


def _share_of_region(region: str, own: list[Share]) -> float:
    """Return the share of a région that lies in a box, from those of its départements."""
    whole = sum(map(_size, voc.get("territories").children(region)))
    covered = sum(share.of_departement * _size(share.departement) for share in own)
    return covered / (whole or 1.0)


# --- large boxes -----------------------------------------------------------------------------


def _is_whole_country(box: geometry.Box) -> bool:
    return _covers(box, voc.get("territories")[MAINLAND])


def of_wide_box(box: geometry.Box, likely: Collection[str]) -> list[Concept]:
    """Return the territories of a box that no département contains: country, régions, seas…"""
    if _is_whole_country(box):
        return _country_of(box)
    regions = _with_box_around(box, places.of_type("region"))
    if regions:
        regions.sort(key=lambda concept: (concept.uri not in likely, _distance(box, concept)))
        return regions[:1]
    touched = _explaining(box)
    if not touched:
        return _sea_zones(box)
    wholes = places.of_type("region", "outre-mer")
    covered = [concept for concept in wholes if _covers(box, concept)]
    if covered:
        return covered
    parents = {concept.broader for concept in touched if concept.broader}
    if len(touched) > MOST_TERRITORIES // 2 and parents:
        return [voc.get("territories")[parent] for parent in sorted(parents)]
    return touched


def _country_of(box: geometry.Box) -> list[Concept]:
    """Return the mainland for a box of France or Europe, the country for one with its overseas
    parts.

    A box of a hemisphere or the world, which ends far north of France, says nothing about it.
    """
    territories = voc.get("territories")
    if any(_covers(box, concept) for concept in places.overseas_departements()):
        if box[3] <= _NORTH_OF_FRANCE:
            return [territories[COUNTRY]]
    elif geometry.holds(_EUROPE, box):
        return [territories[MAINLAND]]
    return []


def _explaining(box: geometry.Box) -> list[Concept]:
    """Return the smallest set of départements and overseas territories that explains a box.

    Most covered first. Territories that barely overlap it are left out when others explain it; a
    box far larger than all of them together is explained by none.
    """
    touched = []
    main = []
    for concept, share in _shares_of_boxes(box, _candidates(box)):
        if share > _NEGLIGIBLE_SHARE:
            touched.append(concept)
        if share >= _NOTABLE_SHARE:
            main.append(concept)
    together = sum(geometry.area(concept.data["bbox"]) for concept in touched)
    if geometry.area(box) > max(_OCEAN, _FAR_LARGER * together):
        return []
    return main or touched


def _sea_zones(box: geometry.Box) -> list[Concept]:
    """Return the sea areas in which a box lies or which it covers, largest share first."""
    shares = _shares_of_boxes(box, places.of_type("zone-maritime"))
    zones = [concept for concept, share in shares if share >= _NOTABLE_SHARE]
    if geometry.area(box) > _OCEAN:
        # A box the size of an ocean is not the sea area that it merely overlaps.
        zones = [concept for concept in zones if _covers(box, concept)]
    largest = max((geometry.area(concept.data["bbox"]) for concept in zones), default=0.0)
    if geometry.area(box) > _FAR_LARGER * max(largest, _NO_AREA):
        return []
    return zones


# --- boxes of territories --------------------------------------------------------------------


def _common_areas(box: geometry.Box, concepts: Iterable[Concept]) -> list[tuple[Concept, float]]:
    """Return the area that a box has in common with that of each territory, in square degrees."""
    return [(concept, geometry.common_area(box, concept.data["bbox"])) for concept in concepts]


def _shares_of_boxes(box: geometry.Box, concepts: Iterable[Concept]) -> list[tuple[Concept, float]]:
    """Return the common share of the smaller of two boxes for each territory, largest first."""
    shares = []
    for concept, common in _common_areas(box, concepts):
        smaller = min(geometry.area(box) or _NO_AREA, geometry.area(concept.data["bbox"]))
        shares.append((concept, common / (smaller or _NO_AREA)))
    shares.sort(key=lambda pair: -pair[1])
    return shares


def _candidates(box: geometry.Box) -> list[Concept]:
    """Return départements and overseas territories.

    Without the southern lands when another one matches: the box of their scattered islands
    surrounds La Réunion and Mayotte.
    """
    concepts = places.of_type("departement", "outre-mer")
    others = [
        concept
        for concept, common in _common_areas(box, concepts)
        if common > 0 and concept.id != SOUTHERN_LANDS
    ]
    return others or list(concepts)


def _with_box_around(box: geometry.Box, concepts: Iterable[Concept]) -> list[Concept]:
    """Return the territories whose boxes contain this one."""
    return [concept for concept in concepts if geometry.holds(concept.data["bbox"], box)]


def _territories_around(box: geometry.Box) -> list[Concept]:
    """Return the départements and overseas territories whose boxes contain this one,
    nearest first.
    """
    around = _with_box_around(box, _candidates(box))
    return sorted(around, key=lambda concept: _distance(box, concept))


def _is_mostly_within(box: geometry.Box, concept: Concept) -> bool:
    """Tell whether most of a box lies in that of a territory, or the two boxes are similar."""
    of_territory: geometry.Box = concept.data["bbox"]
    common = geometry.common_area(box, of_territory)
    is_within = common >= _MOSTLY_WITHIN * (geometry.area(box) or _NO_AREA)
    return is_within or geometry.likeness(box, of_territory) >= _SIMILAR


def _covers(box: geometry.Box, concept: Concept) -> bool:
    """Tell whether a box covers most of a territory, by the box of the latter."""
    inner: geometry.Box = concept.data["bbox"]
    return geometry.common_area(box, inner) >= _COVERED_SHARE * geometry.area(inner)


def _distance(box: geometry.Box, concept: Concept) -> float:
    """Return the distance of the centres of a box and a territory, in half sides of the latter."""
    west, south, east, north = concept.data["bbox"]
    across = abs((box[0] + box[2]) - (west + east)) / max(east - west, 1e-9)
    along = abs((box[1] + box[3]) - (south + north)) / max(north - south, 1e-9)
    return max(across, along)


@cache
def _neighbours() -> shapely.Geometry:
    """Return the neighbouring countries as one geometry."""
    polygons = []
    for row in rows("neighbours"):
        points = [tuple(map(float, point.split())) for point in row["outline"].split(",")]
        polygons.append(shapely.Polygon(points))
    neighbours = shapely.union_all(polygons)
    shapely.prepare(neighbours)
    return neighbours


def _is_abroad(box: geometry.Box) -> bool:
    """Tell whether the centre of a box lies in a neighbouring country,
    some km beyond the border.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return bool(shapely.contains_xy(_neighbours(), x, y))


# --- land ------------------------------------------------------------------------------------


@cache
def _outlines() -> dict[Concept, shapely.Geometry]:
    """Return the outlines of the mainland départements, accurate to about two kilometres."""
    outlines = {}
    for row in rows("departements"):
        concept = places.departement(row["code"])
        if concept:
            outlines[concept] = shapely.from_wkt(row["outline"])
    return outlines


@cache
def _tree() -> shapely.STRtree:
    """Return the index of the outlines, in their order."""
    return shapely.STRtree(list(_outlines().values()))


def shares_of_land(box: geometry.Box) -> tuple[list[Share], float]:
    """Return the mainland départements in a box, largest share of its land first.

    Returns:
        the départements, and the share of land in the box.
    """
    if box[0] > box[2]:  # across the 180th meridian, far from the mainland
        return [], 0.0
    with_area = geometry.enlarged(box)
    outlines = list(_outlines().items())
    land: dict[Concept, float] = {}
    for place in sorted(_tree().query(shapely.box(*with_area))):
        concept, outline = outlines[place]
        land[concept] = shapely.area(shapely.clip_by_rect(outline, *with_area))
    total = sum(land.values())
    if not total:
        return [], 0.0
    shares = []
    for concept, part in land.items():
        if part:
            shares.append(Share(concept, part / total, part / _size(concept)))
    shares.sort(key=lambda share: -share.of_land)
    return shares, min(1.0, total / geometry.area(with_area))


def _size(departement: Concept) -> float:
    """Return the area of a mainland département, in square degrees."""
    return shapely.area(_outlines()[departement])
