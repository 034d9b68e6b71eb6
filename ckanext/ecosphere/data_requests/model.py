"""Tables of data requests.

There are no foreign keys to CKAN's tables: requests outlive the users and datasets to which they refer. Derived columns
(`listed`, `support_count`, `first_answer`, `search`) are stored for lists of 50 000 requests. Requests and events are
only written by `service.py`, with the row locked.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import columns
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import clock, holidays, kinds, states
from ckanext.ecosphere.shared import rich_text

ACTIVE_SQL = "state IN ({})".format(", ".join(f"'{state}'" for state in states.ACTIVE))
MOMENT = sa.DateTime(timezone=True)
HELD_SQL = sa.text("moderation = 'held'")
#: Day of the receipt, newest first: the public must not learn the time, not even from the order.
NEWEST_DAY_SQL = sa.text("CAST(timezone('Europe/Paris', submitted) AS DATE) DESC")


def new_id() -> str:
    """Return a new UUID."""
    return str(uuid.uuid4())


class Request(tk.BaseModel):
    """A data request.

    Attributes:
        reference: DD-<year>-<number>, given at the receipt.
        kind: data, access, or that of a signal (`kinds`).
        batch_id: id of the first request of a question put to several services, None for a single one.
        joined_id: shared by the requests for the same thing that a service treats together, None for a single one.
        package_id: dataset concerned, None without one.
        version: incremented by each change, for optimistic locking.
        territory: id in the vocabulary; `communes` (code, name) and `bbox` (degrees) are within it.
        show_name: whether the requester's name is public.
        show_procedure: whether the reference of the procedure is public.
        routing_reason: code and names for the reason why this service was proposed (`wording.routing_reason`).
        opened: when it was accepted, by a moderator or automatically.
        first_answer: first response of the service to the requester; `closed`: when it was last closed.
        clock_start: day of receipt, or of the reopening.
        due, first_month_ends: last days of the current period and of the first period.
        outcome: data of the last closing transition: ground, reasons, reason, missing, target, spam…
        listed: whether it is in the public list.
        flags: notices for the service and the moderators, as {code, …}.
        plain_links: whether links are shown as plain text, since the requester was not trusted when sending it.
        review_asked: when the requester asked for an internal review of the current decision or silence.
        review_due: day by which the service answers a pending review, None without one.
        satisfied: yes or no, the requester's opinion on the answer, "" without one; satisfied_on: its day.
    """

    __tablename__ = "ecosphere_requests"
    __table_args__ = (
        sa.Index("ix_ecosphere_requests_new", NEWEST_DAY_SQL, "id", postgresql_where=sa.text("listed")),
        sa.Index(
            "ix_ecosphere_requests_support",
            sa.text("support_count DESC"),
            NEWEST_DAY_SQL,
            "id",
            postgresql_where=sa.text("listed"),
        ),
        sa.Index(
            "ix_ecosphere_requests_due_list",
            sa.text(f"(CASE WHEN {ACTIVE_SQL} THEN 0 ELSE 1 END)"),
            "due",
            NEWEST_DAY_SQL,
            "id",
            postgresql_where=sa.text("listed"),
        ),
        sa.Index("ix_ecosphere_requests_due", "due", postgresql_where=sa.text(ACTIVE_SQL)),
        sa.Index("ix_ecosphere_requests_desk", "organization_id", "due", postgresql_where=sa.text(ACTIVE_SQL)),
        sa.Index(
            "ix_ecosphere_requests_facets",
            "organization_id",
            "territory",
            "theme",
            "use",
            "state",
            postgresql_where=sa.text("listed"),
        ),
        sa.Index("ix_ecosphere_requests_service", "organization_id", "submitted"),
        sa.Index("ix_ecosphere_requests_requester", "requester_id"),
        sa.Index("ix_ecosphere_requests_submitted", "submitted", postgresql_where=sa.text("state = 'submitted'")),
        sa.Index("ix_ecosphere_requests_assigned", "assigned_to", postgresql_where=sa.text("assigned_to IS NOT NULL")),
        sa.Index("ix_ecosphere_requests_closed", "closed"),
        sa.Index("ix_ecosphere_requests_search", "search", postgresql_using="gin"),
        sa.Index(
            "ix_ecosphere_requests_named",
            "known_datasets",
            postgresql_using="gin",
            postgresql_ops={"known_datasets": "jsonb_path_ops"},
            postgresql_where=sa.text("listed"),
        ),
        sa.Index("ix_ecosphere_requests_package", "package_id", postgresql_where=sa.text("package_id IS NOT NULL")),
        sa.Index("ix_ecosphere_requests_review", "organization_id", postgresql_where=sa.text("review_due IS NOT NULL")),
        sa.Index("ix_ecosphere_requests_batch", "batch_id", postgresql_where=sa.text("batch_id IS NOT NULL")),
        sa.Index("ix_ecosphere_requests_joined", "joined_id", postgresql_where=sa.text("joined_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    reference: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default=kinds.DATA, default=kinds.DATA)
    package_id: Mapped[str | None] = mapped_column(sa.Text)
    batch_id: Mapped[str | None] = mapped_column(sa.Text)
    joined_id: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False, server_default="1", default=1)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default=states.DRAFT)
    visibility: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="public", default="public")
    title: Mapped[str] = columns.text()
    description: Mapped[str] = columns.text()
    description_html: Mapped[str | None] = columns.html()
    rendering: Mapped[int] = columns.rendering()
    use: Mapped[str] = columns.text()
    procedure_reference: Mapped[str] = columns.text()
    theme: Mapped[str] = columns.text()
    territory: Mapped[str] = columns.text()
    communes: Mapped[list[dict[str, str]]] = columns.many()
    bbox: Mapped[list[float] | None] = mapped_column(ARRAY(sa.Float))
    need_by: Mapped[date | None] = mapped_column(sa.Date)
    formats: Mapped[list[str]] = columns.many()
    crs: Mapped[str] = columns.text()
    scale: Mapped[str] = columns.text()
    period_start: Mapped[date | None] = mapped_column(sa.Date)
    period_end: Mapped[date | None] = mapped_column(sa.Date)
    known_datasets: Mapped[list[str]] = columns.many()
    requester_id: Mapped[str | None] = mapped_column(sa.Text)
    show_name: Mapped[bool] = columns.flag()
    show_procedure: Mapped[bool] = columns.flag()
    requester_organisation: Mapped[str] = columns.text()
    requester_siret: Mapped[str] = columns.text()
    language: Mapped[str] = columns.text()
    organization_id: Mapped[str | None] = mapped_column(sa.Text)
    routing_reason: Mapped[dict[str, Any]] = columns.mapping()
    assigned_to: Mapped[str | None] = mapped_column(sa.Text)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    modified: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    submitted: Mapped[datetime | None] = mapped_column(MOMENT)
    opened: Mapped[datetime | None] = mapped_column(MOMENT)
    first_answer: Mapped[datetime | None] = mapped_column(MOMENT)
    closed: Mapped[datetime | None] = mapped_column(MOMENT)
    due: Mapped[date | None] = mapped_column(sa.Date)
    first_month_ends: Mapped[date | None] = mapped_column(sa.Date)
    clock_start: Mapped[date | None] = mapped_column(sa.Date)
    extended: Mapped[bool] = columns.flag()
    planned: Mapped[date | None] = mapped_column(sa.Date)
    answer_by: Mapped[date | None] = mapped_column(sa.Date)
    details_asked: Mapped[datetime | None] = mapped_column(MOMENT)
    reminders: Mapped[int] = columns.number()
    last_reminded: Mapped[date | None] = mapped_column(sa.Date)
    reopened: Mapped[int] = columns.number()
    outcome: Mapped[dict[str, Any]] = columns.mapping()
    duplicate_of: Mapped[str | None] = mapped_column(sa.Text, index=True)
    support_count: Mapped[int] = columns.number()
    comment_count: Mapped[int] = columns.number()
    listed: Mapped[bool] = columns.flag()
    hidden: Mapped[bool] = columns.flag()
    plain_links: Mapped[bool] = columns.flag()
    flags: Mapped[list[dict[str, Any]]] = columns.many()
    review_asked: Mapped[datetime | None] = mapped_column(MOMENT)
    review_due: Mapped[date | None] = mapped_column(sa.Date)
    satisfied: Mapped[str] = columns.text()
    satisfied_on: Mapped[date | None] = mapped_column(sa.Date)
    anonymised: Mapped[datetime | None] = mapped_column(MOMENT)
    search: Mapped[Any] = mapped_column(TSVECTOR)

    @property
    def is_signal(self) -> bool:
        """Whether it is a report about a dataset, for which no legal period runs."""
        return self.kind in kinds.SIGNALS

    @property
    def review_until(self) -> date | None:
        """Last day on which an internal review of a decision or silence can be asked for; None without one."""
        if self.state in states.CONTESTED:
            since = clock.day_of(self.closed) if self.closed else None
        else:
            since = self.due if self.due and self.due < clock.day_of(clock.now()) else None
        return law.last_day("ask_review", since, holidays.zone_of(self.territory)) if since else None

    @property
    def is_shown_signal(self) -> bool:
        """Whether it is a public signal; signals are in no list of requests."""
        return self.is_signal and self.opened is not None and self.state != states.REJECTED and not self.hidden


#: SQL equivalent of `Request.is_shown_signal`.
SHOWN_SIGNAL = sa.and_(
    Request.kind.in_(kinds.SIGNALS),
    Request.opened.is_not(None),
    Request.state != states.REJECTED,
    Request.hidden.is_(False),
)
#: Day of the receipt, as in the indexes of the public list.
RECEIPT_DAY = sa.cast(sa.func.timezone(sa.literal_column("'Europe/Paris'"), Request.submitted), sa.Date)


class Event(tk.BaseModel):
    """A transition that took place. Append-only: a trigger refuses every change except erasing texts.

    Attributes:
        moderation: moderation state of its texts (`trust`); "" when no moderation was needed.
    """

    __tablename__ = "ecosphere_requests_event"
    __table_args__ = (
        sa.Index("ix_ecosphere_requests_event_request", "request_id", "id"),
        sa.Index("ix_ecosphere_requests_event_held", "created", postgresql_where=HELD_SQL),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    request_id: Mapped[str] = columns.of_request()
    transition: Mapped[str] = mapped_column(sa.Text, nullable=False)
    from_state: Mapped[str] = mapped_column(sa.Text, nullable=False)
    to_state: Mapped[str] = mapped_column(sa.Text, nullable=False)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    actor_id: Mapped[str | None] = mapped_column(sa.Text)
    actor_role: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    comment: Mapped[str] = columns.text()
    comment_html: Mapped[str | None] = columns.html()
    rendering: Mapped[int] = columns.rendering()
    note: Mapped[str] = columns.text()
    fields: Mapped[dict[str, Any]] = columns.mapping()
    moderation: Mapped[str] = columns.text()


class Comment(tk.BaseModel):
    """A message of the conversation, or an internal note of the service and the moderators.

    Attributes:
        organization_id: service on whose behalf it was written.
        moderation: "" when no moderation was needed, else held, released, rejected or spam (`trust`).
    """

    __tablename__ = "ecosphere_requests_comment"
    __table_args__ = (
        sa.Index("ix_ecosphere_requests_comment_request", "request_id", "created"),
        sa.Index("ix_ecosphere_requests_comment_held", "created", postgresql_where=HELD_SQL),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = columns.of_request()
    author_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    author_role: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    text: Mapped[str] = columns.text()
    text_html: Mapped[str | None] = columns.html()
    rendering: Mapped[int] = columns.rendering()
    internal: Mapped[bool] = columns.flag()
    hidden: Mapped[bool] = columns.flag()
    hidden_reason: Mapped[str] = columns.text()
    organization_id: Mapped[str | None] = mapped_column(sa.Text)
    moderation: Mapped[str] = columns.text()


class Revision(tk.BaseModel):
    """An edit of a request after it was sent.

    Attributes:
        version: of the request that it created or, while it is held, on which it is based.
        changes: field → {from, to}, and `diff` for texts: [("=", "-" or "+"), words].
        moderation: as for comments; while it is held, the request is unchanged.
    """

    __tablename__ = "ecosphere_requests_revision"
    __table_args__ = (
        sa.Index("ix_ecosphere_requests_revision_request", "request_id", "created"),
        sa.Index("ix_ecosphere_requests_revision_author", "author_id"),
        sa.Index("ix_ecosphere_requests_revision_held", "created", postgresql_where=HELD_SQL),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = columns.of_request()
    author_id: Mapped[str | None] = mapped_column(sa.Text)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    changes: Mapped[dict[str, Any]] = columns.mapping()
    moderation: Mapped[str] = columns.text()
    reason: Mapped[str] = columns.text()


class Attachment(tk.BaseModel):
    """A file attached to a comment; it is stored under its id in the folder of the request (`attachments.path_of`)."""

    __tablename__ = "ecosphere_requests_attachment"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = columns.of_request(index=True)
    comment_id: Mapped[str] = mapped_column(
        sa.ForeignKey("ecosphere_requests_comment.id", ondelete="CASCADE"), nullable=False, index=True
    )
    name: Mapped[str] = mapped_column(sa.Text, nullable=False)
    media_type: Mapped[str] = mapped_column(sa.Text, nullable=False)
    size: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class _Bond:
    """A relation of a user to a request, at most one of each kind."""

    request_id: Mapped[str] = columns.of_request(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, index=True)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False, server_default=sa.func.now())


class Support(_Bond, tk.BaseModel):
    """A user needs the same data."""

    __tablename__ = "ecosphere_requests_support"


class Follow(_Bond, tk.BaseModel):
    """A user wants notifications."""

    __tablename__ = "ecosphere_requests_follow"


class Mute(_Bond, tk.BaseModel):
    """A user wants no more e-mails about a request."""

    __tablename__ = "ecosphere_requests_mute"


class DatasetLink(tk.BaseModel):
    """A dataset related to a request.

    Attributes:
        kind: `answer` (given by the service), `suggested` (found by matching) or `mentioned` (in a comment).
    """

    __tablename__ = "ecosphere_requests_dataset"
    __table_args__ = (sa.Index("ix_ecosphere_requests_dataset_package", "package_id"),)

    request_id: Mapped[str] = columns.of_request(primary_key=True)
    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    score: Mapped[float] = mapped_column(sa.Float, nullable=False, server_default="0", default=0.0)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False, server_default=sa.func.now())


class Numbering(tk.BaseModel):
    """Last number given in a year."""

    __tablename__ = "ecosphere_requests_numbering"

    year: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(sa.Integer, nullable=False)


#: Table → its column in Markdown; the suffix `_html` gives the column with its HTML.
RENDERED: dict[type[Any], str] = {Request: "description", Event: "comment", Comment: "text"}


def _render_with(column: str) -> Any:
    def render(row: Any, text: str | None, *_: Any) -> None:
        setattr(row, f"{column}_html", rich_text.to_html(text))
        row.rendering = rich_text.VERSION

    return render


for _table, _column in RENDERED.items():
    event.listen(getattr(_table, _column), "set", _render_with(_column))
