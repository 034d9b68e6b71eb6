"""The address from which the search box fetches its suggestions."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, jsonify

from ckanext.ecosphere.search import facets
from ckanext.ecosphere.shared import web_guard

ecosphere_search = Blueprint("ecosphere_search", __name__)
web_guard.protect(ecosphere_search)


@ecosphere_search.route("/recherche/suggestions")
def suggestions() -> Response:
    """Answer with groups of suggestions for the text typed so far.

    Returns:
        JSON: `groups`, each with a `title` and `items` (`label`, `url`, `count` where it makes sense).
    """
    found = tk.get_action("ecosphere_search_suggest")({}, {"q": tk.request.args.get("q", "")})
    groups: list[dict[str, Any]] = []
    titles = facets.titles("dataset", {})
    for field, items in found["facets"].items():
        group = [
            {
                "label": item["label"],
                "count": item["count"],
                "url": tk.h.url_for("dataset.search", **{field: item["name"]}),
            }
            for item in items
        ]
        groups.append({"title": titles[field], "items": group})
    if found["communes"]:
        places = [
            {"label": each["label"], "url": tk.h.url_for("dataset.search", q=each["query"])}
            for each in found["communes"]
        ]
        groups.append({"title": tk._("Communes"), "items": places})
    if found["datasets"]:
        datasets = [
            {"label": each["title"], "url": tk.h.url_for(f"{each['type']}.read", id=each["name"])}
            for each in found["datasets"]
        ]
        groups.append({"title": tk._("Datasets"), "items": datasets})
    return jsonify({"groups": groups})
