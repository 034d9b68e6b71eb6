"""Retrieval of replies from a mailbox over IMAP (RFC 3501), for a limited time.

Anybody can write to it: of e-mails that are no replies, only the headers are fetched.

Processed e-mails are marked as seen. One that fails on an error of this extension is also flagged: it stays in the
mailbox for the administrator without blocking the others.
"""

from __future__ import annotations

import imaplib
import logging
import re
import ssl
import time
from itertools import takewhile
from typing import Any
from urllib.parse import unquote, urlsplit

from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.inbound import receive
from ckanext.ecosphere.shared.locks import Locks

log = logging.getLogger(__name__)

SECONDS = 30
#: Time after which the rest waits for the next run.
MOST_SECONDS = 120
SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")
LOCAL = ("localhost", "127.0.0.1", "::1")
FAULTS = (imaplib.IMAP4.error, OSError, ssl.SSLError)


def fetch() -> int:
    """Process the waiting replies; return how many. Does nothing without a configured mailbox.

    Raises:
        FAULTS: the mail server does not answer, or refuses; the e-mails wait for the next run.
    """
    if not config.imap():
        return 0
    with Locks() as locks:
        if not locks.take("requests:imap"):
            return 0
        server = _open()
        try:
            end = time.monotonic() + MOST_SECONDS
            in_time = takewhile(lambda _number: time.monotonic() < end, _waiting(server))
            return sum(_one(server, number) for number in in_time)
        finally:
            try:
                server.logout()
            except FAULTS:
                log.info("The mail server of the replies ended the connection")


def _open() -> imaplib.IMAP4:
    """Log in and select the folder. Without TLS from the start, use STARTTLS, except with the local machine."""
    address = urlsplit(config.imap())
    host, trusted = address.hostname or "", ssl.create_default_context()
    if address.scheme == "imaps":
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            host, address.port or 993, ssl_context=trusted, timeout=SECONDS
        )
    else:
        server = imaplib.IMAP4(host, address.port or 143, timeout=SECONDS)
        if host not in LOCAL:
            server.starttls(trusted)
    server.login(unquote(address.username or ""), config.imap_password())
    folder = unquote(address.path.strip("/")) or "INBOX"
    if not folder.isascii():
        raise imaplib.IMAP4.error(
            "write the name of the folder as the server does, in modified UTF-7 (RFC 3501, 5.1.3)"
        )
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    if server.select(f'"{quoted}"')[0] != "OK":
        raise imaplib.IMAP4.error(f"there is no folder {folder}")
    return server


def _waiting(server: imaplib.IMAP4) -> list[str]:
    answer, lines = server.uid("SEARCH", "UNSEEN", "UNFLAGGED")
    if answer != "OK":
        raise imaplib.IMAP4.error(f"the folder cannot be searched: {lines}")
    numbers = b" ".join(line for line in lines if isinstance(line, bytes)).split()
    return [number.decode() for number in numbers if number.isdigit()]


def _one(server: imaplib.IMAP4, number: str) -> int:
    too_large = _size(server, number) > config.reply_bytes()
    raw = _fetched(server, number, "BODY.PEEK[HEADER]")
    if raw is not None and not too_large and receive.is_wanted(raw):
        raw = _fetched(server, number, "BODY.PEEK[]")
    if raw is None:
        log.warning(
            "The mail server does not hand out a reply by e-mail; it is asked again the next time"
        )
        return 0
    try:
        outcome = receive.receive(raw, too_large=too_large)
    except Exception:  # an e-mail on which our code fails must not block the others
        log.exception("A reply by e-mail could not be worked off; it is flagged in the mailbox")
        model.Session.rollback()
        server.uid("STORE", number, "+FLAGS", r"(\Seen \Flagged)")
        return 0
    log.info("A reply by e-mail: %s", outcome)
    server.uid("STORE", number, "+FLAGS", r"(\Seen)")
    return 1


def _size(server: imaplib.IMAP4, number: str) -> int:
    _answer, answers = server.uid("FETCH", number, "(RFC822.SIZE)")
    lines: list[Any] = [line for line in answers if isinstance(line, bytes)]
    match = SIZE.search(b" ".join(lines))
    if match:
        return int(match[1])
    return 0


def _fetched(server: imaplib.IMAP4, number: str, part: str) -> bytes | None:
    """Return a part of an e-mail, None when the server does not return it."""
    answer, items = server.uid("FETCH", number, f"({part})")
    if answer == "OK":
        return next((item[1] for item in items if isinstance(item, tuple)), None)
    return None
