"""Guard of the web pages: CSRF, headers, uploads, sessions, rate limits, proxies, malformed requests.

Each room protects its own views with `protect(blueprint)`, so that it is safe without the base plugin. The base plugin
protects the whole portal with `portal_blueprint` and wraps the application in `proxies.ClientAddress`.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, current_app
from werkzeug.wrappers import Response

from ckanext.ecosphere.shared.web_guard import bad_requests, brakes, csrf, headers, redirects, sessions, uploads, visits
from ckanext.ecosphere.shared.web_guard.settings import Limits, Settings

__all__ = ["Limits", "Settings", "portal_blueprint", "protect"]

NAME = "ecosphere_web_guard"


def protect(blueprint: Blueprint) -> None:
    """Guard the views of a room, and calls of its actions made with a cookie."""

    def before() -> None:
        bad_requests.check(_settings())
        csrf.check()

    def after(response: Response) -> Response:
        return uploads.protect(headers.add(response, _settings()))

    blueprint.before_request(before)
    blueprint.before_app_request(csrf.check_own_actions)
    blueprint.after_request(after)


def portal_blueprint(settings: Callable[[], Settings]) -> Blueprint:
    """Return a blueprint without pages that guards every page of the portal.

    CKAN identifies the user before the blueprints' hooks run, and does its own CSRF check after them.

    Args:
        settings: returns the administrator's settings; called for each request.
    """
    blueprint = Blueprint(NAME, __name__)
    blueprint.record(lambda state: state.app.extensions.update({NAME: settings}))
    brakes.listen(lambda: settings().limits)
    sessions.listen()

    def before() -> Response | None:
        chosen = settings()
        bad_requests.check(chosen)
        redirects.check()
        sessions.check()
        csrf.check()
        return brakes.check(chosen.limits) or csrf.check_get()

    def after(response: Response) -> Response:
        visits.of_this_process().count()
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            headers.keep_from_caches(response)  # without a look who it was: the database may be down
        else:
            headers.keep_private(sessions.finish(response))
        return uploads.protect(headers.add(response, settings()))

    blueprint.before_app_request(before)
    blueprint.after_app_request(after)
    return blueprint


def _settings() -> Settings:
    """Return the settings of the base plugin, or the defaults without it."""
    chosen = current_app.extensions.get(NAME)
    return chosen() if chosen else Settings()
