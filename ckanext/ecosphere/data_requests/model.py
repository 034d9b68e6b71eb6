"""Tables of data requests, their notifications, letters, deliveries and internal work.

There are no foreign keys to CKAN's tables: requests outlive the users and datasets to which they
refer. Derived columns (`listed`, `support_count`, `first_answer`, `search`) are stored for lists of
50 000 requests. Requests and events are only written by `transitions.py` and `service.py`, with the
row locked.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Annotated, Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests.decisions import compose, law
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.shared.columns import (
    BigKey,
    Count,
    Created,
    Day,
    Flag,
    Id,
    Key,
    List,
    Moment,
    Number,
    Object,
    RowKey,
    Words,
)

ACTIVE_SQL = "state IN ({})".format(", ".join(f"'{state}'" for state in states.ACTIVE))
HELD_SQL = "moderation = 'held'"
#: Day of the receipt, newest first: the public must not learn the time, not even from the order.
NEWEST_DAY_SQL = sa.text("CAST(timezone('Europe/Paris', submitted) AS DATE) DESC")


def rows_changed(statement: Any) -> int:
    """Execute a statement that inserts, updates or deletes.

    Return the number of rows it changed.
    """
    return model.Session.execute(statement).rowcount  # pyright: ignore


def number_of(table: Any, *where: Any) -> int:
    """Return the number of rows of a table that satisfy the conditions."""
    query = sa.select(sa.func.count()).select_from(table).where(*where)
    return model.Session.scalar(query) or 0


def is_any(*where: Any) -> bool:
    """Return whether a row satisfies the conditions."""
    return bool(model.Session.scalar(sa.select(sa.exists().where(*where))))


#: The request, with which the row is deleted.
OfRequest = Annotated[
    str, mapped_column(sa.ForeignKey("ecosphere_requests.id", ondelete="CASCADE"), nullable=False)
]


def _index(name: str, *columns: Any, where: Any = None, **options: Any) -> sa.Index:
    """Return an index, of the rows that satisfy a condition if one is given."""
    if where is not None:
        options["postgresql_where"] = sa.text(where)
    return sa.Index(f"ix_ecosphere_requests_{name}", *columns, **options)


class Request(tk.BaseModel):
    """A data request.

    Attributes:
        reference: DD-<year>-<number>, given at the receipt.
        kind: data, access, or that of a signal (`states.KINDS`).
        batch_id: id of the first request of a question put to several services, None for a single
            one.
        joined_id: shared by the requests for the same thing that a service treats together, None
            for a single one.
        package_id: dataset concerned, None without one.
        version: incremented by each change, for optimistic locking.
        territory: id in the vocabulary; `communes` (code, name) and `bbox` (degrees) are within it.
        show_name: whether the requester's name is public.
        show_procedure: whether the reference of the procedure is public.
        routing_reason: code and names for the reason why this service was proposed
            (`wording.routing_reason`).
        opened: when it was accepted, by a moderator or automatically.
        first_answer: first response of the service to the requester; `closed`: when it was last
            closed.
        clock_start: day of receipt, or of the reopening.
        due, first_month_ends: last days of the current period and of the first period.
        outcome: data of the last closing transition: ground, reasons, reason, missing, target,
            spam…
        listed: whether it is in the public list.
        flags: notices for the service and the moderators, as {code, …}.
        plain_links: whether links are shown as plain text, since the requester was not trusted when
            sending it.
        review_asked: when the requester asked for an internal review of the current decision or
            silence.
        review_due: day by which the service answers a pending review, None without one.
        satisfied: yes or no, the requester's opinion on the answer, "" without one; satisfied_on:
            its day.
    """

    __tablename__ = "ecosphere_requests"
    __table_args__ = (
        _index("new", NEWEST_DAY_SQL, "id", where="listed"),
        _index("support", sa.text("support_count DESC"), NEWEST_DAY_SQL, "id", where="listed"),
        _index(
            "due_list",
            sa.text(f"(CASE WHEN {ACTIVE_SQL} THEN 0 ELSE 1 END)"),
            "due",
            NEWEST_DAY_SQL,
            "id",
            where="listed",
        ),
        _index("due", "due", where=ACTIVE_SQL),
        _index("desk", "organization_id", "due", where=ACTIVE_SQL),
        _index("facets", "organization_id", "territory", "theme", "use", "state", where="listed"),
        _index("service", "organization_id", "submitted"),
        _index("requester", "requester_id"),
        _index("submitted", "submitted", where="state = 'submitted'"),
        _index("assigned", "assigned_to", where="assigned_to IS NOT NULL"),
        _index("closed", "closed"),
        _index("search", "search", postgresql_using="gin"),
        _index(
            "named",
            "known_datasets",
            postgresql_using="gin",
            postgresql_ops={"known_datasets": "jsonb_path_ops"},
            where="listed",
        ),
        _index("package", "package_id", where="package_id IS NOT NULL"),
        _index("review", "organization_id", where="review_due IS NOT NULL"),
        _index("batch", "batch_id", where="batch_id IS NOT NULL"),
        _index("joined", "joined_id", where="joined_id IS NOT NULL"),
    )

    id: Mapped[Id]
    reference: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    kind: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default=states.DATA, default=states.DATA
    )
    package_id: Mapped[Key | None]
    batch_id: Mapped[Key | None]
    joined_id: Mapped[Key | None]
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False, server_default="1", default=1)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default=states.DRAFT)
    visibility: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="public", default="public"
    )
    title: Mapped[Words]
    description: Mapped[Words]
    use: Mapped[Words]
    procedure_reference: Mapped[Words]
    theme: Mapped[Words]
    territory: Mapped[Words]
    communes: Mapped[List]
    bbox: Mapped[list[float] | None] = mapped_column(ARRAY(sa.Float))
    need_by: Mapped[Day | None]
    formats: Mapped[List]
    crs: Mapped[Words]
    scale: Mapped[Words]
    period_start: Mapped[Day | None]
    period_end: Mapped[Day | None]
    known_datasets: Mapped[List]
    requester_id: Mapped[Key | None]
    show_name: Mapped[Flag]
    show_procedure: Mapped[Flag]
    requester_organisation: Mapped[Words]
    requester_siret: Mapped[Words]
    language: Mapped[Words]
    organization_id: Mapped[Key | None]
    routing_reason: Mapped[Object]
    assigned_to: Mapped[Key | None]
    created: Mapped[Moment]
    modified: Mapped[Moment]
    submitted: Mapped[Moment | None]
    opened: Mapped[Moment | None]
    first_answer: Mapped[Moment | None]
    closed: Mapped[Moment | None]
    due: Mapped[Day | None]
    first_month_ends: Mapped[Day | None]
    clock_start: Mapped[Day | None]
    extended: Mapped[Flag]
    planned: Mapped[Day | None]
    answer_by: Mapped[Day | None]
    details_asked: Mapped[Moment | None]
    reminders: Mapped[Count]
    last_reminded: Mapped[Day | None]
    reopened: Mapped[Count]
    outcome: Mapped[Object]
    duplicate_of: Mapped[str | None] = mapped_column(sa.Text, index=True)
    support_count: Mapped[Count]
    comment_count: Mapped[Count]
    listed: Mapped[Flag]
    hidden: Mapped[Flag]
    plain_links: Mapped[Flag]
    flags: Mapped[List]
    review_asked: Mapped[Moment | None]
    review_due: Mapped[Day | None]
    satisfied: Mapped[Words]
    satisfied_on: Mapped[Day | None]
    anonymised: Mapped[Moment | None]
    search: Mapped[Any] = mapped_column(TSVECTOR)

    @property
    def is_signal(self) -> bool:
        """Whether it is a report about a dataset, for which no legal period runs."""
        return self.kind in states.SIGNALS

    @property
    def review_until(self) -> date | None:
        """Last day on which an internal review of a decision or silence can be asked for.

        None without one.
        """
        since = None
        if self.state in states.CONTESTED:
            if self.closed:
                since = clock.day_of(self.closed)
        elif self.due and self.due < clock.today():
            since = self.due
        if since is None:
            return None
        return law.last_day("ask_review", since, clock.holiday_zone(self.territory))

    def obstacle(self, transition: str, roles: Collection[str]) -> str:
        """Return what prevents a transition now, by someone with these roles,
        as `states.obstacle` does.
        """
        moment = clock.now()
        facts = states.Facts.of(self)
        return states.obstacle(facts, transition, roles, moment, clock.day_of(moment))

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
    """A transition that took place. Append-only: a trigger refuses every change except erasing
    texts.

    Attributes:
        moderation: moderation state of its texts (`trust`); "" when no moderation was needed.
    """

    __tablename__ = "ecosphere_requests_event"
    __table_args__ = (
        _index("event_request", "request_id", "id"),
        _index("event_held", "created", where=HELD_SQL),
    )

    id: Mapped[Number]
    request_id: Mapped[OfRequest]
    transition: Mapped[Key]
    from_state: Mapped[Key]
    to_state: Mapped[Key]
    version: Mapped[int]
    actor_id: Mapped[Key | None]
    actor_role: Mapped[Key]
    created: Mapped[Moment]
    comment: Mapped[Words]
    note: Mapped[Words]
    fields: Mapped[Object]
    moderation: Mapped[Words]


class Comment(tk.BaseModel):
    """A message of the conversation, or an internal note of the service and the moderators.

    Attributes:
        organization_id: service on whose behalf it was written.
        moderation: "" when no moderation was needed, else held, released, rejected or spam
            (`trust`).
    """

    __tablename__ = "ecosphere_requests_comment"
    __table_args__ = (
        _index("comment_request", "request_id", "created"),
        _index("comment_held", "created", where=HELD_SQL),
    )

    id: Mapped[Id]
    request_id: Mapped[OfRequest]
    author_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    author_role: Mapped[Key]
    created: Mapped[Moment]
    text: Mapped[Words]
    internal: Mapped[Flag]
    hidden: Mapped[Flag]
    hidden_reason: Mapped[Words]
    organization_id: Mapped[Key | None]
    moderation: Mapped[Words]


class Revision(tk.BaseModel):
    """An edit of a request after it was sent.

    Attributes:
        version: of the request that it created or, while it is held, on which it is based.
        changes: field → {from, to}, and `diff` for texts: [("=", "-" or "+"), words].
        moderation: as for comments; while it is held, the request is unchanged.
    """

    __tablename__ = "ecosphere_requests_revision"
    __table_args__ = (
        _index("revision_request", "request_id", "created"),
        _index("revision_author", "author_id"),
        _index("revision_held", "created", where=HELD_SQL),
    )

    id: Mapped[Id]
    request_id: Mapped[OfRequest]
    author_id: Mapped[Key | None]
    created: Mapped[Moment]
    version: Mapped[int]
    changes: Mapped[Object]
    moderation: Mapped[Words]
    reason: Mapped[Words]


class Attachment(tk.BaseModel):
    """A file attached to a comment.

    It is stored under its id in the folder of the request (`attachments.path_of`).
    """

    __tablename__ = "ecosphere_requests_attachment"

    id: Mapped[Id]
    request_id: Mapped[OfRequest] = mapped_column(index=True)
    comment_id: Mapped[str] = mapped_column(
        sa.ForeignKey("ecosphere_requests_comment.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )
    name: Mapped[Key]
    media_type: Mapped[Key]
    size: Mapped[int]
    created: Mapped[Moment]


class _Bond:
    """A relation of a user to a request, at most one of each kind."""

    request_id: Mapped[OfRequest] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, index=True)
    created: Mapped[Created]


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
        kind: `answer` (given by the service), `suggested` (found by matching) or `mentioned` (in a
            comment).
    """

    __tablename__ = "ecosphere_requests_dataset"
    __table_args__ = (_index("dataset_package", "package_id"),)

    request_id: Mapped[OfRequest] = mapped_column(primary_key=True)
    package_id: Mapped[RowKey]
    kind: Mapped[RowKey]
    score: Mapped[float] = mapped_column(sa.Float, nullable=False, server_default="0", default=0.0)
    created: Mapped[Created]


# Letters and their authors.


class Letter(tk.BaseModel):
    """A letter as it was sent. Append-only: a trigger refuses every change except erasing the
    addressee.

    Attributes:
        event_id: event of the transition, None for a notice of implicit refusal.
        kind: name of a transition, receipt or silence.
        organization_id: service that sent it, which may always read it.
        requester_id: account of the addressee, who may read it for as long as the account exists.
        addressee: lines with the name of the addressee, "" once erased; not part of the digest.
        html, plain: the letter; sha256: digest of both.
    """

    __tablename__ = "ecosphere_requests_letter"

    id: Mapped[Id]
    request_id: Mapped[OfRequest] = mapped_column(index=True)
    event_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    kind: Mapped[Key]
    created: Mapped[Moment]
    organization_id: Mapped[Key | None]
    requester_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    addressee: Mapped[Words]
    subject: Mapped[Key]
    html: Mapped[Key]
    plain: Mapped[Key]
    sha256: Mapped[Key]

    @property
    def addressed_to(self) -> list[str]:
        """Lines that address the letter, above its text; empty once the addressee is erased."""
        return compose.addressed_to(self.addressee)


class AuthorName(tk.BaseModel):
    """First name, last name and job title (`quality`) of an agent,
    as stated in decisions (CRPA, L. 212-1).
    """

    __tablename__ = "ecosphere_requests_author"

    user_id: Mapped[RowKey]
    first_name: Mapped[Words]
    last_name: Mapped[Words]
    quality: Mapped[Words]


# Notifications and the settings of their recipients.

#: What becomes of a notification by e-mail: it waits for the user's digest, leaves in an e-mail, or
#: is dropped.
DIGEST, MAILED, UNWANTED = "digest", "mailed", "unwanted"
UNSEEN_SQL = "channel = 'page' AND status <> 'seen'"
UNSEEN = sa.text(UNSEEN_SQL)
"""SQL condition for unseen notifications on the page, the same as in the partial index."""


class Notification(tk.BaseModel):
    """Notification of one recipient of one thing through one channel; unique, so that it is sent
    once.

    Attributes:
        key: of the thing, e.g. "event:12", "comment:<id>", "due_week:<request>:<due>".
        kind: transition, "comment" or kind of reminder; selects the text (`texts`).
        neutral: whether it gives only the outcome.
        user_id: id of a user, or key of a mailbox (`people.Mailbox`).
        channel: "email" or "page".
        status: "sent" or "seen" on the page; "digest", "mailed" or "unwanted" by e-mail.
        mail_id: the e-mail that tells it (`work.model.Work`), with the proof that it was sent; None
            for any other.
    """

    __tablename__ = "ecosphere_requests_notification"
    __table_args__ = (
        sa.UniqueConstraint("key", "user_id", "channel", name="uq_ecosphere_requests_notification"),
        _index("notification_digest", "user_id", where="status = 'digest'"),
        _index("notification_mail", "mail_id", where="mail_id IS NOT NULL"),
        _index("notification_person", "user_id", "channel", sa.text("created DESC")),
        _index("notification_request", "request_id"),
        _index("notification_unseen", "user_id", where=UNSEEN_SQL),
    )

    id: Mapped[Number]
    request_id: Mapped[OfRequest]
    event_id: Mapped[BigKey | None]
    comment_id: Mapped[Key | None]
    key: Mapped[Key]
    kind: Mapped[Key]
    audience: Mapped[Key]
    neutral: Mapped[Flag]
    user_id: Mapped[Key]
    channel: Mapped[Key]
    status: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="sent", default="sent"
    )
    mail_id: Mapped[BigKey | None]
    created: Mapped[Moment]


class Setting(tk.BaseModel):
    """Settings of a user: frequency of e-mails (immediate, daily, weekly, none) and their language.

    Attributes:
        calendar: secret part of the private URL of their calendars, "" before they ask for one.
    """

    __tablename__ = "ecosphere_requests_setting"

    user_id: Mapped[RowKey]
    digest: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="immediate", default="immediate"
    )
    language: Mapped[Words]
    last_digest: Mapped[Moment | None]
    calendar: Mapped[Words]


def setting_of(user_id: str) -> Setting:
    """Return the settings of a user, in the session, not committed yet where they are new."""
    setting = model.Session.get(Setting, user_id)
    if setting is None:
        setting = Setting(user_id=user_id, digest="immediate", language="", calendar="")
        model.Session.add(setting)
    return setting


# Internal work of services.

ASSIGNED, ESCALATED = "assigned", "escalated"


class Absence(tk.BaseModel):
    """First and last day of an agent's absence, and their substitute, if any."""

    __tablename__ = "ecosphere_requests_absence"
    __table_args__ = (_index("absence_person", "user_id", "last"),)

    id: Mapped[Id]
    user_id: Mapped[Key]
    first: Mapped[Day]
    last: Mapped[Day]
    substitute_id: Mapped[Key | None]
    created: Mapped[Moment]


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

    id: Mapped[Number]
    request_id: Mapped[OfRequest]
    kind: Mapped[Key]
    key: Mapped[Key | None]
    actor_id: Mapped[Key | None]
    user_id: Mapped[Key | None]
    instead_of_id: Mapped[Key | None]
    told: Mapped[Words]
    created: Mapped[Moment]


class SavedAnswer(tk.BaseModel):
    """Reasons that a service saves for reuse in refusals.

    Attributes:
        ground: for which they were written, "" for any.
        law, facts: reasons in law and in fact.
    """

    __tablename__ = "ecosphere_requests_saved_answer"
    __table_args__ = (_index("saved_answer_service", "organization_id"),)

    id: Mapped[Id]
    organization_id: Mapped[Key]
    ground: Mapped[Words]
    title: Mapped[Key]
    law: Mapped[Words]
    facts: Mapped[Words]
    author_id: Mapped[Key | None]
    modified: Mapped[Moment]


# Incoming e-mails, and answers.


class Inbound(tk.BaseModel):
    """An incoming e-mail with a valid reply address.

    Attributes:
        id: digest of its Message-ID and reply address.
        outcome: "" while it is being processed; taken, flood, or the code of its refusal (`mails`
            of the messages).
        answered: whether an explanation of its refusal was sent.
    """

    __tablename__ = "ecosphere_requests_inbound"
    __table_args__ = (_index("inbound_person", "user_id", "received"),)

    id: Mapped[RowKey]
    received: Mapped[Moment]
    user_id: Mapped[Key | None]
    request_id: Mapped[Key | None]
    outcome: Mapped[Words]
    answered: Mapped[Flag]


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
        _index("delivery_request", "request_id"),
        _index(
            "delivery_embargo",
            "public_from",
            where="public_from IS NOT NULL AND reach = 'requester'",
        ),
    )

    id: Mapped[Id]
    request_id: Mapped[OfRequest]
    kind: Mapped[Key]
    url: Mapped[Words]
    name: Mapped[Words]
    media_type: Mapped[Words]
    size: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, server_default="0", default=0)
    reach: Mapped[Key]
    public_from: Mapped[Day | None]
    created: Mapped[Moment]
