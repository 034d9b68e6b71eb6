"""Atom feeds: of any search (`/recherche.atom`), and those of CKAN (`/feeds/…`), with paging.

CKAN's feeds of 2.12.0 violate RFC 4287 and RFC 5005: they are always in English, their entries link
to the API, their paging links are broken (`?query=page&query=2.25`), and the id of an
organisation's feed is not an IRI.
"""

from __future__ import annotations

from html import unescape
from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.search import SearchQueryError
from ckan.types import DataDict
from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core import pages
from ckanext.ecosphere.search import page
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.shared import atom, dates, language, template_helpers

ENTRIES = 50
SUMMARY = 500
#: Cache lifetime of feeds, in seconds.
FRESH = 900
_DATASETS = searches.Datasets()


def feed() -> AnyResponse:
    """Return the public datasets of a search as a feed, whoever asks."""
    try:
        search = searches.canonical(request.args.items(multi=True))
        results = searches.run(search, None, rows=ENTRIES)
    except tk.ValidationError as error:
        tk.abort(400, pages.sentences(error))
    except SearchQueryError as error:
        tk.abort(400, str(error))
    except searches.IndexAwayError:
        tk.abort(503, searches.away())
    itself = tk.h.url_for("ecosphere_alerts.feed", qualified=True, locale=language.current())
    if search:
        itself = f"{itself}?{search}"
    content = _feed_of(search, itself, [entry(dataset) for dataset in results.results])
    response = Response(content, content_type=f"{atom.MIMETYPE}; charset=utf-8")
    response.cache_control.max_age = FRESH
    response.add_etag()
    return response.make_conditional(request)


def _feed_of(search: str, itself: str, entries: list[atom.Entry], **paging: Any) -> bytes:
    """Return the feed of a search, whose query string has the form of `searches.canonical`.

    `itself` is its URL; `paging` is the rest of the arguments of `atom.feed`, for a feed of several
    pages.
    """
    site, page_of_search = tk.config["ckan.site_title"], _DATASETS.address(search)
    title, spoken = f"{_DATASETS.title(search)} – {site}", language.current()
    return atom.feed(title, site, page_of_search, itself, entries, language=spoken, **paging)


def entry(package: DataDict) -> atom.Entry:
    """Return a dataset as an entry of a feed.

    Args:
        package: as returned by `package_search`.
    """
    spoken = language.current()
    link = tk.h.url_for("dataset.read", id=package["name"], qualified=True, locale=spoken)
    themes = template_helpers.ecosphere_labels("themes", package.get("theme"))
    place = page.places(package.get("territory"), spoken)
    summary = tk.h.markdown_extract(package.get("notes") or "", extract_length=SUMMARY)
    return atom.Entry(
        id=tk.h.url_for("dataset.read", id=package["id"], qualified=True, locale="default"),
        title=package.get("title") or package["name"],
        link=link,
        updated=dates.read(package["metadata_modified"]),  # pyright: ignore[reportArgumentType]
        summary=unescape(str(summary)),
        categories=tuple(name for name in (*themes, place) if name),
        author=(package.get("organization") or {}).get("title") or "",
    )


# --- CKAN's feeds ---

PACKAGE = "package"
"""Field of an entry that holds the dataset, added by `IFeed.get_item_additional_fields`."""
#: Endpoint → search filter of the feed.
FILTERS = {"feeds.organization": "organization", "feeds.group": "groups", "feeds.tag": "tags"}
_CUSTOM = "feeds.custom"
"""Endpoint of the feed of any search."""


class CkanFeed:
    """Feed class for `ckan.plugins.IFeed`; the titles and links that CKAN passes are ignored.

    Args:
        next_page: None on the last page.
    """

    def __init__(self, *_titles: Any, next_page: str | None = None, **_others: Any) -> None:
        self._may_go_on = next_page is not None
        self._entries: list[atom.Entry] = []

    def add_item(self, **fields: Any) -> None:
        """Add the dataset in the field `package`."""
        self._entries.append(entry(fields[PACKAGE]))

    def writeString(self, _encoding: str) -> bytes:
        """Return the feed in UTF-8.

        Raises:
            ValidationError: the URL has a parameter that is not a search parameter.
        """
        number = int(request.args.get("page", 1))
        links = {"first": _address(1)}
        if number > 1:
            links["prev"] = _address(number - 1)
        if self._may_go_on and len(self._entries) == tk.config["ckan.feeds.limit"]:
            links["next"] = _address(number + 1)
        identifier = _address(1, "default")
        return _feed_of(
            _search(), _address(number), self._entries, identifier=identifier, links=links
        )


def _search() -> str:
    """Return the search of the feed as a query string."""
    if request.endpoint == _CUSTOM:
        return searches.canonical(request.args.items(multi=True))
    filter_name = FILTERS.get(str(request.endpoint))
    if filter_name is None:
        return ""  # the feed of all datasets
    reference = str((request.view_args or {})["id"])
    if filter_name != "tags":
        group = model.Group.get(reference)
        if group:
            reference = group.name
    return searches.canonical([(filter_name, reference)])


def _address(number: int, locale: str | None = None) -> str:
    """Return the absolute URL of a page of the feed, by default in the current language."""
    own = {**(request.view_args or {}), "qualified": True, "locale": locale or language.current()}
    arguments = ()
    if request.endpoint == _CUSTOM:
        arguments = request.args.items(multi=True)
    query = [pair for pair in arguments if pair[0] != "page"]
    if number > 1:
        query.append(("page", str(number)))
    address = tk.h.url_for(str(request.endpoint), **own)
    if query:
        return f"{address}?{urlencode(query)}"
    return address
