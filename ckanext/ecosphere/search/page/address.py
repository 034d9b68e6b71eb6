"""URLs of the search page, with filters added or removed.

URLs are relative ("?q=eau&res_format=CSV"), so the same code serves the pages of datasets, services and groups. The
unchanging part is encoded once, since a page has hundreds of links.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.search import facets

#: Prefix of parameters that change the display, not the results; CKAN does not treat them as filters.
VIEW = "_"
MAP = "_map"
"""The only such parameter kept in links: whether the map is shown."""
_PLUGINS = "ext_"
_NO_FILTERS = frozenset({"q", "page", "sort"})

Pairs = list[tuple[str, str]]


class Address:
    """The query string of a search page, without its page number.

    Args:
        pairs: names and values of the parameters, in order.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs: Pairs = [(name, value) for name, value in pairs if name != "page" and value]

    @classmethod
    def current(cls) -> Address:
        """Return the query string of the current page, without display parameters except that of the map."""
        args = tk.request.args.items(multi=True)
        return cls(pair for pair in args if not pair[0].startswith(VIEW) or pair[0] == MAP)

    @property
    def filters(self) -> Pairs:
        """Return the chosen facet values."""
        return [
            pair
            for pair in self.pairs
            if pair[0] not in _NO_FILTERS and not pair[0].startswith((_PLUGINS, VIEW))
        ]

    @cached_property
    def chosen(self) -> dict[str, list[str]]:
        """Return the chosen values by facet."""
        values_by_facet: dict[str, list[str]] = {}
        for field, value in self.filters:
            values_by_facet.setdefault(field, []).append(value)
        return values_by_facet

    @cached_property
    def _encoded(self) -> str:
        return urlencode(self.pairs)

    def url(self, **more: str) -> str:
        """Return the URL, with further parameters."""
        return "?" + "&".join(filter(None, (self._encoded, urlencode(more))))

    def with_value(self, field: str, value: str) -> str:
        """Return the URL with a value chosen; in a tree, it replaces values above and below it."""
        others = [
            other for other in self.chosen.get(field, ()) if self._gives_way(field, other, value)
        ]
        address = self.without(*((field, other) for other in others)) if others else self
        return address.url(**{field: value})

    @staticmethod
    def _gives_way(field: str, chosen: str, value: str) -> bool:
        return chosen in facets.ancestors(field, value) or value in facets.ancestors(field, chosen)

    def without(self, *pairs: tuple[str, str | None]) -> Address:
        """Return the query string without some parameters; None stands for any value."""
        return Address(
            pair for pair in self.pairs if pair not in pairs and (pair[0], None) not in pairs
        )
