"""Parse metadata dates (year, month or day) into W3C-DTF strings. No CKAN imports.

Records use "2005", "2014-09", "20201015" or "2014-09-08Z"; people type "31/12/2020", "12/2020", "décembre 2020" or
"1er mars 2024". All are converted to
``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` (with a time: ``YYYY-MM-DDThh:mm:ss``), which ckanext-dcat serialises
as xsd:gYear, xsd:gYearMonth, xsd:date or xsd:dateTime.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import re
from functools import cache

from babel.dates import get_month_names

from ckanext.ecosphere.vocabularies import normalise

_ISO = re.compile(
    r"(?P<y>\d{4})(?:-(?P<m>\d{2})(?:-(?P<d>\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?)?)?(?:Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_COMPACT = re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})", re.ASCII)
_FRENCH = re.compile(r"(?:(?P<d>\d{1,2}) ?[/.-] ?)?(?P<m>\d{1,2}) ?[/.-] ?(?P<y>\d{4})", re.ASCII)
_WORDS = re.compile(
    r"(?:(?P<d>\d{1,2})(?:er|st|nd|rd|th)? )?(?P<m>[a-z]{3,9}) (?P<y>\d{4})", re.ASCII
)
_MIN_YEAR = 1000
_LONGEST = 40


def parse_date(text: str) -> str:
    """Return ``text`` as a W3C-DTF date.

    Args:
        text: a date in one of the accepted spellings.

    Raises:
        ValueError: unknown spelling, or the day does not exist.
    """
    text = text.strip()
    for pattern in (_ISO, _COMPACT, _FRENCH):
        match = pattern.fullmatch(text)
        if match:
            return _assemble(match.groupdict())
    words = _WORDS.fullmatch(normalise(text[:_LONGEST]))
    if words is None or words["m"] not in _months():
        raise ValueError(text)
    return _assemble({**words.groupdict(), "m": _months()[words["m"]]})


@cache
def _months() -> dict[str, str]:
    """Return the numbers of the months by their French and English names and abbreviations."""
    months: dict[str, str] = {}
    for language, width in itertools.product(("en", "fr"), ("wide", "abbreviated")):
        for number, name in get_month_names(width, locale=language).items():
            months[normalise(name)] = str(number)
    return months


def _assemble(parts: dict[str, str | None]) -> str:
    year, month, day, time = (parts.get(key) or "" for key in ("y", "m", "d", "time"))
    if int(year) < _MIN_YEAR:
        raise ValueError(year)
    if not month:
        return year
    date = dt.date(int(year), int(month), int(day or 1)).isoformat()
    if not day:
        return date[: len("YYYY-MM")]
    moment = dt.time.fromisoformat(time or "00:00").replace(microsecond=0)
    if moment == dt.time():
        return date
    return f"{date}T{moment.isoformat()}"


def span(value: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day of a stored date ("2005" covers the whole year).

    Raises:
        ValueError: ``value`` is not in the form returned by :func:`parse_date`.
    """
    day = value[:10]
    if len(day) == len("YYYY"):
        return dt.date(int(day), 1, 1), dt.date(int(day), 12, 31)
    if len(day) == len("YYYY-MM"):
        year, month = (int(part) for part in day.split("-"))
        last = calendar.monthrange(year, month)[1]
        return dt.date(year, month, 1), dt.date(year, month, last)
    date = dt.date.fromisoformat(day)
    return date, date


def precision(value: str) -> str:
    """Return the precision of a stored date: "year", "month" or "day"."""
    return {4: "year", 7: "month"}.get(len(value), "day")
