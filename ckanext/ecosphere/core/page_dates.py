"""Dates on CKAN's own pages, as people write them in the language of the page and in the portal's time zone.

CKAN writes a date with its time as English does, whatever the language: "novembre 24, 2026, 22:31 (UTC)".
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import dates


@tk.chained_helper
def render_datetime(original: Any, datetime_: Any, *args: Any, **kwargs: Any) -> str:
    """Write a date, with its time where that is asked for; a format that is asked for stays CKAN's.

    Args:
        original: CKAN's helper, which writes everything else.
        datetime_: a moment, or one as CKAN stores it.
        args: as for `original`.
        kwargs: as for `original`.
    """
    if not args and not kwargs:
        return dates.day(datetime_)
    if args or set(kwargs) != {"with_hours"}:
        return original(datetime_, *args, **kwargs)
    return dates.moment(datetime_) if kwargs["with_hours"] else dates.day(datetime_)
