"""Run a harvest from the command line: start it, show its progress, print a summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.harvest import helpers
from ckanext.ecosphere.harvest.model import JobState
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.harvest.worker.job import FINISHED, RUNNING, user_name
from ckanext.ecosphere.harvest.worker.runner import run_job
from ckanext.harvest.logic import HarvestJobExists
from ckanext.harvest.model import HarvestJob

_POLL_SECONDS = 0.5
_TOLD_SECONDS = 5.0
WIDTH = 30


class CommandError(Exception):
    """The command cannot be carried out; the message says why."""


def run(
    source: str,
    *,
    inline: bool = False,
    force: bool = False,
    echo: Callable[[str], None] = print,
    draw: Callable[[str], None] | None = None,
) -> bool:
    """Harvest a source and wait for the end.

    Args:
        source: id or name of the source.
        inline: run it in this process.
        force: import records even if they have not changed.
        echo: receives lines to print.
        draw: receives the progress bar at each change, to be drawn over the last one; without it, a progress line is
            printed from time to time.

    Returns:
        whether there were no errors.

    Raises:
        CommandError: there is no such source, or it is not one of ours, or not active.
    """
    job_id = _job(source, force)
    if inline:
        _set_running(job_id)
        run_job(job_id, helpers=False)
    else:
        _send(job_id)
        _watch(job_id, echo, draw)
    return _sum_up(job_id, echo)


def _context() -> Any:
    return {"ignore_auth": True, "user": user_name(), "model": model, "session": model.Session}


def _job(source: str, force: bool) -> str:
    """Return the job to run: a new one, or the open one of the source."""
    try:
        found = tk.get_action("harvest_source_show")(_context(), {"id": source})
    except tk.ObjectNotFound:
        raise CommandError(tk._("There is no harvest source {name}.").format(name=source)) from None
    if found.get("source_type") not in type_names():
        raise CommandError(
            tk._("{name} is a source of type {type}: run it with “ckan harvester”.").format(
                name=source, type=found.get("source_type")
            )
        )
    if not found["active"]:
        raise CommandError(tk._("The source {name} is not active.").format(name=source))
    try:
        created = tk.get_action("harvest_job_create")(_context(), {"source_id": found["id"], "run": False})
        job_id = created["id"]
    except HarvestJobExists:
        job_id = model.Session.execute(
            sa.select(HarvestJob.id)
            .where(HarvestJob.source_id == found["id"], HarvestJob.status.in_(["New", RUNNING]))
            .order_by(HarvestJob.created)
            .limit(1)
        ).scalar_one()
    statement = insert(JobState).values(job_id=job_id, source_id=found["id"], force=force, facts={})
    model.Session.execute(
        statement.on_conflict_do_update(index_elements=["job_id"], set_={"force": force})
        if force
        else statement.on_conflict_do_nothing(index_elements=["job_id"])
    )
    model.Session.commit()
    return job_id


def _set_running(job_id: str) -> None:
    model.Session.execute(sa.update(HarvestJob).where(HarvestJob.id == job_id).values(status=RUNNING))
    model.Session.commit()


def _send(job_id: str) -> None:
    tk.get_action("harvest_send_job_to_gather_queue")(_context(), {"id": job_id})


def _watch(job_id: str, echo: Callable[[str], None], draw: Callable[[str], None] | None) -> None:
    """Report progress until the job has finished."""
    told, last = 0.0, ""
    tell, pause = (draw, 0.0) if draw else (echo, _TOLD_SECONDS)
    while _status(job_id) != FINISHED:
        if time.monotonic() - told > pause and (line := _progress(job_id, bool(draw))) != last:
            tell(line)
            told, last = time.monotonic(), line
        time.sleep(_POLL_SECONDS)
    if draw:
        draw("")


def _status(job_id: str) -> str | None:
    model.Session.rollback()
    return model.Session.execute(sa.select(HarvestJob.status).where(HarvestJob.id == job_id)).scalar()


def _progress(job_id: str, with_bar: bool) -> str:
    found = helpers.progress(tk.get_action("ecosphere_harvest_job_show")(_context(), {"id": job_id}))
    return f"{bar(found['done'], found['total'])} {found['text']}" if with_bar else found["text"]


def bar(done: int, total: int | None) -> str:
    """Return a progress bar of `WIDTH` characters; empty while the total is unknown."""
    full = WIDTH * min(done, total) // total if total else 0
    return f"[{'#' * full}{'.' * (WIDTH - full)}]"


def _sum_up(job_id: str, echo: Callable[[str], None]) -> bool:
    report = tk.get_action("harvest_job_report")(_context(), {"id": job_id})
    job = tk.get_action("harvest_job_show")(_context(), {"id": job_id})
    errors = [each["message"] for each in reversed(report["gather_errors"])]  # the last one comes first
    errors += [each["message"] for found in report["object_errors"].values() for each in found["errors"]]
    for message in [*errors, *tk.get_action("ecosphere_harvest_job_show")(_context(), {"id": job_id})["remarks"]]:
        echo(message)
    stats = job["stats"]
    echo(
        tk._("{added} added, {updated} updated, {unchanged} unchanged, {deleted} withdrawn, {errored} errors").format(
            added=stats["added"],
            updated=stats["updated"],
            unchanged=stats["not modified"],
            deleted=stats["deleted"],
            errored=stats["errored"],
        )
    )
    return not errors
