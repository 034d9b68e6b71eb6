"""Views of QGIS layer definitions: of a resource, a dataset, a search."""

from __future__ import annotations

import re
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError
from flask import Response, make_response, request

from ckanext.ecosphere.access.helpers import of_dataset
from ckanext.ecosphere.access.qgis import definition, layers, series
from ckanext.ecosphere.access.qgis.sources import Source
from ckanext.ecosphere.access.views.blueprint import OF_RESOURCE, absent, context, ecosphere_access, found

MOST_DATASETS, MOST_FILTERS = 50, 20
BAD_REQUEST = 400
#: Names of facets; other parameters are not used as filters.
_FACET = re.compile(r"[a-z][a-z0-9_]{1,60}")
_NO_FACETS = frozenset({"q", "page", "sort", "id", "fq"})


@ecosphere_access.route(OF_RESOURCE + "/qgis.qlr")
def of_resource(id: str, resource_id: str) -> Response:
    """Return the layers of a resource."""
    resource = found(id, resource_id)
    pkg: Any = tk.get_action("package_show")(context(), {"id": resource.package.id})
    name = resource.resource.name or pkg["title"] or pkg["name"]
    return _file(name, [(pkg["title"], _layers(pkg, resource_id))], pkg["name"])


@ecosphere_access.route("/dataset/<id>/qgis.qlr")
def of_dataset_(id: str) -> Response:
    """Return the layers of all resources of a dataset; for a series, also those of its members."""
    try:
        pkg: Any = tk.get_action("package_show")(context(), {"id": id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        absent(tk._("Dataset not found"))
    title = pkg["title"] or pkg["name"]
    datasets = [pkg, *(series.members(context(), pkg, MOST_DATASETS) if series.is_series(pkg) else [])]
    return _file(title, [(each["title"] or each["name"], _layers(each)) for each in datasets], pkg["name"])


@ecosphere_access.route("/recherche.qlr")
def of_search() -> Response:
    """Return the layers of the first datasets of a search, with the parameters of the search page."""
    filters = [
        f'+{name}:"{_escaped(value)}"'
        for name, value in request.args.items(multi=True)
        if _FACET.fullmatch(name) and name not in _NO_FACETS and not name.startswith("ext_")
    ]
    query: dict[str, Any] = {
        "q": request.args.get("q", ""),
        "fq": " ".join([*filters[:MOST_FILTERS], "+dataset_type:dataset"]),
        "rows": MOST_DATASETS,
        "include_private": True,
        "extras": {name: value for name, value in request.args.items() if name.startswith("ext_")},
    }
    try:
        results = tk.get_action("package_search")(context(), query)["results"]
    except (SearchError, tk.ValidationError):
        tk.abort(BAD_REQUEST, tk._("This search cannot be understood."))
    groups = [(each["title"] or each["name"], _layers(each)) for each in results]
    return _file(query["q"] or tk._("Datasets"), groups, "recherche")


def _escaped(value: str) -> str:
    return value[:300].replace("\\", "\\\\").replace('"', '\\"')


def _layers(pkg: dict[str, Any], resource_id: str = "") -> list[Source]:
    services = of_dataset(pkg)
    return [
        source
        for each in pkg.get("resources") or []
        if not resource_id or each["id"] == resource_id
        for source in layers.of_resource(pkg, each, services.get(each["id"]))
    ]


def _file(title: str, groups: list[tuple[str, list[Source]]], name: str) -> Response:
    if not any(sources for _title, sources in groups):
        absent(tk._("There is no layer here that QGIS can open."))
    response = make_response(definition.write(title, groups))
    response.mimetype = definition.MEDIA_TYPE
    response.headers["Content-Disposition"] = f'attachment; filename="{name[:100]}{definition.SUFFIX}"'
    return response
