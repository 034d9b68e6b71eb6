"""Speak a person's language where no page is being answered: in background jobs, commands and e-mails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
from flask import current_app, has_app_context

_app: list[Any] = []


def remember(app: Any) -> None:
    """Keep the application, which CKAN hands to plugins once (`IMiddleware`)."""
    _app[:] = [app]


def application() -> Any:
    """The application; made anew where none was."""
    if has_app_context():
        return current_app._get_current_object()  # pyright: ignore[reportAttributeAccessIssue]
    if not _app:
        from ckan.config.middleware import make_app

        made: Any = make_app(tk.config)  # pyright: ignore[reportArgumentType]
        remember(made._wsgi_app)
    return _app[0]


def known(language: str | None) -> str:
    """The language, if the portal speaks it, else the portal's own."""
    offered = tk.config["ckan.locales_offered"]
    if language and (not offered or language in offered):
        return language
    return tk.config["ckan.locale_default"]


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Translate into a language within the block.

    When the block ends, CKAN closes its session: read what is needed from the database before.
    """
    overrides = {"CKAN_LANG": known(language), "CKAN_LANG_IS_DEFAULT": False}
    with application().test_request_context(environ_overrides=overrides):
        yield
