"""Blueprint of `ecosphere_access`, and functions shared by its views."""

from __future__ import annotations

from typing import Any, NoReturn

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, g, jsonify, make_response

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.logic.resources import Found, readable
from ckanext.ecosphere.shared import web_guard
from ckanext.ecosphere.shared.web_guard import rate_limits

NOT_FOUND, TOO_MANY, UNAVAILABLE = 404, 429, 503

ecosphere_access = Blueprint("ecosphere_access", __name__)
web_guard.protect(ecosphere_access)

OF_RESOURCE = "/dataset/<id>/resource/<resource_id>"


def found(id: str, resource_id: str) -> Found:
    """Return the resource of a URL if the current user may read it.

    Raises:
        NotFound (HTTP): there is no such resource, it is not in this dataset, or the user may not read it.
    """
    try:
        resource = readable(context(), resource_id)
    except tk.ObjectNotFound:
        tk.abort(NOT_FOUND, tk._("Resource not found"))
    if id not in (resource.package.name, resource.package.id):
        tk.abort(NOT_FOUND, tk._("Resource not found"))
    return resource


def context() -> Any:
    """Return an action context for the current user."""
    return {"user": tk.g.user, "auth_user_obj": tk.g.userobj}


def brake(what: str, option: str) -> Response | None:
    """Count a request against a rate limit; return the response 429 if it is exceeded, else None."""
    try:
        rate_limits.hit(what, config.limits(option), rate_limits.address(), fallback=True)
    except rate_limits.TooMany as error:
        g.ecosphere_retry_after = error.seconds
        return told(
            tk._("This was done too often in a short time.") + " " + rate_limits.try_again(error.seconds), TOO_MANY
        )
    return None


def told(sentence: str, status: int) -> Response:
    """Return an error message as JSON, for the scripts of the pages."""
    return make_response(jsonify({"state": "broken", "message": sentence}), status)


def absent(sentence: str) -> NoReturn:
    """Abort with 404 and a message.

    Raises:
        NotFound (HTTP): always.
    """
    tk.abort(NOT_FOUND, sentence)
    raise AssertionError
