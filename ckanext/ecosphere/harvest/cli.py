"""The command group `ckan ecosphere harvest`: running harvests, sources and duplicates."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import click
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest import helpers, reconcile, registry, worker
from ckanext.ecosphere.harvest.job import (
    FINISHED,
    RUNNING,
    load,
    open_job,
    site_context,
    update_state,
)
from ckanext.ecosphere.harvest.sources.base import type_names
from ckanext.harvest.model import HarvestJob

_POLL_SECONDS = 0.5


@click.group(short_help="Run harvests and look after them.")
def harvest() -> None:
    """Run harvests and look after them."""


@harvest.command()
@click.argument("source")
@click.option(
    "--inline",
    is_flag=True,
    help="Run it here and now instead of leaving it to the background workers.",
)
@click.option("--force", is_flag=True, help="Import records also when they have not changed.")
@click.pass_context
def run(ctx: click.Context, source: str, inline: bool, force: bool) -> None:
    """Harvest SOURCE (id or name) and wait for the end.

    Ends with exit code 1 when the harvest had errors.
    """
    with ctx.meta["flask_app"].test_request_context():
        ok = harvest_source(source, inline=inline, force=force, echo=click.echo)
    if not ok:
        ctx.exit(1)


@harvest.command()
def revive() -> None:
    """Send again the harvests that should run and that no worker is running; for cron."""
    for job_id in worker.revive():
        click.echo(job_id)


@harvest.command()
@click.argument("dataset")
@click.option("--source", default=None, help="Part only the copy of this source (id or name).")
@click.pass_context
def split(ctx: click.Context, dataset: str, source: str | None) -> None:
    """Give the copies of DATASET in other catalogues datasets of their own: they were joined
    wrongly.

    Later harvests do not join them again; "rejoin" takes it back.
    """
    with ctx.meta["flask_app"].test_request_context():
        try:
            copies = reconcile.split(dataset, source)
        except LookupError as error:
            raise click.ClickException(
                tk._("{name} is published from one source only.").format(name=dataset)
            ) from error
        for _source, guid in copies:
            click.echo(tk._("{guid} is a dataset of its own.").format(guid=guid))


@harvest.command()
@click.argument("dataset")
@click.pass_context
def rejoin(ctx: click.Context, dataset: str) -> None:
    """Let DATASET, which "split" parted from another one, be joined to it again."""
    with ctx.meta["flask_app"].test_request_context():
        try:
            reconcile.rejoin(dataset)
        except LookupError as error:
            raise click.ClickException(
                tk._("{name} was not parted from another dataset.").format(name=dataset)
            ) from error
        click.echo(tk._("{name} may be joined to other datasets again.").format(name=dataset))


@harvest.group()
def sources() -> None:
    """Look after many sources at once."""


@sources.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option(
    "--retire",
    is_flag=True,
    help="Also retire the sources that the file does not name; their datasets stay.",
)
@click.pass_context
def sync(ctx: click.Context, file: Path, yes: bool, retire: bool) -> None:
    """Create, update and retire sources as FILE (CSV or JSON) has them; the plan is shown first.

    Ends with exit code 1 when something could not be done.
    """
    with ctx.meta["flask_app"].test_request_context():
        try:
            listed, refused = registry.read(file)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        plan = registry.plan(listed, registry.present_sources(), retire)
        plan.refused = refused
        for line in registry.describe(plan):
            click.echo(line)
        if not (plan.create or plan.update or plan.retire):
            ctx.exit(1 if refused else 0)
        if not yes:
            click.confirm("OK?", abort=True)
        if not registry.apply(plan, click.echo):
            ctx.exit(1)


# --- one harvest, to its end ---


def harvest_source(
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
        ClickException: the source does not exist, has a type of another extension, or is inactive.
    """
    job_id = _job(source, force)
    if inline:
        is_job = HarvestJob.id == job_id
        model.Session.execute(sa.update(HarvestJob).where(is_job).values(status=RUNNING))
        model.Session.commit()
        worker.run_job(job_id, helpers=False)
    else:
        tk.get_action("harvest_send_job_to_gather_queue")(site_context(), {"id": job_id})
        _wait(job_id, echo)
    return _sum_up(job_id, echo)


def _job(name: str, force: bool) -> str:
    """Return the job to run: a new one, or the open one of the source."""
    try:
        source = tk.get_action("harvest_source_show")(site_context(), {"id": name})
    except tk.ObjectNotFound:
        message = tk._("There is no harvest source {name}.")
        raise click.ClickException(message.format(name=name)) from None
    if source.get("source_type") not in type_names():
        message = tk._("{name} is a source of type {type}: run it with “ckan harvester”.")
        raise click.ClickException(message.format(name=name, type=source.get("source_type")))
    if not source["active"]:
        raise click.ClickException(tk._("The source {name} is not active.").format(name=name))
    job_id = open_job(source["id"])
    if job_id is None:
        values = {"source_id": source["id"], "run": False}
        job_id = tk.get_action("harvest_job_create")(site_context(), values)["id"]
    load(job_id)
    if force:
        update_state(job_id, force=True)
        model.Session.commit()
    return job_id


def _wait(job_id: str, echo: Callable[[str], None]) -> None:
    """Wait until the job has finished, and print how far it is at the beginning of each stage."""
    stage = ""
    is_over = sa.select(HarvestJob.status == FINISHED).where(HarvestJob.id == job_id)
    while True:
        model.Session.rollback()  # end the transaction, to see what the workers commit
        if model.Session.scalar(is_over):
            return
        state = _show("ecosphere_harvest_job_show", job_id)
        if state["stage"] != stage:
            stage = state["stage"]
            echo(helpers.progress(state)["text"])
        time.sleep(_POLL_SECONDS)


def _show(action: str, job_id: str) -> dict[str, Any]:
    return tk.get_action(action)(site_context(), {"id": job_id})


def _sum_up(job_id: str, echo: Callable[[str], None]) -> bool:
    """Print errors, remarks and counts of a job; return whether there were no errors."""
    report = _show("harvest_job_report", job_id)
    stats = _show("harvest_job_show", job_id)["stats"]
    remarks = _show("ecosphere_harvest_job_show", job_id)["remarks"]
    gather_errors = reversed(report["gather_errors"])  # ckanext-harvest lists the last one first
    errors = [error["message"] for error in gather_errors]
    for record in report["object_errors"].values():
        errors += [error["message"] for error in record["errors"]]
    for message in (*errors, *remarks):
        echo(message)
    text = tk._(
        "{added} added, {updated} updated, {unchanged} unchanged, {deleted} withdrawn, {errored} "
        "errors"
    )
    echo(text.format(unchanged=stats["not modified"], **stats))
    return not errors
