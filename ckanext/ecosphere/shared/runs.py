"""Long runs that the database remembers until they are over, so that neither a kill nor an emptied queue loses one.

Kept in CKAN's own table of tasks (`task_status`): a row while a run is wanted, none when it is over.
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
    """A run of which there is one at a time.

    Attributes:
        name: of the run, its job and its lock.
        work: dotted path of the function that does it, within `working`.
        title: for people.
        queue: where it waits.
        seconds: time after which RQ ends it.
    """

    name: str
    work: str
    title: str
    queue: str
    seconds: int

    def want(self, *arguments: Any) -> str:
        """Have it run by a background worker, and remember that; returns the id of the job.

        What is wanted while it runs is run once more afterwards: the run that is under way may not have seen why.
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
        """Be alone at it while the block runs, and forget it afterwards, unless it was wanted once more meanwhile.

        A run that fails is remembered and sent again some times: a service was away, mostly.

        Yields:
            False when somebody else is at it: leave it to them.
        """
        with Locks() as locks:
            if not locks.take(self._lock):
                yield False
                return
            wanted = sa.select(model.TaskStatus.last_updated).filter_by(task_type=KIND, key=self.name)
            last = model.Session.scalar(wanted)
            model.Session.commit()
            yield True
            query = sa.delete(model.TaskStatus).filter_by(task_type=KIND, key=self.name, last_updated=last)
            model.Session.execute(query)
            model.Session.commit()

    def send_if_lost(self) -> bool:
        """Send it again when it is wanted, stands in no queue and nobody is at it; tells whether it was."""
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
        enqueue_once(work, arguments, job_id=self.name, title=self.title, queue=self.queue, timeout=self.seconds)


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)  # as CKAN keeps moments, and as pages take them


FAILED = -1
"""What a step of `in_steps` did that failed."""


def in_steps(room: str, steps: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """Do steps in their order; one that fails is logged, rolled back, and does not keep the others from being done.

    Args:
        room: name of the room, for the log.
        steps: what to do, by name; each returns how much it did.

    Returns:
        how much of each was done, `FAILED` for a step that failed.
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
