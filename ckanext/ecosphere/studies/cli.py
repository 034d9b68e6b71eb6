"""Commands `ckan ecosphere studies …`."""

from __future__ import annotations

import click

from ckanext.ecosphere.studies import news, references, store
from ckanext.ecosphere.work.jobs import FAILED, in_steps


@click.group(short_help="Studies: what has appeared, references verified.")
def studies() -> None:
    """Look for what has appeared for studies, and verify the references to which they lead."""


@studies.command()
def tick() -> None:
    """Queue what is due: the daily look for new data, the weekly check of references.
    To be run every night.
    """
    steps = {
        "references": references.verify_if_due,
        "studies": lambda: int(news.LOOK.is_needed() and news.LOOK.enqueue()),
        "counts": lambda: int(store.COUNT.is_needed() and store.COUNT.enqueue()),
    }
    numbers = in_steps("Studies", steps)
    click.echo(", ".join(f"{name}: {number}" for name, number in numbers.items()))
    if FAILED in numbers.values():
        raise click.exceptions.Exit(1)


@studies.command("references")
@click.option("--now", "is_now", is_flag=True, help="Ask them now.")
def references_command(is_now: bool) -> None:
    """Tell which references answered as expected when they were last asked,
    and what the others said.
    """
    if is_now:
        references.verify_references()
    for check in references.last_checks().values():
        click.echo(f"{check.at} {check.key}: {check.state} {check.detail}".rstrip())
