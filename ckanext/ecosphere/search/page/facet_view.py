"""Facets of a search page: by default the first and the chosen values of each, on request all values of one.

URLs are only built for the values shown, and closed branches of trees are not walked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import facets
from ckanext.ecosphere.search.index import TERRITORY_FIELD
from ckanext.ecosphere.search.page.results import Address
from ckanext.ecosphere.shared import language

WHOLE = "_facet"
"""Parameter: the facet whose values are all shown."""
FIND = "_find"
"""Parameter: words to look for in the values of that facet."""
_LONGEST_WORDS = 100


@dataclass(frozen=True)
class Value:
    """A facet value, with its child values that are shown.

    Attributes:
        url: URL that chooses the value, or removes it if chosen.
        open: whether the children are initially expanded.
    """

    label: str
    count: int
    url: str
    active: bool
    children: tuple[Value, ...]
    open: bool


@dataclass(frozen=True)
class ShownFacet:
    """A facet of a page.

    Attributes:
        number: number of its values, shown or not.
        open: whether it is initially expanded.
        all_url: URL that shows all values, "" if all are shown.
        whole: whether all values are shown on request.
        less_url: URL back to the default view, if `whole`.
        find: words to look for in the values.
        parameters: URL parameters kept by the form that takes these words.
        covering: labels and URLs of searches for datasets that cover the chosen territories.
    """

    field: str
    title: str
    values: tuple[Value, ...]
    number: int
    open: bool
    all_url: str
    whole: bool
    less_url: str
    find: str
    parameters: tuple[tuple[str, str], ...]
    covering: tuple[tuple[str, str], ...] = ()


def of_page(titles: dict[str, str], search_facets: dict[str, Any]) -> list[ShownFacet]:
    """Return the facets of the current page that have values.

    Args:
        titles: field → title, in the order of the page.
        search_facets: as returned by `package_search`.
    """
    address = Address.current()
    whole = tk.request.args.get(WHOLE, "")
    views = []
    for field, title in titles.items():
        items = search_facets.get(field, {}).get("items") or []
        if field == whole:
            find = tk.request.args.get(FIND, "")[:_LONGEST_WORDS]
            views.append(_view(field, title, items, address, find))
        elif items:
            views.append(_view(field, title, items, address, None))
    return views


def _view(
    field: str, title: str, items: list[dict[str, Any]], address: Address, find: str | None
) -> ShownFacet:
    """Return a facet; `find` is None for the default view, else the words (possibly none) to look for in all values."""
    whole = find is not None
    facet = facets.of_field(field)
    chosen = set(address.chosen.get(field, ()))
    nodes = facets.tree(field, [{**item, "active": item["name"] in chosen} for item in items])
    hidden = any(node.children for node in nodes) or len(nodes) > facet.shown
    words = voc.normalise(find or "").split()
    maker = _Maker(field, address, facet.shown, whole, words)
    all_url, less_url, parameters, covering = "", "", (), ()
    if whole:
        less_url = f"{address.url()}#facet-{field}"
        parameters = (*address.pairs, (WHOLE, field))
    elif hidden:
        all_url = f"{address.url(**{WHOLE: field})}#facet-{field}"
    if field == TERRITORY_FIELD and chosen:
        covering = _covering(address)
    return ShownFacet(
        field=field,
        title=title,
        values=maker.values(nodes),
        number=len(items),
        open=facet.open or whole or bool(chosen),
        all_url=all_url,
        whole=whole,
        less_url=less_url,
        find=find or "",
        parameters=parameters,
        covering=covering,
    )


def _covering(address: Address) -> tuple[tuple[str, str], ...]:
    """Return links, for each chosen territory, to the datasets that cover it instead of those within it."""
    elsewhere = address.without((TERRITORY_FIELD, None), (facets.COVERS, None))
    chosen = address.chosen.get(TERRITORY_FIELD, ())
    labels = ((facets.place_label(place, language.current()), place) for place in chosen)
    return tuple(
        (label, elsewhere.url(**{facets.COVERS: place})) for label, place in labels if label
    )


@dataclass(frozen=True)
class _Maker:
    field: str
    address: Address
    most: int
    whole: bool
    words: list[str]

    def values(self, nodes: list[facets.Node]) -> tuple[Value, ...]:
        if self.whole:
            nodes = [node for node in nodes if not self.words or self._holds(node)]
        else:
            nodes = [*nodes[: self.most], *(node for node in nodes[self.most :] if node.chosen)]
        return tuple(map(self._value, nodes))

    def _value(self, node: facets.Node) -> Value:
        item = node.item
        name, active = item["name"], item["active"]
        address = self.address
        if active:
            url = address.without((self.field, name)).url()
        else:
            url = address.with_value(self.field, name)
        if self.whole:
            url = f"{url}&{WHOLE}={self.field}#facet-{self.field}"
        below = self.values(node.children) if self.whole or node.chosen else ()
        return Value(
            item["display_name"],
            item["count"],
            url,
            active,
            below,
            node.chosen or bool(self.words),
        )

    def _holds(self, node: facets.Node) -> bool:
        label = f" {voc.normalise(node.item['display_name'])}"
        return all(f" {word}" in label for word in self.words) or any(
            map(self._holds, node.children)
        )
