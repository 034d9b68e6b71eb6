"""Locate fields in the forms of CKAN and ckanext-scheming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

#: Anchors in CKAN's own form that are not `field-<name>`.
CORE_ANCHORS = {"tag_string": "field-tags", "license_id": "field-license", "owner_org": "field-organizations"}
CORE_FIELDS = ("title", "notes", "url", "version")
CORE_RESOURCE_ANCHORS = {
    "name": "field-name",
    "description": "field-description",
    "format": "field-format",
    "url": "field-resource-url",
}
UPLOAD_ANCHOR = "field-resource-url"  # the URL, in CKAN's widget for a file or a link


def improve_url(criterion: Mapping[str, Any], package: Mapping[str, Any]) -> str | None:
    """Return the URL of the form at the field of `criterion` (an item of `ecosphere_quality_show`).

    For a criterion about resources it is the form of the resource to correct, or of a new one if there is none. None if
    the form does not show the field for this dataset.
    """
    kind = package.get("type") or "dataset"
    if not is_shown(criterion, package):
        return None
    if criterion["on_resource"]:
        anchor = _resource_anchor(criterion["field"], kind)
        if criterion["resource_id"]:
            return tk.url_for(
                f"{kind}_resource.edit", id=package["name"], resource_id=criterion["resource_id"], _anchor=anchor
            )
        return tk.url_for(f"{kind}_resource.new", id=package["name"], _anchor=anchor)
    schema = _schema(kind)
    if schema is None:
        return tk.url_for(f"{kind}.edit", id=package["name"], _anchor=_core_anchor(criterion["field"]))
    page, anchor = _place(schema["dataset_fields"], criterion["field"])
    if page:
        return tk.url_for(f"{kind}.scheming_edit_page", id=package["name"], page=page, _anchor=anchor)
    return tk.url_for(f"{kind}.edit", id=package["name"], _anchor=anchor)


def is_shown(criterion: Mapping[str, Any], package: Mapping[str, Any]) -> bool:
    """Return whether the form shows the field of `criterion` for `package`, or for its resource."""
    schema = _schema(package.get("type") or "dataset")
    if schema is None or not p.plugin_loaded("ecosphere_schemas"):
        return True
    part, values = ("resource_fields", {}) if criterion["on_resource"] else ("dataset_fields", package)
    if criterion["on_resource"] and criterion["resource_id"]:
        resources = package.get("resources") or ()
        values = next((each for each in resources if each.get("id") == criterion["resource_id"]), {})
    field = next((each for each in schema[part] if each["field_name"] == criterion["field"]), None)
    return field is not None and tk.h.ecosphere_is_in_form(field, values)


def _schema(kind: str) -> dict[str, Any] | None:
    if not p.plugin_loaded("scheming_datasets"):
        return None
    return tk.h.scheming_get_dataset_schema(kind)


def _place(fields: list[dict[str, Any]], name: str) -> tuple[int, str | None]:
    """Return the form page (0 for a single-page form) and anchor of the field `name`."""
    paged = any("start_form_page" in field for field in fields)
    page = 0
    for field in fields:
        if "start_form_page" in field or (paged and page == 0):
            page += 1
        if field["field_name"] == name:
            return page, f"field-{name}"
    return (1 if paged else 0), None


def _core_anchor(name: str) -> str | None:
    return CORE_ANCHORS.get(name) or (f"field-{name}" if name in CORE_FIELDS else None)


def _resource_anchor(name: str, kind: str) -> str | None:
    schema = _schema(kind)
    if schema is None:
        return CORE_RESOURCE_ANCHORS.get(name)
    field = next((f for f in schema["resource_fields"] if f["field_name"] == name), None)
    if field is None:
        return None
    return UPLOAD_ANCHOR if field.get("upload_field") else f"field-{name}"
