"""Rate limits of contributions by user and, with a higher limit, by IP address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from flask import has_request_context, request

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.shared.web_guard import rate_limits

DAY, HOUR = "day", "hour"


#: Requests of one person are counted over the last 24 hours.
WINDOW = timedelta(days=1)


def request_made(reader: Reader) -> None:
    """Count a new request: many more than are opened without a moderator, as asking is a right.

    Raises:
        ValidationError: too many today from the user or their IP address; or counting is not available.
    """
    try:
        _count("request", reader, config.most_requests_per_day(), DAY)
    except tk.ValidationError as error:
        other_ways = tk._(
            "The right to ask has no limit: you may also ask the service by post or e-mail."
        )
        texts: Any = error.error_dict["message"]
        raise tk.ValidationError({"message": [*texts, other_ways]}) from None


def sent_lately(reader: Reader) -> int:
    """Return the number of requests that a user sent within the last 24 hours; signals do not count."""
    query = sa.select(sa.func.count()).where(
        Request.requester_id == reader.id,
        Request.submitted > clock.now() - WINDOW,
        Request.kind.in_(states.DEMANDS),
    )
    return model.Session.scalar(query) or 0


def without_moderator(reader: Reader) -> int:
    """Return the number of requests within 24 hours that a user can send without a moderator reading them first."""
    return config.requests_per_day() * _factor(reader)


def _factor(reader: Reader) -> int:
    """Return by how much the limits of a user exceed those of people without a service."""
    if _is_inside(reader):
        return config.service_factor()
    return 1


def is_stopped(reader: Reader) -> bool:
    """Return whether the user can make no more requests today; False while counting is not available."""
    most = config.most_requests_per_day() * _factor(reader)
    try:
        rate_limits.probe("requests-request", f"{most} per {DAY}", f"person:{reader.id}")
    except rate_limits.TooMany:
        return True
    except rate_limits.CountingUnavailable:
        return False
    return False


def _is_inside(reader: Reader) -> bool:
    return reader.sysadmin or reader.moderator or bool(reader.editor_of)


def written(reader: Reader) -> None:
    """Count a comment, a transition or a file.

    Raises:
        ValidationError: too many within the hour from the user or their IP address; or counting is not available.
    """
    _count("comment", reader, config.comments_per_hour(), HOUR)


def signal_made(reader: Reader) -> None:
    """Count a signal: by user, or by IP address for an anonymous one.

    Raises:
        ValidationError: too many within the hour; or counting is not available.
    """
    if reader.id:
        written(reader)
    elif has_request_context():
        with _in_words():
            rate_limits.hit("requests-signal", f"{config.forms_per_hour()} per {HOUR}", _address())


def signal_waits(signal: Request) -> None:
    """Check that moderators can still read a signal that waits for them, however many addresses signals come from.

    Signals of people with and without an account are counted apart, so that neither take the room of the others.

    Raises:
        ValidationError: so many wait already, about the dataset or in all, that this one would not be read.
    """
    if signal.requester_id:
        alike = Request.requester_id.is_not(None)
    else:
        alike = Request.requester_id.is_(None)
    waiting = sa.select(sa.func.count()).select_from(Request)
    waiting = waiting.where(
        alike, Request.state == states.SUBMITTED, Request.kind.in_(states.SIGNALS)
    )
    of_dataset = model.Session.scalar(waiting.where(Request.package_id == signal.package_id)) or 0
    in_all = model.Session.scalar(waiting) or 0
    if of_dataset <= config.signals_of_dataset() and in_all <= config.signals_waiting():
        return
    message = tk._(
        "Too many reports wait for a moderator: yours was not sent. Try again in a few days."
    )
    if not signal.requester_id:
        message = tk._(
            "Too many reports wait for a moderator: yours was not sent. Log in to send it, or try "
            "again later."
        )
    raise tk.ValidationError({"message": [message]})


def form_kept() -> None:
    """Count a stored form of an anonymous user, by IP address.

    Raises:
        ValidationError: too many from that address within the hour; or counting is not available.
    """
    with _in_words():
        rate_limits.hit("requests-form", f"{config.forms_per_hour()} per {HOUR}", _address())


def _count(kind: str, reader: Reader, most: int, period: str) -> None:
    """Count by user and, except for people of services, who share an IP address, also by address."""
    inside = _is_inside(reader)
    own = f"{most * _factor(reader)} per {period}"
    ceiling = _ceiling(most, period) if not inside and has_request_context() else ""
    address = _address() if ceiling else ""
    with _in_words():
        rate_limits.probe(
            f"requests-{kind}", ceiling, address
        )  # a refusal here must not count for the user
        rate_limits.hit(f"requests-{kind}", own, f"person:{reader.id}")
        rate_limits.hit(f"requests-{kind}", ceiling, address)


def _ceiling(most: int, period: str) -> str:
    return f"{most * config.address_factor()} per {period}"


def _address() -> str:
    return f"address:{rate_limits.network(request.remote_addr)}"


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except rate_limits.TooMany as error:
        message = (
            tk._("You have sent too much in a short time.")
            + " "
            + rate_limits.try_again(error.seconds)
        )
        raise tk.ValidationError({"message": [message]}) from None
    except rate_limits.CountingUnavailable:
        raise tk.ValidationError({"message": [rate_limits.unavailable()]}) from None
