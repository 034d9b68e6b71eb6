"""Due dates as an iCalendar feed (RFC 5545): one all-day event for each request.

Calendar programs cannot log in, so each user has a private URL. It shows what the user may read at the time of the
call; renewing it invalidates the old one.
"""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy import event

from ckanext.ecosphere.data_requests.domain import clock, wording
from ckanext.ecosphere.data_requests.notifications.tables import Setting
from ckanext.ecosphere.data_requests.search.due import Around, Due
from ckanext.ecosphere.shared import authorization, characters
from ckanext.ecosphere.shared.mailing import headers

SALT = "ecosphere-requests-calendar"
LONGEST_LINE = 75
REFERENCE = "REFERENCE"
"""Placeholder for the reference of a request in the URL of its page."""
#: Many programs also take U+2028 and U+2029 for line ends.
ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\u2028": "\\n", "\u2029": "\\n"})


def token_of(user_id: str) -> str:
    """Return the token of a user's private URLs, "" before they ask for one."""
    found = model.Session.get(Setting, user_id)
    return headers.sign_lasting(SALT, [user_id, found.calendar]) if found and found.calendar else ""


def renew(user_id: str) -> None:
    """Give a user a new private URL, without committing."""
    found = model.Session.get(Setting, user_id) or Setting(user_id=user_id, digest="immediate", language="")
    found.calendar = secrets.token_hex(8)
    model.Session.add(found)


def listen() -> None:
    """Have private addresses end with the passwords that somebody else sets; called again, it changes nothing."""
    if not event.contains(model.User, "before_update", _password_changes):
        event.listen(model.User, "before_update", _password_changes)


def _password_changes(_mapper: Any, connection: Any, user: model.User) -> None:
    """End the private address of an account that is recovered, as its API tokens end."""
    if p.plugin_loaded("ecosphere_requests") and authorization.is_recovered(user):
        connection.execute(sa.update(Setting).where(Setting.user_id == user.id).values(calendar=""))


def person_of(token: str) -> model.User | None:
    """Return the user of a private URL, None when it is not (or no longer) valid."""
    read = headers.read_lasting(SALT, token)
    if not (isinstance(read, list) and len(read) == 2 and all(isinstance(each, str) for each in read)):  # noqa: PLR2004
        return None
    user, setting = model.User.get(read[0]), model.Session.get(Setting, read[0])
    current = setting is not None and bool(setting.calendar) and secrets.compare_digest(setting.calendar, read[1])
    return user if current and user is not None and user.state == model.State.ACTIVE else None


def written(title: str, found: Around, all_of_them: str) -> bytes:
    """Return a calendar of requests.

    Args:
        title: of the calendar.
        found: what is due.
        all_of_them: URL of the page with all requests, mentioned when the calendar leaves some out.
    """
    today = clock.day_of(clock.now())
    host = urlsplit(str(tk.config["ckan.site_url"])).hostname or "localhost"
    stamp = f"{clock.now():%Y%m%dT%H%M%SZ}"
    # Build the URL once, and insert the reference of each request.
    page = tk.h.url_for("ecosphere_requests.read", id=REFERENCE, qualified=True)
    names = {
        "late": tk._("Late: {reference} – {title}"),
        "due": tk._("Answer due: {reference} – {title}"),
        "review": tk._("Answer to the review due: {reference} – {title}"),
    }

    def entry(each: Due, name: str, key: str) -> list[str]:
        said = names[name].format(reference=each.reference, title=each.title)
        url = page.replace(REFERENCE, each.reference)
        state = wording.state(each.state)
        return _entry(f"{key}@{host}", each.day, said, stamp=stamp, version=each.version, description=state, url=url)

    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//ckanext-ecosphere//requests//FR", "CALSCALE:GREGORIAN"]
    lines += ["METHOD:PUBLISH", f"X-WR-CALNAME:{_text(title)}", "REFRESH-INTERVAL;VALUE=DURATION:PT6H"]
    if found.left_out:
        shown = len(found.requests) + len(found.reviews)
        said = tk.ungettext(
            "{number} other due date is not in this calendar",
            "{number} other due dates are not in this calendar",
            found.left_out,
        ).format(number=found.left_out)
        why = tk._("It holds the {number} that are due next, or were due last. All requests: {url}")
        told = why.format(number=shown, url=all_of_them)
        lines.append(f"X-WR-CALDESC:{_text(told)}")
        lines += _entry(f"left-out@{host}", today, said, stamp=stamp, description=told, url=all_of_them)
    for each in found.requests:
        lines += entry(each, "late" if each.day < today else "due", each.id)
    for each in found.reviews:
        lines += entry(each, "review", f"{each.id}-review")
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"]).encode()


def _entry(key: str, day: date, summary: str, *, stamp: str, version: int = 0, description: str, url: str) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{key}",
        f"DTSTAMP:{stamp}",
        f"SEQUENCE:{version}",
        f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_text(summary)}",
        f"DESCRIPTION:{_text(description)}",
        f"URL:{url}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _text(value: str) -> str:
    return characters.clean(value).translate(ESCAPES)


def _folded(line: str) -> str:
    """Fold a line to 75 octets at most, with a space before continuations and no character split (RFC 5545, 3.1)."""
    octets = line.encode()
    if len(octets) <= LONGEST_LINE:
        return line
    pieces: list[str] = []
    while octets:
        piece = octets[: LONGEST_LINE - bool(pieces)].decode(errors="ignore")  # drops a split character at the end
        pieces.append(piece)
        octets = octets[len(piece.encode()) :]
    return "\r\n ".join(pieces)
