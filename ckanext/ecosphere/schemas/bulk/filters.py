"""The filters of a search page, which a person who changes what it shows brings along.

They travel as the page's own arguments do (``theme=…&organization=…&ext_bbox=…``) and mean what CKAN's page means by
them: a field of the index and its value; what begins with ``ext_`` is for the plugins that search.
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
    """Return the filters of the search page that is shown; that of a service has the service as one."""
    pairs = [(name, value) for name, value in tk.request.args.items(multi=True) if value and _is_filter(name)]
    if tk.request.endpoint == "organization.read":
        pairs.append(("organization", (tk.request.view_args or {})["id"]))
    return urlencode(pairs)


def _is_filter(name: str) -> bool:
    return name not in _NO_FILTERS and bool(_FIELD.fullmatch(name))


def _pairs(filters: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(filters) if _is_filter(name)]


def search(filters: str) -> dict[str, Any]:
    """Return what `package_search` takes for filters: ``fq_list`` and ``extras``.

    Several values of one field are alternatives where the search room makes the pages, as they are there.
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
    """Return the filters as people read them: title and value, as the search page calls them."""
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
