"""French public holidays, computed. Pure.

Legal holidays: code du travail, L. 3133-1. Alsace-Moselle: L. 3134-13 (Good Friday where the commune has a Protestant
church, taken as a holiday throughout; 26 December). Overseas, commemoration of the abolition of slavery: L. 3422-2.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

METROPOLE = "metropole"
ALSACE_MOSELLE = "alsace-moselle"

_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
#: Days from Easter Sunday: Easter Monday, Ascension, Whit Monday.
_MOVING = (1, 39, 50)
_GOOD_FRIDAY = -2

#: Overseas territory (id in the vocabulary), which is its own zone → (month, day) of the abolition of slavery.
_ABOLITION = {
    "outre-mer-glp": (5, 27),
    "outre-mer-mtq": (5, 22),
    "outre-mer-guf": (6, 10),
    "outre-mer-reu": (12, 20),
    "outre-mer-myt": (4, 27),
    "outre-mer-maf": (5, 28),
    "outre-mer-blm": (10, 9),
}
_ALSACE_MOSELLE = {"departement-57", "departement-67", "departement-68"}


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)


def zone_of(territory: str | None) -> str:
    """Return the zone of public holidays of a territory of the vocabulary."""
    if territory in _ALSACE_MOSELLE:
        return ALSACE_MOSELLE
    return territory if territory in _ABOLITION else METROPOLE


@cache
def of_year(year: int, zone: str = METROPOLE) -> frozenset[date]:
    """Return the public holidays of a year in a zone."""
    sunday = easter(year)
    days = {date(year, month, day) for month, day in _FIXED} | {sunday + timedelta(days=n) for n in _MOVING}
    if zone == ALSACE_MOSELLE:
        days |= {sunday + timedelta(days=_GOOD_FRIDAY), date(year, 12, 26)}
    if zone in _ABOLITION:
        days.add(date(year, *_ABOLITION[zone]))
    return frozenset(days)


def is_holiday(day: date, zone: str = METROPOLE) -> bool:
    """Return whether a day is a public holiday in a zone."""
    return day in of_year(day.year, zone)
