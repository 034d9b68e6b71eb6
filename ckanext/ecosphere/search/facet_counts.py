"""Facets that add: several values of one facet are alternatives, different facets narrow each other down.

The filter of each facet gets a tag, and the count of the values of that facet leaves it out: it says what a value has
whether or not another one is chosen beside it. All of it is one question to Solr, whatever its schema::

    fq={!lucene tag=facet_res_format}res_format:("WMS" OR "SHP")
    facet.field={!lucene ex=facet_res_format key=res_format}res_format

Filters stay filters of their own, so nothing that a caller writes can leave out what CKAN adds (permission labels,
state, site): those carry no tag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchQueryError
from flask import has_request_context

from ckanext.ecosphere.search import covering, facets

PARAMETER = "ext_facets"
"""Parameter of `package_search`: field → values, as an object or as JSON."""
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
    """Let CKAN hand filters with a tag on to Solr: its usual parser, and that of questions (`relevance/counts.py`).

    Who asks names none of them, see `bounds.check`.
    """
    parsers = config.get(_ALLOWED) or []
    parsers = parsers.split() if isinstance(parsers, str) else list(parsers)
    config[_ALLOWED] = list(dict.fromkeys([*parsers, *_ALLOWED_PARSERS]))


def prepare(data_dict: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of `package_search` with facets that add.

    Raises:
        SearchQueryError: the facets are none or more than a search may have, or the place to cover is unknown.
    """
    data_dict = dict(data_dict)
    _refuse_local_parameters(data_dict)
    extras = data_dict["extras"] = dict(data_dict.get("extras") or {})
    for name in (PARAMETER, covering.PARAMETER):
        if name in data_dict:
            extras[name] = data_dict.pop(name)
    chosen = from_extras(extras)
    fq = data_dict.get("fq")
    if isinstance(fq, str) and has_request_context():
        data_dict["fq"], of_page = from_address(fq, tk.request.args.items(multi=True))
        chosen = {**of_page, **chosen}
    apply(data_dict, chosen)
    covering.narrow(data_dict)
    return data_dict


def _refuse_local_parameters(data_dict: Mapping[str, Any]) -> None:
    """Refuse facets that come with parameters of Solr: with them a caller would lift the bounds of a search.

    Raises:
        SearchQueryError: a facet is more than the name of a field.
    """
    if any("{!" in str(field) for field in _listed(data_dict.get("facet.field"))):
        raise SearchQueryError(tk._("A facet is the name of a field."))


def from_extras(extras: dict[str, Any]) -> Chosen:
    """Take the chosen values out of `ext_facets`.

    Args:
        extras: the `extras` of `package_search`, changed in place.

    Raises:
        SearchQueryError: not an object of fields with their values, or more of them than a search may have.
    """
    given = extras.pop(PARAMETER, None)
    if given in (None, "", {}):
        return {}
    if isinstance(given, str):
        try:
            given = json.loads(given[:100_000])
        except (ValueError, RecursionError):
            given = None
    chosen = {}
    if isinstance(given, dict):
        chosen = {field: [values] if isinstance(values, str) else values for field, values in given.items()}
    if not chosen or not all(_FIELD.fullmatch(str(field)) and _are_texts(values) for field, values in chosen.items()):
        raise SearchQueryError(tk._("Give the facets as an object: each field with the list of its values."))
    _check_bounds(chosen)
    return {field: list(dict.fromkeys(values)) for field, values in chosen.items() if values}


def from_address(fq: str, parameters: Iterable[tuple[str, str]]) -> tuple[str, Chosen]:
    """Take the filters that a page of CKAN wrote from its own address out of its filter query.

    CKAN's pages of datasets, services and groups write `field:"value"` for each parameter, one after the other, and its
    feeds for the first one of each name. Only these are taken, the last ones first: what a page adds by itself (the
    group that it shows, say) stays, and so does every filter query of the API.

    Args:
        fq: the filter query of the page.
        parameters: names and values of its address, in order.

    Returns:
        the filter query without them, and the values of each field.

    Raises:
        SearchQueryError: more values than a search may have.
    """
    chosen: Chosen = {}
    filters: set[str] = set()
    for field, value in parameters:
        if not value or not _FIELD.fullmatch(field):
            continue
        written = re.compile(rf'(?:^|(?<=[\s"])){re.escape(field)}: ?"{re.escape(value)}"')
        if found := list(written.finditer(fq)):
            fq = fq[: found[-1].start()] + fq[found[-1].end() :]
            filters.add(field)
        chosen.setdefault(field, []).append(value)
    chosen = {field: list(dict.fromkeys(values)) for field, values in chosen.items() if field in filters}
    _check_bounds(chosen)
    return fq.strip(), chosen


def apply(data_dict: dict[str, Any], chosen: Chosen) -> None:
    """Filter by the chosen values, and count each of their facets without its own filter.

    Args:
        data_dict: the parameters of `package_search`, changed in place.
        chosen: field → values. Of a tree, a value above another chosen one is left out: who chose a région and then
            one of its départements wants the département.
    """
    if not chosen:
        return
    filters = [f"{{!{_PARSER} tag={_tag(field)}}}{clause(field, values)}" for field, values in chosen.items()]
    data_dict["fq_list"] = [*_listed(data_dict.get("fq_list")), *filters]
    data_dict["facet.field"] = [
        f"{{!{_PARSER} ex={_tag(field)} key={field}}}{field}" if field in chosen else field
        for field in _listed(data_dict.get("facet.field"))
    ]
    if not data_dict["facet.field"]:
        del data_dict["facet.field"]


def clause(field: str, values: Iterable[str]) -> str:
    """Write a filter that any of the values passes, in Solr's language."""
    quoted = (_SPECIAL.sub(r"\\\1", value) for value in facets.most_precise(field, values))
    return f"{field}:({' OR '.join(map(_QUOTED.format, quoted))})"


def _tag(field: str) -> str:
    return f"facet_{field}"


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


def _listed(value: Any) -> list[Any]:
    """Read a parameter that may be missing, a list or JSON of one (as CKAN takes it in an address)."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value] if value else []
    return list(value) if isinstance(value, (list, tuple)) else []


def _check_bounds(chosen: Chosen) -> None:
    if len(chosen) > MOST_FIELDS or any(len(values) > MOST_VALUES for values in chosen.values()):
        message = tk._("Too many filters at once: {fields} facets with {values} values each at most.")
        raise SearchQueryError(message.format(fields=MOST_FIELDS, values=MOST_VALUES))
