"""`ckan ecosphere requests …`."""

from __future__ import annotations

import click

from ckanext.ecosphere.data_requests import privacy


@click.group(short_help="Run what data requests need regularly.")
def requests() -> None:
    """Run what data requests need regularly."""


@requests.command("anonymise")
def anonymise_command() -> None:
    """Forget the people of requests that were closed long enough ago."""
    click.echo(f"{privacy.anonymise_old()} requests anonymised.")
