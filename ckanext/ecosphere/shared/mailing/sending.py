"""Hand e-mails over to the mail server."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib import mailer

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
