"""The command group `ckan ecosphere harvest`: run, resume and preview harvests, manage sources and duplicates."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(short_help="Run harvests and look after them.")
def harvest() -> None:
    """Run harvests and look after them."""


@harvest.command()
@click.argument("source")
@click.option(
    "--inline",
    is_flag=True,
    help="Run it here and now instead of leaving it to the background workers.",
)
@click.option("--force", is_flag=True, help="Import records also when they have not changed.")
@click.pass_context
def run(ctx: click.Context, source: str, inline: bool, force: bool) -> None:
    """Harvest SOURCE (id or name) and wait for the end.

    Ends with exit code 1 when the harvest had errors.
    """
    from ckanext.ecosphere.harvest import terminal

    with ctx.meta["flask_app"].test_request_context():
        try:
            ok = terminal.run(source, inline=inline, force=force, echo=click.echo)
        except terminal.CommandError as error:
            raise click.ClickException(str(error)) from error
    if not ok:
        ctx.exit(1)


@harvest.command()
def revive() -> None:
    """Send again the harvests that should run and that no worker is running; for cron."""
    from ckanext.ecosphere.harvest import worker

    for job_id in worker.revive():
        click.echo(job_id)


@harvest.command("try")
@click.argument("url")
@click.option(
    "--type", "type_name", default="ecosphere_csw", show_default=True, help="Type of the source."
)
@click.option("--config", "text", default="", help="Configuration of the source, in JSON.")
@click.pass_context
def try_(ctx: click.Context, url: str, type_name: str, text: str) -> None:
    """Read the beginning of a source and show what its records would become; writes nothing.

    Ends with exit code 1 when something could not be read.
    """
    from ckanext.ecosphere.harvest import preview

    with ctx.meta["flask_app"].test_request_context():
        try:
            result = preview.try_source(url, type_name, text)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        for line in preview.lines(result):
            click.echo(line)
    if result["failures"]:
        ctx.exit(1)


@harvest.command()
@click.option(
    "--source",
    default=None,
    help="Only datasets that this source (id or name) publishes or has a copy of.",
)
@click.pass_context
def joined(ctx: click.Context, source: str | None) -> None:
    """List the datasets that several catalogues have: which source publishes each, and why."""
    from ckan.plugins.toolkit import _

    from ckanext.ecosphere.harvest import reconcile

    with ctx.meta["flask_app"].test_request_context():
        for pair in reconcile.joined(source):
            click.echo(f"{pair['dataset']}: {pair['title']}")
            click.echo("  " + _("published from {source} ({guid})").format(**pair["published_by"]))
            click.echo("  " + _("also in {source} ({guid})").format(**pair["copy"]))
            reason = _("because {reason}; same identifiers: {identifiers}")
            click.echo(
                "  "
                + reason.format(
                    reason=pair["reason"], identifiers=", ".join(pair["identifiers"]) or "–"
                )
            )


@harvest.command()
@click.argument("dataset")
@click.option("--source", default=None, help="Part only the copy of this source (id or name).")
@click.pass_context
def split(ctx: click.Context, dataset: str, source: str | None) -> None:
    """Give the copies of DATASET in other catalogues datasets of their own: they were joined wrongly.

    Later harvests do not join them again; "rejoin" takes it back.
    """
    from ckan.plugins.toolkit import _

    from ckanext.ecosphere.harvest import reconcile

    with ctx.meta["flask_app"].test_request_context():
        try:
            parted = reconcile.split(dataset, source)
        except LookupError as error:
            raise click.ClickException(
                _("{name} is published from one source only.").format(name=dataset)
            ) from error
        for _source, guid in parted:
            click.echo(_("{guid} is a dataset of its own.").format(guid=guid))


@harvest.command()
@click.argument("dataset")
@click.pass_context
def rejoin(ctx: click.Context, dataset: str) -> None:
    """Let DATASET, which "split" parted from another one, be joined to it again."""
    from ckan.plugins.toolkit import _

    from ckanext.ecosphere.harvest import reconcile

    with ctx.meta["flask_app"].test_request_context():
        try:
            reconcile.rejoin(dataset)
        except LookupError as error:
            raise click.ClickException(
                _("{name} was not parted from another dataset.").format(name=dataset)
            ) from error
        click.echo(_("{name} may be joined to other datasets again.").format(name=dataset))


@harvest.group()
def sources() -> None:
    """Look after many sources at once."""


@sources.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option(
    "--retire",
    is_flag=True,
    help="Also retire the sources that the file does not name; their datasets stay.",
)
@click.pass_context
def sync(ctx: click.Context, file: Path, yes: bool, retire: bool) -> None:
    """Create, update and retire sources as FILE (CSV or JSON) has them; the plan is shown first.

    Ends with exit code 1 when something could not be done.
    """
    from ckanext.ecosphere.harvest import registry

    with ctx.meta["flask_app"].test_request_context():
        try:
            listed, refused = registry.read(file)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        plan = registry.plan(listed, registry.present_sources(), retire)
        plan.refused = refused
        for line in registry.describe(plan):
            click.echo(line)
        if not (plan.create or plan.update or plan.retire):
            ctx.exit(1 if refused else 0)
        if not yes:
            click.confirm("OK?", abort=True)
        if not registry.apply(plan, click.echo):
            ctx.exit(1)
