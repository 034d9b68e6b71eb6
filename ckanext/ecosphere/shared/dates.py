"""Format dates and times in the language of the page and the portal's time zone.

Pages, e-mails, letters and feeds all use these functions, so that an event has the same time
everywhere. Stored times are UTC.
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
    """Return the time zone in which times are shown (`ecosphere.display_timezone`)."""
    return ZoneInfo(config.display_timezone())


def today() -> date:
    """Return the current date in the portal's time zone."""
    return datetime.now(zone()).date()


def read(value: Given) -> date | None:
    """Parse a date or a time; times are converted to the portal's time zone.

    Args:
        value: a date or datetime, or its ISO 8601 text; a naive datetime is UTC, as CKAN stores
            them.

    Raises:
        ValueError: the text is neither.
    """
    if not value:
        return None
    if isinstance(value, str) and len(value) == DAY_CHARACTERS:
        return date.fromisoformat(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return _in_zone(value)
    return value


def _in_zone(moment: datetime) -> datetime:
    """Return a datetime in the portal's time zone; a naive one is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(zone())


def day_of(moment: datetime) -> date:
    """Return the date of a datetime in the portal's time zone; a naive one is UTC."""
    return _in_zone(moment).date()


def day(value: Given, style: str = "long") -> str:
    """Format a date ("24 décembre 2026"); "" if there is none or it cannot be parsed.

    Args:
        value: as for `read`.
        style: Babel's style: "long", "medium" or a pattern.
    """
    moment_read = _readable(value)
    if moment_read:
        return _written(moment_read, style)
    return ""


def moment(value: Given) -> str:
    """Format a time with its date ("24 décembre 2026 à 19:30").

    The date alone if no time is given.
    """
    moment_read = _readable(value)
    if not isinstance(moment_read, datetime):
        return day(moment_read)
    time = format_time(moment_read, "short", tzinfo=zone(), locale=_locale())
    return tk._("{date} at {time}").format(date=_written(moment_read, "long"), time=time)


def month(value: str) -> str:
    """Format a month ("2026-11") in words."""
    return format_date(date.fromisoformat(f"{value[:7]}-01"), "MMMM y", locale=_locale())


def in_language(known: date, spoken: str, style: str = "long") -> str:
    """Format a date in a given language; in French the first of a month is "1er".

    Args:
        known: the date; of a datetime, the date in its own time zone.
        spoken: language code of CKAN or Babel.
        style: Babel's style: "long", "medium" or a pattern.
    """
    # Babel ignores the time zone of a datetime.
    written = format_date(known, style, locale=locale(spoken))
    if known.day == 1 and spoken.startswith("fr") and written.startswith("1 "):
        return f"1er{written[1:]}"
    return written


def _written(known: date, style: str) -> str:
    return in_language(known, _locale(), style)


def _readable(value: Given) -> date | None:
    try:
        return read(value)
    except (TypeError, ValueError):
        return None


def locale(spoken: str) -> str:
    """Return the locale for dates, times and numbers in a language.

    Args:
        spoken: language code; "en" means British English ("28 November 2026").
    """
    if spoken == "en":
        return "en_GB"
    return spoken.replace("-", "_")


def _locale() -> str:
    return locale(language.current())
