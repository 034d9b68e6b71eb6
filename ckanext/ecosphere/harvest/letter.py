"""The letter about the harvest sources: subscribers, sending, contents, text.

`write_due` adds the letters of a period to the outbox, each with no content but the time at which
it is due. `deliver`, in a worker, collects the contents of each (`findings_of`), makes its text
(`compose`) and sends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.harvest import config, overview
from ckanext.ecosphere.harvest.finish import reports
from ckanext.ecosphere.harvest.job import FINISHED
from ckanext.ecosphere.harvest.logic.auth import editable_organisations
from ckanext.ecosphere.harvest.model import Reader
from ckanext.ecosphere.harvest.overview import ERRORS, HELD, INACTIVE, INCOMPLETE, Row
from ckanext.ecosphere.harvest.problems import advice_of
from ckanext.ecosphere.harvest.worker import QUEUE
from ckanext.ecosphere.shared import characters, dates, language, mailing
from ckanext.ecosphere.shared.mailing import harmless, labelled, subject
from ckanext.ecosphere.work.model import Work
from ckanext.ecosphere.work.outbox import Outbox, Unwanted
from ckanext.harvest.model import HarvestGatherError, HarvestJob

STALLED = "stalled"
KINDS = (STALLED, INCOMPLETE, ERRORS, HELD)
"""Kinds of sources that need attention, in the order of the letter."""
PATIENCE = timedelta(days=1)
"""Time after which a source that is due, or a harvest without a sign of life, counts as stalled."""
COUNTED = ("added", "updated", "deleted", "errored")
"""Outcomes of records, in the order of the columns of `_HARVESTS_ENDED`."""
PERIODS = {"week": timedelta(weeks=1), "day": timedelta(days=1)}
HOUR = 7
"""Hour at which letters are due, in the portal's time zone; weekly ones on Mondays."""
LATEST = {"week": timedelta(days=3), "day": timedelta(hours=12)}
"""Maximum delay of a letter; later, it is skipped in favour of the next one."""
OUTBOX = Outbox(
    name="ecosphere-harvest-letters",
    function="ckanext.ecosphere.harvest.letter.deliver",
    title="Harvest: letters about the sources",
    queue=QUEUE,
    kept=timedelta(days=90),
)
"""The letters, whose key is the time at which they are due, in UTC."""
MOST_NAMED = 20
"""Maximum sources of each kind named in a letter."""
MOST_QUOTED = 5
"""Maximum errors of the reading, and refused records, quoted for each source."""
LONGEST_NAME = 200
LONGEST_ERROR = 500
"""Maximum characters of a name and of an error in the text of a letter."""


# --- subscribers ---


def are_offered() -> bool:
    """Tell whether the portal sends letters about the sources."""
    return config.letter_period() in PERIODS and mailing.is_configured()


def period() -> timedelta:
    """Return the time that a letter covers."""
    return PERIODS[config.letter_period()]


def is_subscribed(user_id: str) -> bool:
    """Tell whether a user receives the letter."""
    return model.Session.get(Reader, user_id) is not None


def subscribe(user_id: str, language: str) -> None:
    """Subscribe a user to the letter, in a language; the caller commits."""
    query = insert(Reader).values(user_id=user_id, language=language, since=sa.func.now())
    model.Session.execute(
        query.on_conflict_do_update(index_elements=["user_id"], set_={"language": language})
    )


def unsubscribe(user_id: str) -> None:
    """Unsubscribe a user from the letter; the caller commits."""
    model.Session.execute(sa.delete(Reader).where(Reader.user_id == user_id))


def forget(user_id: str) -> None:
    """Delete the subscription of a user, and all letters to them; the caller commits."""
    unsubscribe(user_id)
    OUTBOX.forget([user_id])


# --- sending ---


def write_due() -> list[str]:
    """Create the letters that are due and queue their delivery.

    Returns:
        one line with their number, as `ckan ecosphere watch` reports it; empty if none is due.
    """
    if not are_offered():
        return []
    now = datetime.now(timezone.utc)
    due = last_due(now)
    if now - due > LATEST[config.letter_period()]:
        return []
    number = _create(due)
    if not number:
        return []
    OUTBOX.enqueue()
    return [f"{number} letters about the sources"]


def last_due(now: datetime) -> datetime:
    """Return the last time at which letters were due, in the portal's time zone.

    Args:
        now: with a time zone.
    """
    local_now = now.astimezone(dates.zone())
    due = local_now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    if config.letter_period() == "week":
        due -= timedelta(days=local_now.weekday())
    if due > local_now:
        due -= period()
    return due


def _create(due: datetime) -> int:
    """Add the letters due at a time to the outbox unless they are there, commit.

    Return their number.
    """
    key = due.astimezone(timezone.utc).isoformat()
    exists = sa.exists().where(OUTBOX.rows, Work.recipient == Reader.user_id, Work.key == key)
    readers = model.Session.scalars(sa.select(Reader.user_id).where(Reader.since < due, ~exists))
    added = OUTBOX.add({"recipient": user_id, "key": key} for user_id in readers)
    if added:
        OUTBOX.purge()
    model.Session.commit()
    return len(added)


def deliver() -> int:
    """Send the letters that are due and return how many were sent. Safe to run concurrently."""
    return OUTBOX.deliver(_mail_of)


def _mail_of(letter: Work) -> Row:
    """Return a letter as parameters of CKAN's `mail_recipient`.

    Raises:
        Unwanted: the portal or the person does not want it any more, or there is nothing to say.
    """
    if not are_offered():
        raise Unwanted("no letters are sent any more")
    reader, user = model.Session.get(Reader, letter.recipient), model.User.get(letter.recipient)
    if reader is None or user is None or user.state != model.State.ACTIVE or not user.email:
        unsubscribe(letter.recipient)
        raise Unwanted("not wanted any more")
    owners = None
    if not user.sysadmin:
        owners = editable_organisations(user.name)
    due = datetime.fromisoformat(str(letter.key))
    findings = findings_of(owners, due, datetime.now(timezone.utc))
    if not findings.total:
        raise Unwanted("no sources")
    if config.letter_period() == "day" and not findings.number:
        raise Unwanted("no source needs anybody")
    message_id = mailing.message_id("harvest-week", str(letter.id))
    with language.speaking(reader.language):
        title, body = compose(findings, user.display_name, due)
    return {
        "headers": {**mailing.AUTOMATIC, "Message-ID": message_id},
        "recipient_name": user.display_name,
        "recipient_email": user.email,
        "subject": title,
        "body": body,
    }


# --- its contents ---


@dataclass
class Findings:
    """Content of the letter to one person.

    Attributes:
        total: number of harvested sources.
        by_kind: kind of `KINDS` → rows of the overview, by title; stalled ones as `stalled_sources`
            returns them.
        harvests: number of harvests that ended in the period.
        incomplete: how many of them did not read their source completely.
        counts: number of records in the period, by outcome (`COUNTED`).
    """

    total: int = 0
    by_kind: dict[str, list[Row]] = field(default_factory=dict)
    harvests: int = 0
    incomplete: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Number of sources that need attention, each counted once."""
        return len({row["id"] for rows in self.by_kind.values() for row in rows})


_HARVESTS_ENDED = sa.text("""
    SELECT count(*), count(*) FILTER (WHERE NOT state.complete),
        sum(CAST(state.facts -> 'counts' ->> 'added' AS integer)),
        sum(CAST(state.facts -> 'counts' ->> 'updated' AS integer)),
        sum(CAST(state.facts -> 'counts' ->> 'deleted' AS integer)),
        sum(CAST(state.facts -> 'counts' ->> 'errored' AS integer))
    FROM harvest_job AS job
    LEFT JOIN ecosphere_harvest_job AS state ON state.job_id = job.id
    WHERE job.source_id = ANY(:ids) AND job.finished >= :first AND job.finished < :last
    """)
"""Number of harvests that ended in a period, of incomplete ones, and of records (`COUNTED`)."""


def findings_of(owners: list[str] | None, due: datetime, now: datetime) -> Findings:
    """Collect the content of the letter.

    Args:
        owners: ids of the organisations whose sources are wanted; None for all.
        due: when the letter was due, with a time zone; it covers the days before.
        now: the current time, with a time zone.
    """
    rows = [row for row in overview.rows(owners, counted=False) if row["state"] != INACTIVE]
    rows.sort(key=lambda row: row["title"].casefold())
    ids = [row["id"] for row in rows]
    findings = Findings(total=len(rows))
    for kind in (INCOMPLETE, ERRORS, HELD):
        findings.by_kind[kind] = [row for row in rows if row["state"] == kind]
    findings.by_kind[STALLED] = stalled_sources(rows, now)
    first, last = days(due)
    values = {"ids": ids, "first": _naive(first), "last": _naive(last)}
    findings.harvests, findings.incomplete, *numbers = model.Session.execute(
        _HARVESTS_ENDED, values
    ).one()
    for outcome, number in zip(COUNTED, numbers, strict=True):
        findings.counts[outcome] = int(number or 0)
    return findings


def days(due: datetime) -> tuple[datetime, datetime]:
    """Return start and end of the days that a letter covers,
    at midnight in the portal's time zone.
    """
    last = due.astimezone(dates.zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    return last - period(), last


def _naive(moment: datetime) -> datetime:
    """Return a UTC time without a time zone, as in ckanext-harvest's tables."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def stalled_sources(rows: list[Row], now: datetime) -> list[Row]:
    """Return the sources that are due but not started, or whose harvest shows no sign of life.

    Args:
        rows: rows of the overview, of active sources.
        now: with a time zone.

    Returns:
        rows with `still_since` (UTC, without a time zone) and `runs`: whether a harvest runs or
        waits.
    """
    query = sa.text("""
        SELECT job.source_id, min(coalesce(state.touched, job.created))
        FROM harvest_job AS job
        LEFT JOIN ecosphere_harvest_job AS state ON state.job_id = job.id
        WHERE job.status NOT IN ('Finished', 'Aborted')
        GROUP BY job.source_id
        """)
    open_since = dict(model.Session.execute(query).tuples().all())
    stalled = []
    for row in rows:
        since = open_since.get(row["id"], row["due"])
        if since is not None and _naive(now) - since > PATIENCE:
            stalled.append({**row, "still_since": since, "runs": row["id"] in open_since})
    return stalled


# --- its text ---


def compose(findings: Findings, name: str, due: datetime) -> tuple[str, str]:
    """Return subject and text of a letter, in the current language.

    Args:
        findings: content of the letter.
        name: name of the recipient.
        due: when the letter was due.
    """
    state = tk._("all sources in order")
    if findings.number:
        state = tk.ungettext(
            "{number} source needs somebody", "{number} sources need somebody", findings.number
        ).format(number=findings.number)
    first, end = days(due)
    last = end - timedelta(days=1)
    days_covered = tk._("from {first} to {last}").format(
        first=dates.day(first), last=dates.day(last)
    )
    if first == last:
        days_covered = tk._("on {day}").format(day=dates.day(first))
    kinds = []
    for kind in KINDS:
        rows = findings.by_kind[kind]
        if rows:
            kinds.append((kind, len(rows), [_source(kind, row) for row in rows[:MOST_NAMED]]))
    variables = {
        "findings": findings,
        "name": _line(name),
        "week": days_covered,
        "daily": config.letter_period() == "day",
        "kinds": kinds,
        "page": tk.h.url_for("ecosphere_harvest.sources", qualified=True),
        "labelled": labelled,
    }
    text = tk.render("emails/ecosphere_harvest_letter.txt", variables)
    return subject(labelled(tk._("Harvest sources"), state)), text


def _source(kind: str, row: Row) -> Row:
    """Return what the letter says about a source that needs attention."""
    service = f" ({_line(row['organisation'])})" if row["organisation"] else ""
    source = {
        "title": f"{_line(row['title'])}{service}",
        "sentence": sentence_about(kind, row),
        "url": page_about(kind, row, qualified=True),
    }
    if kind in (INCOMPLETE, ERRORS):
        source |= _errors(row)
    return source


def _errors(row: Row) -> Row:
    """Return what went wrong in the last harvest of a source,
    and where its catalogue is put right.
    """
    jobs = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == row["id"], HarvestJob.status == FINISHED
    )
    job_id = model.Session.scalar(jobs.order_by(HarvestJob.created.desc()).limit(1))
    if job_id is None:
        return {}
    reading = sa.select(HarvestGatherError.message).where(
        HarvestGatherError.harvest_job_id == job_id
    )
    messages = model.Session.scalars(
        reading.order_by(HarvestGatherError.created).limit(MOST_QUOTED)
    )
    refused = []
    records = reports.records_listed(job_id, reports.REFUSED)
    for record in records[:MOST_QUOTED]:
        refused.append(
            {"text": _line(record["text"], LONGEST_ERROR), "advice": advice_of(record["reason"])}
        )
    return {
        "errors": [_line(message, LONGEST_ERROR) for message in messages],
        "refused": refused,
        "more": max(0, len(records) - MOST_QUOTED),
        "corrections": tk.h.url_for(
            "ecosphere_harvest.corrections", id=row["name"], qualified=True
        ),
    }


def sentence_about(kind: str, row: Row) -> str:
    """Return a sentence about a source that needs attention."""
    if kind == STALLED:
        since = dates.moment(row["still_since"])
        if row["runs"]:
            return tk._("A harvest waits or runs without a sign of life since {moment}.").format(
                moment=since
            )
        return tk._("Due since {moment}, and not begun.").format(moment=since)
    if kind == ERRORS:
        counted = tk.ungettext("{number} error", "{number} errors", row["errors"])
        number_of_errors = counted.format(number=tk.h.localised_number(row["errors"]))
        return tk._("Last harvest, on {moment}: {what}.").format(
            moment=dates.moment(row["last_run"]), what=number_of_errors
        )
    if kind == HELD:
        counted = tk.ungettext(
            "{number} dataset waits for a decision.",
            "{number} datasets wait for a decision.",
            row["held"],
        )
        return counted.format(number=tk.h.localised_number(row["held"]))
    if row["last_complete"]:
        return tk._("Last complete harvest: {moment}.").format(
            moment=dates.moment(row["last_complete"])
        )
    return tk._("It was never read whole.")


def page_about(kind: str, row: Row, *, qualified: bool = False) -> str:
    """Return the URL of the page on which a source that needs attention is dealt with."""
    if kind == HELD:
        return tk.h.url_for("ecosphere_harvest.withdrawals", id=row["name"], qualified=qualified)
    if kind == STALLED:
        return tk.h.url_for("harvester.admin", id=row["name"], qualified=qualified)
    return tk.h.url_for("harvester.job_show_last", source=row["name"], qualified=qualified)


def _line(text: str, limit: int = LONGEST_NAME) -> str:
    """Return a text of others on one line, shortened, and without links that work."""
    return harmless(characters.one_line(text))[:limit]
