"""Template helpers of services, previews, QGIS layers and usage counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.preview import messages, plan
from ckanext.ecosphere.access.qgis import layers, series
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take.request import offers_features
from ckanext.ecosphere.shared import once, outlines, template_helpers

MOST_PREVIEWS, MOST_ASKED = 20, 10
MOST_LOOKED_AT = 200
"""Resources of a dataset among which previews and layers are looked for."""
#: Endpoints of pages that list datasets → facet of the listed group or organisation.
_LISTS = {"dataset.search": "", "group.read": "groups", "organization.read": "organization"}


def ecosphere_access_of_resource(pkg: dict[str, Any], res: dict[str, Any]) -> dict[str, Any] | None:
    """Return the known service of a resource, or None.

    Args:
        pkg: the dataset, from `package_show`.
        res: one of its resources.
    """
    found = of_dataset(pkg).get(str(res.get("id") or ""))
    return found and {**found, "can_take": any(offers_features(found, layer) for layer in found["layers"])}


def ecosphere_access_opens_in_qgis(pkg: dict[str, Any], res: dict[str, Any]) -> bool:
    """Return whether QGIS can open a resource, or a layer of its service."""
    return bool(layers.of_resource(pkg, res, of_dataset(pkg).get(str(res.get("id") or ""))))


def ecosphere_access_layers_url(pkg: dict[str, Any]) -> str:
    """Return the URL of the layer definition of a dataset.

    Returns:
        "" if QGIS can open at most one resource, or, for a series, nothing of its first members.
    """

    def opened(each: dict[str, Any]) -> Iterator[bool]:
        return (ecosphere_access_opens_in_qgis(each, res) for res in (each.get("resources") or [])[:MOST_LOOKED_AT])

    if series.is_series(pkg):
        enough = any(any(opened(each)) for each in series.members({"user": tk.g.user}, pkg, MOST_ASKED))
    else:
        several = opened(pkg)
        enough = any(several) and any(several)  # a first one, and one after it
    return tk.h.url_for("ecosphere_access.of_dataset_", id=pkg["name"]) if enough else ""


def ecosphere_access_use(pkg: dict[str, Any]) -> dict[str, Any] | None:
    """Return the usage counts of a dataset; None if the user may not edit it."""
    try:
        return tk.get_action("ecosphere_access_use_show")({}, {"id": pkg["id"]})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None


def of_dataset(pkg: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the known services of a dataset by resource id; read once per page."""
    return once.of_dataset("services", pkg, _of_dataset)


def _of_dataset(pkg: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    names = {str(each.get("id") or ""): str(each.get("name") or "") for each in pkg.get("resources") or []}
    found = storage.of_resources(list(names)) if names else {}
    return {
        resource: presentation.shown(service, layer, (names[resource], str(pkg.get("title") or "")))
        for resource, (service, layer) in found.items()
    }


def ecosphere_access_panel(pkg: dict[str, Any], only: str = "") -> dict[str, Any] | None:
    """Return the data of the preview panel of a dataset, None if nothing can be shown.

    Args:
        pkg: the dataset, from `package_show`.
        only: id of a single resource to show, "" for all.

    Returns:
        `resources` (id, title, way and its parameters; twenty at most), `more` (whether there are others), `extent` of
        the dataset, `outline` of France, `background` and `labels`.
    """
    services = of_dataset(pkg)
    shown: list[dict[str, Any]] = []
    resources = [each for each in pkg.get("resources") or [] if only in ("", each["id"])][:MOST_LOOKED_AT]
    ways = {res["id"]: plan.way(res, services.get(res["id"])) for res in resources}
    # Data first, then documents and images.
    for res in sorted(resources, key=lambda res: ways[res["id"]] == plan.INLINE):
        service, way = services.get(res["id"]), ways[res["id"]]
        if way in ("", plan.TOLD) or template_helpers.ecosphere_closed(pkg, res):
            continue
        if res.get("url_type") != "upload" and not config.host_allowed(str(res.get("url") or "")):
            continue
        address = {"id": pkg["name"], "resource_id": res["id"]}
        each: dict[str, Any] = {"id": res["id"], "title": tk.h.resource_display_name(res), "way": way}
        if way == plan.TILES and service:
            each["layers"] = plan.layers(service)
            url = tk.h.url_for("ecosphere_access.image", **address, zoom=0, column=0, row=0)
            each["tiles"] = url.removesuffix("/0/0/0")
        elif way == plan.SAMPLE:
            each["url"] = tk.h.url_for("ecosphere_access.sample", **address)
        else:
            each["url"] = tk.h.url_for("ecosphere_access.inline", **address)
        each["trouble"] = service["trouble"] if service else ""
        shown.append(each)
        if len(shown) > MOST_PREVIEWS:
            break
    if not shown:
        return None
    extent = plan.extent_of(pkg.get("spatial") or tk.h.get_pkg_dict_extra(pkg, "spatial", ""))
    return {
        "resources": shown[:MOST_PREVIEWS],
        "more": len(shown) > MOST_PREVIEWS,
        "extent": extent,
        "outline": [frame.path for frame in outlines.frames()],
        "background": template_helpers.ecosphere_map_background(),
        "labels": _labels(),
    }


def ecosphere_access_no_preview(pkg: dict[str, Any], only: str) -> str:
    """Return the message for a resource in a known format without preview, "" for other resources."""
    services = of_dataset(pkg)
    ways = [plan.way(res, services.get(res["id"])) for res in pkg.get("resources") or [] if res["id"] == only]
    return messages.sentence("no-preview") if plan.TOLD in ways else ""


def _labels() -> dict[str, Any]:
    """Return the texts used by the script."""
    _ = tk._
    return {
        "loading": _("The preview is being prepared…"),
        "wanted": _("The preview is being made in the background. This takes a moment."),
        "failed": _("The preview could not be loaded."),
        "map": _("Map of the data"),
        "table": _("Table of the data"),
        "rows": _("Rows: {shown} of {total}"),
        "filter": _("Filter the rows"),
        "sort": _("Sort by {column}"),
        "empty": _("empty: {number}"),
        "previous": _("Previous rows"),
        "next": _("Next rows"),
        "cut": _("Only the first {number} are shown."),
        "part": _("The file is large: this is its beginning."),
        "part_of": _("This is the beginning of a file of {size}."),
        "features_of": _("The first {number} features of a file of {size}."),
        "rows_of": _("The first {number} rows of a file of {size}."),
        "part_features": _("The first {number} features of {total}: the file is large."),
        "part_rows": _("The first {number} rows of {total}: the file is large."),
        "page": _("The first {number} features: the service has more."),
        "page_features": _("The first {number} features of {total}: the service gives no more at once."),
        "no_rows": _("No row contains this."),
        "rows_more": _("Rows: {shown} of more than {total}"),
        "encoding": _("Encoding: {encoding}, separator: {delimiter}"),
        "tab": _("tab"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "integer": _("integer"),
        "number": _("number"),
        "date": _("date"),
        "boolean": _("yes/no"),
        "yes": _("yes"),
        "no": _("no"),
        "text": _("text"),
        "empty_type": _("empty"),
        "attributes": _("What the attributes of the data mean:"),
        "standard": _("The attributes are those of the standard {standard}, which explains them."),
        "api": _("Operations of the API “{title}”, version {version}:"),
        "api_path": _("Path"),
        "api_method": _("Method"),
        "api_summary": _("What it does"),
        "api_parameters": _("Parameters"),
        "attribute_feature": _("Object"),
        "attribute_name": _("Attribute"),
        "attribute_title": _("Label"),
        "attribute_type": _("Type"),
        "attribute_unit": _("Unit"),
        "attribute_definition": _("Definition"),
        "attribute_values": _("Values"),
        "attribute_types": _attribute_types(),
    }


def _attribute_types() -> dict[str, str]:
    """Return the labels of the types of Table Schema and ISO 19103, by lower-case name."""
    _ = tk._
    text, number, moment = _("text"), _("number"), _("date and time")
    return {
        "string": text,
        "characterstring": text,
        "integer": _("integer"),
        "number": number,
        "real": number,
        "decimal": number,
        "boolean": _("yes/no"),
        "date": _("date"),
        "time": _("time"),
        "datetime": moment,
        "year": _("year"),
        "yearmonth": _("year and month"),
        "duration": _("duration"),
        "geopoint": _("point"),
        "geojson": _("geometry"),
        "object": _("object"),
        "array": _("list"),
        "list": _("list"),
        "any": _("any value"),
    }


def ecosphere_access_search_url() -> str:
    """Return the URL of the layer definition of the datasets listed on this page, "" on other pages."""
    facet = _LISTS.get(str(tk.request.endpoint))
    if facet is None:
        return ""
    asked = [(name, value) for name, value in tk.request.args.items(multi=True) if name not in ("page", "sort")]
    if facet:
        group = model.Group.get((tk.request.view_args or {}).get("id"))
        asked.append((facet, group.name if group else ""))
    return tk.h.url_for("ecosphere_access.of_search") + (f"?{urlencode(asked)}" if asked else "")
