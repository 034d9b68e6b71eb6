"""Pauses between attempts to reach PostgreSQL or Solr after a failure."""

from __future__ import annotations

from collections.abc import Iterator

_FIRST, _LONGEST = 1.0, 5.0


def pauses(total: float) -> Iterator[float]:
    """Yield pauses in seconds, doubling up to five seconds, `total` seconds in all."""
    pause = _FIRST
    while total > 0:
        yield min(pause, total)
        total -= pause
        pause = min(pause * 2, _LONGEST)
