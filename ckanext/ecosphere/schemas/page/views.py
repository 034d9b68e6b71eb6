"""Views of citations, the sitemap and the OpenSearch description."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response

from ckanext.ecosphere.schemas.catalogue import public_files
from ckanext.ecosphere.schemas.page import citation
from ckanext.ecosphere.shared import web_guard

#: Maximum lengths in OpenSearch 1.1, in characters.
SHORT_NAME, LONG_NAME = 16, 48
PART_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
page = Blueprint("ecosphere_page", __name__)
web_guard.protect(page)


def permalink(dataset: Any) -> str:
    """Return the permanent URL of a dataset, by id, which does not change when it is renamed."""
    return tk.url_for("dataset.read", id=dataset["id"], qualified=True, locale="default")


@page.route("/dataset/<id>/citation.<extension>")
def cite(id: str, extension: str) -> Response:
    """Return the citation of a dataset as txt, bib, ris or json (CSL)."""
    form = citation.FORMATS.get(extension)
    if form is None:
        return tk.abort(404, tk._("There is no citation in this format."))
    context: Any = {
        "user": tk.current_user.name,
        "auth_user_obj": tk.current_user,
        "for_view": True,
    }
    try:
        dataset = tk.get_action("package_show")(context, {"id": id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, tk._("Dataset not found"))
    cited = citation.of(dataset, tk.config["ckan.site_title"], permalink(dataset))
    response = Response(form.write(cited), content_type=f"{form.media_type}; charset=utf-8")
    if extension != "txt":
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{dataset["name"]}.{extension}"'
        )
    return response


@page.route("/sitemap.xml")
def sitemap_index() -> Response:
    """Return the sitemap index."""
    return _xml(public_files.sitemap_index())


@page.route("/sitemap-<number>.xml")
def sitemap_part(number: str) -> Response:
    """Return a sitemap of a thousand public datasets, in order of creation."""
    part = ""
    if PART_NUMBER.fullmatch(number):
        part = public_files.sitemap_part(int(number))
    if not part:
        return tk.abort(404, tk._("The site map has no such part."))
    return _xml(part)


@page.route("/opensearch.xml")
def opensearch() -> Response:
    """Return the OpenSearch 1.1 description, by which browsers offer the search of the portal."""
    title = tk.config["ckan.site_title"]
    # Not within the f-string below, from which messages are not extracted.
    description = tk._("Search the datasets of the portal")
    address = escape(_absolute("dataset.search"))
    return _xml(
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        f"<ShortName>{_shortened(title, SHORT_NAME)}</ShortName><LongName>{_shortened(title, LONG_NAME)}</LongName>"
        f"<Description>{escape(description)}</Description>"
        "<InputEncoding>UTF-8</InputEncoding>"
        f'<Url type="text/html" method="get" template="{address}?q={{searchTerms}}"/>'
        "</OpenSearchDescription>",
        "application/opensearchdescription+xml",
    )


def _shortened(text: str, most: int) -> str:
    """Return the first whole words of a text, escaped for XML."""
    if len(text) > most:
        text = text[: most + 1].rpartition(" ")[0] or text[:most]
    return escape(text.rstrip(" –-,:"))


def _absolute(endpoint: str, **values: Any) -> str:
    return tk.url_for(endpoint, qualified=True, locale="default", **values)


def _xml(body: str, media_type: str = "application/xml") -> Response:
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
    return Response(document, content_type=f"{media_type}; charset=utf-8")
