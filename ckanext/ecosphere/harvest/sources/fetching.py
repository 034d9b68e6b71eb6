"""Fetch a page of a source with the guarded HTTP session; failures are raised as `PageError` with their reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.harvest.sources.base import Reading
from ckanext.ecosphere.harvest.sources.csw_answer import OK, PageError
from ckanext.ecosphere.shared import strict_json
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response

JSON_BYTES = 16 * 1024 * 1024
"""Maximum size of a JSON response, which takes several times as much memory once parsed."""
MAX_SILENT = 10
"""Maximum number of consecutive URLs without any response before the reading is given up."""


def fetch(
    session: GuardedSession, url: str, headers: Mapping[str, str] | None = None, max_bytes: int | None = None
) -> Response:
    """Fetch a page.

    Args:
        session: the guarded HTTP session.
        url: the URL.
        headers: additional headers.
        max_bytes: maximum size of the response, if smaller than that of the session.

    Raises:
        PageError: there was no response, or its status was not 200.
    """
    try:
        limit = min(max_bytes or session.settings.max_bytes, session.settings.max_bytes)
        response = session.get(url, headers=headers or {}, max_bytes=limit)
    except FetchError as error:
        raise PageError(f"fetch-{error.code}", **error.params) from error
    if response.status != OK:
        raise PageError("status", status=response.status)
    return response


def fetch_json(session: GuardedSession, url: str) -> Any:
    """Fetch a JSON document.

    Raises:
        PageError: it could not be fetched, or is not JSON.
    """
    response = fetch(session, url, {"Accept": "application/json"}, JSON_BYTES)
    try:
        return strict_json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise PageError("not-json", url=url) from error


def unanswered(error: PageError) -> bool:
    """Tell whether there was no response at all."""
    return error.code.startswith("fetch-")


def digest(text: str) -> str:
    """Return a hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def add_up(reading: Reading, session: GuardedSession) -> None:
    """Compare the announced with the received number, unless a failure already explains a difference."""
    reading.requests = session.requests
    if not reading.failed and reading.announced is not None and reading.received < reading.announced:
        reading.fail("count-short", announced=reading.announced, received=reading.received)
