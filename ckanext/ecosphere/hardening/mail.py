"""Defect 30: CKAN's own e-mails (invitation, password reset) get the headers that mail servers
expect.

CKAN 2.12 sends them without a Message-ID (RFC 5322, 3.6.4), which raises their spam score, and
without marking them as automatic (RFC 3834). Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan.lib import mailer

from ckanext.ecosphere.shared import characters


def notify_recipient(  # noqa: PLR0917 - CKAN's signature
    already_notified: bool,
    recipient_name: str,
    recipient_email: str,
    subject: str,
    body: str,
    body_html: str | None = None,
    headers: dict[str, Any] | None = None,
    attachments: Iterable[Any] | None = None,
) -> bool:
    """Send an e-mail as CKAN does, with the headers that it leaves out.

    Args:
        already_notified: whether another plugin has notified the person.
        recipient_name: name of the person.
        recipient_email: e-mail address of the person.
        subject: subject of the e-mail.
        body: plain-text body.
        body_html: HTML body.
        headers: further headers; they override ours.
        attachments: attachments, in CKAN's format.

    Returns:
        whether the person was notified; without a mail server, where CKAN sends nothing,
        `already_notified`.

    Raises:
        MailerException: the mail server refuses it.
    """
    if already_notified or not tk.config.get("smtp.server"):
        return already_notified
    own = {
        "Message-ID": make_msgid(domain=urlsplit(tk.config["ckan.site_url"]).hostname),
        "Auto-Submitted": "auto-generated",
    }
    title, url = tk.config["ckan.site_title"], tk.config["ckan.site_url"]
    name = characters.one_line(recipient_name)
    mailer._mail_recipient(
        name,
        recipient_email,
        title,
        url,
        subject,
        body,
        body_html,
        {**own, **(headers or {})},
        attachments,
    )
    return True
