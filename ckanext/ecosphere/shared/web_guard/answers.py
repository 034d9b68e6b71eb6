"""Refusals of the guard: an error page for people, JSON for programs, each with what to do."""

from __future__ import annotations

from typing import NoReturn

from flask import abort, g, jsonify, request

API_PREFIX = "/api/"


def is_api() -> bool:
    """Return whether the request is an API call, answered with JSON."""
    return (request.endpoint or "").partition(".")[0] == "api" or request.path.startswith(API_PREFIX)


def refuse(status: int, message: str, kind: str, retry_after: int | None = None) -> NoReturn:
    """End the request with an error message.

    Args:
        status: HTTP status.
        message: what is wrong and what to do, in the reader's language.
        kind: `__type` of the error in CKAN's JSON.
        retry_after: seconds after which to try again, RFC 9110 section 10.2.3.

    Raises:
        HTTPException: always.
    """
    g.ecosphere_retry_after = retry_after
    if is_api():
        answer = jsonify({"success": False, "error": {"__type": kind, "message": message}})
        answer.status_code = status
        abort(answer)
    abort(status, description=message)
