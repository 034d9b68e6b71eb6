"""Warnings in answers of the API, and the grace period for publishing.

Until a configured day, missing mandatory fields cause a warning instead of an error.

The warning is a flash message in the forms, a `Warning` header in API responses, and a line in the log.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from flask import after_this_request, has_request_context, request

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.schemas import config
from ckanext.ecosphere.shared import dates

log = logging.getLogger(__name__)


#: Miscellaneous persistent warning (RFC 7234).
WARNING = 299


def add_warning(text: str) -> None:
    """Add a warning to the answer, if a program is being answered.

    Args:
        text: a few English words with names of fields, never values.
    """
    if not has_request_context() or not request.path.startswith("/api/"):
        return

    @after_this_request
    def add_header(response: Any) -> Any:
        response.headers.add("Warning", f'{WARNING} - "{text}"')
        return response


def until() -> dt.date | None:
    """Return the last day of the grace period, None without one.

    Raises:
        ValueError: the option is not a date.
    """
    text = config.grace_until().strip()
    if not text:
        return None
    return dt.date.fromisoformat(text)


def runs() -> bool:
    """Return whether today is within the period, in the portal's time zone; false for an invalid date."""
    try:
        last = until()
    except ValueError:
        return False
    return last is not None and dates.today() <= last


def warn(name: str, fields: Iterable[tuple[str, str]]) -> None:
    """Warn the user that a published dataset lacks fields that will become mandatory.

    Args:
        name: name of the dataset.
        fields: name and label of each missing field.
    """
    missing, last = dict(fields), until()
    if not missing or last is None:
        return
    log.warning("%s was published without %s; refused after %s", name, ", ".join(missing), last)
    if not has_request_context():
        return
    if request.path.startswith("/api/"):
        add_warning(f"needed to publish after {last.isoformat()}: {', '.join(missing)}")
    elif request.endpoint:
        message = tk._("Saved, though publishing will need this after {day}: {fields}")
        tk.h.flash_notice(message.format(day=dates.day(last), fields=", ".join(missing.values())))


def check() -> list[Check]:
    """Check the option of the grace period, for `ckan ecosphere check`."""
    name, text = tk._("Period of grace"), config.grace_until()
    try:
        last = until()
    except ValueError:
        message = tk._("{option}: “{value}” is not a day, there is no period of grace")
        remedy = tk._("Write the last day as 2027-06-30, or leave the option out")
        return [
            Check(
                name,
                CheckStatus.ERROR,
                message.format(option=config.GRACE_UNTIL, value=text),
                remedy,
            )
        ]
    if last is None:
        return []
    if dates.today() > last:
        message = tk._("It ended on {day}: what is missing is refused again").format(
            day=dates.day(last)
        )
        remedy = tk._("Remove {option}").format(option=config.GRACE_UNTIL)
        return [Check(name, CheckStatus.WARNING, message, remedy)]
    message = tk._("Until {day}, a dataset that lacks mandatory fields is published with a warning")
    return [Check(name, CheckStatus.OK, message.format(day=dates.day(last)))]
