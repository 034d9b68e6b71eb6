"""Compose the letter about the sources and send it (`work.outbox`), by a job on the harvest queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish import reports
from ckanext.ecosphere.harvest.letter import findings, readers
from ckanext.ecosphere.harvest.letter.findings import KINDS, STALLED, Findings
from ckanext.ecosphere.harvest.logic.auth import editable_organisations
from ckanext.ecosphere.harvest.model import Reader
from ckanext.ecosphere.harvest.overview import ERRORS, HELD, INCOMPLETE
from ckanext.ecosphere.harvest.problems import advice_of
from ckanext.ecosphere.harvest.worker.job import FINISHED
from ckanext.ecosphere.shared import characters, dates, language
from ckanext.ecosphere.shared.mailing import headers
from ckanext.ecosphere.shared.mailing.texts import harmless, labelled, subject
from ckanext.ecosphere.work.model import Work
from ckanext.ecosphere.work.outbox import Unwanted
from ckanext.harvest.model import HarvestGatherError, HarvestJob

MOST_NAMED = 20
"""Maximum sources of each kind named in a letter."""
MOST_QUOTED = 5
"""Maximum errors of the reading, and refused records, quoted for each source."""
LONGEST = 200
LONGEST_ERROR = 500


def write_due() -> list[str]:
    """Create the letters that are due and queue their delivery; return how many, for the log."""
    if not readers.are_offered():
        return []
    number = readers.write(datetime.now(timezone.utc))
    if not number:
        return []
    readers.OUTBOX.enqueue()
    return [f"{number} letters about the sources"]


def deliver() -> int:
    """Send the letters that are due and return how many were sent. Safe to run concurrently."""
    return readers.OUTBOX.deliver(_write)


def _write(mail: Work) -> dict[str, Any]:
    """Return the parameters of a letter.

    Raises:
        Unwanted: the portal or the person does not want it any more, or there is nothing to say.
    """
    if not readers.are_offered():
        raise Unwanted("no letters are sent any more")
    reader, user = model.Session.get(Reader, mail.recipient), model.User.get(mail.recipient)
    if reader is None or user is None or user.state != model.State.ACTIVE or not user.email:
        readers.remove(mail.recipient)
        raise Unwanted("not wanted any more")
    owners = None
    if not user.sysadmin:
        owners = editable_organisations(user.name)
    until = datetime.fromisoformat(str(mail.key))
    content = findings.of_period(owners, until, datetime.now(timezone.utc))
    if not content.total:
        raise Unwanted("no sources")
    if config.letter_period() == "day" and not content.number:
        raise Unwanted("no source needs anybody")
    message_id = headers.message_id("harvest-week", str(mail.id))
    name, email = user.display_name, user.email
    with language.speaking(reader.language):
        title, body = compose(content, name, until)
    return {
        "headers": {**headers.AUTOMATIC, "Message-ID": message_id},
        "recipient_name": name,
        "recipient_email": email,
        "subject": title,
        "body": body,
    }


def compose(found: Findings, name: str, until: datetime) -> tuple[str, str]:
    """Return subject and text of a letter, in the current language.

    Args:
        found: content of the letter.
        name: name of the recipient.
        until: when the letter was due.
    """
    number = found.number
    calling = tk.ungettext("{number} source needs somebody", "{number} sources need somebody", number)
    state = calling.format(number=number) if number else tk._("all sources in order")
    first, last = findings.days(until)
    last -= timedelta(days=1)
    week = tk._("from {first} to {last}").format(first=dates.day(first), last=dates.day(last))
    if first == last:
        week = tk._("on {day}").format(day=dates.day(first))
    parts = [
        tk._("Hello {name},").format(name=_line(name)),
        tk._("What the harvest sources did {week}, and where they stand now.").format(week=week),
        "\n".join(_figures(found)),
        *("\n".join(_told(kind, found.calling[kind])) for kind in KINDS if found.calling[kind]),
    ]
    if not number:
        parts.append(tk._("No source needs anybody."))
    page = tk.h.url_for("ecosphere_harvest.sources", qualified=True)
    parts += [
        labelled(tk._("State of all harvest sources"), page),
        tk._("You receive this letter from the portal “{title}” because you asked for it. To stop it: {url}").format(
            title=tk.config["ckan.site_title"], url=f"{page}#letter"
        ),
    ]
    return subject(labelled(tk._("Harvest sources"), state)), "\n\n".join(parts) + "\n"


def _figures(found: Findings) -> Iterator[str]:
    whole = tk.h.localised_number
    yield tk._("Figures of the day") if config.letter_period() == "day" else tk._("Figures of the week")
    yield "- " + labelled(tk._("Sources that are harvested"), whole(found.total))
    harvests = whole(found.harvests)
    if found.incomplete:
        incomplete = tk.ungettext("{number} incomplete", "{number} incomplete", found.incomplete)
        harvests = f"{harvests} ({incomplete.format(number=whole(found.incomplete))})"
    yield "- " + labelled(tk._("Harvests that ended"), harvests)
    yield "- " + labelled(tk._("Datasets added"), whole(found.counts["added"]))
    yield "- " + labelled(tk._("Datasets updated"), whole(found.counts["updated"]))
    yield "- " + labelled(tk._("Datasets withdrawn"), whole(found.counts["deleted"]))
    yield "- " + labelled(tk._("Records refused"), whole(found.counts["errored"]))


def _told(kind: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the heading of a kind, then its sources, each with a sentence and a link."""
    headings = {
        STALLED: tk._("Standing still"),
        INCOMPLETE: tk._("Read incompletely"),
        ERRORS: tk._("With errors"),
        HELD: tk._("Withdrawals to confirm"),
    }
    yield f"{headings[kind]} ({tk.h.localised_number(len(rows))})"
    for row in rows[:MOST_NAMED]:
        service = f" ({_line(row['organisation'])})" if row["organisation"] else ""
        yield f"- {_line(row['title'])}{service}"
        yield "    " + what(kind, row)
        yield "    " + where(kind, row, qualified=True)
        if kind in (INCOMPLETE, ERRORS):
            yield from _errors(row)
    if len(rows) > MOST_NAMED:
        yield tk._("… and {number} more.").format(number=tk.h.localised_number(len(rows) - MOST_NAMED))


def _errors(row: dict[str, Any]) -> Iterator[str]:
    """Yield what went wrong in the last harvest of a source, and where its catalogue is put right."""
    jobs = sa.select(HarvestJob.id).where(HarvestJob.source_id == row["id"], HarvestJob.status == FINISHED)
    job_id = model.Session.scalar(jobs.order_by(HarvestJob.created.desc()).limit(1))
    if job_id is None:
        return
    reading = sa.select(HarvestGatherError.message).where(HarvestGatherError.harvest_job_id == job_id)
    messages = model.Session.scalars(reading.order_by(HarvestGatherError.created).limit(MOST_QUOTED))
    for message in messages:
        yield f"    - {_quoted(message)}"
    refused = reports.records_listed(job_id, reports.REFUSED)
    for record in refused[:MOST_QUOTED]:
        yield f"    - {_quoted(record['text'])}"
        yield f"      → {tk._(advice_of(record['reason']))}"
    if len(refused) > MOST_QUOTED:
        more = tk.h.localised_number(len(refused) - MOST_QUOTED)
        yield "    " + tk._("… and {number} more.").format(number=more)
    if refused:
        page = tk.h.url_for("ecosphere_harvest.corrections", id=row["name"], qualified=True)
        yield "    " + labelled(tk._("Corrections ready to apply to the catalogue"), page)


def what(kind: str, row: dict[str, Any]) -> str:
    """Return a sentence about a source that needs attention."""
    if kind == STALLED:
        since = dates.moment(row["still_since"])
        if row["runs"]:
            return tk._("A harvest waits or runs without a sign of life since {moment}.").format(moment=since)
        return tk._("Due since {moment}, and not begun.").format(moment=since)
    if kind == ERRORS:
        counted = tk.ungettext("{number} error", "{number} errors", row["errors"])
        told = counted.format(number=tk.h.localised_number(row["errors"]))
        return tk._("Last harvest, on {moment}: {what}.").format(moment=dates.moment(row["last_run"]), what=told)
    if kind == HELD:
        counted = tk.ungettext(
            "{number} dataset waits for a decision.", "{number} datasets wait for a decision.", row["held"]
        )
        return counted.format(number=tk.h.localised_number(row["held"]))
    if row["last_complete"]:
        return tk._("Last complete harvest: {moment}.").format(moment=dates.moment(row["last_complete"]))
    return tk._("It was never read whole.")


def where(kind: str, row: dict[str, Any], *, qualified: bool = False) -> str:
    """Return the URL of the page about it."""
    if kind == HELD:
        return tk.h.url_for("ecosphere_harvest.withdrawals", id=row["name"], qualified=qualified)
    if kind == STALLED:
        return tk.h.url_for("harvester.admin", id=row["name"], qualified=qualified)
    return tk.h.url_for("harvester.job_show_last", source=row["name"], qualified=qualified)


def _quoted(text: str) -> str:
    return harmless(characters.one_line(text))[:LONGEST_ERROR]


def _line(text: str) -> str:
    return harmless(characters.one_line(text))[:LONGEST]
