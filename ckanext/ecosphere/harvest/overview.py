"""Overview of all harvest sources: state, number of datasets, pending decisions.

Nothing here reads all records, since a source may have tens of thousands. Datasets are counted by Solr, which indexes
the source of each; results of the last harvest come from the job state; and the few refused records have an index of
their own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.model import REFUSED, Hold, JobState, SourceRecord
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.shared import csv_table
from ckanext.harvest.model import HarvestJob, HarvestSource

log = logging.getLogger(__name__)

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
"""States of a source; those that need attention come first."""
COLUMNS = (
    "name", "title", "type", "organisation", "state", "last_complete", "last_run", "records", "refused", "errors",
    "held", "frequency", "next_run", "url",
)  # fmt: skip
SORTS = ("title", "type", "organisation", "state", "last_complete", "records", "errors", "held", "next_run")
FIELD = "harvest_source_id"
"""Solr field with the source of a dataset."""
DONE = ("added", "updated", "deleted")
"""Counts of the last harvest in its job state, except errors."""

Row = dict[str, Any]


def rows(owners: Iterable[str] | None = None, *, counted: bool = True) -> list[Row]:
    """Return all sources that are not deleted, with a handful of queries however many there are.

    Args:
        owners: ids of organisations whose sources are wanted; None for all.
        counted: whether to count datasets and refused records; otherwise both are None.
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
    held = _held()
    datasets, refused = (_datasets(), _refused()) if counted else (None, None)
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
            "records": None if datasets is None else datasets.get(source.id, 0),
            "refused": None if refused is None else refused.get(source.id, 0),
            "errors": job.get("errors", 0),
            "done": job.get("done"),
            "finished": job.get("finished"),
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
    """Filter and sort sources.

    Args:
        found: the sources.
        text: words that title, name, service or URL must contain.
        state: one of `STATES`, empty for all.
        sort: one of `SORTS`, prefixed with "-" for descending order.
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
    """Return the overview as CSV."""
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
    job = HarvestJob
    latest = sa.select(job).distinct(job.source_id).order_by(job.source_id, job.created.desc()).subquery()
    counts = JobState.facts["counts"]
    numbers = [counts[name].as_integer() for name in ("errored", *DONE)]
    query = sa.select(
        latest.c.source_id, latest.c.status, latest.c.created, latest.c.gather_started, latest.c.finished,
        JobState.job_id, JobState.complete, JobState.facts["failed"].as_integer(), *numbers,
    ).outerjoin(JobState, JobState.job_id == latest.c.id)  # fmt: skip
    found = {}
    for source_id, status, created, started, finished, state, complete, failed, errored, *done in model.Session.execute(
        query
    ):
        found[source_id] = {
            "status": status,
            "created": created,
            "finished": finished,
            "begun": status == "Running" and started is not None,
            "complete": complete,
            "errors": (errored or 0) + (failed or 0),
            "done": {name: number or 0 for name, number in zip(DONE, done, strict=True)} if state else None,
        }
    return found


def _last_complete() -> dict[str, Any]:
    """Return when each source was last read completely: the end of its last complete job (last `touched` then)."""
    ended = (
        sa.select(JobState.touched)
        .where(JobState.source_id == HarvestSource.id, JobState.complete.is_(True), JobState.stage == "done")
        .order_by(JobState.touched.desc())
        .limit(1)
    )
    return dict(model.Session.execute(sa.select(HarvestSource.id, ended.scalar_subquery())).tuples().all())


def public_datasets(source_id: str) -> int | None:
    """Return the number of public datasets of a source on the portal, None while Solr is away."""
    conditions = [*_conditions(), "capacity:public", f'{FIELD}:"{source_id}"']
    try:
        return solr.search(fq=conditions, rows=0).hits
    except SearchIndexError as error:
        log.warning("The datasets of the source %s cannot be counted: %s", source_id, error)
        return None


def _conditions() -> list[str]:
    return [f'site_id:"{tk.config["ckan.site_id"]}"', "entity_type:package", "state:active"]


def _datasets() -> dict[str, int] | None:
    """Return the number of datasets of each source on the portal, None while Solr is away."""
    # `enum`: with few sources, counting by cached filter per source is faster than reading the source of each dataset.
    facet = {"facet": "true", "facet.field": FIELD, "facet.limit": -1, "facet.mincount": 1, "facet.method": "enum"}
    try:
        pairs = solr.search(fq=_conditions(), rows=0, **facet).facets["facet_fields"].get(FIELD, [])
    except SearchIndexError as error:
        log.warning("The datasets of the sources cannot be counted: %s", error)
        return None
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def _refused() -> dict[str, int]:
    """Return the number of refused records of each source, from a partial index."""
    query = sa.select(SourceRecord.source_id, sa.func.count()).where(SourceRecord.state == REFUSED)
    return dict(model.Session.execute(query.group_by(SourceRecord.source_id)).tuples().all())


def _held() -> dict[str, int]:
    query = sa.select(Hold.source_id, Hold.records).where(Hold.decision.is_(None))
    return dict(model.Session.execute(query).tuples().all())
