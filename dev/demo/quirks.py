"""Variants in which catalogues write the same information, all found in real records."""

from __future__ import annotations

from datetime import date

from .draft import NAMES, VARIANTS, Draft, region


def day(draft: Draft, value: date) -> str:
    """Return a date, sometimes written without dashes, with a time zone, as a year,
    or not at all.
    """
    way = draft.rng.random()
    if way < 0.85 or draft.care == 3:
        return value.isoformat()
    return draft.pick(value.strftime("%Y%m%d"), f"{value.isoformat()}Z", str(value.year), "non renseigné")


def reference_systems(draft: Draft) -> list[list[str]]:
    """Return name, link and code space of one reference system, sometimes two.

    Some careless records have none.
    """
    if draft.care == 0 and draft.chance(0.5):
        return []
    systems = [draft.variant("reference_systems")]
    if draft.chance(0.1):
        systems.append(["WGS 84 (EPSG:4326)", "", "EPSG"])
    return systems


def boxes(draft: Draft, swapped: float = 0.0, metres: float = 0.0, several: float = 0.0) -> list[tuple[str, ...]]:
    """Return west, east, south and north; in a share of cases swapped, in Lambert metres, or of two
    boxes.

    Args:
        draft: the record.
        swapped: share of records with west and east swapped (0 to 1).
        metres: share of records in projected metres.
        several: share of records with a box for each half of the territory.
    """
    west, south, east, north = draft.place.data["bbox"]
    sides = [(west, east)]
    way = draft.rng.random()
    if way < swapped:
        sides = [(east, west)]
    elif way < swapped + metres:
        return [("842000.0", "925400.0", "6504000.0", "6605300.0")]
    elif way < swapped + metres + several:
        middle = (west + east) / 2
        sides = [(west, middle), (middle, east)]
    return [tuple(f"{value:.5f}" for value in (*pair, south, north)) for pair in sides]


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
        around = region(place)
        if around is not None:
            choices.append([place.label_fr, around.label_fr])
            former = NAMES["former_regions"].get(around.data["code"])
            choices.append([place.label_fr, former[draft.index % len(former)] if former else "FXX"])
    return draft.rng.choice(choices)


def period(draft: Draft) -> list[tuple[str, str | None, bool]]:
    """Return begin, end and whether that is now, of the period covered: complete, half-open,
    empty or absent.
    """
    if draft.care < 2:
        return [("", "", False)] if draft.chance(0.1) else []
    begin = f"{draft.year - 3}-01-01"
    way = draft.rng.random()
    if way < 0.6:
        return [(begin, f"{draft.year}-12-31", False)]
    if way < 0.8:
        return [(begin, None, False)]
    return [(begin, "", True)]


def access(draft: Draft) -> list[str]:
    """Return the text of the access constraint and its link, if it has one."""
    if draft.subject.slug in ("captages", "especes-protegees") and draft.chance(0.7):
        return VARIANTS["security_access"]
    if draft.chance(0.04):
        return VARIANTS["contradictory_access"]
    return draft.variant("access")
