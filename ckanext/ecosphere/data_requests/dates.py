"""Days, moments and months in words, in the language of the page."""

from __future__ import annotations

from datetime import date, datetime, timezone

from babel.dates import format_date, format_datetime

from ckanext.ecosphere import language
from ckanext.ecosphere.data_requests.clock import PARIS


def read(value: str | date | None) -> date | None:
    """Return a date, or a moment as Paris has it, from what an action gives.

    Args:
        value: a date or moment, or its ISO 8601 text; a moment without time zone is UTC.
    """
    if not value:
        return None
    if isinstance(value, str):
        value = date.fromisoformat(value) if len(value) == len("2026-01-01") else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).astimezone(PARIS)
    return value


def day(value: str | date | None) -> str:
    """Return a day in words ("24 décembre 2026"), "" for None."""
    found = read(value)
    return format_date(found, "long", locale=language.current()) if found else ""


def time(value: str | date | None) -> str:
    """Return a moment in words, with the hour in Paris."""
    found = read(value)
    if not isinstance(found, datetime):
        return day(found)
    pattern = "d MMMM y, HH:mm" if language.current() == "fr" else "d MMMM y, h:mm a"
    # Babel would take the moment back to UTC unless it is told the zone.
    return format_datetime(found, pattern, tzinfo=PARIS, locale=language.current())


def month(value: str, short: bool = False) -> str:
    """Return a month ("2026-11") in words."""
    found = date.fromisoformat(f"{value[:7]}-01")
    return format_date(found, "MMM yy" if short else "MMMM y", locale=language.current())
