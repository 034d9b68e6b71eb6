"""By when a dataset should have been updated."""

from __future__ import annotations

import functools
import math
from datetime import date, timedelta

from ckanext.ecosphere.quality.reading import table


@functools.cache
def period(frequency: str) -> int | None:
    """Return the days between two updates at `frequency` (code of the EU authority table), None when nothing is promised."""
    return table("frequencies")["days"].get(frequency)


def is_stated(frequency: str) -> bool:
    """Tell whether `frequency` says something (a code of the EU table other than "unknown", or any other wording)."""
    return bool(frequency) and frequency not in table("frequencies")["unknown"]


def due_date(frequency: str, updated: date | None, announced: date | None) -> date | None:
    """Return the last day on which the data still count as up to date.

    Args:
        frequency: code of the EU frequency table, e.g. "ANNUAL".
        updated: day of the last update.
        announced: day of the next update when the producer gives one; it goes before the frequency when it comes
            after the last update.

    Returns:
        that day, a grace of a tenth of the period included; None when nothing is promised or the last update is unknown.
    """
    rules = table("frequencies")
    if announced and (updated is None or announced > updated):
        return _later(announced, rules["grace_min"])
    days = period(frequency)
    if days is None or updated is None:
        return None
    return _later(updated, days + max(rules["grace_min"], math.ceil(days * rules["grace"])))


def _later(start: date, days: int) -> date:
    return start + timedelta(days=min(days, (date.max - start).days))
