"""The address of a search page, and of those that a click away differ from it by one filter.

Addresses are relative ("?q=eau&res_format=CSV"), so the same code serves the pages of datasets, services and groups.
The unchanging part is encoded once: a page has hundreds of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.search import facets

#: What shows a page otherwise and finds nothing else begins with it; CKAN makes no filter of such parameters.
VIEW = "_"
MAP = "_map"
"""The one of them that goes along from page to page: whether the map is seen."""
_PLUGINS = "ext_"
_NO_FILTERS = frozenset({"q", "page", "sort"})

Pairs = list[tuple[str, str]]


class Address:
    """An address without its page number.

    Args:
        pairs: names and values of its parameters, in order.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs: Pairs = [(name, value) for name, value in pairs if name != "page" and value]

    @classmethod
    def current(cls) -> Address:
        """Return the address of the page that is being answered, without what only changes how it looks."""
        args = tk.request.args.items(multi=True)
        return cls(pair for pair in args if not pair[0].startswith(VIEW) or pair[0] == MAP)

    @property
    def filters(self) -> Pairs:
        """The chosen values of facets."""
        return [pair for pair in self.pairs if pair[0] not in _NO_FILTERS and not pair[0].startswith((_PLUGINS, VIEW))]

    @cached_property
    def chosen(self) -> dict[str, list[str]]:
        """The chosen values by facet."""
        found: dict[str, list[str]] = {}
        for field, value in self.filters:
            found.setdefault(field, []).append(value)
        return found

    @cached_property
    def _encoded(self) -> str:
        return urlencode(self.pairs)

    def url(self, **more: str) -> str:
        """Return the address, with further parameters."""
        return "?" + "&".join(filter(None, (self._encoded, urlencode(more))))

    def with_value(self, field: str, value: str) -> str:
        """Return the address with a value chosen; of a tree, those above and below it give way to it."""
        others = [each for each in self.chosen.get(field, ()) if self._gives_way(field, each, value)]
        kept = self.without(*((field, each) for each in others)) if others else self
        return kept.url(**{field: value})

    @staticmethod
    def _gives_way(field: str, chosen: str, value: str) -> bool:
        return chosen in facets.ancestors(field, value) or value in facets.ancestors(field, chosen)

    def without(self, *pairs: tuple[str, str | None]) -> Address:
        """Return the address without some parameters; None stands for whatever value."""
        return Address(pair for pair in self.pairs if pair not in pairs and (pair[0], None) not in pairs)
