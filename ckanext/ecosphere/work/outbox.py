"""The outbox: e-mails are rows, added in the transaction of what they tell, so that none is lost.

Legal deadlines depend on some of them: delivery is at least once, not at most once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.work.backlog import Backlog
from ckanext.ecosphere.work.model import DONE, FAILED, PENDING, RUNNING, UNWANTED, Work, now

log = logging.getLogger(__name__)


class Unwanted(Exception):
    """An e-mail is not to be sent, for the given reason."""


@dataclass(frozen=True, kw_only=True)
class Outbox(Backlog):
    """The e-mails of a room.

    Attributes:
        is_open: whether e-mails are sent at present.
        kept: how long they are kept; None for ever, as a proof that they were sent.
    """

    is_open: Callable[[], bool] = sending.is_configured
    kept: timedelta | None = None

    def add(self, mails: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str | None], int]:
        """Add e-mails; the caller commits, then calls `enqueue`. Those that were added before are left alone.

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
        """Send the e-mails that are due and return how many were sent. Several workers may run at once.

        Args:
            write: makes the parameters of CKAN's `mail_recipient`; raises `Unwanted` if there is nothing to send.
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
            sending.hand_over(**write(row))
        except Unwanted as reason:
            self.end(id_, UNWANTED, str(reason))
        except Exception as error:
            # Whatever it is: a worker of an older version fails on newer rows, which a current one will send.
            model.Session.rollback()
            if not isinstance(error, sending.FAULTS):
                log.exception("%s: one could not be written", self.title)
            self.retry(id_, error)
        else:
            self.end(id_, DONE)
            return True
        return False

    def recover(self) -> list[str]:
        """Take up e-mails whose sending was interrupted or lost; return the title of the job if there are any."""
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
