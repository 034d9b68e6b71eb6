"""Whose texts are shown at once, and who reads those that wait for a moderator.

A person is trusted who works for a service, whose request a service has answered with data, or of whom moderators have
let enough through (`ecosphere.requests.release_after`). What was called spam starts the count anew.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import people, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Comment, Event, Request, Revision

HELD, RELEASED, REJECTED, SPAM = "held", "released", "rejected", "spam"
#: Texts that are shown to whoever reads the request.
SHOWN = ("", RELEASED)
#: Kind of text that may wait for a moderator → (table, column of the author).
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
        return model.Session.get(Event, int(key)) if EVENT_NUMBER.fullmatch(key) else None
    return model.Session.get(table, key)


def is_trusted(user_id: str | None) -> bool:
    """Whether the texts of a person are shown before a moderator has read them."""
    if config.release_after() <= 0:
        return True
    user = model.User.get(user_id) if user_id else None
    if user is None:
        return False
    if user.sysadmin or people.is_member_of_a_service(user.id):
        return True
    since = _last_spam(user.id)
    mine = [Request.requester_id == user.id, *([Request.submitted > since] if since else [])]
    if model.Session.scalar(sa.select(sa.exists().where(*mine, Request.state.in_(states.GIVEN)))):
        return True
    let_in = [*mine, Request.opened.is_not(None), Request.state != states.REJECTED]
    number = _number(Request, *let_in)
    for table, author in TEXTS.values():
        later = [table.created > since] if since else []
        number += _number(table, author == user.id, table.moderation == RELEASED, *later)
    return number >= config.release_after()


def _number(table: Any, *where: Any) -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0


def _last_spam(user_id: str) -> datetime | None:
    """Moment of the last text of a person that a moderator called spam."""
    spam = sa.and_(Request.state == states.REJECTED, Request.outcome["spam"].as_boolean())
    moments = [
        model.Session.scalar(sa.select(sa.func.max(Request.submitted)).where(Request.requester_id == user_id, spam))
    ]
    for table, author in TEXTS.values():
        query = sa.select(sa.func.max(table.created)).where(author == user_id, table.moderation == SPAM)
        moments.append(model.Session.scalar(query))
    return max((each for each in moments if each), default=None)


def status_of_new(user_id: str | None) -> str:
    """Where a text that a person has just written stands."""
    return "" if is_trusted(user_id) else HELD


def may_read(moderation: str, author_id: str | None, request: Request, reader: Reader) -> bool:
    """Whether a text is there for a reader.

    One that is held is there for its author and the moderators; the service reads what its requester wrote, since the
    legal period runs. One that was turned away is there for its author and the moderators only.
    """
    if moderation in SHOWN:
        return True
    if reader.id and (author_id == reader.id or states.MODERATOR in reader.roles(request)):
        return True
    from_requester = author_id is not None and author_id == request.requester_id
    return moderation == HELD and from_requester and reader.is_inside(request)


def has_plain_links(moderation: str) -> bool:
    """Whether links in a text are shown as text: its author was new when they wrote it."""
    return moderation != ""
