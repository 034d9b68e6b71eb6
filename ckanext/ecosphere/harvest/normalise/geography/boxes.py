"""Deduce territories from a bounding box alone: the fewest that explain it, and none rather than a wrong one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.geography import land, places
from ckanext.ecosphere.harvest.normalise.geography.extent import Degrees
from ckanext.ecosphere.harvest.normalise.geography.land import Share
from ckanext.ecosphere.vocabularies import Concept

MOST = 12
"""Number of territories above which the boxes of a dataset are regarded as one."""
_EUROPE: Degrees = (-32.0, 26.0, 70.0, 82.0)
"""From the Azores to the Urals, from the Canary Islands to Svalbard."""
_NORTH_OF_FRANCE = 53.0
"""Latitude beyond which no box drawn around French territories extends."""
_CLEAR, _MARGIN = 0.75, 0.25
_FEW = 3
"""Maximum départements of one région that are listed individually."""
_SEVERAL = 5
"""Maximum départements whose common box is recognised; with more, régions are looked for."""
_HALF = 0.5
_MAIN = 0.6
"""Share of a box's land above which the box belongs to that département."""
_SOME = 0.25
"""Share of a box's land above which a territory counts."""
_WHOLE = 0.8
"""Share of a région above which a box covers it."""
_NEARLY_ALL = 0.85
_EXPLAINED = 0.6
"""Share of a box's land that its territories must account for; otherwise it is no union of them (a river basin)."""
_ALL = 0.9
"""Share of a département above which a box contains it."""
_AT_SEA = 0.1
"""Share of land below which a box is at sea."""


@dataclass(frozen=True, slots=True)
class Hints:
    """Other information in the record.

    Attributes:
        own: département or overseas territory of the service that the record names.
        likely: URIs of the territories of the service and of the postal codes of the parties.
        of_the_sea: whether the record is about the sea.
    """

    own: Concept | None = None
    likely: Collection[str] = ()
    of_the_sea: bool = False


def of_box(box: Degrees, hints: Hints) -> list[Concept]:
    """Return the territories of a box: that of the service, the one with the same box, or those of its land."""
    if hints.own and places.mostly_within(box, hints.own):
        return [hints.own]
    around = places.around_box(box)
    inside, ashore = land.shares(box)
    at_sea = hints.of_the_sea or (bool(inside) and ashore < _AT_SEA)
    if not around and at_sea and (zones := places.sea_zones(box)):
        return zones
    if not _elsewhere(around, hints) and (drawn := _drawn_around(box, around, inside)):
        return drawn
    if inside and (around or not _is_whole_country(box)):
        return _by_land(box, around, inside, ashore, hints)
    return _by_boxes(box, around, hints)


def _is_whole_country(box: Degrees) -> bool:
    return places.covers(box, voc.get("territories")["pays-fxx"])


def _by_boxes(box: Degrees, around: list[Concept], hints: Hints) -> list[Concept]:
    """Return the territories of a box overseas, at sea, abroad, or around the whole country."""
    if told := [concept for concept in around if concept.uri in hints.likely]:
        return told[:1]
    if places.is_abroad(box) and not _is_whole_country(box):
        return []
    return [_most_likely(box, around)] if around else of_wide_box(box, hints.likely)


def _by_land(box: Degrees, around: list[Concept], inside: list[Share], ashore: float, hints: Hints) -> list[Concept]:
    if places.is_abroad(box) and ashore < _HALF:
        return []
    found = _small(inside, hints) if around else _wide(inside, hints)
    return found or (places.sea_zones(box) if ashore < _HALF else [])


def _drawn_around(box: Degrees, around: list[Concept], inside: list[Share]) -> list[Concept]:
    """Return the territory that has this box, or the adjacent départements that have it in common."""
    alike = places.like_box(box)
    several = [] if around or (alike and _same(alike.data["bbox"], box)) else _joined(box, inside)
    return several or ([alike] if alike else [])


def _elsewhere(around: list[Concept], hints: Hints) -> bool:
    """Tell whether a box that resembles that of one territory lies within that of a likely one."""
    return any(concept.uri in hints.likely for concept in around)


def _joined(box: Degrees, inside: list[Share]) -> list[Concept]:
    """Return the adjacent départements whose common box this is, such as the parts of a former région.

    Preferably those of one région; none if they are too many, since their régions then describe the box better.
    """
    held = [share.departement for share in inside if share.of_departement >= _ALL]
    regions = list(dict.fromkeys(concept.broader for concept in held))
    for chosen in (*([c for c in held if c.broader == region] for region in regions), held):
        around = places.hull(concept.data["bbox"] for concept in chosen)
        if around and len(chosen) > 1 and _same(around, box):
            return chosen if len(chosen) <= _SEVERAL else []
    return []


def _same(one: Degrees, other: Degrees) -> bool:
    return places.holds(one, other) and places.holds(other, one)


def _small(inside: list[Share], hints: Hints) -> list[Concept]:
    """Return the territory of a box within that of a département: where most of its land is; in doubt, the région."""
    likely = [each for each in inside if each.of_land >= _SOME and _is_likely(each.departement, hints)]
    if likely:
        return [likely[0].departement]
    if inside[0].of_land >= _MAIN:
        return [inside[0].departement]
    meant = [each.departement for each in inside if each.of_land >= _SOME] or [inside[0].departement]
    regions = {concept.broader for concept in meant}
    if len(regions) == 1 and len(meant) > 1 and (region := regions.pop()):
        return [voc.get("territories")[region]]
    return meant


def _is_likely(concept: Concept, hints: Hints) -> bool:
    return concept.uri in hints.likely or concept.broader in hints.likely


def _wide(inside: list[Share], hints: Hints) -> list[Concept]:
    """Return the départements or régions in which the land of a large box lies, or which it covers.

    None if they leave much of it unexplained; only those of the service's region, if much of the box lies there.
    """
    likely = [share for share in inside if _is_likely(share.departement, hints)]
    certain = sum(share.of_land for share in likely) >= _SOME
    inside = likely if certain else inside
    territories = voc.get("territories")
    found: list[Concept] = []
    explained = 0.0
    for region in dict.fromkeys(share.departement.broader for share in inside):
        if not region:
            continue
        own = [share for share in inside if share.departement.broader == region]
        of_land, covered = sum(share.of_land for share in own), _covered(region, own)
        if of_land >= _SOME or covered >= _WHOLE:
            explained += of_land
            few = [share for share in own if share.of_departement >= _HALF or share.of_land >= _SOME]
            named = few and len(few) <= _FEW and sum(share.of_land for share in few) >= _NEARLY_ALL * of_land
            found += [share.departement for share in few] if named else [territories[region]]
    return found if certain or explained >= _EXPLAINED else []


def is_outside(box: Degrees) -> bool:
    """Tell whether a box is about another country or an ocean."""
    return not _is_whole_country(box) and (places.is_abroad(box) or not land.shares(box)[0])


def _covered(region: str, own: list[Share]) -> float:
    """Return the share of a région that lies in a box."""
    sizes = {concept.uri: land.size(concept) for concept in voc.get("territories").children(region)}
    return sum(share.of_departement * sizes[share.departement.uri] for share in own) / (sum(sizes.values()) or 1.0)


def _most_likely(box: Degrees, around: list[Concept]) -> Concept:
    """Choose among the territories whose boxes contain this one; if in doubt, their common région."""
    if len(around) == 1:
        return around[0]
    first, second = (places.nearness(box, concept) for concept in around[:2])
    clear = first < _CLEAR and second - first > _MARGIN
    regions = {concept.broader for concept in around}
    if not clear and len(regions) == 1 and (region := regions.pop()):
        return voc.get("territories")[region]
    return around[0]


def _country_of(box: Degrees) -> list[Concept]:
    """Return the mainland for a box of France or Europe, the country for one that also holds its overseas départements.

    A box of a hemisphere or the world, which ends far north of France, says nothing about it.
    """
    territories = voc.get("territories")
    if not any(places.covers(box, concept) for concept in places.overseas_departements()):
        return [territories["pays-fxx"]] if places.holds(_EUROPE, box) else []
    return [territories["pays-fra"]] if box[3] <= _NORTH_OF_FRANCE else []


def of_wide_box(box: Degrees, likely: Collection[str] = ()) -> list[Concept]:
    """Return the territories of a box that no département contains: country, régions, overseas territories, seas."""
    territories = voc.get("territories")
    if _is_whole_country(box):
        return _country_of(box)
    regions = [c for c in places.of_type("region") if places.holds(c.data["bbox"], box)]
    if regions:
        return [min(regions, key=lambda concept: (concept.uri not in likely, places.nearness(box, concept)))]
    touched = places.explaining(box)
    if touched:
        covered = [c for c in places.of_type("region", "outre-mer") if places.covers(box, c)]
        if covered:
            return covered
        parents = {c.broader for c in touched if c.broader}
        if len(touched) > MOST // 2 and parents:
            return [territories[parent] for parent in sorted(parents)]
        return touched
    return places.sea_zones(box)
