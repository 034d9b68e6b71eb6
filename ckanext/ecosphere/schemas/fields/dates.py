"""Dates of metadata: a day, a month or a year, as W3C-DTF strings. Pure, no CKAN.

Records say "2005", "2014-09", "20201015" or "2014-09-08Z"; forms in French say "31/12/2020". All become
``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` (a time of day, when given, is kept as ``YYYY-MM-DDThh:mm:ss``),
which ckanext-dcat writes as xsd:gYear, xsd:gYearMonth, xsd:date or xsd:dateTime.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re

_ISO = re.compile(
    r"(?P<y>\d{4})(?:-(?P<m>\d{2})(?:-(?P<d>\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?)?)?(?:Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_COMPACT = re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})", re.ASCII)
_FRENCH = re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})", re.ASCII)
_MIN_YEAR = 1000


def parse_date(text: str) -> str:
    """Return ``text`` as a W3C-DTF date.

    Args:
        text: a date in one of the accepted spellings.

    Raises:
        ValueError: it is none of them, or no such day exists.
    """
    text = text.strip()
    for pattern in (_ISO, _COMPACT, _FRENCH):
        match = pattern.fullmatch(text)
        if match:
            return _assemble(match.groupdict())
    raise ValueError(text)


def _assemble(parts: dict[str, str | None]) -> str:
    year, month, day, time = (parts.get(key) for key in ("y", "m", "d", "time"))
    if int(year or 0) < _MIN_YEAR:
        raise ValueError(year)
    if not month:
        return str(year)
    if not day:
        dt.date(int(year or 0), int(month), 1)
        return f"{year}-{month}"
    date = dt.date(int(year or 0), int(month), int(day)).isoformat()
    if not time:
        return date
    moment = dt.time.fromisoformat(time).replace(microsecond=0)
    return date if moment == dt.time() else f"{date}T{moment.isoformat()}"


def span(value: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day that a stored date stands for ("2005" is a whole year).

    Raises:
        ValueError: ``value`` is not a date as :func:`parse_date` returns it.
    """
    day = value[:10]
    if len(day) == len("YYYY"):
        return dt.date(int(day), 1, 1), dt.date(int(day), 12, 31)
    if len(day) == len("YYYY-MM"):
        year, month = (int(part) for part in day.split("-"))
        return dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1])
    date = dt.date.fromisoformat(day)
    return date, date


def precision(value: str) -> str:
    """Return "year", "month" or "day": how precise a stored date is."""
    return {4: "year", 7: "month"}.get(len(value), "day")
