"""Notifications to moderators of pending contributions: the first at once, the following grouped at intervals.

A new user who writes a hundred texts takes one line of an e-mail, not a hundred e-mails. The texts, and the titles of
private requests, are shown on the moderators' pages only.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, states, trust
from ckanext.ecosphere.data_requests.domain.people import by_ids
from ckanext.ecosphere.data_requests.model import Event, Notification, Request
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.work.model import DONE, RUNNING, Work

KINDS = ("submit", "held")
#: Maximum number of lines of an e-mail; the page shows all.
MOST_LINES = 50
#: Older notifications are ignored.
RECENT = timedelta(days=30)


def concerns(row: Notification) -> bool:
    """Return whether a notification informs a moderator of a pending contribution."""
    return row.audience == states.MODERATORS and row.kind in KINDS


def of_person(user_id: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition for e-mails to a moderator about pending contributions."""
    return sa.and_(
        Notification.user_id == user_id,
        Notification.channel == "email",
        Notification.audience == states.MODERATORS,
        Notification.kind.in_(KINDS),
    )


def lock(user_id: str) -> None:
    """Lock the choice of what to send to a moderator until the transaction ends."""
    key = sa.func.hashtext(f"requests review {user_id}")
    model.Session.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("ecosphere"), key))
    )


def free_from(user_id: str) -> datetime | None:
    """Return when a moderator may be notified again, None when they were not notified recently."""
    query = sa.select(sa.func.max(sa.func.coalesce(Work.ended, Work.due)))
    query = query.join(Notification, Notification.mail_id == Work.id)
    recent = Notification.created > clock.now() - RECENT
    is_sent = Work.status.in_((DONE, RUNNING))
    last = model.Session.scalar(query.where(of_person(user_id), recent, is_sent))
    if last:
        return last + timedelta(minutes=config.moderation_digest())
    return None


def put_off(user_id: str, moment: datetime) -> None:
    """Postpone the pending notifications of a moderator until a time."""
    mails = sa.select(Notification.mail_id).where(of_person(user_id), outbox.unsent())
    early = sa.update(Work).where(Work.id.in_(mails), Work.kind == "", Work.due < moment)
    model.Session.execute(early.values(due=moment))


def still_waits(row: Notification, request: Request) -> bool:
    """Return whether no moderator has yet dealt with the contribution of a notification."""
    if row.kind == "submit":
        by_moderator = (Event.request_id == request.id, Event.actor_role == states.MODERATOR)
        return request.state in states.ACTIVE and not model.Session.scalar(
            sa.select(sa.exists().where(*by_moderator))
        )
    _held, kind, key = row.key.split(":", 2)
    text = trust.text_of(kind, key)
    return text is not None and text.moderation == trust.HELD


def lines(rows: list[Notification]) -> list[tuple[Notification, int]]:
    """Return a notification for each request and kind of contribution still pending, with their number."""
    ids = {row.request_id for row in rows}
    requests = {request.id: request for request in by_ids(Request, ids)}
    rows = [
        row
        for row in rows
        if row.request_id in requests and still_waits(row, requests[row.request_id])
    ]
    numbers = Counter((row.request_id, row.kind) for row in rows)
    first = {(row.request_id, row.kind): row for row in reversed(rows)}
    return [(first[key], number) for key, number in numbers.items()]
