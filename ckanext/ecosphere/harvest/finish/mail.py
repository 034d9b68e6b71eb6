"""E-mail about a finished harvest, in the portal's language: errors in plain sentences, and a link to the report.

The options of ckanext-harvest (`ckan.harvest.status_mail.all`, `….errored`) decide when it is sent, and its action
`harvest_get_notifications_recipients` to whom. Its own e-mails are English only, and rendered from templates that need
a request context, which a background worker does not have.
"""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import JSONB

from ckanext.ecosphere.harvest.model import JobState
from ckanext.ecosphere.harvest.worker.job import FINISHED, Job, update_state
from ckanext.ecosphere.harvest.worker.messages import translator
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.shared.mailing.texts import harmless, subject
from ckanext.ecosphere.shared.messages import N_
from ckanext.harvest.model import HarvestGatherError, HarvestJob, HarvestObject, HarvestObjectError

log = logging.getLogger(__name__)

MAILED = "mailed"
"""Key in the facts of a job: an e-mail was sent about it, or about the same errors of an earlier job."""
MAX_QUOTED = 20
"""Maximum messages of each kind quoted in an e-mail."""
LONGEST = 500


FAILED = N_("Harvest of “{source}”, problems: {number}")
DONE = N_("Harvest of “{source}”: no problem")
GREETING = N_("Hello {name},")
ABOUT = N_("The source “{source}” was harvested. What became of its records:")
COUNTS = N_("added: {added}, updated: {updated}, unchanged: {unchanged}, withdrawn: {deleted}, refused: {errored}.")
READING = N_("Problems of the reading:")
RECORDS = N_("Records refused:")
MORE = N_("… and {number} more.")
REPORT = N_("The whole report: {url}")


def wanted(errors: int) -> bool:
    """Tell whether the portal is configured to send an e-mail about a harvest with this number of errors."""
    everything = tk.asbool(tk.config.get("ckan.harvest.status_mail.all"))
    only_errors = tk.asbool(tk.config.get("ckan.harvest.status_mail.errored"))
    return everything or (only_errors and errors > 0)


def tell(context: Any, job: Job, counts: dict[str, int], errors: int) -> None:
    """Notify the recipients, unless an e-mail about exactly the same errors was sent after the previous harvest.

    With `ckan.harvest.status_mail.all`, every harvest is reported.
    """
    if not wanted(errors):
        return
    everything = tk.asbool(tk.config.get("ckan.harvest.status_mail.all"))
    if (not everything and _is_known(job)) or send(context, job, counts, errors):
        mailed = JobState.facts.op("||")(sa.cast({MAILED: True}, JSONB))
        update_state(job.id, facts=mailed)
        model.Session.commit()


def _is_known(job: Job) -> bool:
    """Tell whether an e-mail was sent about the previous harvest, and that harvest had the same errors."""
    before = (
        sa.select(HarvestJob.id, JobState.facts)
        .join(JobState, JobState.job_id == HarvestJob.id)
        .where(HarvestJob.source_id == job.source_id, HarvestJob.status == FINISHED, HarvestJob.id != job.id)
        .order_by(HarvestJob.created.desc())
        .limit(1)
    )
    last = model.Session.execute(before).first()
    return last is not None and bool(last.facts.get(MAILED)) and _errors(last.id) == _errors(job.id)


def send(context: Any, job: Job, counts: dict[str, int], errors: int) -> int:
    """Send the e-mail to all recipients, once to each mailbox.

    Returns:
        number of e-mails sent; a failure for one recipient does not stop the others.
    """
    told, body = compose(job, counts, errors)
    sent = 0
    for address, name in _recipients(context, job.source_id).items():
        greeting = translator()(GREETING).format(name=characters.one_line(name))
        text = f"{greeting}\n\n{body}"
        try:
            sending.hand_over(recipient_name=name, recipient_email=address, subject=subject(told), body=text)
            sent += 1
        except (*sending.FAULTS, ValueError):
            log.exception("Mail about harvest job %s", job.id)
    return sent


def _recipients(context: Any, source_id: str) -> dict[str, str]:
    """Return names of active accounts by e-mail address, without the repetitions of ckanext-harvest (one per role)."""
    found: dict[str, str] = {}
    for person in tk.get_action("harvest_get_notifications_recipients")(context, {"source_id": source_id}):
        account = model.User.get(person["name"])
        if account is not None and account.state == model.State.ACTIVE:
            found.setdefault(person["email"].strip().casefold(), account.display_name)
    return found


def compose(job: Job, counts: dict[str, int], errors: int) -> tuple[str, str]:
    """Return the subject of the e-mail, and its text after the greeting."""
    _ = translator()
    title = _line(job.title)
    told = _(FAILED if errors else DONE).format(source=title, number=errors)
    numbers = {name: counts.get(name, 0) for name in ("added", "updated", "deleted", "errored")}
    parts = [
        f"{_(ABOUT).format(source=title)}\n" + _(COUNTS).format(unchanged=counts.get("not modified", 0), **numbers)
    ]
    for heading, found in zip((READING, RECORDS), _errors(job.id), strict=True):
        if found:
            lines = [_(heading), *(f"- {_line(message)}" for message in found[:MAX_QUOTED])]
            if len(found) > MAX_QUOTED:
                lines.append(_(MORE).format(number=len(found) - MAX_QUOTED))
            parts.append("\n".join(lines))
    site = tk.config["ckan.site_url"].rstrip("/")
    parts.append(_(REPORT).format(url=f"{site}/harvest/{job.source_id}/job/{job.id}"))
    return told, "\n\n".join(parts)


def _errors(job_id: str) -> tuple[list[str], list[str]]:
    """Return the error messages about the reading, and those about records."""
    gather = sa.select(HarvestGatherError.message).where(HarvestGatherError.harvest_job_id == job_id)
    objects = (
        sa.select(HarvestObjectError.message)
        .join(HarvestObject, HarvestObject.id == HarvestObjectError.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job_id)
        .order_by(HarvestObject.guid, HarvestObjectError.message)
    )
    reading = model.Session.execute(gather.order_by(HarvestGatherError.created, HarvestGatherError.id)).scalars()
    return list(reading), list(model.Session.execute(objects).scalars())


def _line(written: str) -> str:
    """Return text from a source on one line, in which no mail program recognises a link."""
    return harmless(characters.one_line(written))[:LONGEST]
