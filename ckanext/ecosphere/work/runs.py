"""Long runs that are asked for, so that neither a kill nor an emptied queue loses one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.work.backlog import Backlog
from ckanext.ecosphere.work.model import PENDING, RUNNING, Work, now


@dataclass(frozen=True, kw_only=True)
class Run(Backlog):
    """A background job of which at most one instance runs at a time; its function works within `working`."""

    most_tries: int = 5
    late: timedelta = timedelta(0)

    def want(self, *arguments: Any) -> str:
        """Ask for a run and queue its job; return the id of the job.

        A run that is asked for while another runs is done afterwards, since that one may have missed the change.
        """
        wanted = {"content": {"arguments": arguments}, "status": PENDING, "attempts": 0}
        wanted |= {"due": now(), "error": ""}
        query = insert(Work).values(backlog=self.name, key=self.name, created=now(), **wanted)
        unique = ("backlog", "key", "recipient")
        model.Session.execute(query.on_conflict_do_update(index_elements=unique, set_=wanted))
        model.Session.commit()
        self.enqueue(*arguments)
        return self.name

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Hold the run's lock for the block, and mark the run as complete afterwards unless it was asked for again.

        Yields:
            False if another process is running it: the caller must leave it alone.
        """
        with Locks() as locks:
            if not locks.take(self.lock_of()):
                yield False
                return
            begun = {"status": RUNNING, "attempts": Work.attempts + 1, "due": now()}
            model.Session.execute(sa.update(Work).where(self.rows).values(**begun))
            model.Session.commit()
            yield True
            model.Session.execute(sa.delete(Work).where(self.rows, Work.status == RUNNING))
            model.Session.commit()

    def lock_of(self, id_: int = 0) -> str:
        """Return the name of the lock of the run, whatever the row: it may run without having been asked for."""
        return f"run:{self.name}"

    def is_needed(self) -> bool:
        """Return whether the run was asked for, and is not running."""
        return super().is_needed() and is_free(self.lock_of())

    def enqueue(self, *arguments: Any) -> bool:
        """Queue the job, with the arguments of the request if none are given."""
        query = sa.select(Work.content).where(self.rows)
        content = model.Session.scalar(query) or {}
        model.Session.rollback()
        return super().enqueue(*(arguments or content.get("arguments", ())))
