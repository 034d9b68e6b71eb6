"""E-mails leave from rows of a table: each is claimed before it is sent, so that two workers never send one.

Whoever sends holds a lock that ends with the process: a row that was claimed while nobody holds its lock was being sent
when the process was killed. It is sent again, since the law's dates depend on some e-mails: at least once, not at most.
A server that does not answer is asked again, less and less often; so is an e-mail written again that could not be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.mailing import sending

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=5)
MOST_TRIES = 8
#: What is due for so long, although a job is sent at once, was forgotten by the queue.
LATE = timedelta(seconds=20)
AT_ONCE = 200

PENDING, SENDING, SENT, FAILED, UNWANTED = "pending", "sending", "sent", "failed", "unwanted"


@dataclass(frozen=True)
class Outbox:
    """The e-mails of a room.

    Attributes:
        name: of the room, for locks.
        rows: mapped table with `id`, `status`, `attempts`, `next_try`, `sent` and `error`.
        what: what the e-mails are about, for the log.
        where: conditions that rows of e-mails meet, where the table has others, too.
    """

    name: str
    rows: Any
    what: str
    where: Sequence[Any] = field(default=())

    def deliver(self, claim: Callable[[Locks], list[int]], send: Callable[[list[int]], int]) -> int:
        """Send what is due; return how many e-mails left. Several may run at once.

        Args:
            claim: takes the next rows (`claim_next`), none when there are no more.
            send: sends claimed rows in one e-mail (`attempt`).
        """
        sent = 0
        with Locks() as locks:
            while ids := claim(locks):
                try:
                    sent += send(ids)
                except Exception as error:  # what is read for a message, before it is attempted
                    self._unwritten(ids, error)
                self.release(locks, ids)
        return sent

    def claim_next(self, locks: Locks, others: Callable[[Any], Sequence[Any] | None] | None = None) -> list[int]:
        """Take the next e-mail; nobody else can take it.

        Args:
            locks: held until it is sent.
            others: further rows, locked for update, that go into the same e-mail as the one given; None when it has
                put that one off.
        """
        row = self.rows
        query = (
            sa.select(row)
            .where(row.status == PENDING, *self.where, row.next_try <= _now())
            .order_by(row.next_try, row.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        while (found := model.Session.scalars(query).one_or_none()) is not None:
            beside = others(found) if others else ()
            if beside is not None:
                return self.claim(locks, [found, *beside])
            model.Session.commit()
        model.Session.rollback()
        return []

    def claim(self, locks: Locks, rows: Sequence[Any]) -> list[int]:
        """Take rows that are locked for update, and commit."""
        for row in rows:
            # Digests that are interrupted are sent again as e-mails of their own: each row has its lock.
            locks.take(self._lock_of(row.id))
            row.status, row.attempts, row.next_try = SENDING, row.attempts + 1, _now()
        ids = [row.id for row in rows]
        model.Session.commit()
        return ids

    def release(self, locks: Locks, ids: Sequence[int]) -> None:
        """Give the locks of claimed rows back."""
        for id_ in ids:
            locks.release(self._lock_of(id_))

    def attempt(self, ids: list[int], send: Callable[[], bool]) -> int:
        """Send claimed rows, and note what became of them; return 1 when an e-mail left.

        Args:
            ids: the rows.
            send: sends them; False when there is nothing to tell any more.
        """
        try:
            told = send()
        except sending.FAULTS as error:
            return self._again(ids, error)
        except Exception as error:
            return self._unwritten(ids, error)
        return self.note(ids, SENT) if told else self.note(ids, UNWANTED, "nothing to tell")

    def hand_over(self, ids: list[int], **mail: Any) -> int:
        """Send claimed rows as one e-mail, and note what became of them; return 1 when it left.

        Args:
            ids: the rows.
            mail: parameters of CKAN's `mail_recipient`.
        """

        def send() -> bool:
            sending.hand_over(**mail)
            return True

        return self.attempt(ids, send)

    def note(self, ids: list[int], status: str, error: str = "") -> int:
        """Write down what became of claimed rows; return 1 when they are sent."""
        moment = _now() if status == SENT else None
        update = sa.update(self.rows).where(self.rows.id.in_(ids))
        model.Session.execute(update.values(status=status, error=error[:500], sent=moment))
        model.Session.commit()
        return int(status == SENT)

    def _unwritten(self, ids: list[int], error: Exception) -> int:
        """One bad message never stops the others, and is tried again."""
        # A worker of an earlier version knows neither steps nor columns of a later one: one that does comes.
        model.Session.rollback()
        log.exception("An e-mail about %s could not be written", self.what)
        return self._again(ids, error)

    def _again(self, ids: list[int], error: Exception) -> int:
        """Try later, twice as late each time, then no more."""
        most = sa.select(sa.func.max(self.rows.attempts)).where(self.rows.id.in_(ids))
        tries = model.Session.scalar(most) or 1
        if tries >= MOST_TRIES:
            log.warning("An e-mail about %s is given up after %s tries: %s", self.what, tries, error)
            return self.note(ids, FAILED, str(error))
        values = {"status": PENDING, "error": str(error)[:500], "next_try": _now() + FIRST_PAUSE * 2 ** (tries - 1)}
        model.Session.execute(sa.update(self.rows).where(self.rows.id.in_(ids)).values(**values))
        model.Session.commit()
        return 0

    def take_up_interrupted(self) -> int:
        """Have e-mails sent again that were being sent when their process was killed; they may have left.

        Returns:
            how many; one that was interrupted again and again is given up.
        """
        row = self.rows
        claimed = list(
            model.Session.scalars(sa.select(row.id).where(row.status == SENDING).order_by(row.id).limit(AT_ONCE))
        )
        model.Session.rollback()
        if not claimed:
            return 0
        with Locks() as locks:
            left = [id_ for id_ in claimed if locks.take(self._lock_of(id_))]
            # Read again now that the locks are held: whoever sent it may just have finished.
            again = (row.id.in_(left), row.status == SENDING)
            given_up = sa.update(row).where(*again, row.attempts >= MOST_TRIES)
            model.Session.execute(given_up.values(status=FAILED, error="interrupted each time"))
            pending = sa.update(row).where(*again, row.attempts < MOST_TRIES)
            done = model.Session.execute(pending.values(status=PENDING, error="interrupted", next_try=_now()))
            # Before others see them as pending: who claims one then gets its lock.
            self.release(locks, left)
            model.Session.commit()
        return done.rowcount  # pyright: ignore[reportAttributeAccessIssue]

    def is_late(self) -> bool:
        """Whether an e-mail is due for longer than a job takes to be begun."""
        row = self.rows
        late = sa.exists().where(row.status == PENDING, *self.where, row.next_try < _now() - LATE)
        found = bool(model.Session.scalar(sa.select(late)))
        model.Session.rollback()
        return found

    def _lock_of(self, id_: int) -> str:
        """The lock of whoever sends a row."""
        return f"{self.name}:mail:{id_}"


def _now() -> datetime:
    return datetime.now(timezone.utc)
