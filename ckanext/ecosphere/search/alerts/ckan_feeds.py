"""CKAN's own Atom feeds (`/feeds/…`): of the catalogue, a service, a group, a keyword, or a search, page by page.

CKAN 2.12.0 writes them against RFC 4287 and 5005: in English whatever the language, with entries that lead to the API,
links to other pages that lead nowhere (`?query=page&query=2.25`), and an identifier of a service that is no address.
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
"""Field of an entry in which CKAN hands the dataset on."""
#: What each feed is a search for: endpoint → filter.
FILTERS = {"feeds.organization": "organization", "feeds.group": "groups", "feeds.tag": "tags"}
_CUSTOM = "feeds.custom"


class CkanFeed:
    """A feed as `ckan.plugins.IFeed` wants it; CKAN's own names and addresses of it are passed over.

    Args:
        next_page: given when there may be a next page.
        others: what CKAN says beside it.
    """

    def __init__(self, *_titles: Any, next_page: str | None = None, **_others: Any) -> None:
        self._may_go_on = next_page is not None
        self._entries: list[atom.Entry] = []

    def add_item(self, **fields: Any) -> None:
        """Add a dataset, which stands in the field `package`."""
        self._entries.append(feed.entry(fields[PACKAGE]))

    def writeString(self, _encoding: str) -> bytes:
        """Return the feed in UTF-8.

        Raises:
            ValidationError: the address has a parameter that no search has.
        """
        page, site, search = int(request.args.get("page", 1)), tk.config["ckan.site_title"], _search()
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
    """The search that the feed shows, as the query of its address."""
    name = FILTERS.get(str(request.endpoint))
    if name is None:
        return searches.canonical(request.args.items(multi=True)) if request.endpoint == _CUSTOM else ""
    given = str((request.view_args or {})["id"])
    group = model.Group.get(given) if name != "tags" else None
    return searches.canonical([(name, group.name if group else given)])


def _address(page: int, locale: str | None = None) -> str:
    """Full address of a page of the feed, by default in the language that is spoken now."""
    own = {**(request.view_args or {}), "qualified": True, "locale": locale or language.current()}
    shown = request.args.items(multi=True) if request.endpoint == _CUSTOM else ()
    query = [pair for pair in shown if pair[0] != "page"] + ([("page", str(page))] if page > 1 else [])
    address = tk.h.url_for(str(request.endpoint), **own)
    return f"{address}?{urlencode(query)}" if query else address
