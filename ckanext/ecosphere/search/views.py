"""The suggestions endpoint of the search box, and the page on which a search area is chosen."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict
from flask import Blueprint, Response, jsonify

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
    """Keep fragments of lists out of caches: the page of the same URL would be replaced by its fragment.

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
    titles = facets.titles("dataset", {})
    if answer["subjects"]:
        subjects = [
            {"label": item, "url": tk.h.url_for("dataset.search", q=item)}
            for item in answer["subjects"]
        ]
        groups.append({"title": _("Subjects"), "items": subjects})
    for field, items in answer["facets"].items():
        group = [
            {
                "label": item["label"],
                "count": item["count"],
                "url": tk.h.url_for("dataset.search", **{field: item["name"]}),
            }
            for item in items
        ]
        groups.append({"title": titles[field], "items": group})
    if answer["communes"]:
        places = [
            {"label": item["label"], "url": tk.h.url_for("dataset.search", q=item["query"])}
            for item in answer["communes"]
        ]
        title = _("Territories")
        if all(item["kind"] == "commune" for item in answer["communes"]):
            title = _("Communes")
        groups.append({"title": title, "items": places})
    if answer["datasets"]:
        datasets = [
            {"label": item["title"], "url": tk.h.url_for(f"{item['type']}.read", id=item["name"])}
            for item in answer["datasets"]
        ]
        groups.append({"title": _("Datasets"), "items": datasets})
    return jsonify({"groups": groups})


@ecosphere_search.route("/recherche/zone", methods=["GET", "POST"])
def area() -> Response | str | tuple[str, int]:
    """Choose the area of a search (drawn, pasted or named) and return to the search.

    The parameters of the search are kept in the URL.
    """
    tk.check_access("package_search", {}, {})
    here = _without_area()
    written = tk.request.form.get("area", tk.request.args.get(page.AREA, ""))
    error = ""
    if tk.request.method == "POST":
        try:
            chosen = areas.parse(written)
        except areas.AreaError as wrong:
            error = str(wrong)
        else:
            return tk.redirect_to(tk.h.url_for("dataset.search") + here.url(**_parameters(chosen)))
    cancel = tk.h.url_for("dataset.search") + Address.current().url()
    names = [concept.label(language.current()) for concept in voc.get("territories")]
    values = {"area": written[: areas.LONGEST], "error": error, "cancel": cancel, "names": names}
    html = tk.render("ecosphere_search/area.html", values)
    if error:
        return (html, 400)
    return html


def _without_area() -> Address:
    return Address.current().without((page.AREA, None), ("ext_area", None), (facets.COVERS, None))


def _parameters(found: areas.Area) -> dict[str, str]:
    if found.box is None:
        return {facets.COVERS: found.covers}
    sides = geometry.enlarged(found.box)
    parameters = {page.AREA: ",".join(f"{side:.5f}".rstrip("0").rstrip(".") for side in sides)}
    if found.label:
        parameters["ext_area"] = found.label
    return parameters
