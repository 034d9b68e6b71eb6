"""Variants in which catalogues write the same information, all found in real records."""

from __future__ import annotations

import json
from pathlib import Path

from . import iso, places
from .draft import Draft

VARIANTS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
"""Variants by kind."""


def day(draft: Draft, value) -> str:
    """Return a date, sometimes written without dashes, with a time zone, as a year, or not at all."""
    way = draft.rng.random()
    if way < 0.85 or draft.care == 3:
        return value.isoformat()
    return draft.pick(value.strftime("%Y%m%d"), f"{value.isoformat()}Z", str(value.year), "non renseigné")


def reference_systems(draft: Draft) -> str:
    """Return one reference system, sometimes two; some careless records have none."""
    if draft.care == 0 and draft.chance(0.5):
        return ""
    value, href, space = draft.rng.choice(VARIANTS["reference_systems"])
    written = iso.reference_system(value, href=href, space=space)
    return written + (iso.reference_system("WGS 84 (EPSG:4326)") if draft.chance(0.1) else "")


def _round(value: float) -> str:
    return f"{value:.5f}"


def boxes(draft: Draft, *, swapped: float, metres: float = 0.0, several: float = 0.0) -> str:
    """Return the bounding box; in a share of cases with west and east swapped, in Lambert metres, or split in two.

    Args:
        draft: the record.
        swapped: share of records with west and east swapped (0 to 1).
        metres: share of records in projected metres.
        several: share of records with a box for each half of the territory.
    """
    west, south, east, north = draft.place.data["bbox"]
    way = draft.rng.random()
    if way < swapped:
        return iso.box(_round(east), _round(west), _round(south), _round(north))
    if way < swapped + metres:
        return iso.box("842000.0", "925400.0", "6504000.0", "6605300.0")
    if way < swapped + metres + several:
        middle = (west + east) / 2
        halves = ((west, middle), (middle, east))
        return "".join(iso.box(_round(a), _round(b), _round(south), _round(north)) for a, b in halves)
    return iso.box(_round(west), _round(east), _round(south), _round(north))


def territory_keywords(draft: Draft) -> list[str]:
    """Return the territory in one of the spellings found; careless records have none."""
    place = draft.place
    if draft.care == 0:
        return []
    code = place.data.get("departement_code") or place.data["code"]
    upper = place.label_fr.upper()
    choices = [[place.label_fr], [upper], [f"{place.label_fr} ({code})"], [place.label_fr, "France"]]
    if place.data["type"] == "departement":
        choices += [[place.uri], [code], [code.zfill(3)], [f"{place.label_fr}*{code}"]]
        around = places.region(place)
        if around is not None:
            choices.append([place.label_fr, around.label_fr])
            former = places.NAMES["former_regions"].get(around.data["code"])
            choices.append([place.label_fr, former[draft.index % len(former)] if former else "FXX"])
    return draft.rng.choice(choices)


def period(draft: Draft) -> str:
    """Return the period covered: complete, half-open, empty or absent."""
    if draft.care < 2:
        return iso.period("", "") if draft.chance(0.1) else ""
    begin, end = f"{draft.year - 3}-01-01", f"{draft.year}-12-31"
    way = draft.rng.random()
    if way < 0.6:
        return iso.period(begin, end)
    if way < 0.8:
        return iso.period(begin, None)
    return iso.period(begin, "", indeterminate="now")


def constraints(draft: Draft) -> str:
    """Return licence and access constraints, mostly as free text in useLimitation."""
    if draft.care == 0:
        return draft.pick("", iso.legal(iso.code("gmd:useConstraints", "MD_RestrictionCode", "license")))
    licence = iso.text("gmd:useLimitation", draft.rng.choice(VARIANTS["licences"]))
    other = iso.code("gmd:accessConstraints", "MD_RestrictionCode", "otherRestrictions")
    if draft.care == 3 and draft.chance(0.5):
        use = iso.code("gmd:useConstraints", "MD_RestrictionCode", "otherRestrictions")
        licence = use + iso.anchor("gmd:otherConstraints", *VARIANTS["licence_anchor"])
    limits = iso.legal(other, _access(draft))
    # A scale in the element of the licence, besides the licence itself.
    scale = iso.text("gmd:useLimitation", f"Échelle de saisie : 1/{draft.subject.scale}") if draft.chance(0.1) else ""
    return iso.legal(licence, scale) + limits


def _access(draft: Draft) -> str:
    if draft.subject.slug in ("captages", "especes-protegees") and draft.chance(0.7):
        return iso.anchor("gmd:otherConstraints", *VARIANTS["security_access"])
    if draft.chance(0.04):
        return iso.anchor("gmd:otherConstraints", *VARIANTS["contradictory_access"])
    value, href = draft.rng.choice(VARIANTS["access"])
    return iso.anchor("gmd:otherConstraints", value, href) if href else iso.text("gmd:otherConstraints", value)


def frequency(draft: Draft) -> str:
    """Return the frequency of update, given by complete records and a third of the others."""
    if draft.care == 3 or draft.chance(0.33):
        return iso.maintenance(draft.subject.frequency)
    return ""
