"""Pages and reports of the high-value datasets, of the portal and of each service."""

from __future__ import annotations

import math
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, stream_with_context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.hvd import figures, judging
from ckanext.ecosphere.schemas.rdf.terms import HIGH_VALUE_REGULATION
from ckanext.ecosphere.shared import web_guard

MOST_PAGES = 500
hvd = Blueprint("ecosphere_hvd", __name__)
web_guard.protect(hvd)


@hvd.route("/donnees-de-forte-valeur")
def portal() -> str:
    """Show the high-value datasets of the portal."""
    return tk.render("ecosphere_schemas/hvd.html", _shown(""))


@hvd.route("/donnees-de-forte-valeur.csv")
def portal_csv() -> Response:
    """Return a part of the report of the portal (`state`, `part`)."""
    return _csv("")


@hvd.route("/organization/<id>/donnees-de-forte-valeur")
def service(id: str) -> str:
    """Show the high-value datasets of a service."""
    group = _service(id)
    variables = {"group_dict": group, "group_type": group["type"], **_shown(group["name"])}
    return tk.render("ecosphere_schemas/hvd_of_service.html", variables)


@hvd.route("/organization/<id>/donnees-de-forte-valeur.csv")
def service_csv(id: str) -> Response:
    """Return a part of the report of a service (`state`, `part`)."""
    return _csv(_service(id)["name"])


def _shown(name: str) -> dict[str, Any]:
    selection = _selection(name)
    number = _number("page", MOST_PAGES)
    count, datasets = figures.listed(selection, number)
    states = {state: figures.counted(state, name) for state in figures.FIELDS}
    categories = [concept.id for concept in voc.get(judging.CATEGORIES)]
    return {
        "asked": selection,
        "states": states,
        "categories": [(category, figures.category_label(category)) for category in categories],
        "requirements": figures.requirement_labels(),
        "datasets": datasets,
        "count": count,
        "page_number": number,
        "pages": min(math.ceil(count / figures.A_PAGE), MOST_PAGES),
        "parts": {
            state: math.ceil(numbers["count"] / figures.A_PART) for state, numbers in states.items()
        },
        "regulation": HIGH_VALUE_REGULATION,
    }


def _selection(name: str) -> figures.Selection:
    state = tk.request.args.get("state", figures.DECLARED)
    lacks = tk.request.args.get("lacks", "")
    if state not in figures.FIELDS or lacks not in ("", *judging.REQUIREMENTS):
        tk.abort(404, tk._("There is no such list."))
    return figures.Selection(state, lacks, name)


def _number(name: str, most: int) -> int:
    return min(max(1, tk.request.args.get(name, 1, type=int)), most)


def _csv(name: str) -> Response:
    selection = _selection(name)
    part = _number("part", MOST_PAGES)
    response = Response(stream_with_context(figures.report(selection, part)), mimetype="text/csv")
    names = ["hvd", name, selection.state]
    if part > 1:
        names.append(str(part))
    file = "-".join(filter(None, names))
    response.headers["Content-Disposition"] = f'attachment; filename="{file}.csv"'
    return response


def _service(id: str) -> dict[str, Any]:
    try:
        query = {"id": id, "include_users": False, "include_followers": False}
        return tk.get_action("organization_show")({}, query)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, tk._("Organization not found"))
