"""View that redirects to a resource and counts the use."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import redirect, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.access.use import counting
from ckanext.ecosphere.access.views.blueprint import OF_RESOURCE, absent, ecosphere_access, found
from ckanext.ecosphere.shared.web_guard.visits import asked_by_head


@ecosphere_access.route(OF_RESOURCE + "/prendre")
def take(id: str, resource_id: str) -> Response:
    """Redirect to the URL of the resource, and count the use."""
    resource = found(id, resource_id)
    url = str(resource.resource.url or "")
    if resource.resource.url_type == "upload":
        url = tk.h.url_for(
            f"{resource.package.type}_resource.download", id=resource.package.name, resource_id=resource_id
        )
    elif not url.lower().startswith(("http://", "https://")):
        absent(tk._("This resource has no address that can be opened."))
    if request.method == "GET" and not asked_by_head() and resource.is_public:
        counting.note(resource.package.id, resource.resource.id, request.headers)
    response = redirect(url)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
