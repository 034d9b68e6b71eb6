"""Template helpers of the quality room."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from werkzeug.routing import BuildError

from ckanext.ecosphere.quality import charts, config, integrations, presentation, store
from ckanext.ecosphere.shared import dates, once

#: Aliases for templates.
ecosphere_quality_map = charts.map_of
ecosphere_quality_trend_chart = charts.trend
ecosphere_quality_levels_chart = charts.levels
ecosphere_quality_state_labels = presentation.state_labels
ecosphere_quality_moment = dates.moment
ecosphere_quality_day = dates.day


def ecosphere_quality_is_scored(package: Mapping[str, Any]) -> bool:
    """Return whether the type of `package` is scored."""
    return store.is_scored(package.get("type"))


def ecosphere_quality_badge(package: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return score, level and label of the dataset dict `package`; None for packages without a quality.

    Search results already include their badges (one query per page); otherwise the row is read.
    """
    if not store.is_scored(package.get("type")):
        return None
    if store.LEVEL_FIELD in package:
        badge = store.Badge(package[store.SCORE_FIELD], package[store.LEVEL_FIELD])
    else:
        badge = store.badges([package]).get(package.get("id", ""))
    if badge is None:
        return None
    return {
        "score": badge.score,
        "level": badge.level,
        "label": presentation.level_label(badge.level),
    }


def ecosphere_quality_show(package: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the full quality of the dataset dict `package`, as in the action of this name, cached per page."""
    return once.of_dataset("quality", package, _quality)


def _quality(package: Mapping[str, Any]) -> dict[str, Any] | None:
    stored = model.Package.get(package["id"])
    if stored is None or not store.is_scored(stored.type):
        return None
    return presentation.as_dict(presentation.quality(stored))


def ecosphere_quality_grouped(quality: Mapping[str, Any]) -> list[Any]:
    """Return the criteria of `quality` by group label."""
    return presentation.grouped(quality["criteria"])


def ecosphere_quality_levels() -> list[dict[str, Any]]:
    """Return the levels, best first: level, label, from (lowest score) and requires (labels of its conditions)."""
    return [presentation.level_dict(level) for level in config.model().levels]


def ecosphere_quality_can_see_dashboard(organization: Mapping[str, Any]) -> bool:
    """Return whether the reader may see the dashboard of `organization`."""
    return bool(tk.h.check_access("ecosphere_quality_dashboard", {"id": organization["id"]}))


def ecosphere_quality_number(value: float | None) -> str:
    """Format `value` with one decimal in the reader's language, a dash for None."""
    if value is None:
        return "–"
    return presentation.number(value)


def ecosphere_quality_can_edit(package: Mapping[str, Any]) -> bool:
    """Return whether the reader may edit `package`."""
    return bool(tk.h.check_access("package_update", {"id": package["id"]}))


def ecosphere_quality_signals(package: Mapping[str, Any]) -> int | None:
    """Return the number of open problems reported about `package`; None if requests are not enabled."""
    return integrations.open_signals(
        {"user": tk.current_user.name, "auth_user_obj": tk.current_user}, package["id"]
    )


def ecosphere_quality_desk_url(organization: Mapping[str, Any]) -> str | None:
    """Return the URL of a service's desk of data requests, None if requests are not enabled."""
    try:
        return tk.url_for("ecosphere_requests.desk", organization=organization["name"])
    except BuildError:
        return None


def ecosphere_quality_badge_code(
    package: Mapping[str, Any], badge: Mapping[str, Any]
) -> dict[str, str]:
    """Return the badge of `package` for other sites, as HTML and Markdown: an image linked to its quality page."""
    image = tk.url_for("ecosphere_quality.dataset_badge", id=package["name"], _external=True)
    page = tk.url_for("ecosphere_quality.dataset_page", id=package["name"], _external=True)
    text = tk._("Metadata quality: {level}, {score} out of 100").format(
        level=badge["label"], score=badge["score"]
    )
    return {
        "html": f'<a href="{escape(page)}"><img src="{escape(image)}" alt="{escape(text)}" height="24"></a>',
        "markdown": f"[![{text}]({image})]({page})",
    }


# --- fields in the forms of CKAN and ckanext-scheming ---

#: Anchors in CKAN's own form that are not `field-<name>`.
CORE_ANCHORS = {
    "tag_string": "field-tags",
    "license_id": "field-license",
    "owner_org": "field-organizations",
}
CORE_FIELDS = ("title", "notes", "url", "version")
CORE_RESOURCE_ANCHORS = {
    "name": "field-name",
    "description": "field-description",
    "format": "field-format",
    "url": "field-resource-url",
}
UPLOAD_ANCHOR = "field-resource-url"  # the URL, in CKAN's widget for a file or a link


def ecosphere_quality_improve_url(
    criterion: Mapping[str, Any], package: Mapping[str, Any]
) -> str | None:
    """Return the URL of the form at the field of `criterion` (an item of `ecosphere_quality_show`).

    For a criterion about resources it is the form of the resource to correct, or of a new one if there is none. None if
    the form does not show the field for this dataset.
    """
    kind, name = package.get("type") or "dataset", package["name"]
    if not is_shown(criterion, package):
        return None
    if criterion["on_resource"]:
        anchor = _resource_anchor(criterion["field"], kind)
        if not criterion["resource_id"]:
            return tk.url_for(f"{kind}_resource.new", id=name, _anchor=anchor)
        return tk.url_for(
            f"{kind}_resource.edit", id=name, resource_id=criterion["resource_id"], _anchor=anchor
        )
    schema = _schema(kind)
    if schema is None:
        return tk.url_for(f"{kind}.edit", id=name, _anchor=_core_anchor(criterion["field"]))
    page, anchor = _place(schema["dataset_fields"], criterion["field"])
    if page:
        return tk.url_for(f"{kind}.scheming_edit_page", id=name, page=page, _anchor=anchor)
    return tk.url_for(f"{kind}.edit", id=name, _anchor=anchor)


def is_shown(criterion: Mapping[str, Any], package: Mapping[str, Any]) -> bool:
    """Return whether the form shows the field of `criterion` for `package`, or for its resource."""
    schema = _schema(package.get("type") or "dataset")
    if schema is None or not p.plugin_loaded("ecosphere_schemas"):
        return True
    part, values = "dataset_fields", package
    if criterion["on_resource"]:
        part, values = "resource_fields", {}
        for resource in package.get("resources") or ():
            if criterion["resource_id"] and resource.get("id") == criterion["resource_id"]:
                values = resource
    field = _field_called(criterion["field"], schema[part])
    return field is not None and tk.h.ecosphere_is_in_form(field, values)


def _field_called(name: str, fields: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((field for field in fields if field["field_name"] == name), None)


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
    return int(paged), None


def _core_anchor(name: str) -> str | None:
    if name in CORE_FIELDS:
        return f"field-{name}"
    return CORE_ANCHORS.get(name)


def _resource_anchor(name: str, kind: str) -> str | None:
    schema = _schema(kind)
    if schema is None:
        return CORE_RESOURCE_ANCHORS.get(name)
    field = _field_called(name, schema["resource_fields"])
    if field is None:
        return None
    if field.get("upload_field"):
        return UPLOAD_ANCHOR
    return f"field-{name}"
