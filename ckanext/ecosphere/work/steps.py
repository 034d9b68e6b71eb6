"""Steps of a regular run, and items one by one: a failure does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ckan import model
from sqlalchemy.exc import DBAPIError

log = logging.getLogger(__name__)

T = TypeVar("T")
FAILED = -1
"""Result of a failed step of `in_steps`."""


def in_steps(room: str, steps: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """Run steps in order; a failed one is logged and rolled back, and the others still run.

    Args:
        room: name of the room, for the log.
        steps: functions by name; each returns a count of what it did.

    Returns:
        the count of each step, `FAILED` for a failed one.
    """
    counts: dict[str, int] = {}
    for name, step in steps.items():
        try:
            counts[name] = step()
        except Exception:
            model.Session.rollback()
            log.exception("%s: %s failed", room, name)
            counts[name] = FAILED
    return counts


class SomeFailed(Exception):
    """Some items of a batch failed, as the log says; all others are done.

    Attributes:
        done: number of results.
        failed: number of items that failed.
    """

    def __init__(self, done: int, failed: int) -> None:
        super().__init__(f"{failed} failed, {done} done")
        self.done, self.failed = done, failed


def one_by_one(items: Iterable[T], process: Callable[[T], int]) -> int:
    """Process items one by one; a failure is logged and rolled back, and does not stop the others.

    Args:
        items: what to process: identifiers, since a rollback expires rows.
        process: processes one item and commits; returns the number of results.

    Returns:
        the number of results of all items.

    Raises:
        SomeFailed: after the last item, when at least one failed.
        DBAPIError: the connection to the database is lost.
    """
    results = failed = 0
    for item in items:
        try:
            results += process(item)
        except Exception as error:
            model.Session.rollback()
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            log.exception("%s failed for %s", getattr(process, "__qualname__", process), item)
            failed += 1
    if failed:
        raise SomeFailed(results, failed)
    return results
