"""E-mail that explains why a reply was not accepted, and what to do instead."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import people
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import emails, mail_texts
from ckanext.ecosphere.data_requests.notifications.tables import Notification
from ckanext.ecosphere.shared.mailing import headers, sending
from ckanext.ecosphere.shared.mailing.texts import harmless, subject
from ckanext.ecosphere.shared.messages import N_

log = logging.getLogger(__name__)
_ = tk._

#: Code → why an e-mail is not accepted.
SENTENCES = {
    "other_sender": N_("It did not come from the address of your account. Write from that address, or on the page."),
    "unverified": N_("The mail server could not verify that it came from you. Write on the page of the request."),
    "expired": N_("The address that you answered is no longer good: it was in an old e-mail."),
    "closed": N_("This request takes no message from you any more."),
    "too_large": N_("It is too large: {number} MB at most, files included."),
    "too_complex": N_("It is made of too many parts to be read."),
    "broken": N_("It could not be read."),
    "empty": N_("No word of your own was found in it: write above the text that you answer."),
    "too_many_files": N_("It has too many files: ten at most."),
    "invalid": N_("What it says could not be taken as it is:"),
}
MOST_DETAILS, LONGEST_DETAIL = 5, 300


def send(user_id: str, notification_id: int, code: str, details: Sequence[str], key: str) -> None:
    """Send the explanation to the account's address, in the current language."""
    user = model.User.get(user_id)
    row = model.Session.get(Notification, notification_id)
    request = model.Session.get(Request, row.request_id) if row is not None else None
    if user is None or not config.mail_works():
        return
    readable = request is not None and people.reader_of(user).may_read(request)
    reason = _(SENTENCES[code]).format(number=config.reply_bytes() // 1024**2)
    lines = [reason, *(harmless(each)[:LONGEST_DETAIL] for each in details[:MOST_DETAILS])]
    reference = request.reference or "" if request is not None and readable else ""
    sentence = _("Your e-mail was not taken.")
    if reference:
        sentence = _("Your e-mail about the request {reference} was not taken.").format(reference=reference)
    item = emails.Item(sentence, "", emails.address(f"demandes/{reference}") if reference else "")
    item.details.append((_("Why"), "\n\n".join(lines)))
    item.details.append((_("What to do"), _("Nothing of it was kept. Write on the page of the request instead.")))
    letter = emails.Letter(
        subject=subject(sentence),
        greeting=_("Hello {name},").format(name=mail_texts.name(user)),
        items=[item],
        closing=emails.closing(),
        settings_url=emails.address("demandes/preferences"),
    )
    own = {**headers.AUTOMATIC, "Auto-Submitted": "auto-replied", "Message-ID": headers.message_id("refused", key)}
    try:
        sending.hand_over(**emails.in_form(letter, user), headers=own)
    except sending.FAULTS as error:
        log.warning("An e-mail about a reply that was not taken did not leave: %s", error)
