"""Multi-select facets: values of one facet are alternatives (OR), different facets narrow each other down (AND).

The filter of each facet gets a tag, which is excluded when its values are counted: each value shows its count whether
or not others of the facet are chosen. This takes a single query to Solr, whatever its schema::

    fq={!lucene tag=facet_res_format}res_format:("WMS" OR "SHP")
    facet.field={!lucene ex=facet_res_format key=res_format}res_format

A place to cover (`ext_covers`) restricts a search to the datasets of the place and of all territories above it.

CKAN's own filters (permission labels, state, site) have no tag, so callers cannot exclude them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchQueryError
from flask import has_request_context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import facet_values, facets
from ckanext.ecosphere.vocabularies import communes

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
    """Allow the query parsers of tagged filters and of our own queries (`relevance/results.py`).

    Callers cannot use them, see `bounds.check`.
    """
    parsers = config.get(_ALLOWED) or []
    parsers = parsers.split() if isinstance(parsers, str) else list(parsers)
    config[_ALLOWED] = list(dict.fromkeys([*parsers, *_ALLOWED_PARSERS]))


def prepare(data_dict: dict[str, Any]) -> dict[str, Any]:
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


def _refuse_local_parameters(data_dict: Mapping[str, Any]) -> None:
    """Refuse facets with local parameters of Solr, which would bypass the limits of a search.

    Raises:
        SearchQueryError: a facet is more than the name of a field.
    """
    if any("{!" in str(field) for field in _listed(data_dict.get("facet.field"))):
        raise SearchQueryError(tk._("A facet is the name of a field."))


def from_extras(extras: dict[str, Any]) -> Chosen:
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
    chosen = {}
    if isinstance(parameter, dict):
        chosen = {
            field: [values] if isinstance(values, str) else values
            for field, values in parameter.items()
        }
    if not chosen or not all(
        _FIELD.fullmatch(str(field)) and _are_texts(values) for field, values in chosen.items()
    ):
        raise SearchQueryError(
            tk._("Give the facets as an object: each field with the list of its values.")
        )
    _check_bounds(chosen)
    return {field: list(dict.fromkeys(values)) for field, values in chosen.items() if values}


def from_address(fq: str, parameters: Iterable[tuple[str, str]]) -> tuple[str, Chosen]:
    """Extract from a page's filter query the filters that CKAN derived from the URL.

    CKAN's pages of datasets, services and groups append `field:"value"` for each parameter, and its feeds for the first
    one of each name. Only these are taken, the last ones first: filters that a page adds itself (such as the group
    shown), and all filter queries of the API, are kept.

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
    for field, value in parameters:
        if not value or not _FIELD.fullmatch(field):
            continue
        written = re.compile(rf'(?:^|(?<=[\s"])){re.escape(field)}: ?"{re.escape(value)}"')
        matches = list(written.finditer(fq))
        if matches:
            fq = fq[: matches[-1].start()] + fq[matches[-1].end() :]
            filters.add(field)
        chosen.setdefault(field, []).append(value)
    chosen = {
        field: list(dict.fromkeys(values)) for field, values in chosen.items() if field in filters
    }
    _check_bounds(chosen)
    return fq.strip(), chosen


def apply(data_dict: dict[str, Any], chosen: Chosen) -> None:
    """Filter by the chosen values, and count each of their facets without its own filter.

    Args:
        data_dict: parameters of `package_search`, changed in place.
        chosen: field → values. In a tree, ancestors of other chosen values are ignored: someone who chose a région,
            then one of its départements, wants the département.
    """
    if not chosen:
        return
    filters = [
        f"{{!{_PARSER} tag={_tag(field)}}}{clause(field, values)}"
        for field, values in chosen.items()
    ]
    data_dict["fq_list"] = [*_listed(data_dict.get("fq_list")), *filters]
    data_dict["facet.field"] = [
        f"{{!{_PARSER} ex={_tag(field)} key={field}}}{field}" if field in chosen else field
        for field in _listed(data_dict.get("facet.field"))
    ]
    if not data_dict["facet.field"]:
        del data_dict["facet.field"]


def clause(field: str, values: Iterable[str]) -> str:
    """Return a filter query that matches any of the values."""
    quoted = (_SPECIAL.sub(r"\\\1", value) for value in facets.most_precise(field, values))
    return f"{field}:({' OR '.join(map(_QUOTED.format, quoted))})"


def _tag(field: str) -> str:
    return f"facet_{field}"


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(item, str) for item in values)


def _listed(value: Any) -> list[Any]:
    """Return a parameter as a list; it may be missing, a list or its JSON text (as CKAN accepts it in URLs)."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value] if value else []
    return list(value) if isinstance(value, (list, tuple)) else []


def _check_bounds(chosen: Chosen) -> None:
    if len(chosen) > MOST_FIELDS or any(len(values) > MOST_VALUES for values in chosen.values()):
        message = tk._(
            "Too many filters at once: {fields} facets with {values} values each at most."
        )
        raise SearchQueryError(message.format(fields=MOST_FIELDS, values=MOST_VALUES))


def _narrow_to_place(data_dict: dict[str, Any]) -> None:
    """Restrict the search to datasets that cover the given place.

    Args:
        data_dict: parameters of `package_search`, changed in place; `extras` must be a dict.

    Raises:
        SearchQueryError: the place is unknown.
    """
    place = data_dict["extras"].get(COVERS)
    if not place:
        return
    values = facet_values.covering(place) if isinstance(place, str) else []
    if not values:
        raise SearchQueryError(
            tk._("There is no such territory: give its id, or commune- with the INSEE code.")
        )
    either = " OR ".join(f'"{value}"' for value in values)
    clause = f"{facet_values.EXACT_TERRITORY_FIELD}:({either})"
    data_dict["fq_list"] = [*(data_dict.get("fq_list") or []), clause]


def place_label(place: str, lang: str) -> str:
    """Return the name of a place, empty if it is unknown."""
    commune = (
        communes.of_code(place.removeprefix("commune-")) if place.startswith("commune-") else None
    )
    concept = voc.get("territories").get(place)
    return commune.label if commune else (concept.label(lang) if concept else "")
