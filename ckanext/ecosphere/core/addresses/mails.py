"""The e-mail that asks for confirmation of an address: rate limits and text."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import jobs
from flask import request

from ckanext.ecosphere.core.addresses import confirmed
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.mailing import headers, sending
from ckanext.ecosphere.shared.mailing.texts import labelled, subject
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.shared.web_guard import rate_limits

log = logging.getLogger(__name__)

WHAT = "confirm-address"
#: Limits per account and per e-mail address.
RATES = "3 per hour; 10 per day"
#: Limits per network address, which a whole office may share.
NETWORK_RATES = "30 per hour; 100 per day"


@dataclass(frozen=True)
class Letter:
    """The contents of an e-mail before formatting.

    Attributes:
        lines: paragraphs.
        button: label and URL of the call to action.
    """

    subject: str
    greeting: str
    lines: list[str]
    button: tuple[str, str]
    closing: str


def ask(user: model.User) -> None:
    """Queue the e-mail with a confirmation link to the current address of an account.

    Raises:
        TooMany: a rate limit is exceeded.
        CountingUnavailable: Redis is down.
    """
    told = f"email:{confirmed.digest(user.email or '')}"
    rate_limits.hit(WHAT, NETWORK_RATES, f"address:{rate_limits.network(request.remote_addr)}")
    rate_limits.hit(WHAT, RATES, f"person:{user.id}")
    rate_limits.hit(WHAT, RATES, told)
    enqueue_once(
        send,
        [user.id, language.current()],
        job_id=f"ecosphere-confirm-address-{user.id}",
        title="Accounts: confirm an address",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )


def send(user_id: str, lang: str) -> bool:
    """Send the e-mail, unless the address has been confirmed meanwhile; return whether it was sent.

    It is not retried if the mail server refuses it: the dashboard offers to send another one.
    """
    with language.speaking(lang):
        user = model.User.get(user_id)
        if user is None or user.state != model.State.ACTIVE or not user.email or confirmed.is_confirmed(user):
            return False
        mail = _rendered(user)
        try:
            sending.hand_over(**mail)
        except sending.FAULTS as error:
            log.warning("The e-mail that confirms an address could not be sent: %s", error)
            return False
    return True


def _rendered(user: model.User) -> dict[str, Any]:
    """Return the recipient, subject, headers and both bodies of the e-mail."""
    letter = _letter(user)
    return {
        # A distinct Message-ID for each: mail programs that hide duplicates must show the new link.
        "headers": {**headers.AUTOMATIC, "Message-ID": headers.message_id("address", letter.button[1])},
        "recipient_name": user.name,  # unlike a full name, it cannot carry a message
        "recipient_email": user.email,
        "subject": letter.subject,
        "body": tk.render("emails/ecosphere_address.txt", {"letter": letter, "labelled": labelled}),
        "body_html": tk.render("emails/ecosphere_address.html", {"letter": letter}),
    }


def _letter(user: model.User) -> Letter:
    """Return the contents, in which the account name is the only text chosen by the person who registered."""
    url = tk.h.url_for(
        "ecosphere_addresses.confirm", token=confirmed.token(user), qualified=True, locale=language.current()
    )
    title = tk.config["ckan.site_title"]
    return Letter(
        subject=subject(tk._("Confirm your e-mail address")),
        greeting=tk._("Hello,"),
        lines=[
            tk._(
                "Somebody, probably you, gave this address for the account “{account}” on the portal “{title}”."
            ).format(account=user.name, title=title),
            tk._("Confirm that the address is yours on the following page. The link is good for a week."),
        ],
        button=(tk._("Confirm my address"), url),
        closing=tk._("If it was not you, do nothing: the address stays unconfirmed."),
    )
