"""The command group `ckan ecosphere`, with the sub-commands of the enabled rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import click
from ckan.plugins import PluginImplementations

from ckanext.ecosphere import config
from ckanext.ecosphere.interfaces import (
    CheckStatus,
    IEcosphereCommands,
    IEcospherePlugin,
    InitReport,
)
from ckanext.ecosphere.setup import health, initialise, leaving, production, recovery
from ckanext.ecosphere.setup.dialogue import plan_options, proceed, speaking

_ = tk._

#: Kind of a line → its mark and colour; the mark carries the same information without the colour.
MARKS = {
    "changed": ("+", "green"),
    "unchanged": ("=", None),
    "failed": ("x", "red"),
    "planned": (">", "cyan"),
    CheckStatus.OK: ("=", "green"),
    CheckStatus.WARNING: ("!", "yellow"),
    CheckStatus.ERROR: ("x", "red"),
}


class RoomsGroup(click.Group):
    """Click group that looks up commands of the enabled plugins when it is called.

    Looking them up then, not at import, makes rooms independent of the order in which CKAN loads
    plugins.
    """

    def _rooms(self) -> dict[str, click.Command]:
        commands: dict[str, click.Command] = {}
        for plugin in PluginImplementations(IEcosphereCommands):
            for command in plugin.get_ecosphere_commands():
                commands[str(command.name)] = command
        return commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the group's own commands and those of the rooms, sorted."""
        return sorted({*super().list_commands(ctx), *self._rooms()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, own commands first."""
        return super().get_command(ctx, cmd_name) or self._rooms().get(cmd_name)


#: Commands that work before any plugin of the suite is enabled.
FIRST = ("config",)


@click.group(cls=RoomsGroup, short_help="Set up, check and run the access desk.")
@click.pass_context
def ecosphere(ctx: click.Context) -> None:
    """Set up, check and run the access desk (guichet)."""
    if ctx.invoked_subcommand not in FIRST and not list(PluginImplementations(IEcospherePlugin)):
        raise click.UsageError("No plugin of the access desk is enabled: add some to ckan.plugins.")


@ecosphere.command("init", short_help="Set everything up; may be run again at any time.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask: for scripts.")
@speaking
def init_command(yes: bool) -> None:
    """Create tables, services of the ministry and Solr's French schema; whatever is in place is
    left alone.

    Shows first what it is going to change, and asks before it creates services where there are
    other organisations.
    """
    plan = initialise.plan()
    for line in plan.lines:
        _say("planned", line)
    services = yes or not plan.asks or _wants_services(plan)
    report = InitReport(emit=_say)
    initialise.run(report, services=services)
    if not services:
        message = _("No service was created. To have none proposed again, set {option} = false")
        _say("unchanged", message.format(option=config.INIT_ORGANISATIONS))
    if not report.ok:
        raise click.exceptions.Exit(1)


def _wants_services(plan: initialise.Plan) -> bool:
    """Ask whether to add the services to the existing organisations.

    No, if there is nobody to answer.
    """
    question = tk.ungettext(
        "This portal has {others} organisation of its own. Create {number} services beside it?",
        "This portal has {others} organisations of its own. Create {number} services beside them?",
        plan.others,
    )
    try:
        return click.confirm(
            question.format(others=plan.others, number=plan.services), default=False
        )
    except click.Abort:
        message = _(
            "Nothing was changed: nobody answered. Run again with --yes, or set {option} = false"
        )
        raise click.ClickException(message.format(option=config.INIT_ORGANISATIONS)) from None


@ecosphere.command("config", short_help="Write the configuration of a production portal.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over a file that exists.")
def config_command(file: Path, force: bool) -> None:
    """Write FILE: every plugin in its order, French as the default, nothing of the demonstration.

    Addresses, secrets and the portal's own options and plugins are taken over from the
    configuration in force; secrets that it lacks are made. They go to a file beside FILE that ends
    in .env. What is set otherwise than before, and what is still to be filled in, is named at the
    end.
    """
    environment = file.with_suffix(".env")
    for path in (file, environment):
        if path.exists() and not force:
            raise click.ClickException(
                f"{path} exists already: choose another name, or add --force."
            )
    try:
        written = production.write(file, tk.config, production.own_options(tk.config["__file__"]))
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file} is written. Whoever runs CKAN must be able to read it.")
    click.echo(
        f"{environment} holds its secrets, for the environment of CKAN: only its owner may read it."
    )
    for option in written.in_file:
        click.echo(
            f"  a secret that stays in {file.name}, since its signs are not for an environment: "
            f"{option}"
        )
    for option in written.kept:
        click.echo(f"  kept: {option}")
    for option, value in written.replaced.items():
        click.echo(f"  set otherwise than before: {option} = {value}")
    for option, meaning in written.missing.items():
        click.echo(f"  to fill in: {option} ({meaning})")


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
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the export; new.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="PLUGIN",
    help="Plugin that stays enabled besides; may be repeated.",
)
@plan_options
@speaking
def leave_command(file: Path | None, keep: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Export the datasets to a file, turn their fields into free fields, and write the index as a
    plain CKAN reads it.

    Stop the web server and the workers before; take the plugins out of ckan.plugins before you
    start them again. `ckan ecosphere init` makes the datasets those of the schema again once the
    plugins are enabled again.
    """
    plan = leaving.plan(file or leaving.default_file(), keep)
    if proceed(plan.sentences(), yes=yes, dry_run=dry_run):
        for sentence in leaving.run(plan):
            click.echo(sentence)


@ecosphere.command("recover", short_help="Take up what was left undone, once; for cron.")
@click.pass_context
def recover_command(ctx: click.Context) -> None:
    """Look twice for what a killed process or a service that was away left undone,
    and have it done.
    """
    import time

    with ctx.meta["flask_app"].test_request_context():
        looks = recovery.Recovery()
        restarted = looks.look()
        time.sleep(recovery.EVERY_SECONDS)
        for sentence in [*restarted, *looks.look()]:
            click.echo(sentence)


@ecosphere.command(
    "watch", short_help="Take up what was left undone, every few seconds, without end."
)
@click.option(
    "--every", default=recovery.EVERY_SECONDS, show_default=True, help="Seconds between two looks."
)
@click.pass_context
def watch_command(ctx: click.Context, every: float) -> None:
    """Look for what killed processes and services that were away left undone.
    To be kept running beside the workers.
    """
    with ctx.meta["flask_app"].test_request_context():
        recovery.watch(max(1.0, every))


def _say(kind: Any, message: str) -> None:
    mark, colour = MARKS[kind]
    click.echo(f"{click.style(f'[{mark}]', fg=colour)} {message}")
