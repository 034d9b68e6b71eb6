"""Work that must not be lost: rows that are claimed, retried and resumed; the outbox of e-mails,
and long runs.

A row is claimed before it is done, so that only one worker does it. The worker holds a lock that
ends with its process: a claimed row whose lock is free was being done when the process was killed,
and is done again. What fails is done again at increasing intervals, up to a maximum number of
attempts. E-mails are rows, added in the transaction of what they tell: legal deadlines depend on
some of them, so their delivery is at least once, not at most once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.shared import mailing
from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.work.jobs import Job
from ckanext.ecosphere.work.model import DONE, FAILED, PENDING, RUNNING, UNWANTED, Work, now

log = logging.getLogger(__name__)

#: Pause after the first failure; it doubles with each further one.
FIRST_PAUSE = timedelta(minutes=5)
#: Work overdue for this long was lost by the queue, since its job is queued when it is added.
LATE = timedelta(seconds=20)
#: Characters of an error that are stored.
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
        """Return the name of the lock that a process holds while it does a row."""
        return f"work:{id_}"

    def claim_next(self, locks: Locks, prepare: Callable[[Work], bool] | None = None) -> int | None:
        """Claim the next due row, so that no other worker can, and commit.

        Args:
            locks: keeps the row's lock until it is released.
            prepare: called with the row, locked for update; returns False if it has put the row
                off.

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

    def ask(self, works: Iterable[Mapping[str, Any]]) -> None:
        """Ask for work, again if it was asked for before; the caller commits, then calls `enqueue`.

        Args:
            works: `key` and `content` of each.
        """
        again = {"status": PENDING, "attempts": 0, "due": now(), "error": ""}
        same = {"backlog": self.name, "created": now(), **again}
        rows = [{**work, **same} for work in works]
        if not rows:
            return
        query = insert(Work).values(rows)
        changed = {**again, "content": query.excluded.content}
        unique = ("backlog", "key", "recipient")
        model.Session.execute(query.on_conflict_do_update(index_elements=unique, set_=changed))

    def end(self, id_: int, status: str, error: str = "") -> None:
        """Record what became of a claimed row, and commit."""
        values: dict[str, Any] = {"status": status, "error": error[:LONGEST_ERROR]}
        if status == DONE:
            values["ended"] = now()
        self._update(id_, values)

    def _update(self, id_: int, values: Mapping[str, Any]) -> None:
        model.Session.execute(sa.update(Work).where(Work.id == id_).values(**values))
        model.Session.commit()

    def retry(self, id_: int, error: Exception) -> None:
        """Put a claimed row off after a failure, each time for twice as long, or give it up.

        Commit.
        """
        attempts = model.Session.scalar(sa.select(Work.attempts).where(Work.id == id_)) or 1
        if attempts >= self.most_tries:
            log.warning("%s: given up after %s tries: %s", self.title, attempts, error)
            self.end(id_, FAILED, str(error))
            return
        due = now() + FIRST_PAUSE * 2 ** (attempts - 1)
        self._update(id_, {"status": PENDING, "error": str(error)[:LONGEST_ERROR], "due": due})

    def resume(self) -> int:
        """Make work pending again whose process was killed, or give it up if that has happened too
        often.

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
            # The status is checked again while the locks are held: whoever did the row may just
            # have ended.
            orphaned = sa.update(Work).where(Work.id.in_(orphans), Work.status == RUNNING)
            too_often = orphaned.where(Work.attempts >= self.most_tries)
            given_up = model.Session.execute(
                too_often.values(status=FAILED, error="interrupted each time")
            )
            resumed = model.Session.execute(
                orphaned.values(status=PENDING, error="interrupted", due=now())
            )
            # Locks are released before others see the rows as pending, so that whoever claims one
            # gets its lock.
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
        """Take up what a killed process or an emptied queue left undone; return the title of the
        job if anything was.

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


class Unwanted(Exception):
    """An e-mail is not to be sent, for the given reason."""


@dataclass(frozen=True, kw_only=True)
class Outbox(Backlog):
    """The e-mails of a room.

    Attributes:
        is_open: whether e-mails are sent at present.
        kept: how long they are kept; None for ever, as a proof that they were sent.
    """

    is_open: Callable[[], bool] = mailing.is_configured
    kept: timedelta | None = None

    def add(self, mails: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str | None], int]:
        """Add e-mails; the caller commits, then calls `enqueue`. Those that were added before are
        left alone.

        Args:
            mails: values of `Work`: `recipient`, and `kind`, `key`, `content` and `due` if need be.

        Returns:
            ids of the new e-mails by recipient and key.
        """
        moment = now()
        same = {"backlog": self.name, "created": moment}
        default = {"kind": "", "key": None, "content": {}, "due": moment}
        rows = [{**default, **mail, **same} for mail in mails]
        if not rows:
            return {}
        query = insert(Work).values(rows).on_conflict_do_nothing(constraint="uq_ecosphere_work")
        added = model.Session.execute(query.returning(Work.recipient, Work.key, Work.id))
        return {(recipient, key): id_ for recipient, key, id_ in added}

    def deliver(
        self,
        write: Callable[[Work], dict[str, Any]],
        prepare: Callable[[Work], bool] | None = None,
    ) -> int:
        """Send the e-mails that are due and return how many were sent. Several workers may run at
        once.

        Args:
            write: makes the parameters of CKAN's `mail_recipient`; raises `Unwanted` if there is
                nothing to send.
            prepare: see `claim_next`.
        """
        if not self.is_open():
            return 0
        sent = 0
        with Locks() as locks:
            while (id_ := self.claim_next(locks, prepare)) is not None:
                sent += self._send(id_, write)
                locks.release(self.lock_of(id_))
        log.info("%s: %s sent", self.title, sent)
        return sent

    def _send(self, id_: int, write: Callable[[Work], dict[str, Any]]) -> bool:
        """Send a claimed e-mail and record what became of it; return whether it was sent."""
        try:
            row = model.Session.get(Work, id_)
            if row is None:
                return False  # its recipient was erased meanwhile
            mailing.hand_over(**write(row))
        except Unwanted as reason:
            self.end(id_, UNWANTED, str(reason))
        except Exception as error:
            # Whatever it is: a worker of an older version fails on newer rows, which a current one
            # will send.
            model.Session.rollback()
            if not isinstance(error, mailing.FAULTS):
                log.exception("%s: one could not be written", self.title)
            self.retry(id_, error)
        else:
            self.end(id_, DONE)
            return True
        return False

    def recover(self) -> list[str]:
        """Take up e-mails whose sending was interrupted or lost.

        Return the title of the job if there are any.
        """
        return super().recover() if self.is_open() else []

    def failures(self, name: str) -> list[Check]:
        """Return a warning for `ckan ecosphere check` if e-mails were given up in the last week.

        Args:
            name: what is checked, for people.
        """
        failed = self.of_last_week(FAILED)
        if not failed:
            return []
        message = tk.ungettext(
            "{number} e-mail could not be sent in the last week.",
            "{number} e-mails could not be sent in the last week.",
            failed,
        )
        remedy = tk._("See the mail server’s log; the reasons are in the table ecosphere_work.")
        return [Check(name, CheckStatus.WARNING, message.format(number=failed), remedy)]

    def forget(self, recipients: Iterable[str]) -> None:
        """Delete all e-mails to some recipients; the caller commits."""
        model.Session.execute(
            sa.delete(Work).where(self.rows, Work.recipient.in_(list(recipients)))
        )

    def purge(self) -> None:
        """Delete e-mails that were kept long enough; the caller commits."""
        if self.kept is not None:
            old = (Work.created < now() - self.kept, Work.status != RUNNING)
            model.Session.execute(sa.delete(Work).where(self.rows, *old))

    def drop(self, recipient: str) -> None:
        """Mark the pending e-mails to a recipient as unwanted; the caller commits."""
        pending = sa.update(Work).where(
            self.rows, Work.recipient == recipient, Work.status == PENDING
        )
        model.Session.execute(pending.values(status=UNWANTED))


@dataclass(frozen=True, kw_only=True)
class Run(Backlog):
    """A background job of which at most one instance runs at a time.

    Its function works within `working`.
    """

    most_tries: int = 5
    late: timedelta = timedelta(0)

    @property
    def run_lock(self) -> str:
        """Name of the lock that a process holds while the job runs,
        also when no row asks for it.
        """
        return f"run:{self.name}"

    def lock_of(self, id_: int) -> str:
        """Return the lock of the job, which is that of its only row."""
        return self.run_lock

    def request(self, *arguments: Any) -> str:
        """Store a request for a run, commit, and queue the job; return its name.

        A run that is requested while another runs is done afterwards, since that one may have
        missed the change.

        Args:
            arguments: of the function of the job, as JSON.
        """
        self.ask([{"key": self.name, "content": {"arguments": arguments}}])
        model.Session.commit()
        self.enqueue(*arguments)
        return self.name

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Hold the run's lock for the block, and mark the run as complete afterwards unless it was
        requested again.

        Yields:
            False if another process is running it: the caller must leave it alone.
        """
        with Locks() as locks:
            if not locks.take(self.run_lock):
                yield False
                return
            begun = {"status": RUNNING, "attempts": Work.attempts + 1, "due": now()}
            model.Session.execute(sa.update(Work).where(self.rows).values(**begun))
            model.Session.commit()
            yield True
            model.Session.execute(sa.delete(Work).where(self.rows, Work.status == RUNNING))
            model.Session.commit()

    def is_needed(self) -> bool:
        """Return whether a run was requested, and none is running."""
        return super().is_needed() and is_free(self.run_lock)

    def enqueue(self, *arguments: Any) -> bool:
        """Queue the job, with the arguments of the request if none are given."""
        query = sa.select(Work.content).where(self.rows)
        content = model.Session.scalar(query) or {}
        model.Session.rollback()
        return super().enqueue(*(arguments or content.get("arguments", ())))
