"""Shared parts of interactive commands: language of messages, and confirmation of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any

import ckan.plugins.toolkit as tk
import click


def speaking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make a command use the portal's language, or the one given with `--lang`.

    Translations need a request context; outside of one, CKAN always uses English.
    """

    @click.option(
        "--lang", help="Language of the messages (fr, en); by default that of the portal."
    )
    @click.pass_context
    def wrapper(ctx: click.Context, lang: str | None, **kwargs: Any) -> Any:
        language = lang or tk.config["ckan.locale_default"]
        with ctx.meta["flask_app"].test_request_context(environ_overrides={"CKAN_LANG": language}):
            return ctx.invoke(command, **kwargs)

    return update_wrapper(wrapper, command)


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--yes` and `--dry-run` to a command that shows a plan.

    Passed to it as `yes` and `dry_run`.
    """
    command = click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)
    return click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")(command)


def proceed(sentences: Iterable[str], *, yes: bool, dry_run: bool) -> bool:
    """Show a plan and ask whether to execute it.

    Args:
        sentences: the plan.
        yes: whether to skip the question.
        dry_run: whether to only show the plan.

    Returns:
        whether to proceed.
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
