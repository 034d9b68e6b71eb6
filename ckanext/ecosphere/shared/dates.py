"""Days, moments and months as people read them: in the language of the page and in the portal's time zone.

Pages, e-mails, letters and feeds all write through here, so that one event has one hour. What is stored is UTC.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import ckan.plugins.toolkit as tk
from babel.dates import format_date, format_time

from ckanext.ecosphere.shared import config, language

Given = str | date | None
DAY_CHARACTERS = len("2026-01-01")


def zone() -> ZoneInfo:
    """Return the time zone in which people read times (`ecosphere.display_timezone`)."""
    return ZoneInfo(config.display_timezone())


def today() -> date:
    """Return the current day in the portal's time zone."""
    return datetime.now(zone()).date()


def read(value: Given) -> date | None:
    """Return a day, or a moment in the portal's time zone.

    Args:
        value: a day or moment, or its ISO 8601 text; a moment without time zone is UTC, as CKAN stores them.

    Raises:
        ValueError: a text is neither.
    """
    if not value:
        return None
    if isinstance(value, str):
        value = date.fromisoformat(value) if len(value) == DAY_CHARACTERS else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).astimezone(zone())
    return value


def day_of(moment: datetime) -> date:
    """Return the day of a moment in the portal's time zone; without a time zone it is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(zone()).date()


def day(value: Given, style: str = "long") -> str:
    """Return a day in words ("24 décembre 2026"), "" when there is none or it cannot be read.

    Args:
        value: as for `read`.
        style: of Babel: "long", "medium" or a pattern.
    """
    known = _readable(value)
    return _written(known, style) if known else ""


def moment(value: Given) -> str:
    """Return a moment in words, with its hour ("24 décembre 2026 à 19:30"); a day alone where no hour is known."""
    known = _readable(value)
    if not isinstance(known, datetime):
        return day(known)
    time = format_time(known, "short", tzinfo=zone(), locale=_locale())
    return tk._("{date} at {time}").format(date=_written(known, "long"), time=time)


def month(value: str, short: bool = False) -> str:
    """Return a month ("2026-11") in words."""
    return format_date(date.fromisoformat(f"{value[:7]}-01"), "MMM yy" if short else "MMMM y", locale=_locale())


def in_language(known: date, spoken: str, style: str = "long") -> str:
    """Return a day in the words of a language, whatever that of the page: in French the first of a month is "1er".

    Args:
        known: the day; of a moment, the day that it is in its time zone.
        spoken: the language, as CKAN or Babel call it.
        style: of Babel: "long", "medium" or a pattern.
    """
    # Babel takes a moment as it is, without its time zone.
    written = format_date(known, style, locale=locale(spoken))
    return f"1er{written[1:]}" if known.day == 1 and spoken.startswith("fr") and written.startswith("1 ") else written


def _written(known: date, style: str) -> str:
    return in_language(known, _locale(), style)


def _readable(value: Given) -> date | None:
    try:
        return read(value)
    except (TypeError, ValueError):
        return None


def locale(spoken: str) -> str:
    """Return the locale by which days, moments and numbers are written in a language.

    Args:
        spoken: code of a language; plain English is that of Europe ("28 November 2026").
    """
    return "en_GB" if spoken == "en" else spoken.replace("-", "_")


def _locale() -> str:
    return locale(language.current())
