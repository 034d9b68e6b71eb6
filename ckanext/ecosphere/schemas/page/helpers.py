"""Template helpers of the page of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError

from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.schemas.page import around, citation, collections, editions, glance, uses, views
from ckanext.ecosphere.schemas.page.addresses import ecosphere_address_text
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
    entries = [(kind, entry[0]) for kind, own in uses.grouped(glance.entries(dataset)) for entry in own]
    pages = max(1, math.ceil(len(entries) / RESOURCES_SHOWN))
    page = min(max(1, tk.request.args.get("page", 1, type=int)), pages)
    first = (page - 1) * RESOURCES_SHOWN
    shown = entries[first : first + RESOURCES_SHOWN]
    groups = [_group(kind, own) for kind, own in groupby(shown, key=itemgetter(0))]
    last = first + len(shown)
    return {"groups": groups, "page": page, "pages": pages, "first": first + 1, "last": last, "number": len(entries)}


def _group(kind: str, entries: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    texts = uses.texts()["kinds"][kind]
    return {
        "kind": kind,
        "label": _text(texts["label"]),
        "icon": texts["icon"],
        "help": _text(texts.get("help", {})),
        "resources": [resource for _kind, resource in entries],
    }


def ecosphere_resource_use(resource: Mapping[str, Any], dataset: Dataset | None = None) -> dict[str, Any]:
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
    return structured.describe({**dataset, "resources": glance.resources(dataset)[:RESOURCES_SHOWN]})


def ecosphere_main_way(dataset: Dataset) -> dict[str, Any] | None:
    """Return the main ``resource`` of a dataset with its use (`ecosphere_resource_use`), or None."""
    found = ecosphere_glance(dataset)["main"]
    return {"resource": found[0], **_shown(*found)} if found else None


def ecosphere_link_state(dataset: Dataset, resource: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the result of the last link check of a resource (`ecosphere_quality_links`), or None."""
    states = reach.link_states(dataset)
    addresses = [str(resource.get(field) or "") for field in ("download_url", "url")]
    link = next((states[address] for address in addresses if address in states), None)
    return link if link and link["checked_at"] else None


def ecosphere_around(dataset: Dataset) -> dict[str, list[dict[str, Any]]]:
    """Return what is around a dataset (`around.of`) beside its editions; nothing when the index cannot be asked."""
    try:
        found = once.of_dataset("around", dataset, around.of)
    except SearchError:
        return around.nothing()
    beside = ecosphere_editions(dataset)
    told = {each["name"] for each in (*beside["older"], *beside["newer"])}
    return {part: [each for each in datasets if each["name"] not in told] for part, datasets in found.items()}


def ecosphere_editions(dataset: Dataset) -> dict[str, Any]:
    """Return the other editions of a dataset (`editions.of`), computed once per page; none when the search fails."""
    try:
        return once.of_dataset("editions", dataset, editions.of)
    except SearchError:
        return {"older": [], "newer": [], "newest": None}


def ecosphere_collections(dataset: Dataset) -> dict[str, Any]:
    """Return the collections that use a dataset (`collections.of`), computed once per page."""
    return once.of_dataset("collections", dataset, collections.of)


def ecosphere_makers(dataset: Dataset) -> contact_details.Makers:
    """Return who made a dataset, apart from the service that publishes it (`makers.of`)."""
    return once.of_dataset("makers", dataset, contact_details.makers_of)


def ecosphere_citation(dataset: Dataset) -> dict[str, Any]:
    """Return the citation of a dataset: ``text``, ``permalink`` and ``formats`` (label, extension)."""
    address = views.permalink(dataset)
    cited = citation.of(dataset, tk.config["ckan.site_title"], address)
    formats = [(form.label, ending) for ending, form in citation.FORMATS.items() if ending != "txt"]
    return {"text": citation.text(cited), "permalink": address, "formats": formats}


def _shown(resource: Mapping[str, Any], use: uses.Use) -> dict[str, Any]:
    texts = uses.texts()
    text = _text(texts["buttons"][use.button]).format(format=use.name, name=use.name) if use.button else ""
    if resource.get("size") and use.action in (uses.DOWNLOAD, uses.OPEN):
        text += f", {template_helpers.ecosphere_size_text(resource['size'])}"
    return {**vars(use), "kind_label": _text(texts["kinds"][use.kind]["label"]), "text": text}


def _text(labels: Mapping[str, str]) -> str:
    return labels.get("fr" if wording.page_language().startswith("fr") else "en", "")


HELPERS = {
    each.__name__: each
    for each in (
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
