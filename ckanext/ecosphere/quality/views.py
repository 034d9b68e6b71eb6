"""Pages of the room: the quality of a dataset, and its badge as an image for other sites."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.quality import show, store
from ckanext.ecosphere.quality.svg import badge_svg

ecosphere_quality = Blueprint("ecosphere_quality", __name__)


def context() -> Any:
    """Return the context of the person who reads."""
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user, "for_view": True}


def visible_dataset(id: str) -> dict[str, Any]:
    """Return the dataset called `id`; the page is not found when the reader may not see it."""
    try:
        found = tk.get_action("package_show")(context(), {"id": id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        tk.abort(404, tk._("Dataset not found"))
    if not store.is_scored(found["type"]):
        tk.abort(404, tk._("Dataset not found"))
    return found


def dataset_page(id: str) -> str:
    """Show every criterion of a dataset, with what to do about those that fail."""
    package = visible_dataset(id)
    quality = tk.get_action("ecosphere_quality_show")(context(), {"id": package["id"]})
    variables = {"pkg_dict": package, "dataset_type": package["type"], "quality": quality}
    return tk.render("ecosphere_quality/dataset.html", variables)


def dataset_badge(id: str) -> AnyResponse:
    """Draw the badge of a dataset; browsers that have it ask again and are told that it did not change."""
    package = visible_dataset(id)
    found = model.Package.get(package["id"])
    badge = show.quality(found).badge if found else tk.abort(404)
    response = Response(badge_svg(badge, show.level_label(badge.level)), mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    if package["private"] or package["state"] != model.State.ACTIVE:
        request.environ["__no_cache__"] = True
        response.cache_control.no_store = True
        return response
    response.add_etag()
    return response.make_conditional(request)


ecosphere_quality.add_url_rule("/dataset/<id>/qualite", view_func=dataset_page)
ecosphere_quality.add_url_rule("/dataset/<id>/qualite.svg", view_func=dataset_badge)
