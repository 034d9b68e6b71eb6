"""The e-mail to a person whose second factor has changed: whoever knows the password might have done it."""

from __future__ import annotations

import logging

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.lib import jobs

from ckanext.ecosphere.credentials import second_factor
from ckanext.ecosphere.shared import language, mailing
from ckanext.ecosphere.shared.queue import enqueue_once

log = logging.getLogger(__name__)


def announce(user: model.User) -> None:
    """Note a change in the log, and queue the e-mail about it."""
    log.info("The second factor of the account %s has changed", user.id)
    enqueue_once(
        send,
        [user.id, language.current()],
        job_id=f"ecosphere-second-factor-{user.id}",
        title="Accounts: the second factor has changed",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )


def send(user_id: str, lang: str) -> None:
    """Send the e-mail; it is not tried again if the mail server refuses it."""
    user = model.User.get(user_id)
    if user is None or not user.is_active or not user.email:
        return
    with language.speaking(lang):
        sentence = _("The account “{account}” on “{title}” has no second factor any more.")
        if second_factor.is_set_up(user):
            sentence = _("The account “{account}” on “{title}” asks for a code at each log-in now.")
        advice = _(
            "If it was not you, set a new password and write to the portal’s administrators."
        )
        title = tk.config["ckan.site_title"]
        mail = {
            "headers": mailing.AUTOMATIC,
            "recipient_name": user.name,
            "recipient_email": user.email,
            "subject": mailing.subject(_("The second factor of your account has changed")),
            "body": f"{sentence.format(account=user.name, title=title)}\n\n{advice}",
        }
    try:
        mailing.hand_over(**mail)
    except mailing.FAULTS as error:
        log.warning("The e-mail about a second factor could not be sent: %s", error)
