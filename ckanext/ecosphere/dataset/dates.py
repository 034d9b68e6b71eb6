"""Durations of ISO 8601, in years to seconds, and the days that they reach."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import astuple, dataclass
from typing import Any

#: Form of `xsd:duration` without a sign, as texts are stored: no weeks, decimals of seconds only.
STORED = (
    r"P(?=[\dT])(\d{1,9}Y)?(\d{1,9}M)?(\d{1,9}D)?"
    r"(T(?=\d)(\d{1,9}H)?(\d{1,9}M)?(\d{1,9}(\.\d{1,9})?S)?)?"
)
_STORED = re.compile(STORED)
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_DURATION = re.compile(
    rf"P(?=[\dT])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_REPEATED = re.compile(r"R\d{0,6}/")
_DAYS_OF_UNITS = (365.25, 30.4375, 7.0, 1.0, 1 / 24, 1 / 1440, 1 / 86400)
_YEAR, _MONTH = len("2020"), len("2020-01")
FIRST_YEAR, LAST_YEAR = 1000, 2200


@dataclass(frozen=True)
class Duration:
    """A duration; each part may have decimals."""

    years: float = 0
    months: float = 0
    weeks: float = 0
    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0

    @property
    def in_days(self) -> float:
        """Average length in days."""
        return sum(part * unit for part, unit in zip(astuple(self), _DAYS_OF_UNITS, strict=True))


def is_stored_form(text: str) -> bool:
    """Return whether a text is a duration as datasets store it (`STORED`)."""
    return _STORED.fullmatch(text) is not None


def parse_duration(text: str) -> Duration | None:
    """Return the duration that a text states, or the repeated one of ``R/P1Y`` (DCAT-US)."""
    match = _DURATION.fullmatch(_REPEATED.sub("", text.strip().upper()[:200], count=1))
    return Duration(*(float(part or 0) for part in match.groups())) if match else None


def end_of(start: str, duration: Duration) -> str | None:
    """Return the last day (month, year) of a duration that begins with another; see `_reached`."""
    return _reached(start, duration, 1)


def start_of(end: str, duration: Duration) -> str | None:
    """Return the first day (month, year) of a duration that ends with another; see `_reached`."""
    return _reached(end, duration, -1)


def _reached(date: str, duration: Duration, sign: int) -> str | None:
    """Return the other end of a period, as exact as the given one (YYYY, YYYY-MM or YYYY-MM-DD).

    None if the duration has decimals or is shorter than that, or no calendar has the date. Hours,
    minutes and seconds are ignored.
    """
    months = duration.years * 12 + duration.months
    days = duration.weeks * 7 + duration.days
    if not (months or days) or months % 1 or days % 1:
        return None
    if (days and len(date) <= _MONTH) or (months % 12 and len(date) <= _YEAR):
        return None
    year, month, day = (int(part) for part in f"{date}-01-01".split("-")[:3])
    reached = year * 12 + month - 1 + sign * int(months)
    if not FIRST_YEAR <= reached // 12 <= LAST_YEAR:
        return None
    if len(date) <= _MONTH:
        reached -= sign * (12 if len(date) <= _YEAR else 1)
        return f"{reached // 12:04d}-{reached % 12 + 1:02d}"[: len(date)]
    last = calendar.monthrange(reached // 12, reached % 12 + 1)[1]
    try:
        same_day = dt.date(reached // 12, reached % 12 + 1, min(day, last))
        return (same_day + dt.timedelta(days=sign * (int(days) - 1))).isoformat()
    except (ValueError, OverflowError):
        return None


_DAY = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?")


def days_of(text: Any) -> tuple[dt.date, dt.date] | None:
    """Return the first and last day of the ISO date, month or year that a text begins with."""
    match = None
    if isinstance(text, str):
        match = _DAY.match(text.strip())
    if match is None:
        return None
    year, month, day = match.groups()
    try:
        first = dt.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if day:
        return first, first
    last_month = first.month if month else 12
    last_day = calendar.monthrange(first.year, last_month)[1]
    return first, dt.date(first.year, last_month, last_day)
