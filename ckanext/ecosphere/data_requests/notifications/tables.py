"""Tables of notifications and of the settings of their recipients."""

from __future__ import annotations

from datetime import datetime

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import columns
from ckanext.ecosphere.data_requests.model import MOMENT

UNSEEN = "channel = 'page' AND status <> 'seen'"
"""SQL condition for unseen notifications on the page, the same as in the partial index."""


class Notification(tk.BaseModel):
    """Notification of one recipient of one thing through one channel; unique, so that it is sent once.

    Attributes:
        key: of the thing, e.g. "event:12", "comment:<id>", "due_week:<request>:<due>".
        kind: transition, "comment" or kind of reminder; selects the text (`texts`).
        neutral: whether it gives only the outcome.
        user_id: id of a user, or key of a mailbox (`mailboxes`).
        channel: "email" or "page".
        status: pending, sending, sent, digest (waits for the user's digest), failed (given up), unwanted, seen.
        next_try: time from which it is sent (again).
    """

    __tablename__ = "ecosphere_requests_notification"
    __table_args__ = (
        sa.UniqueConstraint("key", "user_id", "channel", name="uq_ecosphere_requests_notification"),
        sa.Index(
            "ix_ecosphere_requests_notification_waiting",
            "status",
            "next_try",
            postgresql_where=sa.text("status IN ('pending', 'digest')"),
        ),
        sa.Index("ix_ecosphere_requests_notification_person", "user_id", "channel", sa.text("created DESC")),
        sa.Index("ix_ecosphere_requests_notification_request", "request_id"),
        sa.Index(
            "ix_ecosphere_requests_notification_unseen",
            "user_id",
            postgresql_where=sa.text(UNSEEN),
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    request_id: Mapped[str] = columns.of_request()
    event_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    comment_id: Mapped[str | None] = mapped_column(sa.Text)
    key: Mapped[str] = mapped_column(sa.Text, nullable=False)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    audience: Mapped[str] = mapped_column(sa.Text, nullable=False)
    neutral: Mapped[bool] = columns.flag()
    user_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    channel: Mapped[str] = mapped_column(sa.Text, nullable=False)
    status: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="pending", default="pending")
    attempts: Mapped[int] = columns.number()
    next_try: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    sent: Mapped[datetime | None] = mapped_column(MOMENT)
    error: Mapped[str] = columns.text()


class Setting(tk.BaseModel):
    """Settings of a user: frequency of e-mails (immediate, daily, weekly, none) and their language.

    Attributes:
        calendar: secret part of the private URL of their calendars, "" before they ask for one.
    """

    __tablename__ = "ecosphere_requests_setting"

    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    digest: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="immediate", default="immediate")
    language: Mapped[str] = columns.text()
    last_digest: Mapped[datetime | None] = mapped_column(MOMENT)
    calendar: Mapped[str] = columns.text()
