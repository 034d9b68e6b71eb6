"""Outbox of e-mails in a database table: each row is claimed before it is sent, so that only one worker sends it.

The sender holds a lock that ends with its process: a claimed row whose lock is free was being sent when the process
was killed. It is sent again, since legal deadlines depend on some e-mails: delivery is at least once, not at most once.

Failed deliveries are retried at increasing intervals, as are e-mails that could not be written.
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
#: E-mails overdue for this long were lost by the queue, since their job is queued immediately.
LATE = timedelta(seconds=20)
AT_ONCE = 200

PENDING, SENDING, SENT, FAILED, UNWANTED = "pending", "sending", "sent", "failed", "unwanted"


@dataclass(frozen=True)
class Outbox:
    """The outbox of a room.

    Attributes:
        name: name of the room, for locks.
        rows: mapped table with `id`, `status`, `attempts`, `next_try`, `sent` and `error`.
        what: subject of the e-mails, for the log.
        where: conditions that select e-mails, if the table has other rows, too.
    """

    name: str
    rows: Any
    what: str
    where: Sequence[Any] = field(default=())

    def deliver(self, claim: Callable[[Locks], list[int]], send: Callable[[list[int]], int]) -> int:
        """Send all due e-mails and return how many were sent. Several workers may run at once.

        Args:
            claim: claims the next rows (`claim_next`); empty when there are no more.
            send: sends claimed rows in one e-mail (`attempt`).
        """
        sent = 0
        with Locks() as locks:
            while ids := claim(locks):
                try:
                    sent += send(ids)
                except Exception as error:  # preparing the message failed, before `attempt`
                    self._unwritten(ids, error)
                self.release(locks, ids)
        return sent

    def claim_next(
        self, locks: Locks, others: Callable[[Any], Sequence[Any] | None] | None = None
    ) -> list[int]:
        """Claim the next due e-mail, so that no other worker can.

        Args:
            locks: keeps the row's lock until it is sent.
            others: returns further rows, locked for update, to send in the same e-mail as the given one; None if it
                has postponed that one.
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
        """Claim rows that are locked for update, and commit."""
        for row in rows:
            # One lock per row: the rows of an interrupted digest are sent again as separate e-mails.
            locks.take(self._lock_of(row.id))
            row.status, row.attempts, row.next_try = SENDING, row.attempts + 1, _now()
        ids = [row.id for row in rows]
        model.Session.commit()
        return ids

    def release(self, locks: Locks, ids: Sequence[int]) -> None:
        """Release the locks of claimed rows."""
        for id_ in ids:
            locks.release(self._lock_of(id_))

    def attempt(self, ids: list[int], send: Callable[[], bool]) -> int:
        """Send claimed rows and record the outcome; return 1 if an e-mail was sent.

        Args:
            ids: the rows.
            send: sends them; returns False if there is nothing left to send.
        """
        try:
            told = send()
        except sending.FAULTS as error:
            return self._again(ids, error)
        except Exception as error:
            return self._unwritten(ids, error)
        if told:
            return self.note(ids, SENT)
        return self.note(ids, UNWANTED, "nothing to tell")

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
        """Record the outcome of claimed rows; return 1 if they were sent."""
        moment = _now() if status == SENT else None
        update = sa.update(self.rows).where(self.rows.id.in_(ids))
        model.Session.execute(update.values(status=status, error=error[:500], sent=moment))
        model.Session.commit()
        return int(status == SENT)

    def _unwritten(self, ids: list[int], error: Exception) -> int:
        """Log an e-mail that could not be written and retry it later, without stopping the others."""
        # A worker of an older version may fail on newer rows: a current one will retry them.
        model.Session.rollback()
        log.exception("An e-mail about %s could not be written", self.what)
        return self._again(ids, error)

    def _again(self, ids: list[int], error: Exception) -> int:
        """Retry later, doubling the interval each time, up to a maximum number of attempts."""
        most = sa.select(sa.func.max(self.rows.attempts)).where(self.rows.id.in_(ids))
        tries = model.Session.scalar(most) or 1
        if tries >= MOST_TRIES:
            log.warning(
                "An e-mail about %s is given up after %s tries: %s", self.what, tries, error
            )
            return self.note(ids, FAILED, str(error))
        values = {
            "status": PENDING,
            "error": str(error)[:500],
            "next_try": _now() + FIRST_PAUSE * 2 ** (tries - 1),
        }
        model.Session.execute(sa.update(self.rows).where(self.rows.id.in_(ids)).values(**values))
        model.Session.commit()
        return 0

    def take_up_interrupted(self) -> int:
        """Reset e-mails that were being sent when their process was killed; they may have been sent.

        Returns:
            the number reset; those interrupted too many times are marked as failed.
        """
        row = self.rows
        claimed = list(
            model.Session.scalars(
                sa.select(row.id).where(row.status == SENDING).order_by(row.id).limit(AT_ONCE)
            )
        )
        model.Session.rollback()
        if not claimed:
            return 0
        with Locks() as locks:
            left = [id_ for id_ in claimed if locks.take(self._lock_of(id_))]
            # Check the status again while holding the locks: the sender may just have finished.
            again = (row.id.in_(left), row.status == SENDING)
            given_up = sa.update(row).where(*again, row.attempts >= MOST_TRIES)
            model.Session.execute(given_up.values(status=FAILED, error="interrupted each time"))
            pending = sa.update(row).where(*again, row.attempts < MOST_TRIES)
            done = model.Session.execute(
                pending.values(status=PENDING, error="interrupted", next_try=_now())
            )
            # Release before others see the rows as pending, so that whoever claims one gets its lock.
            self.release(locks, left)
            model.Session.commit()
        return done.rowcount  # pyright: ignore[reportAttributeAccessIssue]

    def is_late(self) -> bool:
        """Return whether an e-mail is overdue for longer than a job takes to start."""
        row = self.rows
        late = sa.exists().where(row.status == PENDING, *self.where, row.next_try < _now() - LATE)
        found = bool(model.Session.scalar(sa.select(late)))
        model.Session.rollback()
        return found

    def _lock_of(self, id_: int) -> str:
        """Return the name of the lock of a row's sender."""
        return f"{self.name}:mail:{id_}"


def _now() -> datetime:
    return datetime.now(timezone.utc)
