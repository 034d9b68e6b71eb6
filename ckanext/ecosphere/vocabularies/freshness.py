"""Compute the day by which a dataset should have been updated, from its frequency of update."""

from __future__ import annotations

import functools
import math
from datetime import date, timedelta

from ckanext.ecosphere import vocabularies

GRACE = 0.1  # share of the period that a producer may be late
SHORTEST_GRACE = 2  # days
UNKNOWN = "UNKNOWN"


@vocabularies.derived
@functools.lru_cache(maxsize=512)
def code(frequency: str) -> str:
    """Return the code of `frequency` in the EU authority table, else its last path segment; "" for none."""
    if not frequency:
        return ""
    concept = vocabularies.get("frequency").lookup(frequency)
    if concept:
        return concept.id
    return frequency.rsplit("/", 1)[-1].upper()


def is_stated(frequency: str) -> bool:
    """Return whether the code `frequency` makes a statement about updates, even "never"."""
    return frequency not in ("", UNKNOWN)


def due_date(frequency: str, updated: date | None, announced: date | None) -> date | None:
    """Return the last day on which the data still count as up to date.

    Args:
        frequency: code of the EU frequency table, e.g. "ANNUAL".
        updated: day of the last update.
        announced: day of the next update, if the producer gives one; it takes precedence over the frequency when it
            is later than the last update.

    Returns:
        that day, including the grace period; None when no update is promised or the last update is unknown.
    """
    if announced and (updated is None or announced > updated):
        return _later(announced, SHORTEST_GRACE)
    concept = vocabularies.get("frequency").get(frequency)
    if concept is None or concept.data["max_days"] is None or updated is None:
        return None
    days = concept.data["max_days"]
    return _later(updated, days + max(SHORTEST_GRACE, math.ceil(days * GRACE)))


def _later(start: date, days: int) -> date:
    return start + timedelta(days=min(days, (date.max - start).days))
