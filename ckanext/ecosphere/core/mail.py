"""E-mails of CKAN itself (invitation, new password): with the headers that mail servers look for.

CKAN 2.12 sends them without a Message-ID (RFC 5322, 3.6.4), which counts as a sign of spam, and without saying that no
person wrote them (RFC 3834); see `docs/upstream.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan.lib import mailer

from ckanext.ecosphere.shared import characters


def notify_recipient(  # noqa: PLR0917 - as CKAN calls it
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
        already_notified: whether another plugin has told the person.
        recipient_name: name of the person.
        recipient_email: address of the person.
        subject: of the e-mail.
        body: of the e-mail, in plain text.
        body_html: the same in HTML.
        headers: further ones; they go before ours.
        attachments: as CKAN takes them.

    Returns:
        whether the person was told; False without a mail server, where CKAN tells nobody.

    Raises:
        MailerException: the mail server does not take it.
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
