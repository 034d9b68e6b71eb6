"""Rules for when a URL counts as broken, and when it is checked again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ckanext.ecosphere.quality.links.probe import Verdict

MISSES = 2  # a URL is broken after this many misses …
APART = timedelta(hours=6)  # … at least this far apart, to ignore short maintenance
AFTER_FIRST_MISS = timedelta(days=1)
AFTER_NO_VERDICT = timedelta(days=1)
LONGEST = timedelta(days=30)
DOUBLINGS = 5  # broken URLs are checked again after 1, 2, 4, 8, 16 days, then every 30


@dataclass(frozen=True)
class Standing:
    """State of a URL between checks."""

    state: str
    misses: int
    first_miss_at: datetime | None
    next_check_at: datetime


def after(before: Standing, verdict: Verdict, now: datetime, interval: timedelta, jitter: float) -> Standing:
    """Return the state after a check.

    Args:
        before: the state so far.
        verdict: result of the check.
        now: time of the check.
        interval: time between checks of a working URL.
        jitter: a factor of 0.9–1.1 that spreads the next checks over time.
    """
    if verdict.ok is None:
        return Standing(before.state, before.misses, before.first_miss_at, now + AFTER_NO_VERDICT * jitter)
    if verdict.ok:
        return Standing("ok", 0, None, now + interval * jitter)
    first = before.first_miss_at or now
    if before.misses and now - first < APART:
        return Standing(before.state, before.misses, first, first + APART)
    misses = before.misses + 1
    if misses < MISSES:
        return Standing(before.state, misses, first, now + AFTER_FIRST_MISS * jitter)
    pause = AFTER_FIRST_MISS * 2 ** min(misses - MISSES, DOUBLINGS)
    return Standing("broken", misses, first, now + min(pause, LONGEST) * jitter)
