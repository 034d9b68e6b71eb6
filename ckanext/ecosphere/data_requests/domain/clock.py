"""Counting of legal time limits. Pure: due dates are stored, lateness is derived.

A period in months ends on the day of the same number, or on the last day of a shorter month (as in article 641 of the
code de procédure civile). Which periods are longer by a day or move with days off is in `data/law.yaml`.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from ckanext.ecosphere.data_requests.domain import holidays, states

PARIS = ZoneInfo("Europe/Paris")
DUE_SOON_DAYS = 7
SATURDAY = 5


def now() -> datetime:
    """Return the current time in UTC, with a time zone."""
    return datetime.now(timezone.utc)


def day_of(moment: datetime) -> date:
    """Return the date in Paris of a datetime that has a time zone."""
    return moment.astimezone(PARIS).date()


def add_months(day: date, months: int) -> date:
    """Return the day of the same number `months` later, or the last day of a month that is too short."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def last_day(
    since: date, months: int, *, franc: bool = False, moves: bool = False, zone: str = holidays.METROPOLE
) -> date:
    """Return the last day of a period.

    Args:
        since: day of the event from which it is counted.
        months: its length.
        franc: whether neither the first nor the last day counts (*délai franc*), which adds a day.
        moves: whether an end on a Saturday, Sunday or public holiday moves to the next working day.
        zone: zone of public holidays (`holidays`).
    """
    day = add_months(since, months) + timedelta(days=int(franc))
    while moves and (day.weekday() >= SATURDAY or holidays.is_holiday(day, zone)):
        day += timedelta(days=1)
    return day


@dataclass(frozen=True)
class Clock:
    """Where a request is in its period.

    Attributes:
        state: none, running, extended, due_soon, overdue or closed.
        due: last day for an answer, None when there is none.
        days_left: days until then, negative once it has passed; None without a due date or when closed.
        extended: whether the period was extended.
    """

    state: str
    due: date | None
    days_left: int | None
    extended: bool


def read(state: str, due: date | None, extended: bool, today: date) -> Clock:
    """Return the clock of a request in `state` that is due on `due`."""
    if state in states.CLOSED:
        return Clock("closed" if due else "none", due, None, extended)
    if due is None or state == states.DRAFT:
        return Clock("none", due, None, extended)
    left = (due - today).days
    if left < 0:
        return Clock("overdue", due, left, extended)
    if left <= DUE_SOON_DAYS:
        return Clock("due_soon", due, left, extended)
    return Clock("extended" if extended else "running", due, left, extended)
