"""Notifications and their e-mails, written in the transaction of their event, so that none is lost
or sent twice.

The audiences of a transition come from the table (`states.audiences`). Each user gets one row per
event and channel, for the first audience they belong to: a requester who also follows the request
is notified as the requester.

Moderators are told of pending contributions some time later, of all in one e-mail: a new user who
writes a hundred texts takes one line of it. The texts, and the titles of private requests, are
shown on the moderators' pages only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import people, states, trust, wording
from ckanext.ecosphere.data_requests.domain.people import by_ids
from ckanext.ecosphere.data_requests.domain.states import Audience
from ckanext.ecosphere.data_requests.model import (
    DIGEST,
    MAILED,
    UNSEEN,
    UNWANTED,
    Comment,
    Event,
    Mute,
    Notification,
    Request,
    Revision,
    Setting,
    is_any,
    number_of,
    rows_changed,
)
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.work.model import PENDING, Work
from ckanext.ecosphere.work.outbox import Outbox

#: The e-mails: each tells one or several notifications (`Notification.mail_id`) to an account or a
#: mailbox. They are kept for ever, since they prove that a person was told of a decision.
OUTBOX = Outbox(
    name="ecosphere-requests-mails",
    function="ckanext.ecosphere.data_requests.notifications.delivery.deliver",
    title="Data requests: e-mails",
    queue=config.QUEUE,
    is_open=config.mail_works,
)
#: Kind of an e-mail that tells all that waited for a user's digest.
OF_DIGEST = "digest"
PAGE, EMAIL = "page", "email"
#: Digest setting → status of a new e-mail; without an entry, no row is written.
WAITING = {"immediate": MAILED, "daily": DIGEST, "weekly": DIGEST}


def of_event(request: Request, event: Event) -> None:
    """Notify of a transition."""
    audiences = states.audiences(event.transition, event.fields)
    origin = {"kind": event.transition, "event_id": event.id}
    _notify(request, f"event:{event.id}", audiences, event.actor_id, event.fields, **origin)


def of_comment(request: Request, comment: Comment) -> None:
    """Notify of a comment: internal notes to the service, others to everyone concerned."""
    if comment.internal:
        names = [states.SERVICE]
    else:
        names = [states.REQUESTER, states.SERVICE, states.FOLLOWERS]
    audiences = [Audience(name) for name in names]
    origin = {"kind": "comment", "comment_id": comment.id}
    _notify(request, f"comment:{comment.id}", audiences, comment.author_id, {}, **origin)


def of_revision(request: Request, revision: Revision) -> None:
    """Notify the service of an edit."""
    audiences = [Audience(states.SERVICE)]
    _notify(request, f"revision:{revision.id}", audiences, revision.author_id, {}, kind="edit")


def of_held(request: Request, text_kind: str, key: str, author_id: str | None) -> None:
    """Notify the moderators of a held text, without quoting it."""
    audiences = [Audience(states.MODERATORS)]
    _notify(request, f"held:{text_kind}:{key}", audiences, author_id, {}, kind="held")


def of_rejected(request: Request, key: str, author_id: str | None) -> None:
    """Notify the author of a text that it is not published."""
    if author_id and people.reader_of(model.User.get(author_id)).may_read(request):
        _write(request, f"rejected:{key}", {author_id: Audience("author")}, kind="rejected_text")


def of_assignment(request: Request, trace_id: int, actor_id: str) -> None:
    """Notify the assignee of a request, unless they assigned it to themselves."""
    if request.assigned_to and request.assigned_to != actor_id:
        to = {request.assigned_to: Audience(states.ASSIGNEE)}
        _write(request, f"assigned:{trace_id}", to, kind="assigned")


def of_public_answer(request: Request, key: str) -> None:
    """Notify those who watch a request that its answer is now public."""
    audiences = [Audience(states.FOLLOWERS), Audience(states.SUPPORTERS)]
    _notify(request, key, audiences, request.requester_id, {}, kind="public_answer")


def of_reminder(request: Request, kind: str, key: str, audience: str) -> bool:
    """Remind an audience of a date; return False when that was already done."""
    return _notify(request, key, [Audience(audience)], None, {}, kind=kind) > 0


def _notify(
    request: Request,
    key: str,
    audiences: Iterable[Audience],
    actor: str | None,
    fields: Row,
    **origin: Any,
) -> int:
    """Notify the users and mailboxes of some audiences.

    Args:
        request: that is concerned.
        key: identifies what happened: nobody is notified of it twice.
        audiences: the first ones before the others.
        actor: id of the user who did it, None for the portal.
        fields: of the transition, if it is one.
        origin: columns of the rows: `kind`, and the id of the event or comment.

    Returns:
        number of new notifications.
    """
    audiences = list(audiences)
    boxes: dict[str, Audience] = {}
    for audience in audiences:
        for box in people.mailbox_keys(audience.name, request, dict(fields)):
            boxes.setdefault(box, audience)
    recipients = _recipients_of(request, audiences, actor, fields)
    return _write(request, key, recipients, boxes, **origin)


def _write(
    request: Request,
    key: str,
    recipients: Mapping[str, Audience],
    boxes: Mapping[str, Audience] | None = None,
    **origin: Any,
) -> int:
    """Write the rows of a notification, and its e-mails; return the number of new rows."""
    moment = datetime.now(timezone.utc)
    common = {"request_id": request.id, "key": key, "created": moment, **origin}
    rows = _rows_of_users(request, recipients, common)
    if boxes and config.mail_works():
        at_once = [row["user_id"] for row in rows if row["status"] == MAILED]
        for box, audience in _without_duplicates(boxes, at_once).items():
            rows.append({**_row(common, box, audience), "channel": EMAIL, "status": MAILED})
    if not rows:
        return 0
    query = insert(Notification).values(rows).on_conflict_do_nothing().returning(Notification)
    new = model.Session.scalars(query).all()
    _send(new, moment)
    return len(new)


def _rows_of_users(
    request: Request, recipients: Mapping[str, Audience], common: DataDict
) -> list[DataDict]:
    """Return a row for the page of each user, and one for their e-mails, unless they want none.

    Args:
        request: that is concerned.
        recipients: the users.
        common: columns of all rows.
    """
    if not recipients:
        return []
    rows = []
    wishes = _wishes(recipients)
    muted = _muted(request, recipients)
    is_urgent = common["kind"] in wording.MAILS["urgent"]
    mail_works = config.mail_works()
    for user_id, audience in recipients.items():
        row = _row(common, user_id, audience)
        rows.append({**row, "channel": PAGE, "status": "sent"})
        wish = wishes[user_id]
        if is_urgent and wish != "none":
            wish = "immediate"
        if wish in WAITING and user_id not in muted and mail_works:
            rows.append({**row, "channel": EMAIL, "status": WAITING[wish]})
    return rows


def _row(common: DataDict, recipient: str, audience: Audience) -> DataDict:
    """Return the columns of a notification to a user or mailbox, whatever its channel."""
    own = {"user_id": recipient, "audience": audience.name, "neutral": audience.neutral}
    return {**common, **own}


def _send(rows: Iterable[Notification], moment: datetime) -> None:
    """Add the e-mails of new notifications.

    Messages wait a little, so that one e-mail tells of all about a request; so do contributions to
    review.
    """
    reviews, messages, others = [], [], []
    for row in rows:
        if row.status != MAILED:
            continue
        if is_to_review(row):
            reviews.append(row)
        elif row.kind == "comment":
            messages.append(row)
        else:
            others.append(row)
    send_each(reviews, moment + timedelta(minutes=config.moderation_digest()))
    send_each(messages, moment + timedelta(minutes=config.comment_delay()))
    send_each(others, moment)


def send_each(rows: Iterable[Notification], due: datetime) -> None:
    """Add an e-mail for each notification; the caller commits.

    Args:
        rows: notifications by e-mail.
        due: when the e-mails leave.
    """
    rows = list(rows)
    mails = [{"recipient": row.user_id, "key": row.key, "due": due} for row in rows]
    ids = OUTBOX.add(mails)
    for row in rows:
        row.status, row.mail_id = MAILED, ids[row.user_id, row.key]
    model.Session.flush()


def unsent() -> sa.ColumnElement[bool]:
    """Return the SQL condition for notifications whose e-mail waits to be sent."""
    waiting = sa.select(Work.id).where(OUTBOX.rows, Work.status == PENDING)
    return sa.and_(Notification.status == MAILED, Notification.mail_id.in_(waiting))


def drop(*conditions: sa.ColumnElement[bool]) -> None:
    """Drop notifications by e-mail that were not sent yet, or wait for a digest; the caller
    commits.

    An e-mail that has nothing left to tell is not sent.
    """
    waiting = sa.or_(Notification.status == DIGEST, unsent())
    update = sa.update(Notification).where(waiting, *conditions)
    model.Session.execute(update.values(status=UNWANTED))


def forget(*conditions: sa.ColumnElement[bool]) -> int:
    """Delete notifications, and the e-mails that told nothing else; the caller commits.

    Returns:
        the number of notifications.
    """
    query = sa.delete(Notification).where(*conditions).returning(Notification.mail_id)
    mail_ids = model.Session.scalars(query).all()
    still_told = sa.exists().where(Notification.mail_id == Work.id)
    orphans = sa.delete(Work).where(Work.id.in_(set(mail_ids)), ~still_told)
    model.Session.execute(orphans)
    return len(mail_ids)


def _without_duplicates(boxes: Mapping[str, Audience], user_ids: list[str]) -> dict[str, Audience]:
    """Return mailboxes without duplicate addresses: neither that of a user notified at once,
    nor one twice.
    """
    addresses = model.Session.scalars(
        sa.select(model.User.email).where(model.User.id.in_(user_ids))
    )
    used = {address.casefold() for address in addresses if address}
    unique: dict[str, Audience] = {}
    for key, audience in boxes.items():
        box = people.mailbox_of(key)
        address = box.email.casefold() if box else key
        if address not in used:
            used.add(address)
            unique[key] = audience
    return unique


def _recipients_of(
    request: Request, audiences: Iterable[Audience], actor: str | None, fields: Row
) -> dict[str, Audience]:
    """Map each user to the audience as which they are notified, the first that has them; the acting
    user only gets receipts.
    """
    recipients: dict[str, Audience] = {}
    for audience in audiences:
        for user_id in sorted(people.audience(audience.name, request, dict(fields))):
            if user_id != actor or audience.receipt:
                recipients.setdefault(user_id, audience)
    if not recipients:
        return {}
    active = people.active(recipients)
    return {user_id: audience for user_id, audience in recipients.items() if user_id in active}


def _muted(request: Request, user_ids: Iterable[str]) -> set[str]:
    """Return the users who opted out of e-mails about the request."""
    query = sa.select(Mute.user_id).where(
        Mute.request_id == request.id, Mute.user_id.in_(list(user_ids))
    )
    return set(model.Session.scalars(query))


def _wishes(user_ids: Iterable[str]) -> dict[str, str]:
    """Return how each user wants e-mails: immediate, daily, weekly or none."""
    query = sa.select(Setting.user_id, Setting.digest).where(Setting.user_id.in_(list(user_ids)))
    chosen = dict(model.Session.execute(query).tuples().all())
    return {user_id: chosen.get(user_id, "immediate") for user_id in user_ids}


# What the page lists.


def _listed_for(reader: people.Reader) -> sa.Select[tuple[Notification]]:
    """Select the notifications of a user on the page, without those of requests that the user may
    no longer read.

    The notice of a transfer to the former service stays.
    """
    readable = sa.or_(Notification.audience == states.FORMER_SERVICE, reader.condition())
    query = sa.select(Notification).join(Request, Request.id == Notification.request_id)
    return query.where(Notification.user_id == reader.id, Notification.channel == PAGE, readable)


def unseen(reader: people.Reader) -> int:
    """Return the number of unseen notifications of a user: every page shows it."""
    return number_of(_listed_for(reader).where(UNSEEN).subquery())


def of_person(reader: people.Reader, start: int, rows: int) -> tuple[int, list[Notification]]:
    """Return the number of notifications of a user, and some of them for the page,
    the latest first.
    """
    query = _listed_for(reader)
    latest = query.order_by(Notification.created.desc(), Notification.id.desc())
    on_this_page = model.Session.scalars(latest.offset(start).limit(rows))
    return number_of(query.subquery()), list(on_this_page)


def mark_seen(user_id: str, request_id: str | None) -> int:
    """Mark a user's notifications on the page, or those about one request, as seen.

    Return how many were not.
    """
    conditions = [Notification.user_id == user_id, UNSEEN]
    if request_id:
        conditions.append(Notification.request_id == request_id)
    return rows_changed(sa.update(Notification).where(*conditions).values(status="seen"))


# What waits for a moderator.

TO_REVIEW = ("submit", "held")
#: Maximum number of lines of an e-mail; the page shows all.
MOST_REVIEW_LINES = 50


def is_to_review(row: Notification) -> bool:
    """Return whether a notification informs a moderator of a pending contribution."""
    return row.audience == states.MODERATORS and row.kind in TO_REVIEW


def reviews_of(user_id: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition for e-mails to a moderator about pending contributions."""
    return sa.and_(
        Notification.user_id == user_id,
        Notification.channel == EMAIL,
        Notification.audience == states.MODERATORS,
        Notification.kind.in_(TO_REVIEW),
    )


def waits_for_moderator(row: Notification, request: Request) -> bool:
    """Return whether no moderator has yet dealt with the contribution of a notification."""
    if row.kind == "submit":
        if request.state not in states.ACTIVE:
            return False
        return not is_any(Event.request_id == request.id, Event.actor_role == states.MODERATOR)
    _held, kind, key = row.key.split(":", 2)
    text = trust.text_of(kind, key)
    return text is not None and text.moderation == trust.HELD


def review_lines(rows: list[Notification]) -> list[tuple[Notification, int]]:
    """Return a notification for each request and kind of contribution still pending,
    with their number.
    """
    requests = by_ids(Request, {row.request_id for row in rows})
    pending: dict[tuple[str, str], list[Notification]] = {}
    for row in rows:
        request = requests.get(row.request_id)
        if request is not None and waits_for_moderator(row, request):
            pending.setdefault((row.request_id, row.kind), []).append(row)
    return [(alike[0], len(alike)) for alike in pending.values()]
