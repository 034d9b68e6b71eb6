"""E-mails: the mail server, harmless texts, headers, signed tokens of links; `work.outbox` sends
them.

RFC 5322 (Message-ID), RFC 3834 (Auto-Submitted), RFC 2369 and 8058 (List-Unsubscribe, one-click).
`Precedence: bulk` is not standardised, but auto-responders respect it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import mailer
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.shared import characters

TIMEOUT_SECONDS = 30
#: Exceptions raised when the server is down or refuses the e-mail.
FAULTS = (mailer.MailerException, OSError, smtplib.SMTPException)


def is_configured() -> bool:
    """Return whether a mail server is configured; otherwise CKAN drops e-mails silently."""
    return bool(tk.config.get("smtp.server")) and bool(tk.config.get("smtp.mail_from"))


def hand_over(**mail: Any) -> None:
    """Send an e-mail.

    Args:
        mail: parameters of CKAN's `mail_recipient`.

    Raises:
        ValueError: a header has several lines.
        FAULTS: the server is down or refuses it.
    """
    if any(char in str(mail[name]) for name in ("recipient_email", "subject") for char in "\r\n"):
        raise ValueError("a header of an e-mail has several lines")
    with _patience():
        mailer.mail_recipient(**mail)


@contextmanager
def _patience() -> Iterator[None]:
    """Set a socket timeout for the mail server: CKAN sets none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


LONGEST_SUBJECT = 150
NO_BREAK = "\u00a0"
SCHEME = re.compile(r"\b(?:https?|ftp|mailto|javascript|data):(?://)?", re.IGNORECASE)
HOST = re.compile(r"(?<![\w.-])(?:[\w-]+\.)+([^\W\d_]{2,24})(?![\w-])")
#: File extensions: names with one are not hosts.
FILES = frozenset({
    "pdf", "csv", "txt", "ods", "odt", "xlsx", "docx", "geojson", "gpkg", "png", "jpg", "jpeg",
    "shp", "xml", "json",
})  # fmt: skip


def harmless(line: str) -> str:
    """Defuse links in a line: remove URL schemes, put the dots of host names
    in brackets ("example[.]org").
    """
    return HOST.sub(_in_brackets, SCHEME.sub("", line)).replace("@", "[@]")


def _in_brackets(match: re.Match[str]) -> str:
    if match[1].lower() in FILES:
        return match[0]
    return match[0].replace(".", "[.]")


def subject(sentence: str) -> str:
    """Return the subject of an e-mail, on one line with French no-break spaces: the portal's name,
    then the event.
    """
    told = f"[{tk.config['ckan.site_title']}] {sentence.rstrip('.')}"
    return NO_BREAK.join(map(characters.one_line, told.split(NO_BREAK)))[:LONGEST_SUBJECT]


def labelled(label: str, words: str) -> str:
    """Format a label and its text; gettext does not extract messages from plain-text templates."""
    return tk._("{label}: {text}").format(label=label, text=words)


ID_CHARACTERS = 32
#: Maximum length of a token.
MOST_CHARACTERS = 400
AUTOMATIC = {
    "Auto-Submitted": "auto-generated",
    "Precedence": "bulk",
    "X-Auto-Response-Suppress": "All",
}


def message_id(*parts: str) -> str:
    """Return a Message-ID derived from the parts, which cannot be read from it."""
    secret = str(tk.config["SECRET_KEY"])
    digest = hmac.new(secret.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()
    host = urlsplit(tk.config["ckan.site_url"]).hostname or "localhost"
    return f"<{digest[:ID_CHARACTERS]}@{host}>"


def way_out(address: str) -> dict[str, str]:
    """Return the headers with which a mail program offers to unsubscribe.

    Args:
        address: absolute URL that unsubscribes on POST, without a log-in.
    """
    return {
        "List-Unsubscribe": f"<{address}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def sign(purpose: str, value: Any) -> str:
    """Return a signed, time-stamped token for one purpose."""
    return _timed(purpose).dumps(value)  # pyright: ignore[reportReturnType]


def read(purpose: str, token: str, seconds: int | None = None) -> Any:
    """Return the value of a token, None if it is invalid for this purpose or expired.

    Args:
        purpose: the purpose given to `sign`.
        token: the token.
        seconds: maximum age; None for unlimited, since links of old e-mails must still unsubscribe.
    """
    return _read(lambda: _timed(purpose).loads(token, max_age=seconds), token)


def sign_lasting(purpose: str, value: Any) -> str:
    """Return a signed token without a time stamp, always the same for the same value."""
    return _lasting(purpose).dumps(value)  # pyright: ignore[reportReturnType]


def read_lasting(purpose: str, token: str) -> Any:
    """Return the value of a token of `sign_lasting`, None if it is invalid for this purpose."""
    return _read(lambda: _lasting(purpose).loads(token), token)


def _read(loads: Any, token: str) -> Any:
    if len(token) > MOST_CHARACTERS:
        return None
    try:
        return loads()
    except (BadSignature, ValueError, TypeError):
        return None


def _timed(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(link_key(), salt=purpose)


def _lasting(purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(link_key(), salt=purpose)


KEY_NAME = "ecosphere.link_key"
KEY_BYTES = 32
_STORED_KEY = sa.select(model.SystemInfo.value).where(model.SystemInfo.key == KEY_NAME)


def link_key() -> str:
    """Return the key; the first call of a portal makes it."""
    return model.Session.scalar(_STORED_KEY) or _new_key()


def _new_key() -> str:
    """Make the key in a transaction of its own, since a link may
    leave before the caller commits.
    """
    row = {"key": KEY_NAME, "value": secrets.token_urlsafe(KEY_BYTES), "state": model.State.ACTIVE}
    with model.ensure_engine().begin() as connection:
        connection.execute(insert(model.SystemInfo).values(row).on_conflict_do_nothing())
        return connection.execute(_STORED_KEY).scalar_one()
