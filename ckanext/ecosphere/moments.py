"""Dates and times as people write them in the language of the page.

CKAN writes a date with its time as English does, whatever the language: "novembre 24, 2026, 22:31 (UTC)".
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
from babel.dates import format_date, format_time
from ckan.lib.helpers import get_display_timezone

from ckanext.ecosphere import language


def moment(value: datetime | str | None) -> str:
    """Write a moment in the portal's time zone: “24 novembre 2026 à 22:31”.

    Args:
        value: a moment, or one as CKAN stores it; without a time zone it is UTC.

    Returns:
        empty when there is none, or when it cannot be read.
    """
    try:
        read = tk.h.date_str_to_datetime(value) if isinstance(value, str) else value
    except (TypeError, ValueError):
        return ""
    if read is None:
        return ""
    local = (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).astimezone(get_display_timezone())
    locale = language.current().replace("-", "_")
    date, time = format_date(local, "long", locale=locale), format_time(local, "short", locale=locale)
    return tk._("{date} at {time}").format(date=date, time=time)


@tk.chained_helper
def render_datetime(original: Any, datetime_: Any, *args: Any, **kwargs: Any) -> str:
    """Write a date; with its time, as the language of the page does.

    Args:
        original: CKAN's helper, which writes everything else.
        datetime_: a moment, or one as CKAN stores it.
        args: as for `original`.
        kwargs: as for `original`.
    """
    if args or set(kwargs) != {"with_hours"} or not kwargs["with_hours"]:
        return original(datetime_, *args, **kwargs)
    return moment(datetime_)
