"""Trusted users, whose texts are published at once, and visibility of texts held for moderation.

A user is trusted who works for a service, to whom a service has given data, or of whom moderators have released enough
texts (`ecosphere.requests.release_after`). A text rejected as spam restarts the count.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config, throttle
from ckanext.ecosphere.data_requests.domain import people, routing, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Comment, Event, Request, Revision

HELD, RELEASED, REJECTED, SPAM = "held", "released", "rejected", "spam"
#: Moderation states of the texts that every reader of the request sees.
SHOWN = ("", RELEASED)
#: Kind of text that may be held for moderation → (table, column of the author).
TEXTS: dict[str, tuple[Any, Any]] = {
    "comment": (Comment, Comment.author_id),
    "edit": (Revision, Revision.author_id),
    "step": (Event, Event.actor_id),
}
EVENT_NUMBER = re.compile(r"[0-9]{1,18}")


def text_of(kind: str, key: str) -> Any:
    """Return the row of a text, None when there is none."""
    table, _author = TEXTS[kind]
    if table is Event:
        if EVENT_NUMBER.fullmatch(key):
            return model.Session.get(Event, int(key))
        return None
    return model.Session.get(table, key)


def is_trusted(user_id: str | None) -> bool:
    """Return whether the texts of a user are published before a moderator has read them."""
    if config.release_after() <= 0:
        return True
    user = model.User.get(user_id) if user_id else None
    if user is None:
        return False
    if user.sysadmin or people.is_member_of_a_service(user.id):
        return True
    since = _last_spam(user.id)
    mine = [Request.requester_id == user.id]
    if since:
        mine.append(Request.submitted > since)
    if model.Session.scalar(sa.select(sa.exists().where(*mine, Request.state.in_(states.GIVEN)))):
        return True
    let_in = [*mine, Request.opened.is_not(None), Request.state != states.REJECTED]
    number = _number(Request, *let_in)
    for table, author in TEXTS.values():
        later = [table.created > since] if since else []
        number += _number(table, author == user.id, table.moderation == RELEASED, *later)
    return number >= config.release_after()


def opens_at_once(request: Request) -> bool:
    """Return whether a request needs no moderation: its requester is trusted, its service can be reached, and it is not
    one of very many.
    """
    if (
        not request.requester_id
        or not routing.is_reachable(request.organization_id)
        or _is_one_of_many(request)
    ):
        return False
    if config.trust_after() <= 0 or people.is_member_of_a_service(request.requester_id):
        return True
    user = model.User.get(request.requester_id)
    if user is not None and user.sysadmin:
        return True
    let_in = (
        Request.opened.is_not(None),
        Request.state != states.REJECTED,
        Request.id != request.id,
    )
    return (
        _number(Request, Request.requester_id == request.requester_id, *let_in)
        >= config.trust_after()
    )


def _is_one_of_many(request: Request) -> bool:
    """Return whether the requester sent so many lately that a moderator reads this one first; its period runs."""
    if request.is_signal:
        return False
    reader = people.reader_of_id(request.requester_id)
    return throttle.sent_lately(reader) > throttle.without_moderator(reader)


def _number(table: Any, *where: Any) -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0


def _last_spam(user_id: str) -> datetime | None:
    """Return the time of a user's latest text that a moderator rejected as spam."""
    spam = sa.and_(Request.state == states.REJECTED, Request.outcome["spam"].as_boolean())
    moments = [
        model.Session.scalar(
            sa.select(sa.func.max(Request.submitted)).where(Request.requester_id == user_id, spam)
        )
    ]
    for table, author in TEXTS.values():
        query = sa.select(sa.func.max(table.created)).where(
            author == user_id, table.moderation == SPAM
        )
        moments.append(model.Session.scalar(query))
    return max((moment for moment in moments if moment), default=None)


def status_of_new(user_id: str | None) -> str:
    """Return the moderation state of a text that a user has just written."""
    if is_trusted(user_id):
        return ""
    return HELD


def may_read(moderation: str, author_id: str | None, request: Request, reader: Reader) -> bool:
    """Return whether a text is visible to a reader.

    A held text is visible to its author and the moderators; also to the service when the requester wrote it, since the
    legal period runs. A rejected text is visible to its author and the moderators only.
    """
    if moderation in SHOWN:
        return True
    if reader.id and (author_id == reader.id or states.MODERATOR in reader.roles(request)):
        return True
    from_requester = author_id is not None and author_id == request.requester_id
    return moderation == HELD and from_requester and reader.is_inside(request)


def has_plain_links(moderation: str) -> bool:
    """Return whether links in a text are shown as plain text: its author was not trusted when writing it."""
    return moderation != ""
