"""Parts of `ckan ecosphere init` and `check` for data requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _

from ckanext.ecosphere.data_requests import config, listing
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import clock, people
from ckanext.ecosphere.data_requests.notifications import delivery, outbox, scheduled
from ckanext.ecosphere.interfaces import Check, CheckStatus, Gauge, InitReport
from ckanext.ecosphere.work.model import PENDING

#: Maximum number of services named in a line.
MOST_NAMED = 10
LONGEST_SILENCE = timedelta(days=1)


def initialise(report: InitReport) -> None:
    """Report the number of moderators."""
    number = len(people.moderators())
    message = tk.ungettext(
        "Data requests: {number} moderator", "Data requests: {number} moderators", number
    )
    report.unchanged(message.format(number=number))


def check() -> list[Check]:
    """Check moderators, services and contacts, schedule, e-mails, replies."""
    return [*_moderators(), *_services(), *_schedule(), *_emails(), *_replies()]


def _ok(name: str, message: str) -> list[Check]:
    return [Check(name, CheckStatus.OK, message)]


def _warning(name: str, message: str, remedy: str) -> list[Check]:
    return [Check(name, CheckStatus.WARNING, message, remedy)]


def gauges() -> list[Gauge]:
    """Return the number of requests on all desks, by what awaits them first (`listing.KINDS`)."""
    counts = listing.desk_counts(None, clock.today())
    values = {(kind,): number for kind, number in counts.items()}
    meaning = "Data requests on the desks of services, by what awaits them first"
    return [Gauge("ecosphere_data_requests", meaning, values, ("awaits",))]


def _moderators() -> list[Check]:
    name = _("Data requests (moderators)")
    group = model.Group.get(config.moderators())
    if group is None or not people.editors_of(group.id):
        message = _(
            "Nobody moderates but the administrators of the site: {organisation} has no editor."
        )
        remedy = _("Add editors to it, or name another organisation in {option}.")
        message = message.format(organisation=config.moderators())
        return _warning(name, message, remedy.format(option=config.MODERATORS))
    number = len(people.moderators())
    message = tk.ungettext("{number} moderator", "{number} moderators", number)
    return _ok(name, message.format(number=number))


def _services() -> list[Check]:
    """Check that a receipt can be sent in the name of every service,
    or else of the ministry's desk.
    """
    unready = letters.unready()
    return [*_unready(unready), *_unconfirmed(), *_desk(len(unready))]


def _unready(services: Sequence[letters.Unready]) -> list[Check]:
    name = _("Data requests (contact sheets)")
    if not services:
        return _ok(name, _("Every service can acknowledge requests"))
    message = tk.ungettext(
        "{number} service cannot acknowledge requests: {names}",
        "{number} services cannot acknowledge requests: {names}",
        len(services),
    )
    remedy = _(
        "Complete their contact sheets (postal address, e-mail address, telephone: CRPA, "
        "R. 112-5), and add members to those without a mailbox. Until then, the ministry’s desk acknowledges."
    )
    names = _few([service.group.display_name for service in services])
    return _warning(name, message.format(number=len(services), names=names), remedy)


def _unconfirmed() -> list[Check]:
    """Name the services whose contact details come from the directory.

    Nothing when there are none.
    """
    services = letters.unconfirmed()
    if not services:
        return []
    message = tk.ungettext(
        "{number} service is named with contact details of the service-public directory ({years}), "
        "to be verified: {names}",
        "{number} services are named with contact details of the service-public directory "
        "({years}), to be verified: {names}",
        len(services),
    )
    years = sorted({entry.year for _group, entries in services for entry in entries.values()})
    names = _few([group.display_name for group, _entries in services])
    message = message.format(number=len(services), years=", ".join(years), names=names)
    remedy = _("Enter the verified ones on their contact sheets: these are never replaced.")
    return _warning(_("Data requests (directory)"), message, remedy)


def _desk(unready: int) -> list[Check]:
    """Check that the ministry's desk can acknowledge requests for the services that cannot."""
    name, options = _("Data requests (desk of the ministry)"), letters.desk_lacks()
    if not options:
        return _ok(name, _("It acknowledges requests for services that cannot be reached"))
    message = _("It cannot acknowledge requests: {options} missing.")
    message = message.format(options=", ".join(options))
    remedy = _(
        "Set them: a receipt without address, e-mail and telephone makes no time limit run "
        "(CRPA, L. 112-6)."
    )
    status = CheckStatus.WARNING if unready else CheckStatus.OK
    return [Check(name, status, message, remedy)]


def _few(names: Sequence[str]) -> str:
    """Return the first names of a list, with an ellipsis for the others."""
    words = ", ".join(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        return f"{words} …"
    return words


def _schedule() -> list[Check]:
    """Check that `tick`, which sends reminders, has run within the last day."""
    name, last = _("Data requests (schedule)"), scheduled.last_tick()
    if last is None or clock.now() - last > LONGEST_SILENCE:
        message = _("Reminders have not run for a day: nobody is reminded of a due date.")
        remedy = _("Run every ten minutes: {command}")
        return _warning(name, message, remedy.format(command="ckan ecosphere requests tick"))
    return _ok(name, _("Reminders ran less than a day ago"))


def _emails() -> list[Check]:
    name = _("Data requests (e-mails)")
    if not config.email():
        return _ok(name, _("Switched off; people see their notifications in the portal"))
    if not config.mail_works():
        message = _(
            "No mail server is configured: people see their notifications in the portal only."
        )
        return _warning(name, message, _("Set smtp.server and smtp.mail_from."))
    message = _("None failed in the last week, {number} wait")
    fine = _ok(name, message.format(number=outbox.OUTBOX.of_last_week(PENDING)))
    return outbox.OUTBOX.failures(name) or fine


def _replies() -> list[Check]:
    """Check that a token can be added to the address for replies.

    Empty when replies are not accepted.
    """
    if not config.reply_address():
        return []
    name = _("Data requests (replies by e-mail)")
    if not delivery.signed_address(1):
        message = _(
            "{option} is not an address whose first part is short enough for a token: nobody "
            "can answer e-mails."
        )
        remedy = _("Give an address such as reply@example.gouv.fr.")
        message = message.format(option=config.REPLY_ADDRESS)
        return [Check(name, CheckStatus.ERROR, message, remedy)]
    message = _("Replies by e-mail are taken at {address}")
    return _ok(name, message.format(address=config.reply_address()))
