"""Facets of the search pages: titles, labels, hierarchies,
and filters by their values (`data/facets.csv`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.lib.search import SearchQueryError
from ckan.types import DataDict
from flask import has_request_context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.search.index import EXACT_TERRITORY_FIELD, HIERARCHIES
from ckanext.ecosphere.search.relevance.solr import FORMAT_FIELD
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.reach import family_of
from ckanext.ecosphere.vocabularies import communes, tables

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
        order: order of its values: "count", "list" (as in the vocabulary) or "latest" (highest
            first).
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
        existing: facets so far; the title of the quality facet, set by another room, is kept, and
            so is any facet that is not CKAN's own.
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
    concept = None
    if facet in VOCABULARIES:
        concept = voc.get(VOCABULARIES[facet]).get(value)
    if concept:
        return concept.label(language)
    return default or value


def translate(search_facets: DataDict, language: str) -> None:
    """Replace codes and URIs by labels in the facets of a search result, in place.

    Blank values, such as those of resources without a format, are removed.
    """
    for facet, content in search_facets.items():
        content["items"] = [item for item in content["items"] if item["name"].strip()]
        for item in content["items"]:
            item["display_name"] = label(facet, item["name"], language, item["display_name"])


@dataclass
class Node:
    """A facet value with its child values.

    Attributes:
        item: CKAN's facet item (`name`, `display_name`, `count`, `active`).
        children: narrower values that have datasets.
    """

    item: DataDict
    children: list[Node] = field(default_factory=list)

    @property
    def chosen(self) -> bool:
        """Return whether this value or a descendant is chosen."""
        return bool(self.item["active"]) or any(child.chosen for child in self.children)


def tree(facet: str, items: list[DataDict]) -> list[Node]:
    """Arrange facet items by the hierarchy of their vocabulary, each level in the order of the
    table.

    Args:
        facet: field of the facet.
        items: all of CKAN's facet items.

    Returns:
        the top level; it includes values whose broader value is missing, or that are in no
        vocabulary.
    """
    nodes = {item["name"]: Node(item) for item in items}
    top: list[Node] = []
    for name, node in nodes.items():
        parent = _parent(facet, name)
        if parent in nodes:
            nodes[parent].children.append(node)
        else:
            top.append(node)
    rank = _rank(of_field(facet))
    for node in nodes.values():
        node.children.sort(key=rank)
    return sorted(top, key=rank)


def values(value: Any) -> list[str]:
    """Return the values of a multi-valued field: a list, its JSON text, or a single value."""
    return list(View({"value": value}).many("value"))


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


def _rank(facet: Facet) -> Callable[[Node], Any]:
    """Return the sort key of a facet's values."""
    if facet.order == "latest":  # the values are years
        return lambda node: -int(node.item["name"])
    if facet.order == "list":
        places = {concept.id: place for place, concept in enumerate(voc.get(facet.vocabulary))}
        return lambda node: places.get(node.item["name"], len(places))
    return lambda node: (-node.item["count"], voc.normalise(node.item["display_name"]))


def _parent(facet: str, name: str) -> str | None:
    if facet == FORMAT_FIELD:
        family = family_of(name)
        if family != name:
            return family
        return None
    if facet not in HIERARCHIES:
        return None
    vocabulary = voc.get(VOCABULARIES[facet])
    concept = vocabulary.get(name)
    if concept is None:
        return None
    return next((broader.id for broader in vocabulary.ancestors(concept.uri)), None)


# --- the chosen values, as filters ---

PARAMETER = "ext_facets"
"""Parameter of `package_search`: field → values, as an object or as JSON."""
COVERS = "ext_covers"
"""Parameter of `package_search`: id of a territory, or `commune-` and the INSEE code."""
MOST_FIELDS = 30
MOST_VALUES = 200
_PARSER = "lucene"
_ALLOWED_PARSERS = (_PARSER, "edismax")
_ALLOWED = "ckan.search.solr_allowed_query_parsers"
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,80}")
_QUOTED = '"{}"'
_SPECIAL = re.compile(r'(["\\{])')

Chosen = dict[str, list[str]]


def allow(config: Any) -> None:
    """Allow the query parsers of tagged filters and of our own queries (`relevance/search.py`).

    Callers cannot use them, see `query.check`.
    """
    parsers = config.get(_ALLOWED) or []
    parsers = parsers.split() if isinstance(parsers, str) else list(parsers)
    config[_ALLOWED] = list(dict.fromkeys([*parsers, *_ALLOWED_PARSERS]))


def prepare(data_dict: DataDict) -> DataDict:
    """Return the parameters of `package_search` with multi-select facets.

    Raises:
        SearchQueryError: the facets are invalid or too many, or the place to cover is unknown.
    """
    data_dict = dict(data_dict)
    _refuse_local_parameters(data_dict)
    extras = data_dict["extras"] = dict(data_dict.get("extras") or {})
    for name in (PARAMETER, COVERS):
        if name in data_dict:
            extras[name] = data_dict.pop(name)
    chosen = from_extras(extras)
    fq = data_dict.get("fq")
    if isinstance(fq, str) and has_request_context():
        data_dict["fq"], of_page = from_address(fq, tk.request.args.items(multi=True))
        chosen = {**of_page, **chosen}
    apply(data_dict, chosen)
    _narrow_to_place(data_dict)
    return data_dict


def _refuse_local_parameters(data_dict: Row) -> None:
    """Refuse facets with local parameters of Solr, which would bypass the limits of a search.

    Raises:
        SearchQueryError: a facet is more than the name of a field.
    """
    if any("{!" in str(field) for field in _listed(data_dict.get("facet.field"))):
        raise SearchQueryError(_("A facet is the name of a field."))


def from_extras(extras: DataDict) -> Chosen:
    """Take the chosen values from `ext_facets`.

    Args:
        extras: the `extras` of `package_search`, changed in place.

    Raises:
        SearchQueryError: not an object of fields with their values, or too many of them.
    """
    parameter = extras.pop(PARAMETER, None)
    if parameter in (None, "", {}):
        return {}
    if isinstance(parameter, str):
        try:
            parameter = json.loads(parameter[:100_000])
        except (ValueError, RecursionError):
            parameter = None
    chosen = dict(parameter) if isinstance(parameter, dict) else {}
    for name, values in chosen.items():
        if isinstance(values, str):
            chosen[name] = [values]
    if not chosen or not all(
        _FIELD.fullmatch(str(field)) and _are_texts(values) for field, values in chosen.items()
    ):
        raise SearchQueryError(
            _("Give the facets as an object: each field with the list of its values.")
        )
    _check_bounds(chosen)
    return {field: list(dict.fromkeys(values)) for field, values in chosen.items() if values}


def from_address(fq: str, parameters: Iterable[tuple[str, str]]) -> tuple[str, Chosen]:
    """Extract from a page's filter query the filters that CKAN derived from the URL.

    CKAN's pages of datasets, services and groups append `field:"value"` for each parameter, and its
    feeds for the first one of each name. Only these are taken, the last ones first: filters that a
    page adds itself (such as the group shown), and all filter queries of the API, are kept.

    Args:
        fq: the filter query of the page.
        parameters: names and values of the URL parameters, in order.

    Returns:
        the remaining filter query, and the values by field.

    Raises:
        SearchQueryError: there are too many values.
    """
    chosen: Chosen = {}
    filters: set[str] = set()
    for name, value in parameters:
        if not value or not _FIELD.fullmatch(name):
            continue
        written = re.compile(rf'(?:^|(?<=[\s"])){re.escape(name)}: ?"{re.escape(value)}"')
        matches = list(written.finditer(fq))
        if matches:
            fq = fq[: matches[-1].start()] + fq[matches[-1].end() :]
            filters.add(name)
        chosen.setdefault(name, []).append(value)
    chosen = {name: list(dict.fromkeys(chosen[name])) for name in chosen if name in filters}
    _check_bounds(chosen)
    return fq.strip(), chosen


def apply(data_dict: DataDict, chosen: Chosen) -> None:
    """Filter by the chosen values, and count each of their facets without its own filter.

    Args:
        data_dict: parameters of `package_search`, changed in place.
        chosen: field → values. In a tree, ancestors of other chosen values are ignored: someone who
            chose a région, then one of its départements, wants the département.
    """
    if not chosen:
        return
    filters = [
        f"{{!{_PARSER} tag={_tag(field)}}}{clause(field, values)}"
        for field, values in chosen.items()
    ]
    data_dict["fq_list"] = [*_listed(data_dict.get("fq_list")), *filters]
    counted = _listed(data_dict.pop("facet.field", None))
    for number, name in enumerate(counted):
        if name in chosen:
            counted[number] = f"{{!{_PARSER} ex={_tag(name)} key={name}}}{name}"
    if counted:
        data_dict["facet.field"] = counted


def clause(field: str, values: Iterable[str]) -> str:
    """Return a filter query that matches any of the values."""
    quoted = (_SPECIAL.sub(r"\\\1", value) for value in most_precise(field, values))
    return f"{field}:({' OR '.join(map(_QUOTED.format, quoted))})"


def _tag(field: str) -> str:
    return f"facet_{field}"


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(item, str) for item in values)


def _listed(value: Any) -> list[Any]:
    """Return a parameter as a list.

    It may be missing, a list or its JSON text (as CKAN accepts it in URLs).
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value] if value else []
    if isinstance(value, (list, tuple)):
        return list(value)
    return []


def _check_bounds(chosen: Chosen) -> None:
    if len(chosen) > MOST_FIELDS or any(len(values) > MOST_VALUES for values in chosen.values()):
        message = _("Too many filters at once: {fields} facets with {values} values each at most.")
        raise SearchQueryError(message.format(fields=MOST_FIELDS, values=MOST_VALUES))


def _narrow_to_place(data_dict: DataDict) -> None:
    """Restrict the search to datasets that cover the given place.

    Args:
        data_dict: parameters of `package_search`, changed in place; `extras` must be a dict.

    Raises:
        SearchQueryError: the place is unknown.
    """
    place = data_dict["extras"].get(COVERS)
    if not place:
        return
    values = covering(place) if isinstance(place, str) else []
    if not values:
        raise SearchQueryError(
            _("There is no such territory: give its id, or commune- with the INSEE code.")
        )
    covers = clause(EXACT_TERRITORY_FIELD, values)
    data_dict["fq_list"] = [*_listed(data_dict.get("fq_list")), covers]


def covering(place: str) -> list[str]:
    """Return the territories that cover a place: itself and its ancestors.

    Args:
        place: id of a territory, or `commune-` and the INSEE code.

    Returns:
        values of `EXACT_TERRITORY_FIELD`, empty if the place is unknown.
    """
    territories = voc.get("territories")
    commune = commune_of(place)
    covers: list[str] = []
    if commune:
        covers.append(place)
        place = f"departement-{commune.departement}"
    territory = territories.get(place)
    if territory:
        covers += [concept.id for concept in (territory, *territories.ancestors(territory.id))]
    return covers


def place_label(place: str, lang: str) -> str:
    """Return the name of a place, empty if it is unknown."""
    commune = commune_of(place)
    if commune:
        return commune.label
    territory = voc.get("territories").get(place)
    if territory:
        return territory.label(lang)
    return ""


def commune_of(place: str) -> communes.Commune | None:
    """Return the commune of an id (`commune-` and the INSEE code); None for other places."""
    if place.startswith("commune-"):
        return communes.of_code(place.removeprefix("commune-"))
    return None
