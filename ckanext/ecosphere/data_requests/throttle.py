"""How much one person may send, and as a high ceiling how much may come from one address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ckan.plugins.toolkit as tk
from flask import has_request_context, request

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.shared.web_guard import rate_limits

DAY, HOUR = "day", "hour"


def request_made(reader: Reader) -> None:
    """Count a new request.

    Raises:
        ValidationError: the person, or their address, has made too many today; or nothing can be counted now.
    """
    _count("request", reader, config.requests_per_day(), DAY)


def written(reader: Reader) -> None:
    """Count a comment, a transition or a file.

    Raises:
        ValidationError: the person, or their address, has sent too many within the hour; or nothing can be counted now.
    """
    _count("comment", reader, config.comments_per_hour(), HOUR)


def signal_made(reader: Reader) -> None:
    """Count a signal: for the person, or for the address of somebody who is not logged in.

    Raises:
        ValidationError: too many came within the hour; or nothing can be counted now.
    """
    if reader.id:
        written(reader)
    elif has_request_context():
        with _in_words():
            rate_limits.hit("requests-signal", f"{config.forms_per_hour()} per {HOUR}", _address())


def form_kept() -> None:
    """Count a form of somebody who is not logged in, for their address.

    Raises:
        ValidationError: too many came from there within the hour; or nothing can be counted now.
    """
    with _in_words():
        rate_limits.hit("requests-form", f"{config.forms_per_hour()} per {HOUR}", _address())


def _count(what: str, reader: Reader, most: int, period: str) -> None:
    """Count for the person; the address is asked only for people of no service, since a whole service has one."""
    inside = reader.sysadmin or reader.moderator or bool(reader.editor_of)
    own = f"{most * config.service_factor() if inside else most} per {period}"
    ceiling = _ceiling(most, period) if not inside and has_request_context() else ""
    address = _address() if ceiling else ""
    with _in_words():
        rate_limits.probe(f"requests-{what}", ceiling, address)  # what is refused here does not count for the person
        rate_limits.hit(f"requests-{what}", own, f"person:{reader.id}")
        rate_limits.hit(f"requests-{what}", ceiling, address)


def _ceiling(most: int, period: str) -> str:
    return f"{most * config.address_factor()} per {period}"


def _address() -> str:
    return f"address:{rate_limits.network(request.remote_addr)}"


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except rate_limits.TooMany as error:
        message = tk._("You have sent too much in a short time.") + " " + rate_limits.try_again(error.seconds)
        raise tk.ValidationError({"message": [message]}) from None
    except rate_limits.CountingUnavailable:
        raise tk.ValidationError({"message": [rate_limits.unavailable()]}) from None
