"""The suggestions endpoint of the search box, and the page on which a search area is chosen."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict
from flask import Blueprint, Response, jsonify, make_response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.search import area as areas
from ckanext.ecosphere.search import facets, page
from ckanext.ecosphere.search.page import Address
from ckanext.ecosphere.shared import language, web_guard

LONGEST_COORDINATES = 100
"""Characters of coordinates in the search box."""

ecosphere_search = Blueprint("ecosphere_search", __name__)
web_guard.protect(ecosphere_search)
ecosphere_search.before_app_request(page.limit)


@ecosphere_search.before_app_request
def lead_to_area() -> Response | None:
    """Search at the place of coordinates that were typed into the search box."""
    if tk.request.endpoint != "dataset.search":
        return None
    typed = tk.request.args.get("q", "")[:LONGEST_COORDINATES].strip()
    box = areas.of_question(typed)
    if box is None:
        return None
    here = _without_area().without(("q", None))
    return tk.redirect_to(
        tk.h.url_for("dataset.search") + here.url(**_parameters(areas.Area(typed, box)))
    )


@ecosphere_search.after_app_request
def keep_fragments_apart(response: Response) -> Response:
    """Keep fragments of lists out of caches: the page of the same URL would be replaced by its
    fragment.

    Browsers answer "Back" and a duplicated tab from their cache, whatever its age.
    """
    if response.mimetype == "text/html":
        response.vary.add("HX-Request")
        if tk.request.htmx:
            response.cache_control.no_store = True
    return response


@ecosphere_search.route("/recherche/suggestions")
def suggestions() -> Response:
    """Return groups of suggestions for the text typed so far.

    Returns:
        JSON: `groups`, each with a `title` and `items` (`label`, `url`, for some `count`).
    """
    answer = tk.get_action("ecosphere_search_suggest")({}, {"q": tk.request.args.get("q", "")})
    groups: list[DataDict] = []
    _add_group(groups, _("Subjects"), [_of_search(item, item) for item in answer["subjects"]])
    titles = facets.titles("dataset", {})
    for field, values in answer["facets"].items():
        items = []
        for value in values:
            url = tk.h.url_for("dataset.search", **{field: value["name"]})
            items.append({"label": value["label"], "count": value["count"], "url": url})
        _add_group(groups, titles[field], items)
    title = _("Territories")
    if all(place["kind"] == "commune" for place in answer["communes"]):
        title = _("Communes")
    places = [_of_search(place["label"], place["query"]) for place in answer["communes"]]
    _add_group(groups, title, places)
    datasets = []
    for dataset in answer["datasets"]:
        url = tk.h.url_for(f"{dataset['type']}.read", id=dataset["name"])
        datasets.append({"label": dataset["title"], "url": url})
    _add_group(groups, _("Datasets"), datasets)
    return jsonify({"groups": groups})


def _of_search(label: str, query: str) -> DataDict:
    return {"label": label, "url": tk.h.url_for("dataset.search", q=query)}


def _add_group(groups: list[DataDict], title: str, items: list[DataDict]) -> None:
    """Add a group of suggestions, unless it is empty."""
    if items:
        groups.append({"title": title, "items": items})


@ecosphere_search.route("/recherche/zone", methods=["GET", "POST"])
def area() -> Response:
    """Choose the area of a search (drawn, pasted or named) and return to the search.

    The parameters of the search are kept in the URL.
    """
    tk.check_access("package_search", {}, {})
    here = _without_area()
    written = tk.request.form.get("area", tk.request.args.get(page.AREA, ""))
    error, status = "", 200
    if tk.request.method == "POST":
        try:
            chosen = areas.parse(written)
            return tk.redirect_to(tk.h.url_for("dataset.search") + here.url(**_parameters(chosen)))
        except areas.AreaError as wrong:
            error, status = str(wrong), 400
    cancel = tk.h.url_for("dataset.search") + Address.current().url()
    names = [concept.label(language.current()) for concept in voc.get("territories")]
    values = {"area": written[: areas.LONGEST], "error": error, "cancel": cancel, "names": names}
    return make_response(tk.render("ecosphere_search/area.html", values), status)


def _without_area() -> Address:
    return Address.current().without((page.AREA, None), ("ext_area", None), (facets.COVERS, None))


def _parameters(chosen: areas.Area) -> dict[str, str]:
    """Return the parameters of the search page for an area."""
    if chosen.box is None:
        return {facets.COVERS: chosen.covers}
    sides = geometry.enlarged(chosen.box)
    box = ",".join(f"{side:.5f}".rstrip("0").rstrip(".") for side in sides)
    parameters = {page.AREA: box, "ext_area": chosen.label}
    return {name: value for name, value in parameters.items() if value}
