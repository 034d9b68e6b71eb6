"""Guard of the web pages: CSRF, headers, uploads, rate limits, malformed requests.

Each room protects its own views with `protect(blueprint)`, so that it is safe whatever else is
enabled. The plugin `ecosphere_hardening` does the same for every page of the portal, with the
administrator's settings.
"""

from __future__ import annotations

from flask import Blueprint, current_app
from werkzeug.wrappers import Response

from ckanext.ecosphere.shared.web_guard import csrf, headers, incoming
from ckanext.ecosphere.shared.web_guard.incoming import Limits, Settings

__all__ = ["SETTINGS", "Limits", "Settings", "protect", "settings"]

SETTINGS = "ecosphere_web_guard"
"""Key of the function in `app.extensions` that returns the administrator's settings."""


def protect(blueprint: Blueprint) -> None:
    """Guard the views of a room, and calls of its actions made with a cookie."""

    def before() -> None:
        incoming.check(settings())
        csrf.check()

    def after(response: Response) -> Response:
        return headers.protect_upload(headers.add(response, settings()))

    blueprint.before_request(before)
    blueprint.before_app_request(csrf.check_own_actions)
    blueprint.after_request(after)


def settings() -> Settings:
    """Return the administrator's settings, or the defaults without the plugin that reads them."""
    read_settings = current_app.extensions.get(SETTINGS)
    if read_settings:
        return read_settings()
    return Settings()
