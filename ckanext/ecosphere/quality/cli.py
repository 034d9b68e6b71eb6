"""`ckan ecosphere quality …`."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import click

from ckanext.ecosphere.quality import jobs, links, rescore
from ckanext.ecosphere.quality.actions import package_or_not_found


@click.group(short_help="Score datasets and check their links.")
def quality() -> None:
    """Score datasets and check their links."""


@quality.command("rescore")
@click.option(
    "--due", is_flag=True, help="Only the datasets whose due date has passed; for a nightly run."
)
@click.option(
    "--background",
    is_flag=True,
    help="Leave it to a background worker.",
)
def rescore_command(due: bool, background: bool) -> None:
    """Score all datasets again, after a change of the weights or of the criteria."""
    if background:
        click.echo(f"Job {jobs.RESCORE.request()} on the queue {jobs.QUEUE}.")
        return
    score = rescore.fallen_due if due else rescore.everything
    outcome = score()
    rescore.reindex(outcome.changed)
    click.echo(
        f"{outcome.seen} datasets scored, {len(outcome.changed)} changed, {outcome.pruned} stale "
        "rows removed."
    )


@quality.command("links")
@click.option(
    "--limit", default=jobs.LINKS_AT_ONCE, show_default=True, help="Check at most this many links."
)
@click.option(
    "--seconds",
    default=jobs.LINK_RUN_SECONDS,
    show_default=True,
    help="Begin no check after this time.",
)
@click.option(
    "--dataset",
    help="Check all links of this dataset (name or id) now, whether they are due or not.",
)
@click.option(
    "--background", is_flag=True, help="Leave it to a background worker, until nothing is due."
)
def links_command(limit: int, seconds: int, dataset: str | None, background: bool) -> None:
    """Check the links of the resources that are due."""
    if dataset:
        package_id = _package(dataset).id
        if not background:
            jobs.check_links_of(package_id)
        elif not jobs.enqueue_recheck(package_id):
            click.echo("They were checked less than five minutes ago.")
        return
    if background:
        click.echo(f"Job {jobs.LINKS.request()} on the queue {jobs.QUEUE}.")
        return
    total = links.note_all()
    outcome = links.run(links.due(limit), seconds)
    click.echo(
        f"{outcome.checked} of {total} links checked, {outcome.changed} changed, "
        f"{outcome.datasets} datasets scored."
    )


@quality.command("nightly")
@click.option(
    "--no-links", is_flag=True, help="Do not check links: nothing outside of the portal is asked."
)
@click.option(
    "--seconds",
    default=jobs.NIGHT_LINK_SECONDS,
    show_default=True,
    help="Begin no check of a link after this time.",
)
@click.option("--background", is_flag=True, help="Leave it to a background worker.")
def nightly_command(no_links: bool, seconds: int, background: bool) -> None:
    """Do all that depends on time: scores and links. To be run every night."""
    if background:
        click.echo(f"Job {jobs.NIGHTLY.request(not no_links)} on the queue {jobs.QUEUE}.")
        return
    failed = False
    for stage in jobs.nightly(not no_links, seconds):
        failed |= stage.failed
        tell = tk.error_shout if stage.failed else click.echo
        tell(f"{stage.name}: {stage.told}")
    if failed:
        raise SystemExit(1)


def _package(name: str) -> Any:
    try:
        return package_or_not_found(name)
    except tk.ObjectNotFound:
        tk.error_shout(f"No dataset is called {name}.")
        raise click.Abort() from None
