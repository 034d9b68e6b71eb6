"""Template helpers of the quality room."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from werkzeug.routing import BuildError

from ckanext.ecosphere.quality import config, forms, integrations
from ckanext.ecosphere.quality.reports import charts, presentation
from ckanext.ecosphere.quality.storage import store
from ckanext.ecosphere.shared import dates, once

#: Aliases for templates.
ecosphere_quality_improve_url = forms.improve_url
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
    if "ecosphere_quality_level" in package:
        score, level = package["ecosphere_quality_score"], package["ecosphere_quality_level"]
    else:
        found = store.badges([package]).get(package.get("id", ""))
        if found is None:
            return None
        score, level = found.score, found.level
    return {"score": score, "level": level, "label": presentation.level_label(level)}


def ecosphere_quality_show(package: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the full quality of the dataset dict `package`, as in the action of this name, cached per page."""
    return once.of_dataset("quality", package, _quality)


def _quality(package: Mapping[str, Any]) -> dict[str, Any] | None:
    found = model.Package.get(package["id"])
    scored = found if found is not None and store.is_scored(found.type) else None
    return presentation.as_dict(presentation.quality(scored)) if scored else None


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
    return "–" if value is None else presentation.number(value)


def ecosphere_quality_can_edit(package: Mapping[str, Any]) -> bool:
    """Return whether the reader may edit `package`."""
    return bool(tk.h.check_access("package_update", {"id": package["id"]}))


def ecosphere_quality_signals(package: Mapping[str, Any]) -> int | None:
    """Return the number of open problems reported about `package`; None if requests are not enabled."""
    return integrations.open_signals({"user": tk.current_user.name, "auth_user_obj": tk.current_user}, package["id"])


def ecosphere_quality_desk_url(organization: Mapping[str, Any]) -> str | None:
    """Return the URL of a service's desk of data requests, None if requests are not enabled."""
    try:
        return tk.url_for("ecosphere_requests.desk", organization=organization["name"])
    except BuildError:
        return None


def ecosphere_quality_badge_code(package: Mapping[str, Any], badge: Mapping[str, Any]) -> dict[str, str]:
    """Return the badge of `package` for other sites, as HTML and Markdown: an image linked to its quality page."""
    image = tk.url_for("ecosphere_quality.dataset_badge", id=package["name"], _external=True)
    page = tk.url_for("ecosphere_quality.dataset_page", id=package["name"], _external=True)
    text = tk._("Metadata quality: {level}, {score} out of 100").format(level=badge["label"], score=badge["score"])
    return {
        "html": f'<a href="{escape(page)}"><img src="{escape(image)}" alt="{escape(text)}" height="24"></a>',
        "markdown": f"[![{text}]({image})]({page})",
    }
