"""Tables of saved searches and their subscribers."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.work.model import MOMENT, now


def new_id() -> str:
    """Return a new identifier."""
    return str(uuid.uuid4())


def _moment(**options: Any) -> Any:
    return mapped_column(MOMENT, nullable=False, **options)


class Subscriber(tk.BaseModel):
    """The owner of alerts: an account, or an e-mail address without one; deleted with the last alert.

    Attributes:
        email: address in lower case, for subscribers without an account; that of an account is looked up when sending.
        mailbox: what the spellings of the address have in common (`email_addresses.mailbox`), for counting alerts.
        language: language in which to write to them.
    """

    __tablename__ = "ecosphere_search_subscriber"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    user_id: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    email: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    mailbox: Mapped[str | None] = mapped_column(sa.Text, index=True)
    language: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    created: Mapped[datetime] = _moment(default=now)


class Alert(tk.BaseModel):
    """A saved search.

    Attributes:
        about: key of its subject (`subjects`).
        search: canonical query string (`AlertSubject.canonical`).
        frequency: daily, weekly, or none for a saved search without e-mails.
        confirmed: time at which its e-mail address was confirmed; None before, and deleted after a week.
        told_until: time up to which changes have been reported.
        next_look: time of the next run.
    """

    __tablename__ = "ecosphere_search_alert"
    __table_args__ = (
        sa.UniqueConstraint("subscriber_id", "about", "search", name="uq_ecosphere_search_alert"),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    subscriber_id: Mapped[str] = mapped_column(
        sa.ForeignKey("ecosphere_search_subscriber.id", ondelete="CASCADE"), nullable=False
    )
    about: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="datasets", default="datasets"
    )
    search: Mapped[str] = mapped_column(sa.Text, nullable=False)
    frequency: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = _moment(default=now)
    confirmed: Mapped[datetime | None] = mapped_column(MOMENT)
    told_until: Mapped[datetime] = _moment()
    next_look: Mapped[datetime] = _moment()
