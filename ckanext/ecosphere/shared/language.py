"""The language in which something is said: that of the page, of whom a job works for, or the portal's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import flask_babel
from babel import Locale
from flask import current_app, has_app_context, has_request_context

_made: list[Any] = []


def current() -> str:
    """Return the language code of the page being answered ("fr", "en"…).

    In a command or a background job there is no page: the portal's default language applies.
    """
    return (has_request_context() and tk.h.lang()) or tk.config["ckan.locale_default"]


def offered(language: str | None) -> str:
    """Return the language if the portal speaks it, else the portal's own."""
    known = tk.config["ckan.locales_offered"]
    return language if language and (not known or language in known) else tk.config["ckan.locale_default"]


def remember(app: Any) -> None:
    """Keep the application, which CKAN hands to plugins (`IMiddleware`): to make one takes a second."""
    _made[:] = [app]


@contextmanager
def speaking(language: str | None, address: str = "/") -> Iterator[None]:
    """Translate into a language within the block; outside of a page CKAN always speaks English.

    When the block ends, CKAN closes its session: read what is needed from the database before.

    Args:
        language: a code ("fr"); None, or one that the portal does not offer, for the portal's own.
        address: of the page that is being answered, as it seems, with its parameters.
    """
    spoken = offered(language)
    overrides = {"CKAN_LANG": spoken, "CKAN_LANG_IS_DEFAULT": False}
    # Within a page Flask-Babel remembers the language of the page, and would afterwards remember this one.
    with (
        _application().test_request_context(address, environ_overrides=overrides),
        flask_babel.force_locale(Locale.parse(spoken)),
    ):
        yield


def _application() -> Any:
    if has_app_context():
        return current_app._get_current_object()  # pyright: ignore[reportAttributeAccessIssue]
    if not _made:
        from ckan.config.middleware import make_app

        made: Any = make_app(tk.config)  # pyright: ignore[reportArgumentType]
        remember(made._wsgi_app)
    return _made[0]
