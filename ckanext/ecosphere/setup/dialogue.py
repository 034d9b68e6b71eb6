"""What commands share that speak to the administrator: the language, and a plan before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any

import ckan.plugins.toolkit as tk
import click


def speaking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make a command speak the portal's language, or the one asked for with `--lang`.

    Translations need a request; outside of one, CKAN always speaks English.
    """

    @click.option("--lang", help="Language of the messages (fr, en); by default that of the portal.")
    @click.pass_context
    def wrapper(ctx: click.Context, lang: str | None, **kwargs: Any) -> Any:
        language = lang or tk.config["ckan.locale_default"]
        with ctx.meta["flask_app"].test_request_context(environ_overrides={"CKAN_LANG": language}):
            return ctx.invoke(command, **kwargs)

    return update_wrapper(wrapper, command)


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--yes` and `--dry-run` to a command that shows a plan; it is called with `yes` and `dry_run`."""
    command = click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)
    return click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")(command)


def proceed(sentences: Iterable[str], *, yes: bool, dry_run: bool) -> bool:
    """Show a plan and ask whether to carry it out.

    Args:
        sentences: the plan.
        yes: do not ask.
        dry_run: show only.

    Returns:
        whether to go on.
    """
    click.echo(tk._("This will be done:"))
    for sentence in sentences:
        click.echo(f"  - {sentence}")
    if dry_run:
        click.echo(tk._("Nothing was done (dry run)."))
        return False
    if yes or click.confirm(tk._("Do it?")):
        return True
    click.echo(tk._("Nothing was done."))
    return False
