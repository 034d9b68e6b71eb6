"""The mail about a harvest, in the portal's language: what went wrong, in sentences, and where to look.

Who gets mails, and when, are ckanext-harvest's options (`ckan.harvest.status_mail.all`, `….errored`)
and its action `harvest_get_notifications_recipients`. Its own mails are English and rendered from templates, which a
background worker has no page for.
"""

from __future__ import annotations

import logging
import smtplib
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import mailer

from ckanext.ecosphere.harvest.worker.job import Job
from ckanext.ecosphere.harvest.worker.messages import translator
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.mailing.texts import harmless
from ckanext.ecosphere.shared.messages import N_
from ckanext.harvest.model import HarvestGatherError, HarvestObject, HarvestObjectError

log = logging.getLogger(__name__)

MAX_QUOTED = 20
"""Sentences of each kind that a mail quotes."""
LONGEST = 500


FAILED = N_("Harvest of {source}: {number} problems")
DONE = N_("Harvest of {source}: no problem")
COUNTS = N_("{added} added, {updated} updated, {unchanged} unchanged, {deleted} withdrawn, {errored} refused.")
READING = N_("Problems of the reading:")
RECORDS = N_("Records refused:")
MORE = N_("… and {number} more.")
REPORT = N_("The whole report: {url}")


def wanted(errors: int) -> bool:
    """Whether the portal wants a mail about a harvest with this number of errors."""
    everything = tk.asbool(tk.config.get("ckan.harvest.status_mail.all"))
    only_errors = tk.asbool(tk.config.get("ckan.harvest.status_mail.errored"))
    return everything or (only_errors and errors > 0)


def send(context: Any, job: Job, counts: dict[str, int], errors: int) -> int:
    """Write to those who are to know.

    Returns:
        mails sent; a person whose mail cannot be sent does not keep the others from theirs.
    """
    subject, body = compose(job, counts, errors)
    sent = 0
    for person in tk.get_action("harvest_get_notifications_recipients")(context, {"source_id": job.source_id}):
        try:
            mailer.mail_recipient(person["name"], person["email"], subject, body)
            sent += 1
        except (mailer.MailerException, OSError, smtplib.SMTPException):
            log.exception("Mail about harvest job %s", job.id)
    return sent


def compose(job: Job, counts: dict[str, int], errors: int) -> tuple[str, str]:
    """Subject and text of the mail."""
    _ = translator()
    subject = _(FAILED if errors else DONE).format(source=_line(job.title), number=errors)
    numbers = {name: counts.get(name, 0) for name in ("added", "updated", "deleted", "errored")}
    parts = [_(COUNTS).format(unchanged=counts.get("not modified", 0), **numbers)]
    gather = sa.select(HarvestGatherError.message).where(HarvestGatherError.harvest_job_id == job.id)
    objects = (
        sa.select(HarvestObjectError.message)
        .join(HarvestObject, HarvestObject.id == HarvestObjectError.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job.id)
    )
    for heading, query in ((READING, gather), (RECORDS, objects)):
        found = list(model.Session.execute(query).scalars())
        if found:
            lines = [_(heading), *(f"- {_line(message)}" for message in found[:MAX_QUOTED])]
            if len(found) > MAX_QUOTED:
                lines.append(_(MORE).format(number=len(found) - MAX_QUOTED))
            parts.append("\n".join(lines))
    site = tk.config["ckan.site_url"].rstrip("/")
    parts.append(_(REPORT).format(url=f"{site}/harvest/{job.source_id}/job/{job.id}"))
    return subject, "\n\n".join(parts)


def _line(written: str) -> str:
    """What a source wrote, on one line in which no mail program finds a link."""
    return harmless(characters.one_line(written))[:LONGEST]
