"""Template helpers of services, previews, QGIS layers and usage counts."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.auth import readable_extract
from ckanext.ecosphere.access.preview import messages, samples
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take import areas, extracts, form
from ckanext.ecosphere.access.take.areas import offers_features
from ckanext.ecosphere.dataset import outlines
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import once, qgis, template_helpers

MOST_PREVIEWS = 20
MOST_LOOKED_AT = 200
"""Resources of a dataset among which previews and layers are looked for."""
MOST_MEMBERS = 10
"""Members of a series among which one that QGIS can open is looked for."""
#: Endpoints of pages that list datasets → facet of the listed group or organisation.
_LISTS = {"dataset.search": "", "group.read": "groups", "organization.read": "organization"}


def ecosphere_access_of_resource(pkg: DataDict, res: DataDict) -> DataDict | None:
    """Return the known service of a resource, with `can_take` (whether it offers features); None if
    the resource is no service.

    Args:
        pkg: the dataset, from `package_show`.
        res: one of its resources.
    """
    service = of_dataset(pkg).get(str(res.get("id") or ""))
    if service is None:
        return None
    can_take = any(offers_features(service, layer) for layer in service["layers"])
    return {**service, "can_take": can_take}


def ecosphere_access_opens_in_qgis(pkg: DataDict, res: DataDict) -> bool:
    """Return whether QGIS can open a resource, or a layer of its service."""
    service = of_dataset(pkg).get(str(res.get("id") or ""))
    return bool(qgis.layers_of_resource(pkg, res, service))


def ecosphere_access_layers(pkg: DataDict) -> list[qgis.Source]:
    """Return the layers of a dataset that QGIS can open and the reader can reach."""
    services = of_dataset(pkg)
    sources: list[qgis.Source] = []
    for resource in _first_resources(pkg):
        sources += qgis.layers_of_resource(pkg, resource, services.get(resource["id"]))
    return sources


def _first_resources(pkg: DataDict) -> list[DataDict]:
    return (pkg.get("resources") or [])[:MOST_LOOKED_AT]


def ecosphere_access_parts(pkg: DataDict, box: Box | None) -> list[tuple[str, str, str, str]]:
    """Return the parts of a dataset's layers that lie in a box, each as a link to take it.

    Layers whose service does not offer features, or is closed to the reader, are left out.

    Args:
        pkg: the dataset, from `package_show`.
        box: in degrees, None for whole layers.

    Returns:
        title of each layer, address of the part, id of the resource and name of the layer.
    """
    services = of_dataset(pkg)
    parts = []
    for resource in _first_resources(pkg):
        service = services.get(resource["id"])
        if service is None or template_helpers.ecosphere_closed(pkg, resource):
            continue
        for layer in service["layers"]:
            if offers_features(service, layer):
                title = str(layer["title"] or layer["name"])
                address = areas.address(service, layer, areas.Part(box))
                parts.append((title, address, resource["id"], layer["name"]))
    return parts


def ecosphere_access_extract(context: Context, id_: str) -> DataDict | None:
    """Return an extract as `ecosphere_access_extract_show` does, and the `path` of its file.

    Returns:
        the extract, with "" as `path` while there is no file; None if it was deleted, or if the
        user of the context may not read its dataset.
    """
    try:
        row = readable_extract(context, id_)
    except tk.ObjectNotFound:
        return None
    path = extracts.file_of(row)
    extract = {**form.shown(row), "path": ""}
    if extract["url"] and path and path.is_file():
        extract["path"] = str(path)
    return extract


def ecosphere_access_layers_url(pkg: DataDict) -> str:
    """Return the URL of the layer definition of a dataset.

    Returns:
        "" if QGIS can open at most one resource, or, for a series, nothing of its first members.
    """
    if qgis.is_series(pkg):
        members = qgis.members({"user": tk.g.user}, pkg, MOST_MEMBERS)
        is_enough = any(any(_opens_in_qgis(member)) for member in members)
    else:
        opens = _opens_in_qgis(pkg)
        # The second `any` goes on behind the resource at which the first one stopped.
        is_enough = any(opens) and any(opens)
    if not is_enough:
        return ""
    return tk.h.url_for("ecosphere_access.of_dataset_", id=pkg["name"])


def _opens_in_qgis(pkg: DataDict) -> Iterator[bool]:
    """Yield, for each resource of a dataset, whether QGIS can open it."""
    for resource in _first_resources(pkg):
        yield ecosphere_access_opens_in_qgis(pkg, resource)


def ecosphere_access_use(pkg: DataDict) -> DataDict | None:
    """Return the usage counts of a dataset; None if the user may not edit it."""
    try:
        return tk.get_action("ecosphere_access_use_show")({}, {"id": pkg["id"]})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None


def of_dataset(pkg: DataDict) -> dict[str, DataDict]:
    """Return the known services of a dataset by resource id; read once per page."""
    return once.of_dataset("services", pkg, _of_dataset)


def _of_dataset(pkg: Row) -> dict[str, DataDict]:
    names = {}
    for resource in pkg.get("resources") or []:
        names[str(resource.get("id") or "")] = str(resource.get("name") or "")
    title = str(pkg.get("title") or "")
    services = {}
    for id_, (service, requested) in storage.of_resources(list(names)).items():
        services[id_] = presentation.shown(service, requested, (names[id_], title))
    return services


def ecosphere_access_panel(pkg: DataDict, only: str = "") -> DataDict | None:
    """Return the data of the preview panel of a dataset, None if nothing can be shown.

    Args:
        pkg: the dataset, from `package_show`.
        only: id of a single resource to show, "" for all.

    Returns:
        `resources` (id, title, way and its parameters; twenty at most), `more` (whether there are
        others), `extent` of the dataset, `outline` of France and `background`.
    """
    services = of_dataset(pkg)
    resources = [res for res in pkg.get("resources") or [] if only in ("", res["id"])]
    entries = []
    for resource in resources[:MOST_LOOKED_AT]:
        service = services.get(resource["id"])
        entries.append((resource, service, samples.way(resource, service)))
    # Data first, then documents and images.
    entries.sort(key=lambda entry: entry[2] == samples.INLINE)
    previews: list[DataDict] = []
    for resource, service, way in entries:
        if way not in ("", samples.TOLD) and _is_reachable(pkg, resource):
            previews.append(_preview(pkg, resource, service, way))
        if len(previews) > MOST_PREVIEWS:
            break  # one more than shown: there are others
    if not previews:
        return None
    spatial = pkg.get("spatial") or tk.h.get_pkg_dict_extra(pkg, "spatial", "")
    return {
        "resources": previews[:MOST_PREVIEWS],
        "more": len(previews) > MOST_PREVIEWS,
        "extent": samples.extent_of(spatial),
        "outline": [frame.path for frame in outlines.frames()],
        "background": template_helpers.ecosphere_map_background(),
    }


def _is_reachable(pkg: DataDict, resource: DataDict) -> bool:
    """Return whether a resource is open to the reader, and its server may be asked."""
    if template_helpers.ecosphere_closed(pkg, resource):
        return False
    url = str(resource.get("url") or "")
    return resource.get("url_type") == "upload" or config.host_allowed(url)


def _preview(pkg: DataDict, resource: DataDict, service: DataDict | None, way: str) -> DataDict:
    address = {"id": pkg["name"], "resource_id": resource["id"]}
    preview: DataDict = {
        "id": resource["id"],
        "title": tk.h.resource_display_name(resource),
        "way": way,
        "trouble": "",
    }
    if service:
        preview["trouble"] = service["trouble"]
    if way == samples.TILES and service:
        url = tk.h.url_for("ecosphere_access.image", **address, zoom=0, column=0, row=0)
        preview.update(layers=samples.drawable_layers(service), tiles=url.removesuffix("/0/0/0"))
    elif way == samples.SAMPLE:
        preview["url"] = tk.h.url_for("ecosphere_access.sample", **address)
    else:
        preview["url"] = tk.h.url_for("ecosphere_access.inline", **address)
    return preview


def ecosphere_access_no_preview(pkg: DataDict, only: str) -> str:
    """Return why a resource in a known format has no preview, "" for other resources."""
    service = of_dataset(pkg).get(only)
    for resource in pkg.get("resources") or []:
        if resource["id"] == only and samples.way(resource, service) == samples.TOLD:
            return messages.sentence("no-preview")
    return ""


def ecosphere_access_search_url() -> str:
    """Return the URL of the layer definition of the datasets that this page lists, "" elsewhere."""
    facet = _LISTS.get(str(tk.request.endpoint))
    if facet is None:
        return ""
    arguments = tk.request.args.items(multi=True)
    parameters = [pair for pair in arguments if pair[0] not in ("page", "sort")]
    if facet:
        group = model.Group.get((tk.request.view_args or {}).get("id"))
        if group:
            parameters.append((facet, group.name))
    url = tk.h.url_for("ecosphere_access.of_search")
    if parameters:
        url = f"{url}?{urlencode(parameters)}"
    return url
