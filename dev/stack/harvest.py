"""Harvest of the demonstration's catalogues through the portal's API, as a sysadmin."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from . import ckan
from .portal import Portal
from .pycsw import Served
from .shell import StackError, say

#: Organisation that owns the sources; datasets are assigned to the organisation named in their records.
OWNER = "administration-centrale-ou-ministere_172120"
SOURCE_TYPE = "ecosphere_csw"
#: Statuses of a job that has ended.
ENDED = ("Finished", "Aborted")
PATIENCE = 1200.0  # seconds without any progress
RUN_SECONDS = 30.0  # between two looks of ckanext-harvest at the jobs


@dataclass
class Harvested:
    """Result of harvesting a catalogue.

    Attributes:
        served: the catalogue.
        source: name of its harvest source.
        counts: added, updated, not modified, deleted, errored → number of records.
        errors: messages of the job report.
    """

    served: Served
    source: str
    counts: dict[str, int]
    errors: list[str] = field(default_factory=list)


def harvest(portal: Portal, catalogues: list[Served]) -> list[Harvested]:
    """Harvest the catalogues in parallel and wait for the end.

    Raises:
        StackError: a worker has ended, or there has been no progress for `PATIENCE` seconds.
    """
    say("Harvesting " + ", ".join(served.title for served in catalogues))
    jobs = {}
    for served in catalogues:
        source = _source(portal, served)
        jobs[_start(portal, source["id"])] = (served, source["name"])
    _wait(portal, set(jobs))
    return [_result(portal, job, *described) for job, described in jobs.items()]


def _source(portal: Portal, served: Served) -> dict:
    """Return the catalogue's harvest source; create it if missing, and update its URL if the port changed."""
    wanted = {
        "name": f"demo-{served.name}",
        "title": served.title,
        "url": served.url,
        "source_type": SOURCE_TYPE,
        "owner_org": OWNER,
        "frequency": "MANUAL",
    }
    known = portal.find("harvest_source_show", id=wanted["name"])
    if known is None:
        return portal.call("harvest_source_create", **wanted)
    if known["url"] != served.url:
        return portal.call("harvest_source_update", **{**wanted, "id": known["id"]})
    return known


def _start(portal: Portal, source: str) -> str:
    """Start a job, or continue one left by an earlier, interrupted command; return its id."""
    status = portal.call("harvest_source_show_status", id=source)
    last = status.get("last_job")
    if last and last["status"] not in ENDED:
        return last["id"]
    return portal.call("harvest_job_create", source_id=source, run=True)["id"]


def _wait(portal: Portal, pending: set[str]) -> None:
    """Wait until every job has ended; any progress restarts the timeout."""
    deadline, shown, next_run = time.monotonic() + PATIENCE, {}, 0.0
    while pending:
        ckan.check_workers()
        if time.monotonic() >= next_run:
            portal.call("harvest_jobs_run")  # costs seconds while large jobs run
            next_run = time.monotonic() + RUN_SECONDS
        now = {**shown, **{job: _job(portal, job) for job in pending}}
        pending = {job for job in pending if now[job]["status"] not in ENDED}
        if _done(now) != _done(shown):
            read, imported, _ended = _done(now)
            say(f"  {read:>6} records read, {imported} done; catalogues to go: {len(pending)}")
            deadline = time.monotonic() + PATIENCE
        shown = now
        if time.monotonic() > deadline:
            raise StackError(f"The harvest does not move any more; see {ckan.site_url()}/harvest and .local/log.")
        if pending:
            time.sleep(2)


def _job(portal: Portal, job: str) -> dict:
    """Return a job of ckanext-harvest with its numbers of records `read` and, of these, `left` to import.

    Both are 0 until a worker has started it.
    """
    state = portal.find("ecosphere_harvest_job_show", id=job) or {}
    return {**portal.call("harvest_job_show", id=job), "read": state.get("received", 0), "left": state.get("left") or 0}


def _done(jobs: dict[str, dict]) -> tuple[int, int, int]:
    """Return the numbers of records read, of records processed (including those set aside), and of jobs ended.

    The statistics of ckanext-harvest count a record as soon as it is read, hence the subtraction of those `left`.
    """
    stats = [job.get("stats") or {} for job in jobs.values()]
    counted = sum(value for counts in stats for value in counts.values() if isinstance(value, int))
    records = max(0, counted - sum(job["left"] for job in jobs.values()))
    return sum(job["read"] for job in jobs.values()), records, sum(job["status"] in ENDED for job in jobs.values())


def _result(portal: Portal, job: str, served: Served, source: str) -> Harvested:
    stats = portal.call("harvest_job_show", id=job).get("stats") or {}
    report = portal.call("harvest_job_report", id=job)
    errors = [error["message"] for error in report.get("gather_errors", [])]
    for described in report.get("object_errors", {}).values():
        errors += [f"{described.get('guid') or '?'}: {error['message']}" for error in described["errors"]]
    counts = {key.replace("_", " "): value for key, value in stats.items() if isinstance(value, int) and value}
    return Harvested(served, source, counts, errors)
