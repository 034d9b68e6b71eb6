"""Tables of the alerts."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

MOMENT = sa.DateTime(timezone=True)


def new_id() -> str:
    """A fresh identifier."""
    return str(uuid.uuid4())


def now() -> datetime:
    """The current moment."""
    return datetime.now(timezone.utc)


def _moment(**options: Any) -> Any:
    return mapped_column(MOMENT, nullable=False, **options)


def _of_subscriber() -> Any:
    return mapped_column(sa.ForeignKey("ecosphere_search_subscriber.id", ondelete="CASCADE"), nullable=False)


class Subscriber(tk.BaseModel):
    """Somebody who is told: an account, or an e-mail address without one; erased with the last alert.

    Attributes:
        email: in lower case; that of an account is looked up when it is written to.
        language: in which they asked.
    """

    __tablename__ = "ecosphere_search_subscriber"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    user_id: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    email: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    language: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    created: Mapped[datetime] = _moment(default=now)


class Alert(tk.BaseModel):
    """A search of which somebody wants to be told.

    Attributes:
        about: what it is a search of (`subjects`).
        search: query of its address (`AlertSubject.canonical`).
        frequency: daily, weekly, or none for a search that is only kept.
        confirmed: when its address was confirmed; None, and erased after a week, as long as it was not.
        told_until: what was saved before has been told.
        next_look: when it is looked at again.
    """

    __tablename__ = "ecosphere_search_alert"
    __table_args__ = (sa.UniqueConstraint("subscriber_id", "about", "search", name="uq_ecosphere_search_alert"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    subscriber_id: Mapped[str] = _of_subscriber()
    about: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="datasets", default="datasets")
    search: Mapped[str] = mapped_column(sa.Text, nullable=False)
    frequency: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = _moment(default=now)
    confirmed: Mapped[datetime | None] = mapped_column(MOMENT)
    told_until: Mapped[datetime] = _moment()
    next_look: Mapped[datetime] = _moment()


class Mail(tk.BaseModel):
    """An e-mail that waits or was sent (`shared.mailing.outbox`).

    Attributes:
        kind: confirm (an address), manage (a link to one's alerts) or digest.
        content: of a confirmation `alert`, its id; of a digest `alerts`, each with what it is `about`, its
            `search`, the `since` of what it tells, the `count` of things and the `ids` of those that are named.
    """

    __tablename__ = "ecosphere_search_mail"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    subscriber_id: Mapped[str] = _of_subscriber()
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    status: Mapped[str] = mapped_column(sa.Text, nullable=False, default="pending")
    attempts: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=0)
    next_try: Mapped[datetime] = _moment(default=now)
    created: Mapped[datetime] = _moment(default=now)
    sent: Mapped[datetime | None] = mapped_column(MOMENT)
    error: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
