"""What the interfaces for other programs share: JSON that pages of other sites may read, errors, rates, links."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, g
from werkzeug.exceptions import HTTPException

from ckanext.ecosphere.shared import web_guard
from ckanext.ecosphere.shared.pages import sentences
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import config

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
BAD_REQUEST, NOT_FOUND, TOO_LARGE, TOO_MANY, UNAVAILABLE = 400, 404, 413, 429, 503


class Problem(HTTPException):
    """A request that cannot be answered.

    Attributes:
        kind: last part of the type of the exception in the standard, "" for none.
    """

    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        self.code = status
        self.kind = kind


def interface(name: str, prefix: str = "") -> Blueprint:
    """Return a blueprint whose answers pages of other sites may read, without credentials (CORS).

    Its errors, and what the portal itself refuses, are problem details (RFC 9457).
    """
    blueprint = Blueprint(name, __name__, url_prefix=prefix or None)
    web_guard.protect(blueprint)
    blueprint.after_request(_opened)
    blueprint.register_error_handler(HTTPException, _answered)
    blueprint.register_error_handler(tk.ValidationError, _refused)
    blueprint.register_error_handler(RecursionError, _nested)
    return blueprint


def _opened(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Content-Type, Accept, Prefer"
    return response


def _answered(error: HTTPException) -> Response:
    about = "about:blank"
    if isinstance(error, Problem) and error.kind:
        about = EXCEPTIONS + error.kind
    status, detail = error.code or BAD_REQUEST, str(error.description or error.name)
    problem = {"type": about, "title": detail, "status": status, "detail": detail}
    return json_response(problem, status, "application/problem+json")


def _refused(error: tk.ValidationError) -> Response:
    return _answered(Problem(BAD_REQUEST, sentences(error)))


def _nested(_error: RecursionError) -> Response:
    return _answered(Problem(BAD_REQUEST, tk._("This is nested too deeply.")))


def json_response(
    content: Any, status: int = 200, media_type: str = "application/json"
) -> Response:
    """Return an answer as JSON, in UTF-8 and with its keys in their order."""
    return Response(json.dumps(content, ensure_ascii=False), status, mimetype=media_type)


def count(name: str, option: str) -> None:
    """Count a request of an address.

    Raises:
        Problem: it asks too often.
    """
    try:
        rate_limits.hit(name, config.limits(option), rate_limits.address(), fallback=True)
    except rate_limits.TooMany as error:
        g.ecosphere_retry_after = error.seconds
        sentence = tk._("This was done too often in a short time.")
        detail = f"{sentence} {rate_limits.try_again(error.seconds)}"
        raise Problem(TOO_MANY, detail) from error
