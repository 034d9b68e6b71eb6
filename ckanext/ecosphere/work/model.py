"""The table of work: e-mails to send or sent, and long runs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

MOMENT = sa.DateTime(timezone=True)
PENDING, RUNNING, DONE, FAILED, UNWANTED = "pending", "running", "done", "failed", "unwanted"


def now() -> datetime:
    """Return the current time."""
    return datetime.now(timezone.utc)


class Work(tk.BaseModel):
    """A piece of work: an e-mail to send or sent, or a run that was asked for.

    Attributes:
        backlog: name of the backlog that it belongs to (`backlog.Backlog`).
        kind: tells apart the e-mails of a backlog.
        key: of what is done only once for a recipient; None for what may be repeated.
        recipient: the account or the like to write to, as the room knows it; "" for a run.
        content: what the room needs to do it.
        status: pending, running (by the process that holds its lock), done, failed (given up) or
            unwanted.
        attempts: how many times it was begun.
        due: time from which it is done (again); while it is running, the time at which it was
            begun.
        ended: time at which it was done; for an e-mail, the proof that the mail server took it.
        error: why it failed or was not wanted.
    """

    __tablename__ = "ecosphere_work"
    __table_args__ = (sa.UniqueConstraint("backlog", "key", "recipient", name="uq_ecosphere_work"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    backlog: Mapped[str] = mapped_column(sa.Text, nullable=False)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="")
    key: Mapped[str | None] = mapped_column(sa.Text)
    recipient: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    status: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default=PENDING)
    attempts: Mapped[int] = mapped_column(sa.Integer, nullable=False, server_default="0")
    due: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    ended: Mapped[datetime | None] = mapped_column(MOMENT)
    error: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="")
