"""Background jobs that wait at most once, and are queued again when they were lost; steps and items
of their work.

RQ runs them. Its queue is no store: it may be emptied, or restored to an earlier state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ckan import model
from sqlalchemy.exc import DBAPIError

from ckanext.ecosphere.shared.locks import is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A background job.

    Attributes:
        name: its id in RQ.
        function: dotted path of the function that does it.
        title: what it does, for people.
        queue: name of its queue.
        seconds: RQ's time limit; None for the default of CKAN.
        has_work: whether there is something to do, for a job that is to be queued again; None for
            any other.
        lock: name of the lock that the function holds, if only one process may do it.
        arguments: arguments of the function, unless `enqueue` is given others.
    """

    name: str
    function: str
    title: str
    queue: str
    seconds: int | None = None
    has_work: Callable[[], bool] | None = None
    lock: str = ""
    arguments: tuple[Any, ...] = ()

    def enqueue(self, *arguments: Any) -> bool:
        """Queue the job, unless it waits already.

        Return whether it waits now (not while Redis is down).
        """
        options = {} if self.seconds is None else {"timeout": self.seconds}
        return enqueue_once(
            self.function,
            arguments or self.arguments,
            job_id=self.name,
            title=self.title,
            queue=self.queue,
            **options,
        )

    def waits(self) -> bool:
        """Return whether the job is waiting in its queue.

        Raises:
            RedisError: Redis is down.
        """
        return waits(self.name, self.queue)

    def is_needed(self) -> bool:
        """Return whether there is something to do."""
        return self.has_work is not None and self.has_work()

    def recover(self) -> list[str]:
        """Queue the job if there is something to do, and it neither waits nor runs; return its
        title if so.

        Raises:
            RedisError: Redis is down.
        """
        if not self.is_needed() or self.waits():
            return []
        if self.lock and not is_free(self.lock):
            return []
        self.enqueue()
        return [self.title]


# Steps and items, of which a failure does not stop the others.

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
