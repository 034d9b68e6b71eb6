"""`ckan ecosphere search …`."""

from __future__ import annotations

import click
from ckan import model
from ckan.cli import error_shout

from ckanext.ecosphere.interfaces import InitReport
from ckanext.ecosphere.search import setup, solr_schema
from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.solr_schema import SolrAdminError
from ckanext.ecosphere.work.jobs import FAILED


@click.group(short_help="Search: Solr's French schema, alerts.")
def search() -> None:
    """Search: Solr's French schema, alerts."""


@search.group("solr-schema", short_help="Look at, apply or undo the French schema.")
def solr_schema_group() -> None:
    """Look at, apply or undo the French schema."""


@solr_schema_group.command()
@click.option("--no-rebuild", is_flag=True, help="Do not index the datasets again after a change.")
def apply(no_rebuild: bool) -> None:
    """Apply the French schema to the running Solr, then index every dataset again; idempotent."""
    report = InitReport(emit=lambda _kind, message: click.echo(message))
    setup.apply_schema(report, rebuild=not no_rebuild)
    if not report.ok:
        raise click.exceptions.Exit(1)


@solr_schema_group.command()
@click.option("--no-rebuild", is_flag=True, help="Do not index the datasets again.")
@click.confirmation_option(prompt="Put CKAN's own schema back, and index every dataset again?")
def undo(no_rebuild: bool) -> None:
    """Put CKAN's own schema back, then index every dataset again:
    before the plugins are left for good.
    """
    report = InitReport(emit=lambda _kind, message: click.echo(message))
    setup.undo_schema(report, rebuild=not no_rebuild)
    if not report.ok:
        raise click.exceptions.Exit(1)


@solr_schema_group.command()
def status() -> None:
    """Tell what differs between Solr and the French schema; exit code 1 when something does."""
    try:
        state = solr_schema.state(setup.solr())
    except SolrAdminError as error:
        error_shout(str(error))
        raise click.exceptions.Exit(2) from error
    for name in state.differences:
        click.echo(name)
    if not state.is_french:
        click.echo("Not French")
        raise click.exceptions.Exit(1)
    click.echo("French")


@search.command()
def tick() -> None:
    """Look for what is new in saved searches, send e-mails, erase what is old.
    To be run every ten minutes or so.
    """
    numbers = job.tick()
    steps = [f"{name.replace('_', ' ')}: {number}" for name, number in numbers.items() if number]
    click.echo(", ".join(steps))
    if FAILED in numbers.values():
        raise click.exceptions.Exit(1)


@search.command()
@click.argument("person")
@click.confirmation_option(prompt="Erase all alerts of this person?")
def forget(person: str) -> None:
    """Erase the alerts of PERSON: the name of an account, or an e-mail address without one."""
    user = model.User.get(person)
    subscriber = storage.of_email(person)
    if user:
        subscriber = storage.of_user(user.id) or subscriber
    if subscriber is None:
        error_shout(f"{person} has no alerts.")
        raise click.exceptions.Exit(1)
    storage.erase(subscriber.id)
    click.echo("Erased.")
