"""Personal data of users in data requests: anonymisation, export and erasure (GDPR).

Data for statistics remain: state, dates, theme, territory, service and number of supporters
identify no one.
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

#: Roles in which a user acts for an administration: their texts belong to it, and remain without
#: the name.
OFFICIAL = (states.EDITOR, states.ADMIN, states.MODERATOR)

#: Columns of internal events that identify a user.
TRACED = (Trace.actor_id, Trace.user_id, Trace.instead_of_id)
#: Table and column that name a user in rows that stay without the name.
NAMED: list[tuple[Any, Any]] = [
    (Event, Event.actor_id),
    (Request, Request.assigned_to),
    *((Trace, column) for column in TRACED),
    (SavedAnswer, SavedAnswer.author_id),
    (Inbound, Inbound.user_id),
]


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
    """Anonymise a request: requester, authors, supporters, followers, recipients of notifications
    and users' files.

    All texts of a private request are erased, too, since no one else may read them.
    """
    is_private = request.visibility == "private"
    _forget_requester(request)
    request.assigned_to = None
    _forget_outcome(request, is_private)
    if is_private:
        request.title = request.description = ""
        request.known_datasets = []
        transitions.index_text(request)
    letters.forget_addressee([request.id])
    outbox.forget(Notification.request_id == request.id)
    for table in (Support, Follow, Mute, Trace, Inbound):
        _delete(table, table.request_id == request.id)
    _forget_files(request, is_private)
    _forget_events(request, is_private)
    _forget_comments(request, is_private)
    _forget_unpublished(
        Comment.request_id == request.id,
        Event.request_id == request.id,
        Revision.request_id == request.id,
    )
    request.anonymised = clock.now()
    request.version += 1
    model.Session.flush()


#: Transitions whose texts concern the requester alone, who keeps the letters.
PERSONAL_STEPS = ("refuse", "fulfil_partly", *states.REVIEW, "take_up_again")


def _forget_outcome(request: Request, is_private: bool) -> None:
    """Erase the reasons of a decision and of its review, which concern the requester alone; for
    statistics, its ground remains.
    """
    if is_private:
        forgotten = set(request.outcome) - {"ground"}
    else:
        forgotten = set(history.PERSONAL) - {"ground", "spam"}
    request.outcome = {key: value for key, value in request.outcome.items() if key not in forgotten}


def _forget_events(request: Request, is_private: bool) -> None:
    events = Event.request_id == request.id
    _update(Event, events, actor_id=None, note="")
    if not is_private:
        events = sa.and_(events, Event.transition.in_(PERSONAL_STEPS))
    _update(Event, events, comment="", fields={})


def _forget_comments(request: Request, is_private: bool) -> None:
    comments = Comment.request_id == request.id
    _update(Comment, comments, author_id=None)
    if not is_private:
        comments = sa.and_(comments, Comment.internal)
    _update(Comment, comments, text="", hidden=True)


def _forget_files(request: Request, is_private: bool) -> None:
    """Delete private answers, and the files of comments except those of the administration that
    everyone may read.
    """
    attachments.forget_private_answers([request.id])
    comments = Comment.request_id == request.id
    if not is_private:
        is_official = sa.and_(Comment.author_role.in_(OFFICIAL), Comment.internal.is_(False))
        comments = sa.and_(comments, ~is_official)
    _remove_files(comments)


def _forget_requester(request: Request) -> None:
    request.requester_id = None
    request.review_due = None  # no one is left to answer
    request.show_name = False
    request.requester_organisation = request.requester_siret = request.procedure_reference = ""
    request.language = ""


def _update(table: Any, where: Any, **values: Any) -> int:
    return rows_changed(sa.update(table).where(where).values(**values))


def _delete(table: Any, where: Any) -> int:
    return rows_changed(sa.delete(table).where(where))


def _forget_unpublished(comments: Any, events: Any, edits: Any) -> None:
    """Erase texts that were not released, as without an author nothing speaks for publishing them.

    Of edits, all.
    """
    unpublished = sa.and_(comments, Comment.moderation.not_in(trust.SHOWN))
    _update(Comment, unpublished, text="", moderation=trust.REJECTED)
    unpublished = sa.and_(events, Event.moderation.not_in(trust.SHOWN))
    _update(Event, unpublished, comment="", fields={}, moderation=trust.REJECTED)
    _update(Revision, sa.and_(edits, Revision.moderation == trust.HELD), moderation=trust.REJECTED)
    _update(Revision, edits, author_id=None, changes={})


def _remove_files(comments: Any) -> None:
    """Delete the files of comments."""
    files = sa.select(Attachment).join(Comment, Comment.id == Attachment.comment_id)
    attachments.remove(model.Session.scalars(files.where(comments)).all())


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

    What they wrote, decided and attached on behalf of a service belongs to the service: it remains
    without their name.
    """
    mine = Request.requester_id == user.id
    _withdraw_all(user)
    numbers = {"drafts": _delete(Request, sa.and_(mine, Request.state == states.DRAFT))}
    requests = list(model.Session.scalars(sa.select(Request.id).where(mine)))
    numbers["requests"] = len(requests)
    for request_id in requests:
        _forget_requester(transitions.locked(request_id))
    letters.forget_addressee(requests)
    attachments.forget_private_answers(requests)
    numbers["comments"] = _forget_writings(user)
    for table, column in NAMED:
        _update(table, column == user.id, **{column.key: None})
    people.forget_absences(user.id)
    for table in (AuthorName, Mute, Setting):
        _delete(table, table.user_id == user.id)
    numbers["supports"] = _delete(Support, Support.user_id == user.id)
    numbers["follows"] = _delete(Follow, Follow.user_id == user.id)
    numbers["notifications"] = outbox.forget(Notification.user_id == user.id)
    outbox.OUTBOX.forget([user.id])
    model.Session.commit()
    return numbers


def _withdraw_all(user: model.User) -> None:
    """Withdraw the active requests of a user."""
    active = sa.select(Request.id).where(
        Request.requester_id == user.id, Request.state.in_(states.ACTIVE)
    )
    for request_id in model.Session.scalars(active).all():
        transitions.if_possible(request_id, "withdraw", states.REQUESTER, user.id)


def _forget_writings(user: model.User) -> int:
    """Erase what a user wrote for themselves and was not published, with its files, and their name
    from all their comments; return the number of comments.
    """
    comments, events = Comment.author_id == user.id, Event.actor_id == user.id
    own = sa.and_(comments, Comment.author_role.not_in(OFFICIAL))
    _remove_files(own)
    _forget_unpublished(own, events, Revision.author_id == user.id)
    _update(Event, sa.and_(events, Event.actor_role.not_in(OFFICIAL)), note="")
    return _update(Comment, comments, author_id=None)
