"""Filters of a search page, passed on to a bulk edit of its results.

They have the form of the page's query string (``theme=…&organization=…&ext_bbox=…``) and the same meaning: a field of
the index and its value; parameters that start with ``ext_`` are handled by search plugins.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

import ckan.plugins as p
import ckan.plugins.toolkit as tk

_NO_FILTERS = ("q", "page", "sort")
_EXTRA = "ext_"
_FIELD = re.compile(r"[a-z][\w.]*", re.IGNORECASE)


def ecosphere_bulk_filters() -> str:
    """Return the filters of the current search page; on the page of a service, the service is one of them."""
    pairs = [(name, value) for name, value in tk.request.args.items(multi=True) if value and _is_filter(name)]
    if tk.request.endpoint == "organization.read":
        pairs.append(("organization", (tk.request.view_args or {})["id"]))
    return urlencode(pairs)


def _is_filter(name: str) -> bool:
    return name not in _NO_FILTERS and bool(_FIELD.fullmatch(name))


def _pairs(filters: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(filters) if _is_filter(name)]


def search(filters: str) -> dict[str, Any]:
    """Return the parameters of `package_search` for filters: ``fq_list`` and ``extras``.

    With `ecosphere_search`, several values of one field are alternatives (OR), as on its search page.
    """
    pairs = _pairs(filters)
    fields = [(name, value) for name, value in pairs if not name.startswith(_EXTRA)]
    extras: dict[str, Any] = {name: value for name, value in pairs if name.startswith(_EXTRA)}
    if not p.plugin_loaded("ecosphere_search"):
        return {"fq_list": [f'+{name}:"{_quoted(value)}"' for name, value in fields], "extras": extras}
    chosen: dict[str, list[str]] = {}
    for name, value in fields:
        chosen.setdefault(name, []).append(value)
    return {"fq_list": [], "extras": extras | {"ext_facets": chosen}}


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def described(filters: str) -> list[tuple[str, str]]:
    """Return the filters for display: title and label of the value, as on the search page."""
    pairs = _pairs(filters)
    fields = sorted({name for name, _value in pairs if not name.startswith(_EXTRA)})
    asked = {**search(filters), "facet.field": fields, "facet.limit": -1, "rows": 0}
    counted = tk.get_action("package_search")({}, asked)["search_facets"] if pairs else {}
    titles: Any = {}
    for plugin in p.PluginImplementations(p.IFacets):
        titles = plugin.dataset_facets(titles, "dataset")
    labels = {(name, item["name"]): item["display_name"] for name in counted for item in counted[name]["items"]}
    told = [(titles.get(name, name), labels.get((name, value), value)) for name, value in pairs if name in fields]
    return told + ([(tk._("Area"), tk._("as on the map"))] if any(name == "ext_bbox" for name, _ in pairs) else [])
