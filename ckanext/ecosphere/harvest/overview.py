"""All sources at a glance: where each stands, what it holds, what waits for a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import PUBLISHED, REFUSED, Hold, JobState, SourceRecord
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.harvest.worker.job import FINISHED
from ckanext.ecosphere.shared import csv_table
from ckanext.harvest.model import HarvestJob, HarvestSource

INACTIVE, WAITING, RUNNING, HELD, INCOMPLETE, ERRORS, NEVER, GOOD = (
    "inactive",
    "waiting",
    "running",
    "held",
    "incomplete",
    "errors",
    "never",
    "good",
)
STATES = (HELD, INCOMPLETE, ERRORS, RUNNING, WAITING, NEVER, GOOD, INACTIVE)
"""States of a source; those that call for a person come first."""
COLUMNS = (
    "name", "title", "type", "organisation", "state", "last_complete", "last_run", "records", "refused", "errors",
    "held", "frequency", "next_run", "url",
)  # fmt: skip
SORTS = ("title", "type", "organisation", "state", "last_complete", "records", "errors", "held", "next_run")

Row = dict[str, Any]


def rows(owners: Iterable[str] | None = None) -> list[Row]:
    """Every source that is not deleted, with a handful of queries however many there are.

    Args:
        owners: ids of organisations whose sources are wanted; None for all.
    """
    package, group = model.Package, model.Group
    query = (
        sa.select(HarvestSource, package.name, group.title, group.name)
        .join(package, package.id == HarvestSource.id)
        .outerjoin(group, group.id == package.owner_org)
        .where(package.state == "active")
    )
    if owners is not None:
        query = query.where(package.owner_org.in_(list(owners)))
    last, complete = _last_jobs(), _last_complete()
    counts, held = _counts(), _held()
    found = []
    for source, name, owner_title, owner_name in model.Session.execute(query):
        job = last.get(source.id, {})
        row = {
            "id": source.id,
            "name": name,
            "title": source.title or name,
            "type": source.type,
            "url": source.url,
            "organisation": owner_title or owner_name or "",
            "last_complete": complete.get(source.id),
            "last_run": job.get("created"),
            "records": counts[source.id].get(PUBLISHED, 0),
            "refused": counts[source.id].get(REFUSED, 0),
            "errors": job.get("errors", 0),
            "held": held.get(source.id, 0),
            "frequency": source.frequency,
            "next_run": source.next_run if source.frequency != "MANUAL" else None,
            "due": (source.next_run or source.created) if source.frequency != "MANUAL" else None,
            "can_go_first": source.active and source.type in type_names() and not job.get("begun"),
        }
        row["state"] = _state(source.active, job, row["held"])
        found.append(row)
    return found


def chosen(found: list[Row], text: str = "", state: str = "", sort: str = "state") -> list[Row]:
    """Filter and sort.

    Args:
        found: the sources.
        text: words that title, name, service or address must hold.
        state: one of `STATES`, empty for all.
        sort: one of `SORTS`, after a "-" for the reverse order.
    """
    words = text.casefold().split()
    kept = [
        row
        for row in found
        if (not state or row["state"] == state)
        and all(word in f"{row['title']} {row['name']} {row['organisation']} {row['url']}".casefold() for word in words)
    ]
    key = sort.lstrip("-")
    key = key if key in SORTS else "state"
    kept.sort(key=lambda row: row["title"].casefold())
    if key == "state":
        kept.sort(key=lambda row: STATES.index(row["state"]), reverse=sort.startswith("-"))
    else:
        empty, full = [r for r in kept if r[key] in (None, "")], [r for r in kept if r[key] not in (None, "")]
        full.sort(
            key=lambda row: row[key].casefold() if isinstance(row[key], str) else row[key],
            reverse=sort.startswith("-"),
        )
        kept = full + empty
    return kept


def as_csv(found: Iterable[Row]) -> str:
    """The overview as a table for spreadsheets."""
    return csv_table.write(COLUMNS, ([row[column] for column in COLUMNS] for row in found))


def _state(active: bool, job: dict[str, Any], held: int) -> str:
    if not active:
        return INACTIVE
    if held:
        return HELD
    if not job:
        return NEVER
    if job["status"] in ("New", "Running"):
        return RUNNING if job["begun"] else WAITING
    if job["complete"] is False:
        return INCOMPLETE
    return ERRORS if job["errors"] else GOOD


def _last_jobs() -> dict[str, dict[str, Any]]:
    query = (
        sa.select(
            HarvestJob.source_id,
            HarvestJob.status,
            HarvestJob.created,
            HarvestJob.gather_started,
            JobState.complete,
            JobState.facts,
        )
        .distinct(HarvestJob.source_id)
        .outerjoin(JobState, JobState.job_id == HarvestJob.id)
        .order_by(HarvestJob.source_id, HarvestJob.created.desc())
    )
    return {
        source_id: {
            "status": status,
            "created": created,
            "begun": status == "Running" and started is not None,
            "complete": complete,
            "errors": ((facts or {}).get("counts") or {}).get("errored", 0) + (facts or {}).get("failed", 0),
        }
        for source_id, status, created, started, complete, facts in model.Session.execute(query)
    }


def _last_complete() -> dict[str, Any]:
    query = (
        sa.select(HarvestJob.source_id, sa.func.max(HarvestJob.finished))
        .join(JobState, JobState.job_id == HarvestJob.id)
        .where(JobState.complete.is_(True), HarvestJob.status == FINISHED)
        .group_by(HarvestJob.source_id)
    )
    return dict(model.Session.execute(query).tuples().all())


def _counts() -> defaultdict[str, dict[str, int]]:
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    query = sa.select(SourceRecord.source_id, SourceRecord.state, sa.func.count()).group_by(
        SourceRecord.source_id, SourceRecord.state
    )
    for source_id, state, number in model.Session.execute(query):
        counts[source_id][state] = number
    return counts


def _held() -> dict[str, int]:
    query = sa.select(Hold.source_id, Hold.records).where(Hold.decision.is_(None))
    return dict(model.Session.execute(query).tuples().all())
