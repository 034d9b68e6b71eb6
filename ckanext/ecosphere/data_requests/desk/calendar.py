"""Due dates as a calendar that programs read (RFC 5545): one whole-day event for each request.

A private address needs no log-in, since calendar programs have none: what it shows is what its person may read when it
is asked for, and a new address makes the old one worthless.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests.notifications.tables import Setting
from ckanext.ecosphere.shared.mailing import headers

SALT = "ecosphere-requests-calendar"
LONGEST_LINE = 75
ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


def token_of(user_id: str) -> str:
    """Return what the private addresses of a person hold, "" before they asked for one."""
    found = model.Session.get(Setting, user_id)
    return headers.sign_lasting(SALT, [user_id, found.calendar]) if found and found.calendar else ""


def renew(user_id: str) -> None:
    """Give a person a new private address; nothing is committed."""
    found = model.Session.get(Setting, user_id) or Setting(user_id=user_id, digest="immediate", language="")
    found.calendar = secrets.token_hex(8)
    model.Session.add(found)


def person_of(token: str) -> model.User | None:
    """Return whose private address it is, None when it is nobody's (any more)."""
    read = headers.read_lasting(SALT, token)
    if not (isinstance(read, list) and len(read) == 2 and all(isinstance(each, str) for each in read)):  # noqa: PLR2004
        return None
    user, setting = model.User.get(read[0]), model.Session.get(Setting, read[0])
    current = setting is not None and bool(setting.calendar) and secrets.compare_digest(setting.calendar, read[1])
    return user if current and user is not None and user.state == model.State.ACTIVE else None


def written(title: str, requests: Iterable[Mapping[str, Any]], reviews: Iterable[Mapping[str, Any]] = ()) -> bytes:
    """Return a calendar of requests, as the API shows them; those without a due date are left out.

    Args:
        title: of the calendar.
        requests: with the day by which each is to be answered.
        reviews: requests of which an internal review is asked, with the day by which that is to be answered.
    """
    host = urlsplit(str(tk.config["ckan.site_url"])).hostname or "localhost"
    stamp = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//ckanext-ecosphere//requests//FR", "CALSCALE:GREGORIAN"]
    lines += ["METHOD:PUBLISH", f"X-WR-CALNAME:{_text(title)}", "REFRESH-INTERVAL;VALUE=DURATION:PT6H"]
    for each in requests:
        if each.get("due"):
            lines += _event(each, host, stamp)
    for each in reviews:
        name = tk._("Answer to the review due: {reference} – {title}")
        lines += _entry(each, f"{each['id']}-review@{host}", each["review_due"], name, stamp)
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"]).encode()


def _event(request: Mapping[str, Any], host: str, stamp: str) -> list[str]:
    late = request["clock"]["state"] == "overdue"
    name = tk._("Late: {reference} – {title}") if late else tk._("Answer due: {reference} – {title}")
    return _entry(request, f"{request['id']}@{host}", request["due"], name, stamp)


def _entry(request: Mapping[str, Any], key: str, day: str, name: str, stamp: str) -> list[str]:
    due = date.fromisoformat(day)
    url = tk.h.url_for("ecosphere_requests.read", id=request["reference"], qualified=True)
    return [
        "BEGIN:VEVENT",
        f"UID:{key}",
        f"DTSTAMP:{stamp}",
        f"SEQUENCE:{request['version']}",
        f"DTSTART;VALUE=DATE:{due:%Y%m%d}",
        f"DTEND;VALUE=DATE:{due + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_text(name.format(reference=request['reference'], title=request['title']))}",
        f"DESCRIPTION:{_text(str(request['state_label']))}",
        f"URL:{url}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _text(value: str) -> str:
    return "".join(char for char in value if char >= " " or char == "\n").translate(ESCAPES)


def _folded(line: str) -> str:
    """A line of 75 octets at most, those that follow begin with a space; no character is cut in two (RFC 5545, 3.1)."""
    pieces, piece = [], ""
    for char in line:
        if len((piece + char).encode()) > LONGEST_LINE - bool(pieces):
            pieces.append(piece)
            piece = ""
        piece += char
    return "\r\n ".join([*pieces, piece])
