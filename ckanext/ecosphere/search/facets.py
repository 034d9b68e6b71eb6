"""Facets of the search pages: order, titles, labels and hierarchies.

They are declared in `data/facets.csv`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.facet_values import FORMAT_FIELD
from ckanext.ecosphere.search.index import HIERARCHIES
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.reach import family_of
from ckanext.ecosphere.vocabularies import tables

FILE = Path(__file__).with_name("data") / "facets.csv"
QUALITY_FIELD = "ecosphere_quality_level"

#: CKAN's facets that are kept only on portals that used them before.
KEPT = ("groups", "tags")
_CORE = {"organization", "groups", "tags", "res_format", "license_id"}
_DEFAULT_SHOWN = 8


@dataclass(frozen=True)
class Facet:
    """A row of the table.

    Attributes:
        field: index field.
        titles: language → title; empty for a facet titled by another room.
        vocabulary: vocabulary with the labels of its values, "" for none.
        order: order of its values: "count", "list" (as in the vocabulary) or "latest" (highest first).
        shown: number of values shown before "all".
        open: whether it is initially expanded.
    """

    field: str
    titles: dict[str, str]
    vocabulary: str
    order: str
    shown: int
    open: bool


@cache
def table() -> dict[str, Facet]:
    """Return the facets by field, in the order of the pages."""
    facets = {}
    for row in tables.rows(FILE):
        titles = {code: row[f"title_{code}"] for code in ("fr", "en") if row[f"title_{code}"]}
        shown, is_open = int(row["shown"]), row["open"] == "yes"
        facet = Facet(row["field"], titles, row["vocabulary"], row["order"], shown, is_open)
        facets[facet.field] = facet
    return facets


def of_field(field: str) -> Facet:
    """Return the declaration of a facet; default settings for a facet of another extension."""
    return table().get(field) or Facet(field, {}, "", "count", _DEFAULT_SHOWN, True)


#: Facet field → vocabulary of its labels.
VOCABULARIES = {facet.field: facet.vocabulary for facet in table().values() if facet.vocabulary}


def titles(page: str, existing: dict[str, str], kept: Iterable[str] = ()) -> dict[str, str]:
    """Return the facets of a page in order.

    Args:
        page: "dataset", "organization" or "group".
        existing: facets so far; the title of the quality facet, set by another room, is kept, and so is any facet that
            is not CKAN's own.
        kept: facets of CKAN to keep (`groups`, `tags`).

    Returns:
        facet field → title in the page's language.
    """
    lang = "en" if language.current()[:2] == "en" else "fr"
    left_out = {name for name in KEPT if name not in kept}
    if page == "organization":
        left_out |= {"organization", "ecosphere_service_kind"}
    elif page == "group":
        left_out.add("groups")
    ordered = {
        name: facet.titles.get(lang) or existing[name]
        for name, facet in table().items()
        if name not in left_out and (facet.titles or name in existing)
    }
    return ordered | {
        name: title for name, title in existing.items() if name not in {*_CORE, *ordered, *left_out}
    }


def label(facet: str, value: str, language: str, default: str = "") -> str:
    """Return the label of a facet value in a language, or a default if no vocabulary has it."""
    if facet == FORMAT_FIELD:
        family = voc.get("format-family").get(value)
        return family.label(language) if family else (default or value)
    vocabulary = VOCABULARIES.get(facet)
    concept = voc.get(vocabulary).get(value) if vocabulary else None
    return concept.label(language) if concept else (default or value)


def translate(search_facets: dict[str, Any], language: str) -> None:
    """Replace codes and URIs by labels in the facets of a search result, in place.

    Blank values, such as those of resources without a format, are removed.
    """
    for facet, content in search_facets.items():
        content["items"] = [item for item in content["items"] if item["name"].strip()]
        if facet in VOCABULARIES or facet == FORMAT_FIELD:
            for item in content["items"]:
                item["display_name"] = label(facet, item["name"], language, item["display_name"])


@dataclass
class Node:
    """A facet value with its child values.

    Attributes:
        item: CKAN's facet item (`name`, `display_name`, `count`, `active`).
        children: narrower values that have datasets.
    """

    item: dict[str, Any]
    children: list[Node] = field(default_factory=list)

    @property
    def chosen(self) -> bool:
        """Return whether this value or a descendant is chosen."""
        return bool(self.item["active"]) or any(child.chosen for child in self.children)

    @property
    def open(self) -> bool:
        """Return whether the children must be initially expanded."""
        return bool(self.children) and self.chosen


def is_tree(facet: str) -> bool:
    """Return whether a facet is hierarchical."""
    return facet in HIERARCHIES or facet == FORMAT_FIELD


def tree(facet: str, items: list[dict[str, Any]]) -> list[Node]:
    """Arrange facet items by the hierarchy of their vocabulary, each level in the order of the table.

    Args:
        facet: field of the facet.
        items: all of CKAN's facet items.

    Returns:
        the top level; it includes values whose broader value is missing, or that are in no vocabulary.
    """
    nodes = {item["name"]: Node(item) for item in items}
    top: list[Node] = []
    for name, node in nodes.items():
        parent = _parent(facet, name) if is_tree(facet) else None
        (nodes[parent].children if parent in nodes else top).append(node)
    rank = _rank(of_field(facet))
    for node in nodes.values():
        node.children.sort(key=rank)
    return sorted(top, key=rank)


def most_precise(facet: str, values: Iterable[str]) -> list[str]:
    """Remove values that are ancestors of other values, which narrow them down."""
    precise = list(dict.fromkeys(values))
    above = set().union(*(ancestors(facet, value) for value in precise))
    return [value for value in precise if value not in above]


def ancestors(facet: str, value: str) -> list[str]:
    """Return the ancestors of a value, nearest first."""
    ids: list[str] = []
    while parent := _parent(facet, value):
        ids.append(parent)
        value = parent
    return ids


def _rank(facet: Facet) -> Callable[[Node], tuple[Any, ...]]:
    if facet.order == "latest":
        return lambda node: (-int(node.item["name"]) if node.item["name"].isdecimal() else 0,)
    if facet.order == "list":
        places = {concept.id: place for place, concept in enumerate(voc.get(facet.vocabulary))}
        return lambda node: (places.get(node.item["name"], len(places)),)
    return lambda node: (-node.item["count"], voc.normalise(node.item["display_name"]))


def _parent(facet: str, name: str) -> str | None:
    if facet == FORMAT_FIELD:
        family = family_of(name)
        return family if family != name else None
    if facet not in HIERARCHIES:
        return None
    vocabulary = voc.get(VOCABULARIES[facet])
    concept = vocabulary.get(name)
    broader = vocabulary.ancestors(concept.uri)[:1] if concept else ()
    return broader[0].id if broader else None
