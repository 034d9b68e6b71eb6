"""Facets of the search pages: which, in what order, under what names, and as trees where they are trees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.index import HIERARCHIES, TERRITORY_FIELD, THEME_FIELD

_ = tk._

QUALITY_FIELD = "ecosphere_quality_level"

#: Facet field → vocabulary that has its labels.
VOCABULARIES = {facet: vocabulary for facet, (_field, vocabulary, _text) in HIERARCHIES.items()} | {
    "dcat_type": "resource-type",
    "license_id": "licences",
}


def titles(page: str, existing: dict[str, str], kept: Iterable[str] = ()) -> dict[str, str]:
    """Give the facets of a page in order.

    Args:
        page: "dataset", "organization" or "group".
        existing: facets so far; the title that another room gave to the quality facet is kept, and so is
            any facet
            that CKAN does not have by itself.
        kept: facets of CKAN that stay, `groups` and `tags`.

    Returns:
        facet field → title in the page's language.
    """
    core = {"organization", "groups", "tags", "res_format", "license_id"}
    ordered = {TERRITORY_FIELD: _("Territory"), THEME_FIELD: _("Theme")}
    if page != "organization":
        ordered["organization"] = _("Producer service")
    if QUALITY_FIELD in existing:
        ordered[QUALITY_FIELD] = existing[QUALITY_FIELD]
    ordered |= {"res_format": _("Format"), "license_id": _("Licence"), "dcat_type": _("Kind of resource")}
    core_titles = {"groups": _("Groups"), "tags": _("Keywords")}
    ordered |= {name: core_titles[name] for name in kept if page != "group" or name != "groups"}
    return ordered | {name: title for name, title in existing.items() if name not in {*core, *ordered}}


def label(facet: str, value: str, language: str, default: str = "") -> str:
    """Return the label of a facet value in a language, or a default where no vocabulary knows it."""
    if facet == "res_format":
        return default or value
    vocabulary = VOCABULARIES.get(facet)
    concept = voc.get(vocabulary).get(value) if vocabulary else None
    return concept.label(language) if concept else (default or value)


def translate(search_facets: dict[str, Any], language: str) -> None:
    """Put labels in place of codes and addresses in the facets of a search result, in place."""
    for facet, content in search_facets.items():
        if facet in VOCABULARIES:
            for item in content["items"]:
                item["display_name"] = label(facet, item["name"], language, item["display_name"])


@dataclass
class Node:
    """A facet value with those below it.

    Attributes:
        item: CKAN's facet item (`name`, `display_name`, `count`, `active`).
        children: values below it that have datasets.
    """

    item: dict[str, Any]
    children: list[Node] = field(default_factory=list)

    @property
    def chosen(self) -> bool:
        """Whether this value or one below it is chosen."""
        return bool(self.item["active"]) or any(child.chosen for child in self.children)

    @property
    def open(self) -> bool:
        """Whether the values below must be seen at once."""
        return bool(self.children) and self.chosen


def tree(facet: str, items: list[dict[str, Any]]) -> list[Node]:
    """Arrange facet items as their vocabulary does, the most frequent first on each level.

    Args:
        facet: field of the facet.
        items: CKAN's facet items, all of them.

    Returns:
        the upper level. A value whose broader value is missing (or that no vocabulary knows) is on the
        upper level.
    """
    vocabulary = VOCABULARIES.get(facet) if facet in HIERARCHIES else None
    nodes = {item["name"]: Node(item) for item in items}
    top: list[Node] = []
    for name, node in nodes.items():
        parent = _parent(vocabulary, name) if vocabulary else None
        (nodes[parent].children if parent in nodes else top).append(node)
    for node in nodes.values():
        node.children.sort(key=_rank)
    return sorted(top, key=_rank)


def most_precise(facet: str, values: Iterable[str]) -> list[str]:
    """Leave out the values of a tree that stand above others: what is below them narrows them down."""
    kept = list(dict.fromkeys(values))
    if facet not in HIERARCHIES:
        return kept
    known = voc.get(VOCABULARIES[facet])
    above = {broader.id for value in kept if value in known for broader in known.ancestors(value)}
    return [value for value in kept if value not in above]


def _rank(node: Node) -> tuple[int, str]:
    return -node.item["count"], voc.normalise(node.item["display_name"])


def _parent(vocabulary: str, name: str) -> str | None:
    concept = voc.get(vocabulary).get(name)
    broader = voc.get(vocabulary).ancestors(concept.uri)[:1] if concept else ()
    return broader[0].id if broader else None
