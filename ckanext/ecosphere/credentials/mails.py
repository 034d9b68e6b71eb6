"""The e-mail to a person whose second factor has changed: whoever knows the password might have done it."""

from __future__ import annotations

import logging

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.lib import jobs

from ckanext.ecosphere.shared import language, mailing
from ckanext.ecosphere.shared.queue import enqueue_once

log = logging.getLogger(__name__)

ON, OFF, RESET = "on", "off", "reset"


def announce(user: model.User, change: str) -> None:
    """Note a change in the log, and queue the e-mail about it."""
    log.info("Second factor of the account %s: %s", user.id, change)
    enqueue_once(
        send,
        [user.id, change, language.current()],
        job_id=f"ecosphere-second-factor-{change}-{user.id}",
        title="Accounts: the second factor has changed",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )


def send(user_id: str, change: str, lang: str) -> None:
    """Send the e-mail; it is not tried again if the mail server refuses it."""
    user = model.User.get(user_id)
    if user is None or not user.is_active or not user.email:
        return
    with language.speaking(lang):
        sentence = _sentences()[change].format(
            account=user.name, title=tk.config["ckan.site_title"]
        )
        advice = _(
            "If it was not you, set a new password and write to the administrators of the portal."
        )
        mail = {
            "headers": mailing.AUTOMATIC,
            "recipient_name": user.name,
            "recipient_email": user.email,
            "subject": mailing.subject(_("The second factor of your account has changed")),
            "body": "\n\n".join((_("Hello,"), sentence, advice)),
        }
    try:
        mailing.hand_over(**mail)
    except mailing.FAULTS as error:
        log.warning("The e-mail about a second factor could not be sent: %s", error)


def _sentences() -> dict[str, str]:
    return {
        ON: _("From now on, the account “{account}” on “{title}” asks for a code at each log-in."),
        OFF: _("The account “{account}” on “{title}” no longer asks for a code at log-in."),
        RESET: _(
            "An administrator has removed the second factor of the account “{account}” on "
            "“{title}”: the next log-in needs the password only, or asks to set up a new one."
        ),
    }
