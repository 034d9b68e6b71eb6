"""Defects 20, 21, 23, 31 and 57: the guard that the rooms have for their own pages, for every page
of the portal.

Cross-site requests are refused by how the user was authenticated, uploads are not run, malformed
requests are refused before a view sees them, and log-ins do not lead to other sites: see
`shared/web_guard`. CKAN's main branch repairs defect 20, after 2.12.0; the others are not yet
accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import ckan.plugins.toolkit as tk
from flask import Blueprint, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.hardening.web import log_in, sessions
from ckanext.ecosphere.shared.web_guard import SETTINGS, Settings, csrf, headers, incoming
from ckanext.ecosphere.shared.web_guard.incoming import is_own_address, refuse

TARGETS = ("came_from", "next")
WITH_TARGET = ("user.login", "user.logout", "user.register")


def blueprint(settings: Callable[[], Settings]) -> Blueprint:
    """Return a blueprint without pages that guards every page of the portal.

    CKAN identifies the user before the blueprints' hooks run, and does its own CSRF check after
    them.

    Args:
        settings: returns the administrator's settings; called for each request.
    """
    guard = Blueprint("ecosphere_web_guard", __name__)
    guard.record(lambda state: state.app.extensions.update({SETTINGS: settings}))
    log_in.listen(lambda: settings().limits)
    sessions.listen()

    def before() -> Response | None:
        chosen = settings()
        incoming.check(chosen)
        check_target()
        sessions.check()
        csrf.check()
        return log_in.check(chosen.limits) or csrf.check_get()

    def after(response: Response) -> Response:
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # Without a look who it was: the database may be down.
            headers.keep_from_caches(response)
        else:
            headers.keep_private(sessions.finish(response))
        return headers.protect_upload(headers.add(response, settings()))

    guard.before_app_request(before)
    guard.after_app_request(after)
    return guard


def check_target() -> None:
    """Refuse a log-in, log-out or registration that would redirect to another site.

    Raises:
        BadRequest: `came_from` or `next` is not on the portal.
    """
    if request.endpoint not in WITH_TARGET:
        return
    for name in TARGETS:
        if not all(is_own_address(value) for value in request.args.getlist(name)):
            refuse(400, tk._("The address to go on to is not one of this portal."), "Bad Request")
