"""The language in which something is said: that of the page, of whom a job works for, or the portal's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
from flask import current_app, has_app_context, has_request_context


def current() -> str:
    """Return the language code of the page being answered ("fr", "en"…).

    In a command or a background job there is no page: the portal's default language applies.
    """
    return (has_request_context() and tk.h.lang()) or tk.config["ckan.locale_default"]


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Translate into a language within the block; outside of a page CKAN always speaks English.

    When the block ends, CKAN closes its session: read what is needed from the database before.

    Args:
        language: a code ("fr"); None for the portal's own.
    """
    overrides = {"CKAN_LANG": language or tk.config["ckan.locale_default"], "CKAN_LANG_IS_DEFAULT": False}
    with _application().test_request_context(environ_overrides=overrides):
        yield


def _application() -> Any:
    if has_app_context():
        return current_app._get_current_object()  # pyright: ignore[reportAttributeAccessIssue]
    from ckan.config.middleware import make_app

    made: Any = make_app(tk.config)  # pyright: ignore[reportArgumentType]
    return made._wsgi_app
