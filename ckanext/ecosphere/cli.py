"""The command group `ckan ecosphere`: its sub-commands come from whichever rooms are enabled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import click
from ckan.plugins import PluginImplementations

from ckanext.ecosphere import health, initialise, leaving, recovery
from ckanext.ecosphere.command_words import plan_options, proceed, speaking
from ckanext.ecosphere.interfaces import CheckStatus, IEcosphereCommands, InitReport

_ = tk._

#: Kind of a line → mark before it and its colour; the mark says the same without the colour.
MARKS = {
    "changed": ("+", "green"),
    "unchanged": ("=", None),
    "failed": ("x", "red"),
    CheckStatus.OK: ("=", "green"),
    CheckStatus.WARNING: ("!", "yellow"),
    CheckStatus.ERROR: ("x", "red"),
}


class RoomsGroup(click.Group):
    """A group that asks the enabled plugins for their commands at the time of the call.

    Asking late, not at import, keeps the rooms independent of the order in which CKAN loads plugins.
    """

    def _rooms(self) -> dict[str, click.Command]:
        found: dict[str, click.Command] = {}
        for plugin in PluginImplementations(IEcosphereCommands):
            for command in plugin.get_ecosphere_commands():
                found[str(command.name)] = command
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own commands and those of the rooms, in alphabetical order."""
        return sorted({*super().list_commands(ctx), *self._rooms()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command by name, own commands first."""
        return super().get_command(ctx, cmd_name) or self._rooms().get(cmd_name)


@click.group(cls=RoomsGroup, short_help="Set up, check and run the access desk.")
def ecosphere() -> None:
    """Set up, check and run the access desk (guichet)."""


@ecosphere.command("init", short_help="Set everything up; may be run again at any time.")
@speaking
def init_command() -> None:
    """Create tables, services of the ministry and Solr's French schema; whatever is in place is left alone."""
    report = InitReport(emit=_say)
    initialise.run(report)
    if not report.ok:
        raise click.exceptions.Exit(1)


@ecosphere.command("check", short_help="Tell what works and what to do about the rest.")
@speaking
def check_command() -> None:
    """Look at services, workers, mail, options and search; exit code 1 when something is wrong."""
    checks = health.run()
    for check in checks:
        _say(check.status, f"{check.name}: {check.message}")
        if check.remedy:
            click.echo(f"    → {check.remedy}")
    errors = sum(check.status is CheckStatus.ERROR for check in checks)
    warnings = sum(check.status is CheckStatus.WARNING for check in checks)
    click.echo(
        tk.ungettext("{number} error", "{number} errors", errors).format(number=errors)
        + ", "
        + tk.ungettext("{number} warning", "{number} warnings", warnings).format(number=warnings)
    )
    if errors:
        raise click.exceptions.Exit(1)


@ecosphere.command("leave", short_help="Make the catalogue ready for a CKAN without these plugins.")
@click.option("--export", "folder", type=click.Path(file_okay=False, path_type=Path), help="Folder of the export; new.")
@click.option("--keep", multiple=True, metavar="PLUGIN", help="Plugin that stays enabled besides; may be repeated.")
@plan_options
@speaking
def leave_command(folder: Path | None, keep: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Export what a plain CKAN has no place for, keep the rest where it shows, and write the index as it reads it.

    Stop the web server and the workers before; take the plugins out of ckan.plugins before you start them again.
    `ckan ecosphere init` brings everything back once the plugins are enabled again.
    """
    plan = leaving.plan(folder or leaving.default_folder(), keep)
    if proceed(plan.sentences(), yes=yes, dry_run=dry_run):
        for done in leaving.run(plan):
            click.echo(done)


@ecosphere.command("recover", short_help="Take up what was left undone, once; for cron.")
@click.pass_context
def recover_command(ctx: click.Context) -> None:
    """Look twice for what a killed process or a service that was away left undone, and have it done."""
    import time

    with ctx.meta["flask_app"].test_request_context():
        looks = recovery.Recovery()
        done = looks.look()
        time.sleep(recovery.EVERY_SECONDS)
        for each in [*done, *looks.look()]:
            click.echo(each)


@ecosphere.command("watch", short_help="Take up what was left undone, every few seconds, without end.")
@click.option("--every", default=recovery.EVERY_SECONDS, show_default=True, help="Seconds between two looks.")
@click.pass_context
def watch_command(ctx: click.Context, every: float) -> None:
    """Look for what killed processes and services that were away left undone; to be kept running beside the workers."""
    with ctx.meta["flask_app"].test_request_context():
        recovery.watch(max(1.0, every))


def _say(kind: Any, message: str) -> None:
    mark, colour = MARKS[kind]
    click.echo(f"{click.style(f'[{mark}]', fg=colour)} {message}")
