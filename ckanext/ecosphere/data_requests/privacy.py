"""Personal data of users in data requests: anonymisation, export and erasure (GDPR).

Data for statistics remain: state, dates, theme, territory, service and number of supporters identify no one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from dateutil.relativedelta import relativedelta

from ckanext.ecosphere.core.accounts import Notice
from ckanext.ecosphere.data_requests import (
    attachments,
    config,
    history,
    transitions,
)
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import clock, people, states, trust
from ckanext.ecosphere.data_requests.model import (
    Absence,
    Attachment,
    AuthorName,
    Comment,
    Delivery,
    Event,
    Follow,
    Inbound,
    Letter,
    Mute,
    Notification,
    Request,
    Revision,
    SavedAnswer,
    Setting,
    Support,
    Trace,
    rows_changed,
)
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.work import jobs
from ckanext.ecosphere.work.model import Work

#: Roles in which a user acts for an administration: their texts belong to it, and remain without the name.
OFFICIAL = (states.EDITOR, states.ADMIN, states.MODERATOR)

#: Columns of internal events that identify a user.
TRACED = (Trace.actor_id, Trace.user_id, Trace.instead_of_id)


def anonymise_old() -> int:
    """Anonymise the requests that were closed long enough ago; return how many. Idempotent.

    Raises:
        SomeFailed: some failed; all others were anonymised.
    """
    return jobs.one_by_one(_due(clock.now()), _anonymise_one)


def _anonymise_one(request_id: str) -> int:
    with transitions.changing(request_id) as request:
        is_due = request.anonymised is None and request.state in states.CLOSED
        if is_due:  # unless anonymised by another run or reopened since
            anonymise(request)
    return int(is_due)


def _due(moment: datetime) -> list[str]:
    day = clock.day_of(moment) - relativedelta(months=config.anonymise_months())
    before = datetime(day.year, day.month, day.day, tzinfo=clock.PARIS)
    query = (
        sa.select(Request.id)
        .where(
            Request.closed < before, Request.anonymised.is_(None), Request.state.in_(states.CLOSED)
        )
        .order_by(Request.closed)
    )
    return list(model.Session.scalars(query))


def anonymise(request: Request) -> None:
    """Anonymise a request: requester, authors, supporters, followers, recipients of notifications and users' files.

    All texts of a private request are erased, too, since no one else may read them.
    """
    _forget_requester(request)
    request.assigned_to = None
    if request.visibility == "private":
        request.title = request.description = ""
        request.known_datasets = []
        request.outcome = {key: value for key, value in request.outcome.items() if key == "ground"}
        transitions.index_text(request)
    # The reasons of a decision and of its review concern the requester alone, who keeps the letters.
    forgotten = set(history.PERSONAL) - {"ground", "spam"}
    request.outcome = {key: value for key, value in request.outcome.items() if key not in forgotten}
    decided = Event.transition.in_(("refuse", "fulfil_partly", *states.REVIEW, "take_up_again"))
    _events((Event.request_id == request.id) & decided, drop_texts=True)
    letters.forget_addressee([request.id])
    outbox.forget(Notification.request_id == request.id)
    for table in (Support, Follow, Mute, Trace, Inbound):
        model.Session.execute(sa.delete(table).where(table.request_id == request.id))
    private = request.visibility == "private"
    _comments(Comment.request_id == request.id, drop_texts=private)
    _drop_notes(Comment.request_id == request.id)
    _drop_unpublished(Comment.request_id == request.id)
    _drop_unpublished_steps(Event.request_id == request.id)
    _events(Event.request_id == request.id, drop_texts=private)
    _forget_edits(Revision.request_id == request.id)
    attachments.forget_private_answers([request.id])
    files = sa.select(Attachment).join(Comment, Comment.id == Attachment.comment_id)
    official = sa.and_(
        Comment.author_role.in_(OFFICIAL), Comment.internal.is_(False), sa.literal(not private)
    )
    attachments.remove(
        list(model.Session.scalars(files.where(Comment.request_id == request.id, ~official)))
    )
    request.anonymised = clock.now()
    request.version += 1
    model.Session.flush()


def _forget_requester(request: Request) -> None:
    request.requester_id = None
    request.review_due = None  # no one is left to answer
    request.show_name = False
    request.requester_organisation = request.requester_siret = request.procedure_reference = ""
    request.language = ""


def _comments(where: Any, drop_texts: bool) -> int:
    values: DataDict = {"author_id": None}
    if drop_texts:
        values |= {"text": "", "hidden": True}
    return rows_changed(sa.update(Comment).where(where).values(**values))


def _drop_notes(where: Any) -> None:
    model.Session.execute(
        sa.update(Comment).where(where, Comment.internal).values(text="", hidden=True)
    )


def _drop_unpublished(where: Any) -> None:
    """Erase comments that were not released: without an author, there is no reason to publish them."""
    unpublished = Comment.moderation.not_in(trust.SHOWN)
    model.Session.execute(
        sa.update(Comment).where(where, unpublished).values(text="", moderation=trust.REJECTED)
    )


def _drop_unpublished_steps(where: Any) -> None:
    """Erase texts of transitions that were not released, for the same reason."""
    values = {"comment": "", "fields": {}, "moderation": trust.REJECTED}
    model.Session.execute(
        sa.update(Event).where(where, Event.moderation.not_in(trust.SHOWN)).values(**values)
    )


def _forget_edits(where: Any) -> None:
    """Erase the content of edits, but not the fact."""
    moderation = sa.case(
        (Revision.moderation == trust.HELD, trust.REJECTED), else_=Revision.moderation
    )
    values = {"author_id": None, "changes": {}, "moderation": moderation}
    model.Session.execute(sa.update(Revision).where(where).values(**values))


def _events(where: Any, drop_texts: bool) -> None:
    values: DataDict = {"actor_id": None, "note": ""}
    if drop_texts:
        values |= {"comment": "", "fields": {}}
    model.Session.execute(sa.update(Event).where(where).values(**values))


#: Key of an export → the table, and its columns that name a user.
OWN: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "requests": (Request, (Request.requester_id,)),
    "comments": (Comment, (Comment.author_id,)),
    "events": (Event, (Event.actor_id,)),
    "edits": (Revision, (Revision.author_id,)),
    "mutes": (Mute, (Mute.user_id,)),
    "supports": (Support, (Support.user_id,)),
    "follows": (Follow, (Follow.user_id,)),
    "notifications": (Notification, (Notification.user_id,)),
    "letters": (Letter, (Letter.requester_id,)),
    "absences": (Absence, (Absence.user_id, Absence.substitute_id)),
    "desk": (Trace, TRACED),
    "saved_answers": (SavedAnswer, (SavedAnswer.author_id,)),
    "mails": (Inbound, (Inbound.user_id,)),
    "author": (AuthorName, (AuthorName.user_id,)),
}


def export(user: model.User) -> DataDict:
    """Return all personal data of a user, ready for JSON."""
    person = {name: getattr(user, name) for name in ("id", "name", "fullname", "email")}
    data: DataDict = {"person": person}
    for name, (table, columns) in OWN.items():
        data[name] = _rows(table, sa.or_(*(column == user.id for column in columns)))
    data["emails"] = _rows(Work, sa.and_(outbox.OUTBOX.rows, Work.recipient == user.id))
    own = sa.select(Request.id).where(Request.requester_id == user.id)
    data["answers"] = _rows(Delivery, Delivery.request_id.in_(own))
    settings = model.Session.get(Setting, user.id)
    data["settings"] = {}
    if settings:
        data["settings"] = {"digest": settings.digest, "language": settings.language}
    return data


def _rows(table: Any, where: Any) -> list[DataDict]:
    columns = [column for column in sa.inspect(table).columns if column.name != "search"]
    rows = model.Session.execute(sa.select(*columns).where(where)).mappings()
    return [_exported(row) for row in rows]


def _exported(row: Mapping[Any, Any]) -> DataDict:
    values = {str(key): value for key, value in row.items()}
    for key, value in values.items():
        if isinstance(value, date):
            values[key] = value.isoformat()
    return values


def notice() -> Notice:
    """Return what `erase` removes and what it leaves."""
    return Notice(
        lost=[
            _("Drafts of data requests, support, notifications and preferences."),
            _("Open data requests: they are withdrawn."),
            _(
                "Access to the answers and letters that were for this person alone, who downloads "
                "them first."
            ),
        ],
        kept=[
            _("Data requests, reports and messages."),
            _(
                "What was written and decided for a service: it is shown as written by an officer "
                "of this service."
            ),
        ],
    )


def erase(user: model.User) -> dict[str, int]:
    """Erase the personal data of a user; return the number of rows by kind.

    What they wrote, decided and attached on behalf of a service belongs to the service: it remains without their name.
    """
    mine = Request.requester_id == user.id
    for request_id in model.Session.scalars(
        sa.select(Request.id).where(mine, Request.state.in_(states.ACTIVE))
    ).all():
        transitions.if_possible(request_id, "withdraw", states.REQUESTER, user.id)
    drafts = rows_changed(sa.delete(Request).where(mine, Request.state == states.DRAFT))
    requests = list(model.Session.scalars(sa.select(Request.id).where(mine)))
    for request_id in requests:
        _forget_requester(transitions.locked(request_id))
    own = sa.and_(Comment.author_id == user.id, Comment.author_role.not_in(OFFICIAL))
    files = sa.select(Attachment).join(Comment, Comment.id == Attachment.comment_id).where(own)
    attachments.remove(list(model.Session.scalars(files)))
    letters.forget_addressee(requests)
    attachments.forget_private_answers(requests)
    model.Session.execute(sa.delete(AuthorName).where(AuthorName.user_id == user.id))
    _drop_unpublished(own)
    _drop_unpublished_steps(Event.actor_id == user.id)
    _forget_edits(Revision.author_id == user.id)
    numbers = {
        "drafts": drafts,
        "requests": len(requests),
        "comments": _comments(Comment.author_id == user.id, False),
    }
    _events((Event.actor_id == user.id) & Event.actor_role.not_in(OFFICIAL), False)
    model.Session.execute(sa.update(Event).where(Event.actor_id == user.id).values(actor_id=None))
    model.Session.execute(
        sa.update(Request).where(Request.assigned_to == user.id).values(assigned_to=None)
    )
    columns: list[tuple[Any, Any]] = [(Trace, column) for column in TRACED]
    for table, column in (
        *columns,
        (SavedAnswer, SavedAnswer.author_id),
        (Inbound, Inbound.user_id),
    ):
        model.Session.execute(sa.update(table).where(column == user.id).values({column.key: None}))
    people.forget_absences(user.id)
    model.Session.execute(sa.delete(Mute).where(Mute.user_id == user.id))
    for name, table in (("supports", Support), ("follows", Follow)):
        numbers[name] = rows_changed(sa.delete(table).where(table.user_id == user.id))
    numbers["notifications"] = outbox.forget(Notification.user_id == user.id)
    outbox.OUTBOX.forget([user.id])
    model.Session.execute(sa.delete(Setting).where(Setting.user_id == user.id))
    model.Session.commit()
    return numbers
