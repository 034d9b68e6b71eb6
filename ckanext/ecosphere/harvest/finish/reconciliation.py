"""Reconcile a source with the portal: what the catalogue has, what is shown of it, and why the rest is not.

Everything comes from what the last job has stored: the source is not asked. Each record that the job saw is in exactly
one line, so that the lines add up:

- all records of the catalogue = `lines` + records `shown`,
- datasets of the source on the portal = records `shown` + `more`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from ckanext.ecosphere.harvest.model import (
    CATALOGUE,
    DUPLICATE,
    KEPT,
    PUBLISHED,
    REFUSED,
    WITHDRAWN,
    JobState,
    NotTaken,
    SourceRecord,
)
from ckanext.ecosphere.harvest.sources.messages import sentence
from ckanext.ecosphere.harvest.worker.job import RUNNING
from ckanext.ecosphere.shared.messages import N_
from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestObjectError, HarvestSource

COLUMNS = ("reason", "position", "identifier", "title", "dataset", "text")
FILTERED, UNREAD, DIFFERENCE, SHOWN = "filtered", "unread", "difference", "shown"
REASONS: dict[str, str] = {
    FILTERED: N_("They do not meet the conditions of the source."),
    UNREAD: N_("They could not be read."),
    "copy": N_("The catalogue gave the same record more than once."),
    "same-identifiers": N_("Another record of the catalogue bears the same identifiers and the same title."),
    REFUSED: N_("The record was refused."),
    DUPLICATE: N_("The same dataset is published from another catalogue."),
    CATALOGUE: N_("They are feature catalogues, which are shown with the datasets that they describe."),
    "private": N_("The dataset is a draft, which only its service sees."),
    "deleted": N_("The dataset was deleted on the portal and is not published again."),
    WITHDRAWN: N_("The dataset was withdrawn, for example because a harvest was undone."),
    "waiting": N_("The record was read and not imported: the harvest was stopped before."),
    DIFFERENCE: N_("The numbers of the catalogue do not agree with each other: it changed while it was read."),
    "absent": N_("The catalogue no longer has the record, but too few harvests or no person have confirmed it."),
    "unseen": N_("The last harvest was not complete: it does not know whether the catalogue still has the record."),
    KEPT: N_("The catalogue no longer has the record; a person decided to keep the dataset."),
}
"""Reasons why a record is not shown, or (the last three) why a dataset is shown without one."""
MORE = ("absent", "unseen", KEPT)
_WITHOUT_LIST = {FILTERED, DIFFERENCE}
"""Reasons that are numbers only: the portal does not know these records."""


def last_job(source_id: str) -> JobState | None:
    """Return the state of the last job of a source that is over; None before its first one."""
    query = (
        sa.select(JobState)
        .join(HarvestJob, HarvestJob.id == JobState.job_id)
        .where(JobState.source_id == source_id, JobState.stage == "done")
        .order_by(HarvestJob.created.desc())
    )
    return model.Session.scalar(query.limit(1))


def is_running(source_id: str) -> bool:
    """Return whether a harvest of a source is running: until its end, no job has seen all records."""
    query = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == source_id, HarvestJob.status == RUNNING, HarvestJob.gather_started.is_not(None)
    )
    return model.Session.execute(query.limit(1)).first() is not None


def summary(job: JobState) -> dict[str, Any]:
    """Return the numbers of a source after a job.

    Args:
        job: its state.

    Returns:
        `announced`, what the catalogue announces (what it gave, if it announces nothing); `records` shown; `datasets`,
        those of the source that are shown; `lines` and `more`, each a list of `reason` and `number`.
    """
    seen = _numbers(job, seen=True)
    shown = seen.pop(SHOWN, 0)
    unseen = _numbers(job, seen=False)
    announced = job.received if job.announced is None else job.announced
    unfiltered = job.facts.get("unfiltered")
    filtered = max(0, unfiltered - announced) if unfiltered is not None else 0
    twice = _not_taken(job)
    difference = job.received - sum(seen.values()) - shown - sum(twice.values())
    # A record given again on a later page is no further one of those received.
    again = min(twice.get("copy", 0), max(0, -difference))
    twice["copy"] = twice.get("copy", 0) - again
    unread = announced - job.received
    numbers = {FILTERED: filtered, UNREAD: max(0, unread), **twice, **seen}
    numbers[DIFFERENCE] = difference + again + min(0, unread)
    more = {reason: unseen[reason] for reason in MORE if unseen.get(reason)}
    return {
        "announced": announced + filtered,
        "records": shown,
        "datasets": shown + sum(more.values()),
        "lines": [{"reason": reason, "number": numbers[reason]} for reason in REASONS if numbers.get(reason)],
        "more": [{"reason": reason, "number": number} for reason, number in more.items()],
    }


def listed(job: JobState, reason: str, limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """Return the records of one reason.

    Args:
        job: state of the job.
        reason: a key of `REASONS`.
        limit: how many at most; None for all.
        offset: how many to leave out first.

    Returns:
        the `COLUMNS` for each: `position` in the catalogue (None if unknown), `identifier`, `title` and name of the
        `dataset` (None without one), and `text`, a sentence.
    """
    if reason in _WITHOUT_LIST:
        return []
    if reason == UNREAD:
        return _unread(job)[offset : None if limit is None else offset + limit]
    if reason in ("copy", "same-identifiers"):
        return _twice(job, reason, limit, offset)
    return _records(job, reason, limit, offset)


def all_rows(job: JobState) -> Iterator[dict[str, Any]]:
    """Yield the records of all reasons."""
    for reason in REASONS:
        yield from listed(job, reason)


def _what() -> sa.ColumnElement[str]:
    """Return the SQL expression for what became of a record; needs an outer join with its dataset."""
    return sa.case(
        (SourceRecord.state.in_([REFUSED, DUPLICATE, CATALOGUE, WITHDRAWN]), SourceRecord.state),
        (SourceRecord.state.not_in([PUBLISHED, KEPT]), "waiting"),
        (sa.func.coalesce(model.Package.state, "") != "active", "deleted"),
        (model.Package.private, "private"),
        else_=SHOWN,
    )


def _reason(job: JobState) -> sa.ColumnElement[str]:
    """Return the SQL expression for the reason of a record: `_what` of one seen by the job, `MORE` of a shown other."""
    is_seen = SourceRecord.seen_job.is_not_distinct_from(job.job_id)
    other = sa.case((SourceRecord.state == KEPT, KEPT), else_="absent" if job.complete else "unseen")
    return sa.case((is_seen, _what()), (_what() == SHOWN, other), else_="")


def _numbers(job: JobState, *, seen: bool) -> dict[str, int]:
    is_seen = SourceRecord.seen_job.is_not_distinct_from(job.job_id)
    reason = _reason(job).label("reason")
    query = (
        sa.select(reason, sa.func.count())
        .outerjoin(model.Package, model.Package.id == SourceRecord.package_id)
        .where(SourceRecord.source_id == job.source_id, is_seen if seen else sa.not_(is_seen))
        .group_by(reason)
    )
    return dict(model.Session.execute(query).tuples().all())


def _not_taken(job: JobState) -> dict[str, int]:
    query = sa.select(NotTaken.code, sa.func.count()).where(NotTaken.job_id == job.job_id).group_by(NotTaken.code)
    return dict(model.Session.execute(query).tuples().all())


def _row(reason: str, position: int | None, identifier: str, text: str = "", **dataset: Any) -> dict[str, Any]:
    known = {"title": dataset.get("title"), "dataset": dataset.get("name")}
    text = text or tk._(REASONS[reason])
    return {"reason": reason, "position": position, "identifier": identifier, **known, "text": text}


def _unread(job: JobState) -> list[dict[str, Any]]:
    failures = job.facts.get("failures") or []
    return [_row(UNREAD, each["first"] or None, "", sentence(**each, translate=tk._)) for each in failures]


def _twice(job: JobState, reason: str, limit: int | None, offset: int) -> list[dict[str, Any]]:
    query = (
        sa.select(NotTaken.position, NotTaken.guid, NotTaken.title)
        .where(NotTaken.job_id == job.job_id, NotTaken.code == reason)
        .order_by(NotTaken.position, NotTaken.id)
        .limit(limit)
        .offset(offset)
    )
    return [_row(reason, position, guid, title=title) for position, guid, title in model.Session.execute(query)]


def _records(job: JobState, reason: str, limit: int | None, offset: int) -> list[dict[str, Any]]:
    package, joined = model.Package, aliased(model.Package)
    query = (
        sa.select(
            SourceRecord.position,
            SourceRecord.guid,
            sa.func.coalesce(package.title, joined.title),
            sa.func.coalesce(package.name, joined.name),
            _why_refused(job) if reason == REFUSED else _publisher(),
        )
        .outerjoin(package, package.id == SourceRecord.package_id)
        # The draft of another service is not named.
        .outerjoin(joined, sa.and_(joined.id == SourceRecord.joined, joined.private.is_(False)))
        .where(SourceRecord.source_id == job.source_id, _reason(job) == reason)
        .order_by(SourceRecord.position, SourceRecord.guid)
        .limit(limit)
        .offset(offset)
    )
    rows = []
    for position, guid, title, name, detail in model.Session.execute(query):
        text = detail or ""
        if detail and reason == DUPLICATE:
            text = tk._("The same dataset is published from the catalogue “{catalogue}”.").format(catalogue=detail)
        rows.append(_row(reason, position, guid, text, title=title, name=name))
    return rows


def _why_refused(job: JobState) -> sa.ScalarSelect[Any]:
    told = aggregate_order_by(sa.text("' '"), HarvestObjectError.created)
    return (
        sa.select(sa.func.string_agg(HarvestObjectError.message, told))
        .join(HarvestObject, HarvestObject.id == HarvestObjectError.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job.job_id, HarvestObject.guid == SourceRecord.guid)
        .correlate(SourceRecord)
        .scalar_subquery()
    )


def _publisher() -> sa.ScalarSelect[Any]:
    """Return the title of the source that publishes the dataset of a duplicate."""
    other = aliased(SourceRecord)
    return (
        sa.select(sa.func.coalesce(sa.func.nullif(HarvestSource.title, ""), HarvestSource.url))
        .join(other, other.source_id == HarvestSource.id)
        .where(other.package_id == SourceRecord.joined, other.state.in_([PUBLISHED, KEPT]))
        .limit(1)
        .correlate(SourceRecord)
        .scalar_subquery()
    )
