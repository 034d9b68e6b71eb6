"""Dates and durations: the spellings that people and catalogues use, in one ISO form.

A stored date is as exact as what was written: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, in the form
also with a time (``YYYY-MM-DDThh:mm:ss``); ckanext-dcat writes these as xsd:gYear, xsd:gYearMonth,
xsd:date and xsd:dateTime. Durations are those of ISO 8601, from years to seconds.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc

FIRST_YEAR, LAST_YEAR = 1000, 2200
"""Years of records beyond which a date is an error, or a placeholder such as 9999-12-31."""
# Lengths of stored dates: they tell how exact a date is.
_YEAR, _MONTH, _DAY = len("2020"), len("2020-01"), len("2020-01-31")
_LONGEST = 60
"""Maximum characters of a date in words."""

# --- dates -----------------------------------------------------------------------------------

# A zone without a colon only after a day or month: in "2020+0100" it may be anything.
_TIME_OR_ZONE = r"(?:(?P<time>[T ].*)|Z|[+-]\d\d:\d\d|(?<=-\d\d)[+-]\d{4})?"
_FORMS = (
    re.compile(rf"(?P<y>\d{{4}})(?:-(?P<m>\d\d)(?:-(?P<d>\d\d))?)?{_TIME_OR_ZONE}", re.DOTALL),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})"),
    re.compile(
        r"(?P<d>\d{1,2}) ?[/.-] ?(?P<m>\d{1,2}) ?[/.-] ?(?P<y>\d{4})(?P<time>[T ].*)?", re.DOTALL
    ),
    re.compile(r"(?P<m>\d{1,2}) ?[/.-] ?(?P<y>\d{4})"),
)
_OF_RECORDS = (
    re.compile(r"(?P<y>\d{4})[/. ](?P<m>\d{1,2})[/. ](?P<d>\d{1,2})(?:[T ].*)?", re.DOTALL),
    re.compile(rf"(?P<y>\d{{4}})-(?P<m>\d{{1,2}})(?:-(?P<d>\d{{1,2}}))?{_TIME_OR_ZONE}", re.DOTALL),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})T?\d{2,6}"),
)
"""Forms that only records may have: a person is asked to write them clearly."""
_IN_WORDS = re.compile(r"(?:(?P<d>\d{1,2})(?:er|st|nd|rd|th)? )?(?P<m>[a-z]+) (?P<y>\d{4})")
_TIME = re.compile(r"[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?:Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_NAMES = (
    "janvier january janv jan",
    "fevrier february fevr feb",
    "mars march mar",
    "avril april avr apr",
    "mai may",
    "juin june jun",
    "juillet july juil jul",
    "aout august aug",
    "septembre september sept sep",
    "octobre october oct",
    "novembre november nov",
    "decembre december dec",
)
_MONTHS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}


def parse_date(text: str | None) -> str | None:
    """Return the date that a record states, without its time; None if it is not one.

    A day that does not exist (30 February) and a year out of bounds are none.
    """
    parts = _parts((text or "").strip(), (*_OF_RECORDS, *_FORMS))
    if parts is None:
        return None
    try:
        date = _assemble(parts)
    except ValueError:
        return None
    if FIRST_YEAR <= int(date[:_YEAR]) <= LAST_YEAR:
        return date
    return None


def parse_moment(text: str) -> str:
    """Return the date that a person or a program states, with the time of day unless it is 0:00.

    Raises:
        ValueError: unknown spelling, or the day or the time does not exist.
    """
    parts = _parts(text.strip(), _FORMS)
    if parts is None:
        raise ValueError(text)
    date = _assemble(parts)
    if int(date[:_YEAR]) < FIRST_YEAR:
        raise ValueError(text)
    if not parts.get("time"):
        return date
    written = _TIME.fullmatch(parts["time"] or "")
    if not written or len(date) < _DAY:
        raise ValueError(text)
    time = dt.time.fromisoformat(written.group(1)).replace(microsecond=0)
    if time == dt.time():
        return date
    return f"{date}T{time.isoformat()}"


def _parts(text: str, forms: tuple[re.Pattern[str], ...]) -> dict[str, str | None] | None:
    """Return year, month, day and time as written; None for an unknown spelling."""
    for form in forms:
        match = form.fullmatch(text)
        if match:
            return match.groupdict()
    match = _IN_WORDS.fullmatch(voc.normalise(text[:_LONGEST]))
    if match and match["m"] in _MONTHS:
        return {**match.groupdict(), "m": str(_MONTHS[match["m"]])}
    return None


def _assemble(parts: dict[str, str | None]) -> str:
    # By way of numbers, since the digits may be those of another script.
    year, month, day = (int(parts.get(name) or 0) for name in ("y", "m", "d"))
    if not parts.get("m"):
        return f"{year:04d}"
    if not parts.get("d"):
        return dt.date(year, month, 1).isoformat()[:_MONTH]
    return dt.date(year, month, day).isoformat()


def span(value: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day of a stored date ("2005" covers the whole year).

    Raises:
        ValueError: it is no stored date.
    """
    day = value[:_DAY]
    if len(day) == _YEAR:
        return dt.date(int(day), 1, 1), dt.date(int(day), 12, 31)
    if len(day) == _MONTH:
        year, month = (int(part) for part in day.split("-"))
        return dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1])
    date = dt.date.fromisoformat(day)
    return date, date


def precision(value: str) -> str:
    """Return the precision of a stored date: "year", "month" or "day"."""
    return {_YEAR: "year", _MONTH: "month"}.get(len(value), "day")


# --- durations -------------------------------------------------------------------------------

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
DAYS_OF_UNITS = {
    "Y": 365.25,
    "M": 30.4375,
    "W": 7.0,
    "D": 1.0,
    "h": 1 / 24,
    "m": 1 / 1440,
    "s": 1 / 86400,
}
"""Unit of a duration → its average length in days."""


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
        pairs = zip(astuple(self), DAYS_OF_UNITS.values(), strict=True)
        return sum(number * unit for number, unit in pairs)


def is_stored_form(text: str) -> bool:
    """Return whether a text is a duration as datasets store it (`STORED`)."""
    return _STORED.fullmatch(text) is not None


def parse_duration(text: str) -> Duration | None:
    """Return the duration that a text states, or the repeated one of ``R/P1Y`` (DCAT-US)."""
    match = _DURATION.fullmatch(_REPEATED.sub("", text.strip().upper()[:200], count=1))
    if not match:
        return None
    return Duration(*(float(number or 0) for number in match.groups()))


def end_of(start: str, duration: Duration) -> str | None:
    """Return the last day (month, year) of a period, as exact as its start; None as `start_of`."""
    return _other_end(start, duration, 1)


def start_of(end: str, duration: Duration) -> str | None:
    """Return the first day (month, year) of a period, as exact as its end.

    None if the duration has decimals or is finer than that, or no calendar has the date. Hours,
    minutes and seconds are ignored.
    """
    return _other_end(end, duration, -1)


def _other_end(date: str, duration: Duration, sign: int) -> str | None:
    months = duration.years * 12 + duration.months
    days = duration.weeks * 7 + duration.days
    if not (months or days) or months % 1 or days % 1:
        return None
    if (days and len(date) <= _MONTH) or (months % 12 and len(date) <= _YEAR):
        return None
    year, month, day = (int(part) for part in f"{date}-01-01".split("-")[:3])
    months_since_0 = year * 12 + month - 1 + sign * int(months)
    if not FIRST_YEAR <= months_since_0 // 12 <= LAST_YEAR:
        return None
    if len(date) <= _MONTH:
        # Both ends belong to the period: one year from 2005 on ends with 2005.
        months_since_0 -= sign * {_YEAR: 12, _MONTH: 1}[len(date)]
        return f"{months_since_0 // 12:04d}-{months_since_0 % 12 + 1:02d}"[: len(date)]
    year, month = months_since_0 // 12, months_since_0 % 12 + 1
    day = min(day, calendar.monthrange(year, month)[1])
    try:
        beyond = dt.date(year, month, day)
        return (beyond + dt.timedelta(days=sign * (int(days) - 1))).isoformat()
    except (ValueError, OverflowError):
        return None


_ISO_DAY = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?")


def days_of(text: Any) -> tuple[dt.date, dt.date] | None:
    """Return the first and last day of the ISO date, month or year that a text begins with."""
    if not isinstance(text, str):
        return None
    match = _ISO_DAY.match(text.strip())
    if match is None:
        return None
    try:
        return span("-".join(filter(None, match.groups())))
    except ValueError:
        return None


# --- freshness: the day by which data should have been updated, from the frequency of update -----

GRACE = 0.1  # share of the period that a producer may be late
SHORTEST_GRACE = 2  # days
UNKNOWN = "UNKNOWN"  # code of the EU frequency table


@voc.derived
@lru_cache(maxsize=512)
def frequency_code(frequency: str) -> str:
    """Return the code of a frequency (URI, code or label) in the EU table; "" for none.

    For a frequency that is not in the table, return its last path segment.
    """
    if not frequency:
        return ""
    concept = voc.get("frequency").lookup(frequency)
    if concept:
        return concept.id
    return frequency.rsplit("/", 1)[-1].upper()


def is_stated(frequency: str) -> bool:
    """Return whether a code says anything about updates, even that there are none ("NEVER")."""
    return frequency not in ("", UNKNOWN)


def due_date(frequency: str, updated: dt.date | None, announced: dt.date | None) -> dt.date | None:
    """Return the last day on which the data still count as up to date.

    Args:
        frequency: code of the EU frequency table, e.g. "ANNUAL".
        updated: day of the last update.
        announced: day of the next update, if the producer gives one; it takes precedence over the
            frequency when it is later than the last update.

    Returns:
        that day, with the grace period; None when no update is promised or the last one is unknown.
    """
    if announced and (updated is None or announced > updated):
        return _later(announced, SHORTEST_GRACE)
    concept = voc.get("frequency").get(frequency)
    if concept is None or concept.data["max_days"] is None or updated is None:
        return None
    days = concept.data["max_days"]
    return _later(updated, days + max(SHORTEST_GRACE, math.ceil(days * GRACE)))


def _later(start: dt.date, days: int) -> dt.date:
    return start + dt.timedelta(days=min(days, (dt.date.max - start).days))
