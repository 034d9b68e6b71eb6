"""Content negotiation: redirect clients that ask for RDF at the URL of a dataset, resource or the portal.

In graphs, the URIs of these are the URLs of their HTML pages. A client that asks for Turtle at such a URI gets a
redirect 303, as in W3C's "Cool URIs for the Semantic Web" (section 4.2).
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, redirect, request

#: Extensions of ckanext-dcat's URLs by media type.
ENDINGS = {"text/turtle": "ttl", "application/rdf+xml": "rdf", "application/ld+json": "jsonld", "text/n3": "n3"}
PAGE = "text/html"
CATALOGUE = "home.index"
DATASET = ("dataset.read", "dataset_resource.read")


def lead() -> Any:
    """Redirect a request for RDF at the URL of a page; return None if HTML is preferred or equally accepted."""
    if not _has_both() or request.method not in ("GET", "HEAD"):
        return None
    ending = ENDINGS.get(str(request.accept_mimetypes.best_match([PAGE, *ENDINGS], PAGE)))
    if ending is None:
        return None
    if request.endpoint == CATALOGUE:
        address = tk.url_for("dcat.read_catalog", _format=ending, locale="default")
    else:
        named = str((request.view_args or {})["id"])
        address = tk.url_for("dcat.read_dataset", _id=named, _format=ending, locale="default")
    return redirect(address, 303)


def tell(response: Response) -> Response:
    """Add ``Vary: Accept`` to negotiated responses."""
    if _has_both():
        response.vary.add("Accept")
    return response


def _has_both() -> bool:
    return request.endpoint in (CATALOGUE, *DATASET) and bool(tk.h.plugin_loaded("dcat"))
