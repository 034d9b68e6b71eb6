"""What waits for moderators is told together: the first thing at once, what follows once in a while, with its number.

A newcomer who writes a hundred texts fills one line of an e-mail, not a hundred mailboxes. What the texts say, and the
title of a request that is not public, are on the moderators' pages only.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, states, trust
from ckanext.ecosphere.data_requests.domain.names import by_ids
from ckanext.ecosphere.data_requests.model import Event, Request
from ckanext.ecosphere.data_requests.notifications.tables import Notification

KINDS = ("submit", "held")
#: Lines of an e-mail; the page shows all.
MOST_LINES = 50
#: Older notifications are not looked at.
RECENT = timedelta(days=30)


def concerns(row: Notification) -> bool:
    """Whether a notification tells a moderator of something that waits for them."""
    return row.audience == states.MODERATORS and row.kind in KINDS


def of_person(user_id: str) -> sa.ColumnElement[bool]:
    """Condition: notifications of a moderator, by e-mail, of what waits for them."""
    return sa.and_(
        Notification.user_id == user_id,
        Notification.channel == "email",
        Notification.audience == states.MODERATORS,
        Notification.kind.in_(KINDS),
    )


def lock(user_id: str) -> None:
    """Keep others, until the transaction ends, from choosing what a moderator is told."""
    key = sa.func.hashtext(f"requests review {user_id}")
    model.Session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("ecosphere"), key)))


def free_from(user_id: str) -> datetime | None:
    """Moment from which a moderator may be told again, None when they were not told yet."""
    told = sa.func.max(sa.func.coalesce(Notification.sent, Notification.next_try))
    gone = Notification.status.in_(("sent", "sending"))
    recent = Notification.created > clock.now() - RECENT
    last = model.Session.scalar(sa.select(told).where(of_person(user_id), recent, gone))
    return last + timedelta(minutes=config.moderation_digest()) if last else None


def put_off(user_id: str, moment: datetime) -> None:
    """Have what waits to be told to a moderator leave at a moment, and not before."""
    early = (of_person(user_id), Notification.status == "pending", Notification.next_try < moment)
    model.Session.execute(sa.update(Notification).where(*early).values(next_try=moment))


def still_waits(row: Notification, request: Request) -> bool:
    """Whether no moderator has looked at what a notification tells of."""
    if row.kind == "submit":
        by_moderator = (Event.request_id == request.id, Event.actor_role == states.MODERATOR)
        return request.state in states.ACTIVE and not model.Session.scalar(sa.select(sa.exists().where(*by_moderator)))
    _held, kind, key = row.key.split(":", 2)
    text = trust.text_of(kind, key)
    return text is not None and text.moderation == trust.HELD


def lines(rows: list[Notification]) -> list[tuple[Notification, int]]:
    """Return one notification for each request and kind of those that still wait, with the number it stands for."""
    requests = {each.id: each for each in by_ids(Request, {row.request_id for row in rows})}
    rows = [row for row in rows if row.request_id in requests and still_waits(row, requests[row.request_id])]
    numbers = Counter((row.request_id, row.kind) for row in rows)
    first = {(row.request_id, row.kind): row for row in reversed(rows)}
    return [(first[key], number) for key, number in numbers.items()]
