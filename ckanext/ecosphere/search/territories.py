"""The public datasets of a territory by theme, for programs and as
a part of pages of other sites.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError
from flask import Response, make_response, request

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core.pages import (
    Problem,
    anybody,
    count,
    facts_of,
    interface,
    json_response,
    problem_of,
)
from ckanext.ecosphere.dataset import places
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.search import config
from ckanext.ecosphere.shared import action_input, language
from ckanext.ecosphere.shared.action_input import concept, optional, whole_number
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

MOST_ROWS, MOST_PAGES = 100, 200
#: Datasets in the part for pages of other sites.
OF_FRAME = 30
THEME = "vocab_ecosphere_theme"
COVERS = "ext_covers"
#: Pages of other sites embed this one; it needs no script.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors *"

#: Parameters of an address.
SCHEMA = action_input.of(
    theme=optional("", concept("themes")),
    page=optional(1, whole_number(MOST_PAGES, 1)),
    rows=optional(50, whole_number(MOST_ROWS, 1)),
)

ecosphere_territories = interface("ecosphere_territories")


def place_of(code: str) -> Place | None:
    """Return the territory of a code.

    Args:
        code: INSEE code of a commune ("01053") or département ("01"), "R" and that of a région
            ("R84"), SIREN of an intercommunality, or the id of a territory of the portal
            ("departement-01").
    """
    bare = code.strip()
    for id_ in (bare, f"epci-{bare}", f"commune-{bare.upper()}"):
        place = gazetteer.of_id(id_)
        if place:
            return place
    concept = places.from_code(bare)
    if concept:
        return gazetteer.of_territory(concept)
    return None


def look(place: Place, theme: str, page: int, rows: int) -> dict[str, Any]:
    """Return a page of the public datasets that cover a territory.

    Args:
        theme: id in the vocabulary, "" for all.

    Returns:
        `territory`, `count`, `page`, `pages`, `themes` (id, label, count) and `groups` (theme,
        datasets).

    Raises:
        Problem: the search does not answer.
    """
    query = {
        "fq": "+dataset_type:dataset",
        "rows": rows,
        "start": (page - 1) * rows,
        "sort": "title_string asc",
        "facet.field": [THEME],
        "facet.limit": -1,
        "extras": {COVERS: place.ids[0]},
    }
    if theme:
        query["fq"] = f'{query["fq"]} +{THEME}:"{theme}"'
    try:
        answer = tk.get_action("package_search")(anybody(), query)
    except SearchError as error:
        detail = tk._("The search did not answer: try again later.")
        raise Problem(503, detail) from error
    facet = answer["search_facets"].get(THEME, {}).get("items", [])
    return {
        "territory": {"id": place.ids[0], "kind": place.kind, "label": place.label},
        "count": answer["count"],
        "page": page,
        "pages": -(-answer["count"] // rows),
        "themes": _themes(facet),
        "groups": _groups(answer["results"]),
    }


def _themes(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the themes of the first level with their numbers of datasets,
    in the order of the vocabulary.
    """
    counts = {item["name"]: item["count"] for item in items}
    tops = [concept for concept in voc.get("themes") if concept.broader is None]
    return [
        {"id": top.id, "label": top.label(language.current()), "count": counts[top.id]}
        for top in tops
        if counts.get(top.id)
    ]


def _groups(packages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return datasets by theme of the first level, each under the first of its own.

    Those without one come last.
    """
    of_theme: dict[str, list[dict[str, str]]] = {}
    for package in packages:
        facts = facts_of(package)
        about = {"id": package["id"], "name": package["name"], "url": facts.pop("link")}
        of_theme.setdefault(_theme(package), []).append(about | facts)
    labels = {top.id: top.label(language.current()) for top in voc.get("themes")}
    labels[""] = tk._("Without a theme")
    return [
        {"theme": {"id": id_, "label": label}, "datasets": of_theme[id_]}
        for id_, label in labels.items()
        if id_ in of_theme
    ]


def _theme(package: Mapping[str, Any]) -> str:
    themes = voc.get("themes")
    for uri in View(package).themes:
        concept = themes.get(uri)
        if concept:
            return [concept, *themes.ancestors(concept.uri)][-1].id
    return ""


def _asked(code: str) -> tuple[Place, dict[str, Any]]:
    """Return the territory of a request, and its theme, page and rows.

    Raises:
        Problem: the territory is unknown.
        TooMany: the address asks too often.
        ValidationError: what is wrong, by parameter.
    """
    count("search-territory", config.territory_limits())
    place = place_of(code)
    if place is None:
        raise Problem(404, tk._("There is no territory with this code."))
    return place, action_input.validated(SCHEMA, request.args.to_dict(), anybody())


@ecosphere_territories.route("/api/territoires")
def documentation() -> str:
    """Document the interfaces for programs of this room."""
    return tk.render("ecosphere_territories/interfaces.html", {})


@ecosphere_territories.route("/api/territoires/<code>/jeux-de-donnees")
def datasets(code: str) -> Response:
    """Return the datasets of a territory as JSON."""
    place, parameters = _asked(code)
    answer = look(place, **parameters)
    page = parameters.pop("page")
    values = {name: value for name, value in parameters.items() if value}
    answer["links"] = []
    for relation, number in (("self", page), ("prev", page - 1), ("next", page + 1)):
        if number == page or 1 <= number <= answer["pages"]:
            endpoint = "ecosphere_territories.datasets"
            address = tk.h.url_for(endpoint, qualified=True, code=code, page=number, **values)
            title = tk._("Page {number}").format(number=number)
            link = {"rel": relation, "type": "application/json", "title": title, "href": address}
            answer["links"].append(link)
    return json_response(answer)


@ecosphere_territories.route("/territoires/<code>/encart")
def embedded(code: str) -> Response:
    """Return the datasets of a territory as a part for pages of other sites."""
    status = None
    try:
        place, parameters = _asked(code)
        answer = look(place, parameters["theme"], 1, OF_FRAME)
        answer["more"] = tk.h.url_for("dataset.search", qualified=True, **{COVERS: place.ids[0]})
    except (Problem, tk.ValidationError, rate_limits.TooMany) as error:
        problem = problem_of(error)
        answer, status = {"problem": problem.description}, problem.code
    page = tk.render("ecosphere_territories/embedded.html", answer)
    response = make_response(page, status)
    response.headers["Content-Security-Policy"] = POLICY
    return response
