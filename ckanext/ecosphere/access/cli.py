"""Commands `ckan ecosphere access …`."""

from __future__ import annotations

import click

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.config import guard_settings
from ckanext.ecosphere.access.services import reading
from ckanext.ecosphere.dataset.services import service_at
from ckanext.ecosphere.shared.http_guard import GuardedSession


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


@access.command()
@click.argument("address")
@click.option("--format", "format_", default="", help="Format that a dataset would give.")
def explain(address: str, format_: str) -> None:
    """Read the service at ADDRESS and tell what it says of itself; nothing is kept."""
    service = service_at(address, format_)
    if service is None:
        click.echo("This does not look like a service.")
        raise click.exceptions.Exit(1)
    click.echo(f"{service.kind}: {service.url}")
    if service.layer:
        click.echo(f"layer {service.layer}")
    outcome = reading.ask(GuardedSession(guard_settings()), service)
    description = outcome.description
    if description is None:
        click.echo(f"Not read: {outcome.error}")
        raise click.exceptions.Exit(1)
    click.echo(f"{description.title} {description.version}, {len(description.layers)} layers")
    for layer in description.layers[:20]:
        click.echo(f"  {layer.name}: {layer.title}")
