"""Content of the letter: state of the sources, and results of the harvests since the last one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest import overview
from ckanext.ecosphere.harvest.letter import readers
from ckanext.ecosphere.harvest.model import JobState
from ckanext.ecosphere.harvest.overview import ERRORS, HELD, INACTIVE, INCOMPLETE
from ckanext.ecosphere.harvest.worker.job import FINISHED
from ckanext.ecosphere.shared import dates
from ckanext.harvest.model import HarvestJob

STALLED = "stalled"
KINDS = (STALLED, INCOMPLETE, ERRORS, HELD)
"""Kinds of sources that need attention, in the order of the letter."""
PATIENCE = timedelta(days=1)
"""Time after which a source that is due, or a harvest without a sign of life, counts as stalled."""
COUNTED = ("added", "updated", "deleted", "errored")


@dataclass
class Findings:
    """Content of the letter to one person.

    Attributes:
        total: number of harvested sources.
        calling: kind → rows of the overview, by title; stalled ones with `still_since` and `runs`.
        harvests: number of harvests that ended in the period.
        incomplete: how many of them did not read their source completely.
        counts: number of records in the period, by outcome (`COUNTED`).
    """

    total: int = 0
    calling: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    harvests: int = 0
    incomplete: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Number of sources that need attention, each counted once."""
        return len({row["id"] for rows in self.calling.values() for row in rows})


def of_period(owners: list[str] | None, until: datetime, now: datetime) -> Findings:
    """Collect the content of the letter.

    Args:
        owners: ids of the organisations whose sources are wanted; None for all.
        until: when the letter was due, with a time zone; it covers the days before.
        now: the current time, with a time zone.
    """
    rows = [row for row in overview.rows(owners, counted=False) if row["state"] != INACTIVE]
    rows.sort(key=lambda row: row["title"].casefold())
    ids = [row["id"] for row in rows]
    found = Findings(total=len(rows))
    for kind in (INCOMPLETE, ERRORS, HELD):
        found.calling[kind] = [row for row in rows if row["state"] == kind]
    found.calling[STALLED] = standing_still(rows, now)
    first, last = days(until)
    harvests, incomplete, *numbers = _figures(ids, _naive(first), _naive(last))
    found.harvests, found.incomplete = harvests, incomplete
    found.counts = {name: int(number or 0) for name, number in zip(COUNTED, numbers, strict=True)}
    return found


def days(until: datetime) -> tuple[datetime, datetime]:
    """Return start and end of the days that a letter covers, at midnight in the portal's time zone."""
    last = until.astimezone(dates.zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    return last - readers.period(), last


def _naive(moment: datetime) -> datetime:
    """Return a UTC time without a time zone, as in ckanext-harvest's tables."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def standing_still(rows: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return the sources that are due but not started, or whose harvest shows no sign of life.

    Args:
        rows: rows of the overview, of active sources.
        now: with a time zone.

    Returns:
        rows with `still_since` (UTC, without a time zone) and `runs`: whether a harvest runs or waits.
    """
    query = (
        sa.select(HarvestJob.source_id, sa.func.min(sa.func.coalesce(JobState.touched, HarvestJob.created)))
        .outerjoin(JobState, JobState.job_id == HarvestJob.id)
        .where(HarvestJob.status != FINISHED, HarvestJob.status != "Aborted")
        .group_by(HarvestJob.source_id)
    )
    open_since = dict(model.Session.execute(query).tuples().all())
    still = []
    for row in rows:
        runs = row["id"] in open_since
        since = open_since[row["id"]] if runs else row["due"]
        if since is not None and _naive(now) - since > PATIENCE:
            still.append({**row, "still_since": since, "runs": runs})
    return still


def _figures(ids: list[str], first: datetime, last: datetime) -> Any:
    counts = JobState.facts["counts"]
    query = (
        sa.select(
            sa.func.count(),
            sa.func.count().filter(JobState.complete.is_(False)),
            *(sa.func.sum(counts[name].as_integer()) for name in COUNTED),
        )
        .select_from(HarvestJob)
        .outerjoin(JobState, JobState.job_id == HarvestJob.id)
        .where(HarvestJob.source_id.in_(ids), HarvestJob.finished >= first, HarvestJob.finished < last)
    )
    return model.Session.execute(query).one()
