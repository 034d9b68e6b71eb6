"""CKAN's Atom feeds (`/feeds/…`) of the catalogue, an organisation, a group, a tag or a search, with paging.

Those of CKAN 2.12.0 violate RFC 4287 and RFC 5005: they are always in English, their entries link to the API, their
paging links are broken (`?query=page&query=2.25`), and the id of an organisation's feed is not an IRI.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan import model
from flask import request

from ckanext.ecosphere.search.alerts import feed, searches
from ckanext.ecosphere.shared import atom, language

PACKAGE = "package"
"""Field of an entry that holds the dataset."""
#: Endpoint → search filter of the feed.
FILTERS = {"feeds.organization": "organization", "feeds.group": "groups", "feeds.tag": "tags"}
_CUSTOM = "feeds.custom"


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
        self._entries.append(feed.entry(fields[PACKAGE]))

    def writeString(self, _encoding: str) -> bytes:
        """Return the feed in UTF-8.

        Raises:
            ValidationError: the URL has a parameter that is not a search parameter.
        """
        page, site, search = (
            int(request.args.get("page", 1)),
            tk.config["ckan.site_title"],
            _search(),
        )
        links = {"first": _address(1)}
        if page > 1:
            links["prev"] = _address(page - 1)
        if self._may_go_on and len(self._entries) == tk.config["ckan.feeds.limit"]:
            links["next"] = _address(page + 1)
        return atom.feed(
            f"{searches.title(search)} – {site}",
            site,
            searches.address(search),
            _address(page),
            self._entries,
            identifier=_address(1, "default"),
            language=language.current(),
            links=links,
        )


def _search() -> str:
    """Return the search of the feed as a query string."""
    name = FILTERS.get(str(request.endpoint))
    if name is None:
        if request.endpoint == _CUSTOM:
            return searches.canonical(request.args.items(multi=True))
        return ""
    reference = str((request.view_args or {})["id"])
    group = model.Group.get(reference) if name != "tags" else None
    return searches.canonical([(name, group.name if group else reference)])


def _address(page: int, locale: str | None = None) -> str:
    """Return the absolute URL of a page of the feed, by default in the current language."""
    own = {**(request.view_args or {}), "qualified": True, "locale": locale or language.current()}
    arguments = ()
    if request.endpoint == _CUSTOM:
        arguments = request.args.items(multi=True)
    query = [pair for pair in arguments if pair[0] != "page"] + (
        [("page", str(page))] if page > 1 else []
    )
    address = tk.h.url_for(str(request.endpoint), **own)
    if query:
        return f"{address}?{urlencode(query)}"
    return address
