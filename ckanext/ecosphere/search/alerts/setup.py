"""The alerts' part of `ckan ecosphere check`."""

from __future__ import annotations

from datetime import timedelta

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.search.alerts import config, storage
from ckanext.ecosphere.search.alerts.model import Mail, now
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.shared.mailing.outbox import FAILED

_ = tk._

LONGEST_SILENCE = timedelta(days=1)


def check() -> list[Check]:
    """Check that alerts are processed and their e-mails sent."""
    name = _("Alerts")
    if not config.alerts():
        return [Check(name, CheckStatus.OK, _("Switched off"))]
    if not sending.is_configured():
        message = _("No mail server is configured: nobody is offered alerts.")
        return [Check(name, CheckStatus.WARNING, message, _("Set smtp.server and smtp.mail_from."))]
    if storage.is_due(now() - LONGEST_SILENCE):
        message = _("Saved searches have not been looked at for a day: nobody is told of what is new.")
        remedy = _("Run every ten minutes: {command}").format(command="ckan ecosphere search tick")
        return [Check(name, CheckStatus.WARNING, message, remedy)]
    failed = _failed()
    if failed:
        message = tk.ungettext(
            "{number} e-mail could not be sent in the last week.",
            "{number} e-mails could not be sent in the last week.",
            failed,
        )
        remedy = _("See the mail server’s log; the reasons are in the table ecosphere_search_mail.")
        return [Check(name, CheckStatus.WARNING, message.format(number=failed), remedy)]
    return [Check(name, CheckStatus.OK, _("Saved searches are looked at, and no e-mail failed in the last week"))]


def _failed() -> int:
    query = sa.select(sa.func.count()).where(Mail.status == FAILED, Mail.created > now() - storage.KEPT)
    return model.Session.scalar(query) or 0
