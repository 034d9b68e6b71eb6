"""Claim, retry and resume work: rows of the table that one job after the other takes up.

A row is claimed before it is done, so that only one worker does it. The worker holds a lock that ends with its process:
a claimed row whose lock is free was being done when the process was killed, and is done again. What fails is done again
at increasing intervals, up to a maximum number of attempts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.work.jobs import Job
from ckanext.ecosphere.work.model import DONE, FAILED, PENDING, RUNNING, Work, now

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=5)
#: Work overdue for this long was lost by the queue, since its job is queued when it is added.
LATE = timedelta(seconds=20)
LONGEST_ERROR = 500


@dataclass(frozen=True, kw_only=True)
class Backlog(Job):
    """Rows of one kind, with the job that does them.

    Attributes:
        name: of the rows, and of the job.
        most_tries: attempts after which a row is given up.
        late: time after which due work was lost by the queue.
    """

    most_tries: int = 8
    late: timedelta = LATE

    @property
    def rows(self) -> sa.ColumnElement[bool]:
        """SQL condition for the rows of this backlog."""
        return Work.backlog == self.name

    def lock_of(self, id_: int) -> str:
        """Return the name of the lock of whoever does a row."""
        return f"work:{id_}"

    def claim_next(self, locks: Locks, prepare: Callable[[Work], bool] | None = None) -> int | None:
        """Claim the next due row, so that no other worker can, and commit.

        Args:
            locks: keeps the row's lock until it is released.
            prepare: called with the row, locked for update; returns False if it has put the row off.

        Returns:
            the id of the row, None if nothing is due.
        """
        query = (
            sa.select(Work)
            .where(self.rows, Work.status == PENDING, Work.due <= now())
            .order_by(Work.due, Work.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        while (row := model.Session.scalars(query).one_or_none()) is not None:
            if prepare is None or prepare(row):
                id_ = row.id
                locks.take(self.lock_of(id_))
                row.status, row.attempts, row.due = RUNNING, row.attempts + 1, now()
                model.Session.commit()
                return id_
            model.Session.commit()
        model.Session.rollback()
        return None

    def end(self, id_: int, status: str, error: str = "") -> None:
        """Record what became of a claimed row, and commit."""
        values: dict[str, Any] = {"status": status, "error": error[:LONGEST_ERROR]}
        if status == DONE:
            values["ended"] = now()
        model.Session.execute(sa.update(Work).where(Work.id == id_).values(**values))
        model.Session.commit()

    def retry(self, id_: int, error: Exception) -> None:
        """Put a claimed row off after a failure, each time for twice as long, or give it up; commit."""
        attempts = model.Session.scalar(sa.select(Work.attempts).where(Work.id == id_)) or 1
        if attempts >= self.most_tries:
            log.warning("%s: given up after %s tries: %s", self.title, attempts, error)
            self.end(id_, FAILED, str(error))
            return
        due = now() + FIRST_PAUSE * 2 ** (attempts - 1)
        values = {"status": PENDING, "error": str(error)[:LONGEST_ERROR], "due": due}
        model.Session.execute(sa.update(Work).where(Work.id == id_).values(**values))
        model.Session.commit()

    def resume(self) -> int:
        """Make work pending again whose process was killed, or give it up if that has happened too often.

        Returns:
            the number of rows that are pending again.
        """
        claimed = sa.select(Work.id).where(self.rows, Work.status == RUNNING)
        ids = list(model.Session.scalars(claimed))
        model.Session.rollback()
        if not ids:
            return 0
        with Locks() as locks:
            orphans = [id_ for id_ in ids if locks.take(self.lock_of(id_))]
            # The status is checked again while the locks are held: whoever did the row may just have ended.
            orphaned = sa.update(Work).where(Work.id.in_(orphans), Work.status == RUNNING)
            too_often = orphaned.where(Work.attempts >= self.most_tries)
            given_up = model.Session.execute(
                too_often.values(status=FAILED, error="interrupted each time")
            )
            resumed = model.Session.execute(
                orphaned.values(status=PENDING, error="interrupted", due=now())
            )
            # Locks are released before others see the rows as pending, so that whoever claims one gets its lock.
            for id_ in orphans:
                locks.release(self.lock_of(id_))
            model.Session.commit()
        if given_up.rowcount:  # pyright: ignore[reportAttributeAccessIssue]
            log.error("%s: given up after %s tries", self.title, self.most_tries)
        return resumed.rowcount  # pyright: ignore[reportAttributeAccessIssue]

    def is_needed(self) -> bool:
        """Return whether work is overdue for longer than its job takes to start."""
        late = sa.exists().where(self.rows, Work.status == PENDING, Work.due <= now() - self.late)
        is_late = bool(model.Session.scalar(sa.select(late)))
        model.Session.rollback()
        return is_late

    def recover(self) -> list[str]:
        """Take up what a killed process or an emptied queue left undone; return the title of the job if anything was.

        Raises:
            RedisError: Redis is down.
        """
        if self.resume():
            self.enqueue()
            return [self.title]
        return super().recover()

    def of_last_week(self, status: str) -> int:
        """Return the number of rows with a status, of those added in the last seven days."""
        recent = Work.created > now() - timedelta(days=7)
        query = sa.select(sa.func.count()).where(self.rows, Work.status == status, recent)
        return model.Session.scalar(query) or 0
