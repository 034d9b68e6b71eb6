"""Commands `ckan ecosphere access …`."""

from __future__ import annotations

import click

from ckanext.ecosphere.access import jobs


@click.group(short_help="Access: services read, previews, extracts, use.")
def access() -> None:
    """Access: services read, previews, extracts, use."""


@access.command()
@click.option(
    "--seconds",
    default=3600,
    show_default=True,
    help="Time after which no further service is asked.",
)
def read(seconds: int) -> None:
    """Read the services that are due, and forget what is old. To be run every night."""
    numbers = jobs.tick(seconds)
    click.echo(", ".join(f"{name}: {number}" for name, number in numbers.items()))
    if -1 in numbers.values():
        raise click.exceptions.Exit(1)
