"""Run a harvest from the command line: start it, print its stages and a summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.harvest import helpers
from ckanext.ecosphere.harvest.job import FINISHED, RUNNING, user_name
from ckanext.ecosphere.harvest.model import JobState
from ckanext.ecosphere.harvest.sources.base import type_names
from ckanext.ecosphere.harvest.worker import run_job
from ckanext.harvest.logic import HarvestJobExists
from ckanext.harvest.model import HarvestJob

_POLL_SECONDS = 0.5


class CommandError(Exception):
    """The command cannot be carried out; the message says why."""


def run(
    source: str,
    *,
    inline: bool = False,
    force: bool = False,
    echo: Callable[[str], None] = print,
) -> bool:
    """Harvest a source and wait for the end.

    Args:
        source: id or name of the source.
        inline: run it in this process.
        force: import records even if they have not changed.
        echo: receives lines to print.

    Returns:
        whether there were no errors.

    Raises:
        CommandError: there is no such source, or it is not one of ours, or not active.
    """
    job_id = _job(source, force)
    if inline:
        is_job = HarvestJob.id == job_id
        model.Session.execute(sa.update(HarvestJob).where(is_job).values(status=RUNNING))
        model.Session.commit()
        run_job(job_id, helpers=False)
    else:
        tk.get_action("harvest_send_job_to_gather_queue")(_context(), {"id": job_id})
        _wait(job_id, echo)
    return _sum_up(job_id, echo)


def _context() -> Any:
    return {"ignore_auth": True, "user": user_name(), "model": model, "session": model.Session}


def _job(name: str, force: bool) -> str:
    """Return the job to run: a new one, or the open one of the source."""
    try:
        source = tk.get_action("harvest_source_show")(_context(), {"id": name})
    except tk.ObjectNotFound:
        message = tk._("There is no harvest source {name}.")
        raise CommandError(message.format(name=name)) from None
    if source.get("source_type") not in type_names():
        message = tk._("{name} is a source of type {type}: run it with “ckan harvester”.")
        raise CommandError(message.format(name=name, type=source.get("source_type")))
    if not source["active"]:
        raise CommandError(tk._("The source {name} is not active.").format(name=name))
    try:
        values = {"source_id": source["id"], "run": False}
        job_id = tk.get_action("harvest_job_create")(_context(), values)["id"]
    except HarvestJobExists:
        query = sa.select(HarvestJob.id).where(
            HarvestJob.source_id == source["id"], HarvestJob.status.in_(["New", RUNNING])
        )
        job_id = model.Session.execute(query.order_by(HarvestJob.created).limit(1)).scalar_one()
    statement: Any = insert(JobState).values(
        job_id=job_id, source_id=source["id"], force=force, facts={}
    )
    if force:
        statement = statement.on_conflict_do_update(index_elements=["job_id"], set_={"force": True})
    else:
        statement = statement.on_conflict_do_nothing(index_elements=["job_id"])
    model.Session.execute(statement)
    model.Session.commit()
    return job_id


def _wait(job_id: str, echo: Callable[[str], None]) -> None:
    """Wait until the job has finished, and print how far it is at the beginning of each stage."""
    stage = ""
    while _status(job_id) != FINISHED:
        state = _show("ecosphere_harvest_job_show", job_id)
        if state["stage"] != stage:
            stage = state["stage"]
            echo(helpers.progress(state)["text"])
        time.sleep(_POLL_SECONDS)


def _status(job_id: str) -> str | None:
    model.Session.rollback()
    return model.Session.scalar(sa.select(HarvestJob.status).where(HarvestJob.id == job_id))


def _show(action: str, job_id: str) -> dict[str, Any]:
    return tk.get_action(action)(_context(), {"id": job_id})


def _sum_up(job_id: str, echo: Callable[[str], None]) -> bool:
    report, stats = _show("harvest_job_report", job_id), _show("harvest_job_show", job_id)["stats"]
    gather_errors = reversed(report["gather_errors"])  # the last one comes first
    errors = [error["message"] for error in gather_errors]
    for of_object in report["object_errors"].values():
        errors += [error["message"] for error in of_object["errors"]]
    for message in [*errors, *_show("ecosphere_harvest_job_show", job_id)["remarks"]]:
        echo(message)
    text = tk._(
        "{added} added, {updated} updated, {unchanged} unchanged, {deleted} withdrawn, {errored} "
        "errors"
    )
    echo(text.format(unchanged=stats["not modified"], **stats))
    return not errors
