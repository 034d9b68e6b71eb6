"""Legal time: French public holidays, and the counting of time limits. Pure: due dates are stored,
lateness is derived.

A period in months ends on the day of the same number, or on the last day of a shorter month (as in
article 641 of the code de procédure civile). Which periods are longer by a day or move with days
off is in `data/law.yaml`.

Legal holidays: code du travail, L. 3133-1. Alsace-Moselle: L. 3134-13 (Good Friday where the
commune has a Protestant church, taken as a holiday throughout; 26 December). Overseas,
commemoration of the abolition of slavery: L. 3422-2.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta

from ckanext.ecosphere.data_requests.domain import states

METROPOLE = "metropole"
ALSACE_MOSELLE = "alsace-moselle"

_FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
#: Days from Easter Sunday: Easter Monday, Ascension, Whit Monday.
_MOVING_HOLIDAYS = (1, 39, 50)
_GOOD_FRIDAY = -2

#: Overseas territory (id in the vocabulary), which is its own zone → (month, day) of the abolition
#: of slavery.
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


def holiday_zone(territory: str | None) -> str:
    """Return the zone of public holidays of a territory of the vocabulary."""
    if territory in _ALSACE_MOSELLE:
        return ALSACE_MOSELLE
    if territory in _ABOLITION:
        return territory
    return METROPOLE


@cache
def holidays(year: int, zone: str = METROPOLE) -> frozenset[date]:
    """Return the public holidays of a year in a zone."""
    sunday = easter(year)
    days = {date(year, month, day) for month, day in _FIXED_HOLIDAYS}
    days |= {sunday + timedelta(days=n) for n in _MOVING_HOLIDAYS}
    if zone == ALSACE_MOSELLE:
        days |= {sunday + timedelta(days=_GOOD_FRIDAY), date(year, 12, 26)}
    if zone in _ABOLITION:
        days.add(date(year, *_ABOLITION[zone]))
    return frozenset(days)


PARIS = ZoneInfo("Europe/Paris")
DUE_SOON_DAYS = 7
SATURDAY = 5


def now() -> datetime:
    """Return the current time in UTC, with a time zone."""
    return datetime.now(timezone.utc)


def day_of(moment: datetime) -> date:
    """Return the date in Paris of a datetime that has a time zone."""
    return moment.astimezone(PARIS).date()


def today() -> date:
    """Return the current date in Paris."""
    return day_of(now())


def last_day(
    since: date, months: int, *, franc: bool = False, moves: bool = False, zone: str = METROPOLE
) -> date:
    """Return the last day of a period.

    Args:
        since: day of the event from which it is counted.
        months: its length.
        franc: whether neither the first nor the last day counts (*délai franc*), which adds a day.
        moves: whether an end on a Saturday, Sunday or public holiday moves to the next working day.
        zone: zone of public holidays (`holiday_zone`).
    """
    day = since + relativedelta(months=months, days=int(franc))
    while moves and (day.weekday() >= SATURDAY or day in holidays(day.year, zone)):
        day += timedelta(days=1)
    return day


def read(state: str, due: date | None, extended: bool, today: date) -> dict[str, Any]:
    """Return where a request in `state` that is due on `due` is in its period.

    Returns:
        state: none, running, extended, due_soon, overdue or closed; due: last day for an answer,
        None when there is none; days_left: days until then, negative once it has passed, None
        without a due date or when closed; extended: whether the period was extended.
    """
    days_left = None
    if due is None or state == states.DRAFT:
        code = "none"
    elif state in states.CLOSED:
        code = "closed"
    else:
        days_left = (due - today).days
        code = "extended" if extended else "running"
        if days_left < 0:
            code = "overdue"
        elif days_left <= DUE_SOON_DAYS:
            code = "due_soon"
    return {"state": code, "due": iso(due), "days_left": days_left, "extended": extended}


def iso(value: date | datetime | None) -> str | None:
    """Return a date or datetime in ISO 8601."""
    if value:
        return value.isoformat()
    return None


def iso_for(value: date | datetime | None, exact: bool) -> str | None:
    """Return a date or datetime in ISO 8601; only the day in Paris of a datetime unless `exact`.

    Exact times, compared with the list of accounts, would reveal who made a request.
    """
    if isinstance(value, datetime) and not exact:
        return iso(day_of(value))
    return iso(value)
