"""`ckan ecosphere search tick` and `forget`."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
import click
from ckan import model

from ckanext.ecosphere.search.alerts import job, storage


@click.command()
def tick() -> None:
    """Look for what is new in saved searches, send e-mails, erase what is old. To be run every ten minutes or so."""
    done = job.tick()
    click.echo(", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in done.items() if number))
    if -1 in done.values():
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("person")
@click.confirmation_option(prompt="Erase all alerts of this person?")
def forget(person: str) -> None:
    """Erase the alerts of PERSON: the name of an account, or an e-mail address without one."""
    user = model.User.get(person)
    subscriber = (storage.of_user(user.id) if user else None) or storage.of_email(person)
    if subscriber is None:
        tk.error_shout(f"{person} has no alerts.")
        raise click.exceptions.Exit(1)
    storage.erase(subscriber.id)
    click.echo("Erased.")
