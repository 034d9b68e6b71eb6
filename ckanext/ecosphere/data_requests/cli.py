"""Commands `ckan ecosphere requests …`."""

from __future__ import annotations

import json
import logging
import sys

import ckan.plugins.toolkit as tk
import click
from ckan import model

from ckanext.ecosphere.data_requests import config, mail_in, privacy, specimens
from ckanext.ecosphere.data_requests.notifications import scheduled
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.work import jobs

log = logging.getLogger(__name__)

#: Exit status that makes a mail server try again later (EX_TEMPFAIL of sysexits.h).
TRY_AGAIN = 75
CHUNK = 1024 * 1024


@click.group(short_help="Run what data requests need regularly.")
def requests() -> None:
    """Run what data requests need regularly, and what people may ask about their data."""


@requests.command("tick")
def tick_command() -> None:
    """Send reminders, digests and waiting e-mails; expire, anonymise.
    To be run every ten minutes or so (cron).
    """
    numbers = scheduled.tick()
    click.echo(
        ", ".join(
            f"{name.replace('_', ' ')}: {number}" for name, number in numbers.items() if number
        )
    )
    if jobs.FAILED in numbers.values():
        raise click.exceptions.Exit(1)


@requests.command("mail-in")
@click.option("--recipient", default="", help="Address to which the mail server brings the e-mail.")
def mail_in_command(recipient: str) -> None:
    """Take one reply by e-mail from the standard input, as a mail server hands it over (transport
    "pipe" of Postfix).

    The status is 0 when nothing is left to do, refused or not, and 75 when the mail server should
    try again later.
    """
    raw = sys.stdin.buffer.read(config.reply_bytes() + 1)
    while sys.stdin.buffer.read(CHUNK):
        pass  # read to the end: a mail server whose pipe is closed would retry forever
    try:
        outcome = mail_in.receive(raw, recipient)
    except Exception as error:  # on any error, the e-mail must not be lost
        log.exception("A reply by e-mail could not be worked off")
        click.echo(f"not now: {type(error).__name__}", err=True)
        raise click.exceptions.Exit(TRY_AGAIN) from None
    click.echo(outcome)


@requests.command("mail-fetch")
def mail_fetch_command() -> None:
    """Fetch the replies that wait in the mailbox of `ecosphere.requests.imap`;
    `tick` does it too.
    """
    click.echo(f"{mail_in.fetch()} e-mails looked at.")


@requests.command("letters")
@click.option(
    "--outcome",
    default="",
    help="Only the cases with this outcome, e.g. refused, receipt or extend.",
)
def letters_command(outcome: str) -> None:
    """Print the letters and e-mails of each outcome, each sentence with its source,
    for a jurist to read.
    """
    cases = specimens.cases(outcome)
    if not cases:
        outcomes = ", ".join(dict.fromkeys(case["outcome"] for case in specimens.cases()))
        raise click.ClickException(f"No case ends in {outcome}: choose one of {outcomes}.")
    for case in cases:
        specimen = specimens.play(case)
        with language.speaking(specimens.FRENCH):
            click.echo(specimens.printed_case(case, specimen))
    if not outcome:
        click.echo(specimens.printed_last_days())


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
    numbers = privacy.erase(_person(user))
    click.echo(", ".join(f"{name}: {number}" for name, number in numbers.items()))


def _person(name: str) -> model.User:
    user = model.User.get(name)
    if user is None:
        tk.error_shout(f"Nobody is called {name}.")
        raise click.Abort()
    return user
