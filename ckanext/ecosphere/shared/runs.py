"""Long-running background jobs recorded in the database, so that neither a kill nor an emptied queue loses one.

They are kept in CKAN's `task_status` table: a row exists from the request until the run is complete.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

import sqlalchemy as sa
from ckan import model
from ckan.model.types import make_uuid
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits

log = logging.getLogger(__name__)

T = TypeVar("T")
KIND = "ecosphere_run"
MOST_TRIES = 5


@dataclass(frozen=True)
class Run:
    """A background job of which at most one instance runs at a time.

    Attributes:
        name: name of the run, its job and its lock.
        work: dotted path of the function that does the work, within `working`.
        title: title of the job, for people.
        queue: name of its queue.
        seconds: RQ timeout.
    """

    name: str
    work: str
    title: str
    queue: str
    seconds: int

    def want(self, *arguments: Any) -> str:
        """Request a run and queue its job; return the job id.

        A request made during a run causes another run afterwards, since the current one may have missed the change.
        """
        told = json.dumps({"arguments": arguments, "tries": 0})
        wanted = {"value": told, "state": "wanted", "last_updated": _now()}
        one = {"entity_id": self.name, "entity_type": "run", "task_type": KIND, "key": self.name}
        query = insert(model.TaskStatus).values(id=make_uuid(), **one, **wanted)
        unique = ("entity_id", "task_type", "key")
        model.Session.execute(query.on_conflict_do_update(index_elements=unique, set_=wanted))
        model.Session.commit()
        self._send(arguments)
        return self.name

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Hold the run's lock for the block, and mark the run as complete afterwards unless it was requested again.

        A failed run stays recorded and is retried a few times, since most failures are outages.

        Yields:
            False if another process is running it: the caller must leave it alone.
        """
        with Locks() as locks:
            if not locks.take(self._lock):
                yield False
                return
            wanted = sa.select(model.TaskStatus.last_updated).filter_by(
                task_type=KIND, key=self.name
            )
            last = model.Session.scalar(wanted)
            model.Session.commit()
            yield True
            query = sa.delete(model.TaskStatus).filter_by(
                task_type=KIND, key=self.name, last_updated=last
            )
            model.Session.execute(query)
            model.Session.commit()

    def send_if_lost(self) -> bool:
        """Queue the run again if it is requested but neither queued nor running; return whether it was queued."""
        row = self._row()
        if row is None or waits(self.name, self.queue) or not is_free(self._lock):
            return False
        known = json.loads(row.value or "{}")
        tries = known.get("tries", 0) + 1
        if tries > MOST_TRIES:
            log.error("%s: given up after %s tries", self.title, MOST_TRIES)
            model.Session.delete(row)
            model.Session.commit()
            return False
        row.value, row.last_updated = json.dumps({**known, "tries": tries}), _now()
        model.Session.commit()
        self._send(known.get("arguments", []))
        return True

    @property
    def _lock(self) -> str:
        return f"run:{self.name}"

    def _row(self) -> Any:
        query = sa.select(model.TaskStatus).filter_by(task_type=KIND, key=self.name)
        return model.Session.scalars(query).first()

    def _send(self, arguments: Any) -> None:
        work: Any = self.work
        enqueue_once(
            work,
            arguments,
            job_id=self.name,
            title=self.title,
            queue=self.queue,
            timeout=self.seconds,
        )


def _now() -> datetime:
    # Naive UTC, as CKAN stores times and pages expect them.
    return datetime.now(timezone.utc).replace(tzinfo=None)


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
    done: dict[str, int] = {}
    for name, step in steps.items():
        try:
            done[name] = step()
        except Exception:
            model.Session.rollback()
            log.exception("%s: %s failed", room, name)
            done[name] = FAILED
    return done


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
    done = failed = 0
    for item in items:
        try:
            done += process(item)
        except Exception as error:
            model.Session.rollback()
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            log.exception("%s failed for %s", getattr(process, "__qualname__", process), item)
            failed += 1
    if failed:
        raise SomeFailed(done, failed)
    return done
