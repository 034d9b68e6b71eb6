"""Defect 49: addresses with a superfluous trailing slash lead to the page without it.

Not yet accepted.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, request
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

#: Endpoints where there is no page: none, or CKAN's route of static files, which matches every
#: path.
NO_PAGE = (None, "static")

blueprint = Blueprint("ecosphere_slashes", __name__)


@blueprint.before_app_request
def lead_on() -> Any:
    """Redirect `/demandes/` to `/demandes`.

    URLs that match no page without the slash are left alone.
    """
    path = request.path
    if (
        request.endpoint not in NO_PAGE
        or request.method not in ("GET", "HEAD")
        or not path.endswith("/")
        or path.startswith("//")
    ):
        return None
    adapter = request_ctx.url_adapter
    try:
        match = (
            adapter.match(path.rstrip("/"), method="GET") if adapter and path.rstrip("/") else None
        )
    except (HTTPException, RequestRedirect):
        return None
    if match is None or match[0] in NO_PAGE:
        return None
    endpoint, values = match
    query = f"?{request.query_string.decode('utf-8', 'replace')}" if request.query_string else ""
    return tk.redirect_to(tk.url_for(endpoint, **values) + query)
