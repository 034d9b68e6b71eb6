"""`ckan ecosphere harvest`: run harvests, and look after those that run."""

from __future__ import annotations

import click


@click.group(short_help="Run harvests and look after them.")
def harvest() -> None:
    """Run harvests and look after them."""


@harvest.command()
@click.argument("source")
@click.option("--inline", is_flag=True, help="Run it here and now instead of leaving it to the background workers.")
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
    from ckanext.ecosphere.harvest.pipeline import queue

    for job_id in queue.revive():
        click.echo(job_id)
