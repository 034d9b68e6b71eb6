"""How much people may write, and whose texts are published at once: limits, trust, visibility of
held texts.

Contributions are limited by user and, with a higher limit, by IP address. A user is trusted who
works for a service, to whom a service has given data, or of whom moderators have released enough
texts (`ecosphere.requests.release_after`). A text rejected as spam restarts the count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from flask import has_request_context

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, people, places, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import (
    Comment,
    Event,
    Request,
    Revision,
    is_any,
    number_of,
)
from ckanext.ecosphere.shared.web_guard import rate_limits

#: Periods of limits, in the notation of `rate_limits`.
DAY, HOUR = "day", "hour"
#: Requests of one person are counted over the last 24 hours.
WINDOW = timedelta(days=1)
#: Moderation states of a text: it waits for a moderator, was published, refused, or refused as
#: spam; "" if it was published without moderation.
HELD, RELEASED, REJECTED, SPAM = "held", "released", "rejected", "spam"
#: Moderation states of the texts that every reader of the request sees.
SHOWN = ("", RELEASED)
#: Kind of text that may be held for moderation → (table, column of the author).
TEXTS: dict[str, tuple[Any, Any]] = {
    "comment": (Comment, Comment.author_id),
    "edit": (Revision, Revision.author_id),
    "step": (Event, Event.actor_id),
}
#: Id of an event as text.
EVENT_NUMBER = re.compile(r"[0-9]{1,18}")
#: Conditions for requests that were opened, by a moderator or at once, and not rejected since.
ACCEPTED = (Request.opened.is_not(None), Request.state != states.REJECTED)


# Limits.


def count_request(reader: Reader) -> None:
    """Count a new request: many more than are opened without a moderator, as asking is a right.

    Raises:
        ValidationError: too many today from the user or their IP address; or counting is not
            available.
    """
    try:
        _count("request", reader, config.most_requests_per_day(), DAY)
    except tk.ValidationError as error:
        other_ways = _(
            "The right to ask has no limit: you may also ask the service by post or e-mail."
        )
        texts: Any = error.error_dict["message"]
        raise tk.ValidationError({"message": [*texts, other_ways]}) from None


def count_text(reader: Reader) -> None:
    """Count a comment, a transition or a file.

    Raises:
        ValidationError: too many within the hour from the user or their IP address; or counting is
            not available.
    """
    _count("comment", reader, config.comments_per_hour(), HOUR)


def count_signal(reader: Reader) -> None:
    """Count a signal: by user, or by IP address for an anonymous one.

    Raises:
        ValidationError: too many within the hour; or counting is not available.
    """
    if reader.id:
        count_text(reader)
    elif has_request_context():
        with _as_validation_errors():
            rate_limits.hit("requests-signal", f"{config.forms_per_hour()} per {HOUR}", _address())


def count_form() -> None:
    """Count a stored form of an anonymous user, by IP address.

    Raises:
        ValidationError: too many from that address within the hour; or counting is not available.
    """
    with _as_validation_errors():
        rate_limits.hit("requests-form", f"{config.forms_per_hour()} per {HOUR}", _address())


def _count(kind: str, reader: Reader, most: int, period: str) -> None:
    """Count by user and, except for people of services, who share an IP address, also by address.

    Args:
        most: attempts in a period of a user without a service.
        period: DAY or HOUR.
    """
    counter = f"requests-{kind}"
    person = f"person:{reader.id}"
    rate = f"{most * _factor(reader)} per {period}"
    with _as_validation_errors():
        if _works_for_portal(reader) or not has_request_context():
            rate_limits.hit(counter, rate, person)
            return
        address = _address()
        address_rate = f"{most * config.address_factor()} per {period}"
        # A refusal by address must not count for the user.
        rate_limits.probe(counter, address_rate, address)
        rate_limits.hit(counter, rate, person)
        rate_limits.hit(counter, address_rate, address)


def _factor(reader: Reader) -> int:
    """Return by how much the limits of a user exceed those of people without a service."""
    if _works_for_portal(reader):
        return config.service_factor()
    return 1


def _works_for_portal(reader: Reader) -> bool:
    """Return whether a user works for a service, moderates, or is a sysadmin."""
    return reader.sysadmin or reader.moderator or bool(reader.editor_of)


def _address() -> str:
    return f"address:{rate_limits.address()}"


@contextmanager
def _as_validation_errors() -> Iterator[None]:
    """Say within the block that a limit is exceeded, or that nothing can be counted,
    as a `ValidationError`.
    """
    try:
        yield
    except rate_limits.TooMany as error:
        message = rate_limits.too_often(error, _("You have sent too much in a short time."))
        raise tk.ValidationError({"message": [message]}) from None
    except rate_limits.CountingUnavailable:
        raise tk.ValidationError({"message": [rate_limits.unavailable()]}) from None


def is_stopped(reader: Reader) -> bool:
    """Return whether the user can make no more requests today.

    False while counting is not available.
    """
    most = config.most_requests_per_day() * _factor(reader)
    try:
        rate_limits.probe("requests-request", f"{most} per {DAY}", f"person:{reader.id}")
    except rate_limits.TooMany:
        return True
    except rate_limits.CountingUnavailable:
        return False
    return False


def sent_lately(reader: Reader) -> int:
    """Return the number of requests that a user sent within the last 24 hours.

    Signals do not count.
    """
    return number_of(
        Request,
        Request.requester_id == reader.id,
        Request.submitted > clock.now() - WINDOW,
        Request.kind.in_(states.DEMANDS),
    )


def without_moderator(reader: Reader) -> int:
    """Return the number of requests within 24 hours that a user can send without
    a moderator reading them first.
    """
    return config.requests_per_day() * _factor(reader)


def refuse_if_too_many_wait(signal: Request) -> None:
    """Check that moderators can still read a signal that waits for them, however many addresses
    signals come from.

    Signals of people with and without an account are counted apart, so that neither take the room
    of the others.

    Raises:
        ValidationError: so many wait already, about the dataset or in all, that this one would not
            be read.
    """
    if signal.requester_id:
        same_origin = Request.requester_id.is_not(None)
    else:
        same_origin = Request.requester_id.is_(None)
    waiting = (same_origin, Request.state == states.SUBMITTED, Request.kind.in_(states.SIGNALS))
    of_dataset = number_of(Request, *waiting, Request.package_id == signal.package_id)
    in_all = number_of(Request, *waiting)
    if of_dataset <= config.signals_of_dataset() and in_all <= config.signals_waiting():
        return
    message = _(
        "Too many reports wait for a moderator: yours was not sent. Try again in a few days."
    )
    if not signal.requester_id:
        message = _(
            "Too many reports wait for a moderator: yours was not sent. Log in to send it, or try "
            "again later."
        )
    raise tk.ValidationError({"message": [message]})


# Trust.


def is_trusted(user_id: str | None) -> bool:
    """Return whether the texts of a user are published before a moderator has read them."""
    needed = config.contributions_until_trusted()
    if needed <= 0:
        return True
    if not user_id:
        return False
    if _works_here(user_id):
        return True
    spam = _last_spam(user_id)
    requests = [Request.requester_id == user_id, *_later(Request.submitted, spam)]
    if is_any(*requests, Request.state.in_(states.GIVEN)):
        return True
    number = number_of(Request, *requests, *ACCEPTED)
    for table, author in TEXTS.values():
        released = (author == user_id, table.moderation == RELEASED)
        number += number_of(table, *released, *_later(table.created, spam))
    return number >= needed


def _works_here(user_id: str) -> bool:
    """Return whether a user is a sysadmin, or works for a service."""
    user = model.User.get(user_id)
    is_sysadmin = user is not None and user.sysadmin
    return is_sysadmin or people.is_member_of_a_service(user_id)


def _last_spam(user_id: str) -> datetime | None:
    """Return the time of a user's latest text that a moderator rejected as spam."""
    spam = (Request.state == states.REJECTED, Request.outcome["spam"].as_boolean())
    latest = sa.select(sa.func.max(Request.submitted))
    queries = [latest.where(Request.requester_id == user_id, *spam)]
    for table, author in TEXTS.values():
        latest = sa.select(sa.func.max(table.created))
        queries.append(latest.where(author == user_id, table.moderation == SPAM))
    moments = [model.Session.scalar(query) for query in queries]
    return max(filter(None, moments), default=None)


def _later(column: Any, moment: datetime | None) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a column is later than a moment, no condition without one."""
    if moment is None:
        return []
    return [column > moment]


def opens_at_once(request: Request) -> bool:
    """Return whether a request needs no moderation: its requester is trusted, its service can be
    reached, and it is not one of very many.
    """
    if not request.requester_id or not places.is_reachable(request.organization_id):
        return False
    if _is_one_of_many(request):
        return False
    needed = config.requests_until_trusted()
    if needed <= 0 or _works_here(request.requester_id):
        return True
    others = (Request.requester_id == request.requester_id, Request.id != request.id)
    return number_of(Request, *others, *ACCEPTED) >= needed


def _is_one_of_many(request: Request) -> bool:
    """Return whether the requester sent so many lately that a moderator reads this one first.

    Its period runs.
    """
    if request.is_signal:
        return False
    reader = people.reader_of_id(request.requester_id)
    return sent_lately(reader) > without_moderator(reader)


# Held texts.


def status_of_new(user_id: str | None) -> str:
    """Return the moderation state of a text that a user has just written."""
    if is_trusted(user_id):
        return ""
    return HELD


def text_of(kind: str, key: str) -> Any:
    """Return the row of a text, None when there is none."""
    table, _author = TEXTS[kind]
    if table is Event:
        if EVENT_NUMBER.fullmatch(key):
            return model.Session.get(Event, int(key))
        return None
    return model.Session.get(table, key)


def may_read(moderation: str, author_id: str | None, request: Request, reader: Reader) -> bool:
    """Return whether a text is visible to a reader.

    A held text is visible to its author and the moderators; also to the service when the requester
    wrote it, since the legal period runs. A rejected text is visible to its author and the
    moderators only.
    """
    if moderation in SHOWN:
        return True
    if reader.id and (author_id == reader.id or states.MODERATOR in reader.roles(request)):
        return True
    from_requester = author_id is not None and author_id == request.requester_id
    return moderation == HELD and from_requester and reader.is_inside(request)


def has_plain_links(moderation: str) -> bool:
    """Return whether links in a text are shown as plain text:
    its author was not trusted when writing it.
    """
    return moderation != ""
