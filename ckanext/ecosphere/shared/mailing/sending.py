"""Hand an e-mail over to the mail server."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib import mailer

TIMEOUT_SECONDS = 30
#: What says that the server is away or does not want it now.
FAULTS = (mailer.MailerException, OSError, smtplib.SMTPException)


def is_configured() -> bool:
    """Tell whether CKAN knows a mail server; it drops e-mails silently otherwise."""
    return bool(tk.config.get("smtp.server")) and bool(tk.config.get("smtp.mail_from"))


def hand_over(**mail: Any) -> None:
    """Send an e-mail.

    Args:
        mail: parameters of CKAN's `mail_recipient`.

    Raises:
        ValueError: a header has several lines.
        FAULTS: the server does not take it.
    """
    if any(char in str(mail[name]) for name in ("recipient_email", "subject") for char in "\r\n"):
        raise ValueError("a header of an e-mail has several lines")
    with _patience():
        mailer.mail_recipient(**mail)


@contextmanager
def _patience() -> Iterator[None]:
    """Give up on a mail server that does not answer: CKAN sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
