"""Tables of data requests, their notifications, letters, deliveries and internal work.

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
from ckan import model
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests.decisions import compose, law
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.shared import rich_text

# Columns: NOT NULL wherever an empty value will do.


def text_column(**options: Any) -> Any:
    """Return a text column, empty by default."""
    return mapped_column(sa.Text, nullable=False, server_default="", default="", **options)


def number_column() -> Any:
    """Return an integer column, 0 by default."""
    return mapped_column(sa.Integer, nullable=False, server_default="0", default=0)


def flag_column() -> Any:
    """Return a boolean column, false by default."""
    return mapped_column(sa.Boolean, nullable=False, server_default=sa.false(), default=False)


def list_column() -> Any:
    """Return a JSONB column with a list, empty by default."""
    return mapped_column(JSONB, nullable=False, server_default=sa.text("'[]'::jsonb"), default=list)


def dict_column() -> Any:
    """Return a JSONB column with an object, empty by default."""
    return mapped_column(JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), default=dict)


def html_column() -> Any:
    """Return a column with the HTML of a text; a trigger sets it to NULL when the text changes without rendering."""
    return mapped_column(sa.Text)


def rendering_column() -> Any:
    """Return a column with the version of the renderer that made the HTML of a row."""
    return mapped_column(sa.Integer, nullable=False, server_default="0", default=rich_text.VERSION)


def request_column(**options: Any) -> Any:
    """Return a foreign key to the request, with which the row is deleted."""
    return mapped_column(
        sa.ForeignKey("ecosphere_requests.id", ondelete="CASCADE"), nullable=False, **options
    )


ACTIVE_SQL = "state IN ({})".format(", ".join(f"'{state}'" for state in states.ACTIVE))
MOMENT = sa.DateTime(timezone=True)
HELD_SQL = sa.text("moderation = 'held'")
#: Day of the receipt, newest first: the public must not learn the time, not even from the order.
NEWEST_DAY_SQL = sa.text("CAST(timezone('Europe/Paris', submitted) AS DATE) DESC")


def rows_changed(statement: Any) -> int:
    """Execute a statement that inserts, updates or deletes; return the number of rows it changed."""
    return model.Session.execute(statement).rowcount  # pyright: ignore


def new_id() -> str:
    """Return a new UUID."""
    return str(uuid.uuid4())


class Request(tk.BaseModel):
    """A data request.

    Attributes:
        reference: DD-<year>-<number>, given at the receipt.
        kind: data, access, or that of a signal (`states.KINDS`).
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
        sa.Index(
            "ix_ecosphere_requests_new", NEWEST_DAY_SQL, "id", postgresql_where=sa.text("listed")
        ),
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
        sa.Index(
            "ix_ecosphere_requests_desk",
            "organization_id",
            "due",
            postgresql_where=sa.text(ACTIVE_SQL),
        ),
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
        sa.Index(
            "ix_ecosphere_requests_submitted",
            "submitted",
            postgresql_where=sa.text("state = 'submitted'"),
        ),
        sa.Index(
            "ix_ecosphere_requests_assigned",
            "assigned_to",
            postgresql_where=sa.text("assigned_to IS NOT NULL"),
        ),
        sa.Index("ix_ecosphere_requests_closed", "closed"),
        sa.Index("ix_ecosphere_requests_search", "search", postgresql_using="gin"),
        sa.Index(
            "ix_ecosphere_requests_named",
            "known_datasets",
            postgresql_using="gin",
            postgresql_ops={"known_datasets": "jsonb_path_ops"},
            postgresql_where=sa.text("listed"),
        ),
        sa.Index(
            "ix_ecosphere_requests_package",
            "package_id",
            postgresql_where=sa.text("package_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_ecosphere_requests_review",
            "organization_id",
            postgresql_where=sa.text("review_due IS NOT NULL"),
        ),
        sa.Index(
            "ix_ecosphere_requests_batch",
            "batch_id",
            postgresql_where=sa.text("batch_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_ecosphere_requests_joined",
            "joined_id",
            postgresql_where=sa.text("joined_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    reference: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    kind: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default=states.DATA, default=states.DATA
    )
    package_id: Mapped[str | None] = mapped_column(sa.Text)
    batch_id: Mapped[str | None] = mapped_column(sa.Text)
    joined_id: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False, server_default="1", default=1)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default=states.DRAFT)
    visibility: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="public", default="public"
    )
    title: Mapped[str] = text_column()
    description: Mapped[str] = text_column()
    description_html: Mapped[str | None] = html_column()
    rendering: Mapped[int] = rendering_column()
    use: Mapped[str] = text_column()
    procedure_reference: Mapped[str] = text_column()
    theme: Mapped[str] = text_column()
    territory: Mapped[str] = text_column()
    communes: Mapped[list[dict[str, str]]] = list_column()
    bbox: Mapped[list[float] | None] = mapped_column(ARRAY(sa.Float))
    need_by: Mapped[date | None] = mapped_column(sa.Date)
    formats: Mapped[list[str]] = list_column()
    crs: Mapped[str] = text_column()
    scale: Mapped[str] = text_column()
    period_start: Mapped[date | None] = mapped_column(sa.Date)
    period_end: Mapped[date | None] = mapped_column(sa.Date)
    known_datasets: Mapped[list[str]] = list_column()
    requester_id: Mapped[str | None] = mapped_column(sa.Text)
    show_name: Mapped[bool] = flag_column()
    show_procedure: Mapped[bool] = flag_column()
    requester_organisation: Mapped[str] = text_column()
    requester_siret: Mapped[str] = text_column()
    language: Mapped[str] = text_column()
    organization_id: Mapped[str | None] = mapped_column(sa.Text)
    routing_reason: Mapped[dict[str, Any]] = dict_column()
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
    extended: Mapped[bool] = flag_column()
    planned: Mapped[date | None] = mapped_column(sa.Date)
    answer_by: Mapped[date | None] = mapped_column(sa.Date)
    details_asked: Mapped[datetime | None] = mapped_column(MOMENT)
    reminders: Mapped[int] = number_column()
    last_reminded: Mapped[date | None] = mapped_column(sa.Date)
    reopened: Mapped[int] = number_column()
    outcome: Mapped[dict[str, Any]] = dict_column()
    duplicate_of: Mapped[str | None] = mapped_column(sa.Text, index=True)
    support_count: Mapped[int] = number_column()
    comment_count: Mapped[int] = number_column()
    listed: Mapped[bool] = flag_column()
    hidden: Mapped[bool] = flag_column()
    plain_links: Mapped[bool] = flag_column()
    flags: Mapped[list[dict[str, Any]]] = list_column()
    review_asked: Mapped[datetime | None] = mapped_column(MOMENT)
    review_due: Mapped[date | None] = mapped_column(sa.Date)
    satisfied: Mapped[str] = text_column()
    satisfied_on: Mapped[date | None] = mapped_column(sa.Date)
    anonymised: Mapped[datetime | None] = mapped_column(MOMENT)
    search: Mapped[Any] = mapped_column(TSVECTOR)

    @property
    def is_signal(self) -> bool:
        """Whether it is a report about a dataset, for which no legal period runs."""
        return self.kind in states.SIGNALS

    @property
    def review_until(self) -> date | None:
        """Last day on which an internal review of a decision or silence can be asked for; None without one."""
        if self.state in states.CONTESTED:
            since = clock.day_of(self.closed) if self.closed else None
        else:
            since = self.due if self.due and self.due < clock.today() else None
        if since:
            return law.last_day("ask_review", since, clock.holiday_zone(self.territory))
        return None

    @property
    def is_shown_signal(self) -> bool:
        """Whether it is a public signal; signals are in no list of requests."""
        return (
            self.is_signal
            and self.opened is not None
            and self.state != states.REJECTED
            and not self.hidden
        )


#: SQL equivalent of `Request.is_shown_signal`.
SHOWN_SIGNAL = sa.and_(
    Request.kind.in_(states.SIGNALS),
    Request.opened.is_not(None),
    Request.state != states.REJECTED,
    Request.hidden.is_(False),
)
#: Day of the receipt, as in the indexes of the public list.
RECEIPT_DAY = sa.cast(
    sa.func.timezone(sa.literal_column("'Europe/Paris'"), Request.submitted), sa.Date
)


def by_id_or_reference(key: str) -> Request | None:
    """Return the request with this id or reference."""
    if key.upper().startswith("DD-"):
        return model.Session.query(Request).filter(Request.reference == key.upper()).one_or_none()
    return model.Session.get(Request, key)


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
    request_id: Mapped[str] = request_column()
    transition: Mapped[str] = mapped_column(sa.Text, nullable=False)
    from_state: Mapped[str] = mapped_column(sa.Text, nullable=False)
    to_state: Mapped[str] = mapped_column(sa.Text, nullable=False)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    actor_id: Mapped[str | None] = mapped_column(sa.Text)
    actor_role: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    comment: Mapped[str] = text_column()
    comment_html: Mapped[str | None] = html_column()
    rendering: Mapped[int] = rendering_column()
    note: Mapped[str] = text_column()
    fields: Mapped[dict[str, Any]] = dict_column()
    moderation: Mapped[str] = text_column()


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
    request_id: Mapped[str] = request_column()
    author_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    author_role: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    text: Mapped[str] = text_column()
    text_html: Mapped[str | None] = html_column()
    rendering: Mapped[int] = rendering_column()
    internal: Mapped[bool] = flag_column()
    hidden: Mapped[bool] = flag_column()
    hidden_reason: Mapped[str] = text_column()
    organization_id: Mapped[str | None] = mapped_column(sa.Text)
    moderation: Mapped[str] = text_column()


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
    request_id: Mapped[str] = request_column()
    author_id: Mapped[str | None] = mapped_column(sa.Text)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    changes: Mapped[dict[str, Any]] = dict_column()
    moderation: Mapped[str] = text_column()
    reason: Mapped[str] = text_column()


class Attachment(tk.BaseModel):
    """A file attached to a comment; it is stored under its id in the folder of the request (`attachments.path_of`)."""

    __tablename__ = "ecosphere_requests_attachment"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = request_column(index=True)
    comment_id: Mapped[str] = mapped_column(
        sa.ForeignKey("ecosphere_requests_comment.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )
    name: Mapped[str] = mapped_column(sa.Text, nullable=False)
    media_type: Mapped[str] = mapped_column(sa.Text, nullable=False)
    size: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class _Bond:
    """A relation of a user to a request, at most one of each kind."""

    request_id: Mapped[str] = request_column(primary_key=True)
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

    request_id: Mapped[str] = request_column(primary_key=True)
    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    score: Mapped[float] = mapped_column(sa.Float, nullable=False, server_default="0", default=0.0)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False, server_default=sa.func.now())


class Numbering(tk.BaseModel):
    """Last number given in a year."""

    __tablename__ = "ecosphere_requests_numbering"

    year: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(sa.Integer, nullable=False)


# Letters and their authors.


class Letter(tk.BaseModel):
    """A letter as it was sent. Append-only: a trigger refuses every change except erasing the addressee.

    Attributes:
        event_id: event of the transition, None for a notice of implicit refusal.
        kind: name of a transition, receipt or silence.
        organization_id: service that sent it, which may always read it.
        requester_id: account of the addressee, who may read it for as long as the account exists.
        addressee: lines with the name of the addressee, "" once erased; not part of the digest.
        html, plain: the letter; sha256: digest of both.
    """

    __tablename__ = "ecosphere_requests_letter"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = request_column(index=True)
    event_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    organization_id: Mapped[str | None] = mapped_column(sa.Text)
    requester_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    addressee: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    subject: Mapped[str] = mapped_column(sa.Text, nullable=False)
    html: Mapped[str] = mapped_column(sa.Text, nullable=False)
    plain: Mapped[str] = mapped_column(sa.Text, nullable=False)
    sha256: Mapped[str] = mapped_column(sa.Text, nullable=False)

    @property
    def addressed_to(self) -> list[str]:
        """Lines that address the letter, above its text; empty once the addressee is erased."""
        return compose.addressed_to(self.addressee)


class AuthorName(tk.BaseModel):
    """First name, last name and job title (`quality`) of an agent, as stated in decisions (CRPA, L. 212-1)."""

    __tablename__ = "ecosphere_requests_author"

    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    first_name: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    last_name: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    quality: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")


# Notifications and the settings of their recipients.

#: What becomes of a notification by e-mail: it waits for the user's digest, leaves in an e-mail, or is dropped.
DIGEST, MAILED, UNWANTED = "digest", "mailed", "unwanted"
UNSEEN = sa.text("channel = 'page' AND status <> 'seen'")
"""SQL condition for unseen notifications on the page, the same as in the partial index."""


class Notification(tk.BaseModel):
    """Notification of one recipient of one thing through one channel; unique, so that it is sent once.

    Attributes:
        key: of the thing, e.g. "event:12", "comment:<id>", "due_week:<request>:<due>".
        kind: transition, "comment" or kind of reminder; selects the text (`texts`).
        neutral: whether it gives only the outcome.
        user_id: id of a user, or key of a mailbox (`people.Mailbox`).
        channel: "email" or "page".
        status: "sent" or "seen" on the page; "digest", "mailed" or "unwanted" by e-mail.
        mail_id: the e-mail that tells it (`work.model.Work`), with the proof that it was sent; None for any other.
    """

    __tablename__ = "ecosphere_requests_notification"
    __table_args__ = (
        sa.UniqueConstraint("key", "user_id", "channel", name="uq_ecosphere_requests_notification"),
        sa.Index(
            "ix_ecosphere_requests_notification_digest",
            "user_id",
            postgresql_where=sa.text("status = 'digest'"),
        ),
        sa.Index(
            "ix_ecosphere_requests_notification_mail",
            "mail_id",
            postgresql_where=sa.text("mail_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_ecosphere_requests_notification_person",
            "user_id",
            "channel",
            sa.text("created DESC"),
        ),
        sa.Index("ix_ecosphere_requests_notification_request", "request_id"),
        sa.Index("ix_ecosphere_requests_notification_unseen", "user_id", postgresql_where=UNSEEN),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    request_id: Mapped[str] = request_column()
    event_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    comment_id: Mapped[str | None] = mapped_column(sa.Text)
    key: Mapped[str] = mapped_column(sa.Text, nullable=False)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    audience: Mapped[str] = mapped_column(sa.Text, nullable=False)
    neutral: Mapped[bool] = flag_column()
    user_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    channel: Mapped[str] = mapped_column(sa.Text, nullable=False)
    status: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="sent", default="sent"
    )
    mail_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class Setting(tk.BaseModel):
    """Settings of a user: frequency of e-mails (immediate, daily, weekly, none) and their language.

    Attributes:
        calendar: secret part of the private URL of their calendars, "" before they ask for one.
    """

    __tablename__ = "ecosphere_requests_setting"

    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    digest: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="immediate", default="immediate"
    )
    language: Mapped[str] = text_column()
    last_digest: Mapped[datetime | None] = mapped_column(MOMENT)
    calendar: Mapped[str] = text_column()


# Internal work of services.

ASSIGNED, ESCALATED = "assigned", "escalated"


class Absence(tk.BaseModel):
    """First and last day of an agent's absence, and their substitute, if any."""

    __tablename__ = "ecosphere_requests_absence"
    __table_args__ = (sa.Index("ix_ecosphere_requests_absence_person", "user_id", "last"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    first: Mapped[date] = mapped_column(sa.Date, nullable=False)
    last: Mapped[date] = mapped_column(sa.Date, nullable=False)
    substitute_id: Mapped[str | None] = mapped_column(sa.Text)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class Trace(tk.BaseModel):
    """Internal event of a request, shown in its history only to those who handle it.

    Attributes:
        kind: assigned or escalated.
        key: of what is done only once ("escalated:chief:2026-04-28"), None otherwise.
        actor_id: who did it, None for an automatic act.
        user_id: to whom the request was assigned, None for no one.
        instead_of_id: whom that person replaces.
        told: who was notified of a late request: administrators, chief or moderators.
    """

    __tablename__ = "ecosphere_requests_trace"
    __table_args__ = (sa.UniqueConstraint("request_id", "key", name="uq_ecosphere_requests_trace"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    request_id: Mapped[str] = request_column()
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    key: Mapped[str | None] = mapped_column(sa.Text)
    actor_id: Mapped[str | None] = mapped_column(sa.Text)
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    instead_of_id: Mapped[str | None] = mapped_column(sa.Text)
    told: Mapped[str] = text_column()
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class SavedAnswer(tk.BaseModel):
    """Reasons that a service saves for reuse in refusals.

    Attributes:
        ground: for which they were written, "" for any.
        law, facts: reasons in law and in fact.
    """

    __tablename__ = "ecosphere_requests_saved_answer"
    __table_args__ = (sa.Index("ix_ecosphere_requests_saved_answer_service", "organization_id"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    ground: Mapped[str] = text_column()
    title: Mapped[str] = mapped_column(sa.Text, nullable=False)
    law: Mapped[str] = text_column()
    facts: Mapped[str] = text_column()
    author_id: Mapped[str | None] = mapped_column(sa.Text)
    modified: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


# Incoming e-mails, answers, and files to delete.


class Inbound(tk.BaseModel):
    """An incoming e-mail with a valid reply address.

    Attributes:
        id: digest of its Message-ID and reply address.
        outcome: "" while it is being processed; taken, flood, or the code of its refusal (`receive.SENTENCES`).
        answered: whether an explanation of its refusal was sent.
    """

    __tablename__ = "ecosphere_requests_inbound"
    __table_args__ = (sa.Index("ix_ecosphere_requests_inbound_person", "user_id", "received"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    received: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    request_id: Mapped[str | None] = mapped_column(sa.Text)
    outcome: Mapped[str] = text_column()
    answered: Mapped[bool] = flag_column()


class Delivery(tk.BaseModel):
    """A file or a link that answers a request.

    Attributes:
        kind: file or link.
        url: of a link; name, media_type, size (in bytes): of a file.
        reach: everyone (all readers of the request) or requester.
        public_from: day on which a private delivery becomes public, None for never.
    """

    __tablename__ = "ecosphere_requests_delivery"
    __table_args__ = (
        sa.Index("ix_ecosphere_requests_delivery_request", "request_id"),
        sa.Index(
            "ix_ecosphere_requests_delivery_embargo",
            "public_from",
            postgresql_where=sa.text("public_from IS NOT NULL AND reach = 'requester'"),
        ),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = request_column()
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    url: Mapped[str] = text_column()
    name: Mapped[str] = text_column()
    media_type: Mapped[str] = text_column()
    size: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, server_default="0", default=0)
    reach: Mapped[str] = mapped_column(sa.Text, nullable=False)
    public_from: Mapped[date | None] = mapped_column(sa.Date)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class Removal(tk.BaseModel):
    """A file to delete.

    Attributes:
        path: relative to the folder of the files of requests.
        asked: when its deletion was requested.
    """

    __tablename__ = "ecosphere_requests_removal"

    path: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    asked: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


#: Table → its column in Markdown; the suffix `_html` gives the column with its HTML.
RENDERED: dict[type[Any], str] = {Request: "description", Event: "comment", Comment: "text"}


def _render_with(column: str) -> Any:
    def render(row: Any, text: str | None, *_: Any) -> None:
        setattr(row, f"{column}_html", rich_text.to_html(text))
        row.rendering = rich_text.VERSION

    return render


for _table, _column in RENDERED.items():
    event.listen(getattr(_table, _column), "set", _render_with(_column))
