"""`ckan ecosphere requests …`."""

from __future__ import annotations

import json

import ckan.plugins.toolkit as tk
import click
from ckan import model

from ckanext.ecosphere.data_requests import privacy
from ckanext.ecosphere.data_requests.notifications import scheduled


@click.group(short_help="Run what data requests need regularly.")
def requests() -> None:
    """Run what data requests need regularly, and what people may ask about their data."""


@requests.command("tick")
def tick_command() -> None:
    """Send reminders, digests and waiting e-mails; expire, anonymise. To be run every ten minutes or so (cron)."""
    done = scheduled.tick()
    click.echo(", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in done.items() if number))
    if -1 in done.values():
        raise click.exceptions.Exit(1)


@requests.command("anonymise")
def anonymise_command() -> None:
    """Forget the people of requests that were closed long enough ago; `tick` does it too."""
    click.echo(f"{privacy.anonymise_old()} requests anonymised.")


@requests.command("export")
@click.argument("user")
def export_command(user: str) -> None:
    """Write all that data requests keep of USER, as JSON."""
    click.echo(json.dumps(privacy.export(_person(user)), indent=2, ensure_ascii=False))


@requests.command("erase")
@click.argument("user")
@click.confirmation_option(prompt="Erase what data requests keep of this person?")
def erase_command(user: str) -> None:
    """Erase what data requests keep of USER."""
    done = privacy.erase(_person(user))
    click.echo(", ".join(f"{name}: {number}" for name, number in done.items()))


def _person(name: str) -> model.User:
    user = model.User.get(name)
    if user is None:
        tk.error_shout(f"Nobody is called {name}.")
        raise click.Abort()
    return user
