"""Template helpers of the page of a dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError

from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.schemas.page import around, citation, glance, uses, views
from ckanext.ecosphere.schemas.page.around import ecosphere_address_text
from ckanext.ecosphere.schemas.rdf import structured
from ckanext.ecosphere.schemas.rdf.terms import HIGH_VALUE_REGULATION
from ckanext.ecosphere.shared import contact_details, once, reach, template_helpers

Dataset = Mapping[str, Any]
RESOURCES_SHOWN = 100
"""Resources on one page of a dataset."""


def ecosphere_glance(dataset: Dataset) -> dict[str, Any]:
    """Return the summary of a dataset (`glance.of`), computed once per page."""
    return once.of_dataset("glance", dataset, glance.of)


def ecosphere_hvd_regulation() -> str:
    """Return the URL of the regulation about high-value datasets."""
    return HIGH_VALUE_REGULATION


def ecosphere_access(dataset: Dataset) -> dict[str, Any]:
    """Return the access conditions of a dataset (`glance.access`)."""
    return glance.access(dataset)


def ecosphere_resources_by_use(dataset: Dataset) -> dict[str, Any]:
    """Return one page of the resources of a dataset, grouped by kind of use.

    Returns:
        ``groups`` (``kind``, ``label``, ``icon``, ``help``, ``resources``), ``page``, ``pages`` (number of pages),
        ``first`` and ``last`` (numbers of the resources shown, from 1), ``number`` of all resources.
    """
    entries = uses.in_order(glance.entries(dataset))
    pages = max(1, math.ceil(len(entries) / RESOURCES_SHOWN))
    page = min(max(1, tk.request.args.get("page", 1, type=int)), pages)
    first = (page - 1) * RESOURCES_SHOWN
    of_page = entries[first : first + RESOURCES_SHOWN]
    groups: dict[str, dict[str, Any]] = {}
    for resource, use in of_page:
        if use.kind not in groups:
            groups[use.kind] = _group(use.kind)
        groups[use.kind]["resources"].append(resource)
    return {
        "groups": list(groups.values()),
        "page": page,
        "pages": pages,
        "first": first + 1,
        "last": first + len(of_page),
        "number": len(entries),
    }


def _group(kind: str) -> dict[str, Any]:
    texts = uses.texts()["kinds"][kind]
    return {
        "kind": kind,
        "label": _text(texts["label"]),
        "icon": texts["icon"],
        "help": _text(texts.get("help", {})),
        "resources": [],
    }


def ecosphere_resource_use(
    resource: Mapping[str, Any], dataset: Dataset | None = None
) -> dict[str, Any]:
    """Return the use of a resource and the text of its main button.

    Args:
        resource: the resource, from `package_show` or `glance.resources`.
        dataset: its dataset; needed when the resource is not from `glance.resources`.

    Returns:
        the fields of `uses.Use`, ``kind_label`` and ``text`` ("Télécharger GeoPackage, 12 Mo").
    """
    by_id = once.of_dataset("uses by id", dataset, _uses_by_id) if dataset else {}
    return _shown(resource, by_id.get(resource.get("id")) or uses.of(resource))


def _uses_by_id(dataset: Dataset) -> dict[Any, uses.Use]:
    return {resource.get("id"): use for resource, use in glance.entries(dataset)}


def ecosphere_structured_data(dataset: Dataset) -> dict[str, Any]:
    """Return the structured data of a page (`structured.describe`); of many resources, only the first ones."""
    return structured.describe(
        {**dataset, "resources": glance.resources(dataset)[:RESOURCES_SHOWN]}
    )


def ecosphere_main_way(dataset: Dataset) -> dict[str, Any] | None:
    """Return the main ``resource`` of a dataset with its use (`ecosphere_resource_use`), or None."""
    way = ecosphere_glance(dataset)["main"]
    if way is None:
        return None
    resource, use = way
    return {"resource": resource, **_shown(resource, use)}


def ecosphere_link_state(dataset: Dataset, resource: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the result of the last link check of a resource (`ecosphere_quality_links`), or None."""
    states = reach.link_states(dataset)
    for field in ("download_url", "url"):
        link = states.get(str(resource.get(field) or ""))
        if link:
            return link if link["checked_at"] else None
    return None


def ecosphere_around(dataset: Dataset) -> dict[str, list[dict[str, Any]]]:
    """Return the datasets around one (`around.related`) beside its editions; nothing when the search fails."""
    try:
        parts = once.of_dataset("around", dataset, around.related)
    except SearchError:
        return around.nothing()
    editions = ecosphere_editions(dataset)
    names = {edition["name"] for edition in (*editions["older"], *editions["newer"])}
    others = {}
    for part, datasets in parts.items():
        others[part] = [other for other in datasets if other["name"] not in names]
    return others


def ecosphere_editions(dataset: Dataset) -> dict[str, Any]:
    """Return the other editions of a dataset (`around.editions`), computed once per page.

    There are none when the search fails.
    """
    try:
        return once.of_dataset("editions", dataset, around.editions)
    except SearchError:
        return {"older": [], "newer": [], "newest": None}


def ecosphere_collections(dataset: Dataset) -> dict[str, Any]:
    """Return the collections that use a dataset (`around.collections`), computed once per page."""
    return once.of_dataset("collections", dataset, around.collections)


def ecosphere_makers(dataset: Dataset) -> contact_details.Makers:
    """Return who made a dataset, apart from the service that publishes it (`contact_details.makers_of`)."""
    return once.of_dataset("makers", dataset, contact_details.makers_of)


def ecosphere_citation(dataset: Dataset) -> dict[str, Any]:
    """Return the citation of a dataset: ``text``, ``permalink`` and ``formats`` (label, extension)."""
    address = views.permalink(dataset)
    cited = citation.of(dataset, tk.config["ckan.site_title"], address)
    formats = [(form.label, ending) for ending, form in citation.FORMATS.items() if ending != "txt"]
    return {"text": citation.text(cited), "permalink": address, "formats": formats}


def _shown(resource: Mapping[str, Any], use: uses.Use) -> dict[str, Any]:
    texts, text = uses.texts(), ""
    if use.button:
        text = _text(texts["buttons"][use.button]).format(format=use.name, name=use.name)
    if resource.get("size") and use.action in (uses.DOWNLOAD, uses.OPEN):
        text += f", {template_helpers.ecosphere_size_text(resource['size'])}"
    return {**vars(use), "kind_label": _text(texts["kinds"][use.kind]["label"]), "text": text}


def _text(labels: Mapping[str, str]) -> str:
    return labels.get(wording.short_language(), "")


HELPERS = {
    helper.__name__: helper
    for helper in (
        ecosphere_glance,
        ecosphere_hvd_regulation,
        ecosphere_access,
        ecosphere_around,
        ecosphere_collections,
        ecosphere_editions,
        ecosphere_makers,
        ecosphere_citation,
        ecosphere_address_text,
        ecosphere_resources_by_use,
        ecosphere_resource_use,
        ecosphere_structured_data,
        ecosphere_main_way,
        ecosphere_link_state,
    )
}
