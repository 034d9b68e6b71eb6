"""Language of texts: that of the page, of the recipient of a job, or the default.

Markers for messages of tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import flask_babel
from babel import Locale
from flask import current_app, has_app_context, has_request_context

_made: list[Any] = []


def current() -> str:
    """Return the language code of the current page ("fr", "en"…).

    In commands and background jobs, which have no page, it is the portal's default language.
    """
    return (has_request_context() and tk.h.lang()) or tk.config["ckan.locale_default"]


def of_tables() -> str:
    """Return the language of the page in tables that have two of them, "fr" or "en"."""
    if current().startswith("fr"):
        return "fr"
    return "en"


def offered(language: str | None) -> str:
    """Return the language if the portal offers it, else the portal's default."""
    offered = tk.config["ckan.locales_offered"]
    if language and (not offered or language in offered):
        return language
    return tk.config["ckan.locale_default"]


def remember(app: Any) -> None:
    """Keep the application passed to `IMiddleware` plugins: creating one takes a second."""
    _made[:] = [app]


@contextmanager
def speaking(language: str | None, address: str = "/") -> Iterator[None]:
    """Translate into a language within the block; outside of a request CKAN always uses English.

    CKAN closes its database session at the end of the block: read what is needed before.

    Args:
        language: language code ("fr"); None, or one that the portal does not offer, for the
            portal's default.
        address: path and query of the simulated request.
    """
    spoken = offered(language)
    overrides = {"CKAN_LANG": spoken, "CKAN_LANG_IS_DEFAULT": False}
    # Within a request Flask-Babel caches the locale; without `force_locale` it would keep this one
    # afterwards.
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

        app: Any = make_app(tk.config)  # pyright: ignore[reportArgumentType]
        remember(app._wsgi_app)
    return _made[0]


def N_(message: str) -> str:
    """Mark a message for extraction; the code that shows it translates it."""
    return message


STEP = 1024
#: Above bytes, the smallest first.
UNITS = (N_("kB"), N_("MB"), N_("GB"))


def size(number: int, translate: Callable[[str], str] = str) -> str:
    """Say a bound or a size in a sentence, rounded up: "32 MB" ("32 Mo" in French).

    Args:
        number: of bytes.
        translate: gives the text of a message in the reader's language.
    """
    unit = N_("bytes")
    for larger in UNITS:
        if number < STEP:
            break
        number, unit = -(-number // STEP), larger
    return f"{number}\u00a0{translate(unit)}"
