"""Serve uploaded files safely: types that could run a script are downloaded, never shown."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from ckanext.ecosphere.shared.web_guard.tables import matches, tables

FOLDER = "uploads/"
REDIRECTS = 300
SCRIPTS = ("text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript")
"""Types that a page can load as a script, whatever the other headers say."""
POLICY = "default-src 'none'; sandbox"


def protect(response: Response) -> Response:
    """Make the browser download an uploaded file unless its type is harmless, and disable type sniffing."""
    if not is_upload() or response.status_code >= REDIRECTS:
        return response
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype in tables().shown_inline:
        return response  # without a sandbox, in which browsers show no PDF; these types cannot run scripts
    if response.mimetype in SCRIPTS:
        response.mimetype = "text/plain"
    response.headers["Content-Security-Policy"] = POLICY
    disposition = response.headers.get("Content-Disposition", "")
    kind, separator, rest = disposition.partition(";")
    if kind.strip().lower() != "attachment":
        response.headers["Content-Disposition"] = f"attachment{separator}{rest}"
    return response


def is_upload() -> bool:
    """Return whether the request is for an uploaded file."""
    if request.endpoint == "static":
        return str((request.view_args or {}).get("filename", "")).lstrip("/").startswith(FOLDER)
    return matches(request.endpoint, tables().uploads)
