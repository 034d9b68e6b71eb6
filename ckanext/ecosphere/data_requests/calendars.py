"""Due dates as an iCalendar feed (RFC 5545): one all-day event for each request.

Calendar programs cannot log in, so each user has a private URL. It shows what the user may read at
the time of the call; renewing it invalidates the old one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import icalendar
import sqlalchemy as sa
from ckan import model
from ckan.common import _

from ckanext.ecosphere.data_requests.domain import clock, wording
from ckanext.ecosphere.data_requests.listing import Due
from ckanext.ecosphere.data_requests.model import Setting, setting_of
from ckanext.ecosphere.shared import authorization, characters, mailing, once

#: Purpose of the signature of private URLs.
SALT = "ecosphere-requests-calendar"
#: Placeholder for the reference of a request in the URL of its page.
REFERENCE = "REFERENCE"
#: Many programs also take U+2028 and U+2029 for line ends.
LINE_ENDS = str.maketrans({"\u2028": "\n", "\u2029": "\n"})


def token_of(user_id: str) -> str:
    """Return the token of a user's private URLs, "" before they ask for one."""
    setting = model.Session.get(Setting, user_id)
    if setting and setting.calendar:
        return mailing.sign_lasting(SALT, [user_id, setting.calendar])
    return ""


def renew(user_id: str) -> None:
    """Give a user a new private URL, without committing."""
    setting_of(user_id).calendar = secrets.token_hex(8)


def listen() -> None:
    """Register `_end_private_url` with SQLAlchemy, for every change of a user.

    Once, however often it is called.
    """
    once.listen(model.User, before_update=_end_private_url)


def _end_private_url(_mapper: Any, connection: Any, user: model.User) -> None:
    """End the private URL of a user whose password is set without their being logged in,
    as their API tokens end.
    """
    if p.plugin_loaded("ecosphere_requests") and authorization.is_recovered(user):
        connection.execute(sa.update(Setting).where(Setting.user_id == user.id).values(calendar=""))


def person_of(token: str) -> model.User | None:
    """Return the user of a private URL, None when it is not (or no longer) valid."""
    user_id, secret = mailing.read_lasting(SALT, token) or ("", "")
    user, setting = model.User.get(user_id), model.Session.get(Setting, user_id)
    if setting is None or not setting.calendar:
        return None
    if not secrets.compare_digest(setting.calendar, secret):
        return None
    if user is not None and user.state == model.State.ACTIVE:
        return user
    return None


def to_ical(title: str, due_dates: Iterable[Due]) -> bytes:
    """Return due dates as a file `.ics`: a VCALENDAR with one VEVENT for each.

    Args:
        title: name of the calendar, shown by calendar programs.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//ckanext-ecosphere//requests//FR")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", icalendar.vText(_text(title)))
    calendar.add("refresh-interval", timedelta(hours=6), parameters={"VALUE": "DURATION"})
    # Build the URL once, and insert the reference of each request.
    page = tk.h.url_for("ecosphere_requests.read", id=REFERENCE, qualified=True)
    for due in due_dates:
        calendar.add_component(_event(due, page))
    return calendar.to_ical(sorted=False)


def _event(due: Due, page: str) -> icalendar.Event:
    now = clock.now()
    key, summary = due.id, _("Answer due: {reference} – {title}")
    if due.review:
        key, summary = f"{due.id}-review", _("Answer to the review due: {reference} – {title}")
    elif due.day < clock.day_of(now):
        summary = _("Late: {reference} – {title}")
    host = urlsplit(str(tk.config["ckan.site_url"])).hostname or "localhost"
    entry = icalendar.Event()
    entry.add("uid", f"{key}@{host}")
    entry.add("dtstamp", now)
    entry.add("sequence", due.version)
    entry.add("dtstart", due.day)
    entry.add("dtend", due.day + timedelta(days=1))
    entry.add("summary", _text(summary.format(reference=due.reference, title=due.title)))
    entry.add("description", _text(wording.state(due.state)))
    entry.add("url", page.replace(REFERENCE, due.reference))
    entry.add("transp", "TRANSPARENT")
    return entry


def _text(value: str) -> str:
    """Return a text without control characters, whose ends of line are
    those that every program knows.
    """
    return characters.clean(value).translate(LINE_ENDS)
