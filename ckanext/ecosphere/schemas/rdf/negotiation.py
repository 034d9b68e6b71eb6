"""Content negotiation: clients that ask for RDF at the address of a dataset, a resource or the portal are redirected.

The RDF graphs identify these by the addresses of their HTML pages. The answer is 303 See Other, as in W3C's "Cool URIs
for the Semantic Web", section 4.2.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, redirect, request

#: Media type → file extension in the URLs of ckanext-dcat.
ENDINGS = {
    "text/turtle": "ttl",
    "application/rdf+xml": "rdf",
    "application/ld+json": "jsonld",
    "text/n3": "n3",
}
PAGE = "text/html"
CATALOGUE = "home.index"
DATASET = ("dataset.read", "dataset_resource.read")


def lead() -> Any:
    """Redirect a request that prefers RDF; return None when HTML is accepted as well or better."""
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
    """Tell caches that the response depends on the Accept header."""
    if _has_both():
        response.vary.add("Accept")
    return response


def _has_both() -> bool:
    return request.endpoint in (CATALOGUE, *DATASET) and bool(tk.h.plugin_loaded("dcat"))
