"""E-mail digest to the mailbox of a service, after a harvest that refused or corrected records.

Names each record with the reason and the remedy, refused ones first. A record is named again only when its problems
change: what was reported for each record is kept with the e-mail. Written in the portal's language. Off unless
`ecosphere.harvest.producer_mails` is set. Sent through `shared.mailing.outbox`, by a job on the harvest queue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish.advice import advice_of
from ckanext.ecosphere.harvest.model import Digest
from ckanext.ecosphere.harvest.problems import Problem, sentence
from ckanext.ecosphere.harvest.worker.job import Job
from ckanext.ecosphere.harvest.worker.messages import translator
from ckanext.ecosphere.harvest.worker.queue import QUEUE
from ckanext.ecosphere.harvest.write import import_log
from ckanext.ecosphere.harvest.write.outcome import IMPORT_LOG
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.mailing import headers, sending
from ckanext.ecosphere.shared.mailing.outbox import FAILED, PENDING, UNWANTED, Outbox
from ckanext.ecosphere.shared.mailing.texts import harmless
from ckanext.ecosphere.shared.messages import N_
from ckanext.ecosphere.shared.queue import enqueue_once, waits
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

OUTBOX = Outbox("harvest", Digest, "records of a service")
DELIVER = "ecosphere-harvest-digests"
MOST_NAMED, MOST_PROBLEMS = 40, 5
"""Maximum records named in an e-mail, and problems per record."""
MOST_KNOWN = 50_000
"""Maximum records of a source whose reported problems are remembered."""
LONGEST = 300
_AT_ONCE = 500
_REFUSED = "refused:"


SUBJECT = N_("Records of {source} to put right: {number}")
GREETING = N_("Hello,")
ABOUT = N_("The harvest of the catalogue “{source}” met records of your service that want putting right.")
REFUSED = N_("Refused, so that they are not on the portal ({number}):")
REPAIRED = N_("Published, with something that is missing or was put right ({number}):")
MORE = N_("… and {number} more.")
CORRECTIONS = N_("Corrections ready to apply to the catalogue: {url}")
REPORT = N_("The whole report: {url}")
CLOSING = N_(
    "You receive this message from the portal “{title}” at the mailbox of the service. A record is named again only "
    "when something else is wrong with it."
)


def note(job: Job) -> None:
    """Store an e-mail about new problems in the records of a job, if there are any, and enqueue its delivery."""
    if not config.producer_mails() or not sending.is_configured():
        return
    before = model.Session.execute(
        sa.select(Digest.id, Digest.known)
        .where(Digest.source_id == job.source_id, Digest.status.not_in([UNWANTED, FAILED]))
        .order_by(Digest.id.desc())
        .limit(1)
    ).one_or_none()
    known: dict[str, str] = dict(before.known) if before else {}
    told: list[dict[str, Any]] = []
    for row in _records(job.id):
        name, why = _hash(row["guid"]), _hash(json.dumps(row["codes"]))
        if not row["codes"]:
            known.pop(name, None)
        elif known.get(name) != why:
            told.append(row)
            known[name] = why
    if not told:
        if before and known != before.known:  # a repaired problem is reported again if it comes back
            model.Session.execute(sa.update(Digest).where(Digest.id == before.id).values(known=known))
            model.Session.commit()
        return
    told.sort(key=lambda row: not row["refused"])
    refused = sum(bool(row["refused"]) for row in told)
    content = {"records": told[:MOST_NAMED], "refused": refused, "repaired": len(told) - refused}
    kept = dict(list(known.items())[-MOST_KNOWN:])
    model.Session.add(Digest(source_id=job.source_id, job_id=job.id, content=content, known=kept, status=PENDING))
    model.Session.commit()
    enqueue_once(deliver, job_id=DELIVER, title="Harvest: e-mails to services", queue=QUEUE)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _records(job_id: str) -> Iterator[dict[str, Any]]:
    """Yield `guid`, `refused` (a sentence or ""), `problems` and all problem `codes` of each record that a job read."""
    refused = {row["identifier"]: row for row in import_log.listed(job_id, import_log.REFUSED)}
    for row in refused.values():
        yield {
            "guid": row["identifier"],
            "refused": row["text"],
            "problems": [],
            "codes": [f"{_REFUSED}{row['reason']}"],
        }
    query = (
        sa.select(HarvestObject.guid, HarvestObjectExtra.value)
        .join(HarvestObject, HarvestObject.id == HarvestObjectExtra.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job_id, HarvestObjectExtra.key == IMPORT_LOG)
        .order_by(HarvestObject.guid)
        .execution_options(yield_per=_AT_ONCE)
    )
    for guid, value in model.Session.execute(query):
        told = json.loads(value)
        if guid not in refused and not told.get("aside"):
            problems = [each for each in told.get("problems") or () if isinstance(each, dict)]
            codes = sorted({each["code"] for each in problems})
            yield {"guid": guid, "refused": "", "problems": problems[:MOST_PROBLEMS], "codes": codes}


def deliver() -> int:
    """Send the e-mails that are due and return how many were sent. Safe to run concurrently."""
    return OUTBOX.deliver(OUTBOX.claim_next, _send) if sending.is_configured() else 0


def recover() -> list[str]:
    """Enqueue the delivery of e-mails that no job is going to send."""
    if not config.producer_mails() or not sending.is_configured():
        return []
    done = []
    if interrupted := OUTBOX.take_up_interrupted():
        done.append(f"{interrupted} e-mails to services whose sender was killed")
    if OUTBOX.is_late() and not waits(DELIVER, QUEUE):
        enqueue_once(deliver, job_id=DELIVER, title="Harvest: e-mails to services", queue=QUEUE)
        done.append("e-mails to services that are due")
    return done


def _send(ids: list[int]) -> int:
    row = model.Session.get(Digest, ids[0])
    source = model.Package.get(row.source_id) if row else None
    mailbox = sheets.mailbox(source.owner_org) if source and source.state == model.State.ACTIVE else ""
    if row is None or source is None or not mailbox:
        return OUTBOX.note(ids, UNWANTED, "no mailbox")
    subject, body = compose(row, source.title or source.name, source.name)
    return OUTBOX.hand_over(
        ids,
        headers={**headers.AUTOMATIC, "Message-ID": headers.message_id("harvest", str(row.id))},
        recipient_name=mailbox,
        recipient_email=mailbox,
        subject=subject,
        body=body,
    )


def compose(row: Digest, title: str, name: str) -> tuple[str, str]:
    """Return subject and text of an e-mail.

    Args:
        row: the stored e-mail.
        title, name: of the source.
    """
    _ = translator()
    source = _line(title)
    refused, repaired = row.content["refused"], row.content["repaired"]
    subject = characters.one_line(f"[{tk.config['ckan.site_title']}] {_(SUBJECT)}")[:LONGEST]
    parts = [_(GREETING), _(ABOUT).format(source=source)]
    for heading, number, is_refused in ((REFUSED, refused, True), (REPAIRED, repaired, False)):
        named = [each for each in row.content["records"] if bool(each["refused"]) == is_refused]
        if number:
            lines = [_(heading).format(number=number), *(line for each in named for line in _told(each))]
            if number > len(named):
                lines.append(_(MORE).format(number=number - len(named)))
            parts.append("\n".join(lines))
    site = tk.config["ckan.site_url"].rstrip("/")
    links = [
        _(CORRECTIONS).format(url=f"{site}/ecosphere/harvest/source/{name}/corrections"),
        _(REPORT).format(url=f"{site}/harvest/{name}/job/{row.job_id}"),
    ]
    parts += ["\n".join(links), _(CLOSING).format(title=tk.config["ckan.site_title"])]
    return subject.format(source=source, number=refused + repaired), "\n\n".join(parts)


def _told(record: dict[str, Any]) -> Iterator[str]:
    """Yield the lines about a record: its identifier, then each problem with its remedy."""
    _ = translator()
    yield f"- {_line(record['guid'])}"
    if record["refused"]:
        yield f"    {_line(record['refused'])}"
        yield f"    → {_(advice_of(record['codes'][0].removeprefix(_REFUSED)))}"
    for each in record["problems"]:
        problem = Problem(each["code"], each["params"])
        yield f"    {_line(sentence(problem, _))}"
        yield f"    → {_(advice_of(problem.code))}"


def _line(text: str) -> str:
    return harmless(characters.one_line(text))[:LONGEST]
