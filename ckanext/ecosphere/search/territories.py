"""The public datasets of a territory by theme: as JSON, and as a page that other sites embed."""

from __future__ import annotations

import math
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

#: Datasets of a page, and pages, that a program can ask for.
MOST_ROWS, MOST_PAGES = 100, 200
#: Datasets in the embedded page.
EMBEDDED_ROWS = 30
#: Field of the index with the themes of a dataset and those above them.
THEME_FIELD = "vocab_ecosphere_theme"
#: Parameter of the search in `extras`: id of the territory that the datasets cover.
COVERS = "ext_covers"
#: Content-Security-Policy of the embedded page: any site may embed it, and it needs no script.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors *"

#: Parameters of the query of a URL.
SCHEMA = action_input.of(
    theme=optional("", concept("themes")),
    page=optional(1, whole_number(MOST_PAGES, 1)),
    rows=optional(50, whole_number(MOST_ROWS, 1)),
)

ecosphere_territories = interface("ecosphere_territories")


@ecosphere_territories.route("/api/territoires")
def documentation() -> str:
    """Show the documentation of the interfaces of this room for programs."""
    return tk.render("ecosphere_territories/interfaces.html", {})


@ecosphere_territories.route("/api/territoires/<code>/jeux-de-donnees")
def datasets(code: str) -> Response:
    """Return the datasets of a territory as JSON."""
    place, parameters = _read_request(code)
    answer = datasets_of(place, **parameters)
    page = parameters.pop("page")
    values = {name: value for name, value in parameters.items() if value}
    answer["links"] = []
    for relation, number in (("self", page), ("prev", page - 1), ("next", page + 1)):
        if number == page or 1 <= number <= answer["pages"]:
            endpoint = "ecosphere_territories.datasets"
            url = tk.h.url_for(endpoint, qualified=True, code=code, page=number, **values)
            title = tk._("Page {number}").format(number=number)
            link = {"rel": relation, "type": "application/json", "title": title, "href": url}
            answer["links"].append(link)
    return json_response(answer)


@ecosphere_territories.route("/territoires/<code>/encart")
def embedded(code: str) -> Response:
    """Return the page that other sites embed: the first datasets of a territory."""
    status = None
    try:
        place, parameters = _read_request(code)
        variables = datasets_of(place, parameters["theme"], 1, EMBEDDED_ROWS)
        variables["more"] = tk.h.url_for("dataset.search", qualified=True, **{COVERS: place.ids[0]})
    except (Problem, tk.ValidationError, rate_limits.TooMany) as error:
        problem = problem_of(error)
        variables, status = {"problem": problem.description}, problem.code
    page = tk.render("ecosphere_territories/embedded.html", variables)
    response = make_response(page, status)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _read_request(code: str) -> tuple[Place, dict[str, Any]]:
    """Count a request; return its territory, and its parameters `theme`, `page` and `rows`.

    Raises:
        Problem: the territory is unknown.
        TooMany: the network address asks too often.
        ValidationError: what is wrong, by parameter.
    """
    count("search-territory", config.territory_limits())
    place = place_of(code)
    if place is None:
        raise Problem(404, tk._("There is no territory with this code."))
    return place, action_input.validated(SCHEMA, request.args.to_dict(), anybody())


def place_of(code: str) -> Place | None:
    """Return the territory of a code, None if there is none.

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


def datasets_of(place: Place, theme: str, page: int, rows: int) -> dict[str, Any]:
    """Return a page of the public datasets that cover a territory, in alphabetical order.

    Args:
        theme: id in the vocabulary, "" for all.
        page: its number, from 1 on.
        rows: datasets of a page.

    Returns:
        `territory`, `count`, `page`, `pages`; `themes` (id, label, count), of all pages; `groups`
        (theme, datasets) of this page.

    Raises:
        Problem: the search does not answer.
    """
    query = {
        "fq": "+dataset_type:dataset",
        "rows": rows,
        "start": (page - 1) * rows,
        "sort": "title_string asc",
        "facet.field": [THEME_FIELD],
        "facet.limit": -1,
        "extras": {COVERS: place.ids[0]},
    }
    if theme:
        query["fq"] = f'{query["fq"]} +{THEME_FIELD}:"{theme}"'
    try:
        result = tk.get_action("package_search")(anybody(), query)
    except SearchError as error:
        detail = tk._("The search did not answer: try again later.")
        raise Problem(503, detail) from error
    items = result["search_facets"].get(THEME_FIELD, {}).get("items", [])
    return {
        "territory": {"id": place.ids[0], "kind": place.kind, "label": place.label},
        "count": result["count"],
        "page": page,
        "pages": math.ceil(result["count"] / rows),
        "themes": _themes(items),
        "groups": _groups(result["results"]),
    }


def _themes(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the themes of the first level that have datasets, in the order of the vocabulary.

    Args:
        items: the facet of themes, as `package_search` returns it.
    """
    counts = {item["name"]: item["count"] for item in items}
    return [
        {"id": theme.id, "label": theme.label(language.current()), "count": counts[theme.id]}
        for theme in voc.get("themes")
        if theme.broader is None and counts.get(theme.id)
    ]


def _groups(packages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return datasets grouped by `_theme`, in the order of the vocabulary; none comes last."""
    datasets_by_theme: dict[str, list[dict[str, str]]] = {}
    for package in packages:
        facts = facts_of(package)
        about = {"id": package["id"], "name": package["name"], "url": facts.pop("link")}
        datasets_by_theme.setdefault(_theme(package), []).append(about | facts)
    labels = {theme.id: theme.label(language.current()) for theme in voc.get("themes")}
    labels[""] = tk._("Without a theme")
    return [
        {"theme": {"id": id_, "label": label}, "datasets": datasets_by_theme[id_]}
        for id_, label in labels.items()
        if id_ in datasets_by_theme
    ]


def _theme(package: Mapping[str, Any]) -> str:
    """Return the id of the first-level theme above the first theme of a dataset, "" for none."""
    themes = voc.get("themes")
    for uri in View(package).themes:
        concept = themes.get(uri)
        if concept:
            return [concept, *themes.ancestors(concept.uri)][-1].id
    return ""
