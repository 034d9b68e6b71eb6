"""Programs that ask for RDF at the address of a dataset, a file or the portal are led to it.

Graphs call these by the addresses at which people find pages. Whoever follows such an address and asks for Turtle gets
it by way of 303, as W3C's "Cool URIs for the Semantic Web" (section 4.2) has it.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, redirect, request

#: Media type → ending of ckanext-dcat's addresses.
ENDINGS = {"text/turtle": "ttl", "application/rdf+xml": "rdf", "application/ld+json": "jsonld", "text/n3": "n3"}
PAGE = "text/html"
CATALOGUE = "home.index"
DATASET = ("dataset.read", "dataset_resource.read")


def lead() -> Any:
    """Answer a request for RDF at the address of a page; None for whoever takes the page as well or better."""
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
    """Tell caches that the answer depends on what is asked for."""
    if _has_both():
        response.vary.add("Accept")
    return response


def _has_both() -> bool:
    return request.endpoint in (CATALOGUE, *DATASET) and bool(tk.h.plugin_loaded("dcat"))
