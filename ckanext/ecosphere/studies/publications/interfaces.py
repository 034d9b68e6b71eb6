"""Interfaces for other programs: the process `etude`, and the public datasets of a territory.

The process takes a frame and a site, and gives the data of each need: OGC API – Processes – Part 1: Core (OGC
18-062r2), synchronous execution only; its documents are `data/process.yaml`. Only public data are looked for, whoever
asks; neither the site nor the answer is stored or logged. The datasets of a territory are also a part for pages of
other sites.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError
from flask import Blueprint, Response, g, make_response, request
from werkzeug.exceptions import HTTPException

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core.pages import anybody, sentences
from ckanext.ecosphere.dataset import places
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared import language, web_guard
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import candidates, config, frames, presence, wording
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Frame, text_in
from ckanext.ecosphere.studies.logic import schema
from ckanext.ecosphere.studies.logic.actions import site_of
from ckanext.ecosphere.studies.publications.outline import content_of, facts_of
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
PROCESS = "processes/etude"
MOST_BYTES = 2 * 1024 * 1024
OF_FRAME = 30
"""Datasets in the part for pages of other sites."""
THEME = "vocab_ecosphere_theme"
COVERS = "ext_covers"
#: Pages of other sites embed this one; it needs no script.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors *"


# --- what they share ---


class Problem(HTTPException):
    """A request that cannot be answered.

    Attributes:
        kind: last part of the type of the exception in the standard, "" for none.
    """

    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        self.code = status
        self.kind = kind


def interface(name: str, prefix: str = "") -> Blueprint:
    """Return a blueprint whose answers pages of other sites may read, without credentials (CORS).

    Its errors, and what the portal itself refuses, are problem details (RFC 9457).
    """
    blueprint = Blueprint(name, __name__, url_prefix=prefix or None)
    web_guard.protect(blueprint)
    blueprint.after_request(_opened)
    for kind in (HTTPException, tk.ValidationError, rate_limits.TooMany, RecursionError):
        blueprint.register_error_handler(kind, _answered)
    return blueprint


def _opened(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Content-Type, Accept, Prefer"
    return response


def _answered(error: Exception) -> Response:
    about, problem = "about:blank", _problem(error)
    if isinstance(problem, Problem) and problem.kind:
        about = EXCEPTIONS + problem.kind
    status, detail = problem.code or 400, str(problem.description or problem.name)
    content = {"type": about, "title": detail, "status": status, "detail": detail}
    return json_response(content, status, "application/problem+json")


def _problem(error: Exception) -> HTTPException:
    """Return what an error means to who asked."""
    match error:
        case HTTPException():
            return error
        case tk.ValidationError():
            return Problem(400, sentences(error))
        case rate_limits.TooMany():
            g.ecosphere_retry_after = error.seconds
            return Problem(429, schema.too_often(error))
    return Problem(400, tk._("This is nested too deeply."))


def json_response(
    content: Any, status: int = 200, media_type: str = "application/json"
) -> Response:
    """Return an answer as JSON, in UTF-8 and with its keys in their order."""
    return Response(json.dumps(content, ensure_ascii=False), status, mimetype=media_type)


def count(name: str, option: str) -> None:
    """Count a request of an address.

    Raises:
        TooMany: it asks too often.
    """
    rate_limits.hit(name, config.limits(option), rate_limits.address(), fallback=True)


# --- the process ---

ecosphere_processes = interface("ecosphere_processes", "/ogc")


@ecosphere_processes.route("", strict_slashes=False)
@ecosphere_processes.route("/conformance")
@ecosphere_processes.route("/processes")
@ecosphere_processes.route("/processes/<id>")
@ecosphere_processes.route("/jobs/<id>")
@ecosphere_processes.route("/jobs/<id>/results")
def document(id: str = "") -> Response:
    """Return a document of the standard: landing page, conformance, processes. There are no jobs."""
    place = request.path.partition("/ogc")[2].strip("/")
    if place.startswith("jobs/"):
        raise Problem(404, tk._("There is no such job."), "no-such-job")
    documents = content_of("process.yaml")
    _require_known(place in documents)
    if place == PROCESS:
        ids = [frame.id for frame in frames.frames()]
        documents[place]["inputs"]["frame"]["schema"]["enum"] = ids
    text = json.dumps(documents[place], ensure_ascii=False)
    portal = tk.h.url_for("ecosphere_processes.document", qualified=True).partition("/ogc")[0]
    return Response(text.replace("{portal}", portal), mimetype="application/json")


def _require_known(is_known: bool) -> None:
    if not is_known:
        raise Problem(404, tk._("There is no such process."), "no-such-process")


@ecosphere_processes.route("/processes/<id>/execution", methods=["POST"])
def execution(id: str) -> Response:
    """Execute a process, and return its result at once."""
    _require_known(f"processes/{id}" == PROCESS)
    count("studies-process", config.PROCESS_LIMITS)
    if (request.content_length or 0) > MOST_BYTES:
        raise Problem(413, tk._("The request is too large."))
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), dict):
        raise Problem(400, tk._("Send a JSON object with the object “inputs”."))
    inputs = _validated(body["inputs"])
    result = execute(inputs["frame"], site_of(inputs))
    if body.get("response") == "document":
        result = {"result": result}
    return json_response(result)


def _validated(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs, validated as parameters of a new study, whose frame must be given.

    Raises:
        ValidationError: what is wrong, by input.
    """
    values = {name: _value(inputs.get(name)) for name in ("frame", "buffer", "communes")}
    site = _value(inputs.get("site"))
    if isinstance(site, dict):
        values["geojson"] = json.dumps(site)
    return schema.checked(schema.process, values, anybody())


def _value(value: Any) -> Any:
    """Return an input, which may be qualified (18-062r2, 7.11.2.2: `{"value": …, "mediaType": …}`)."""
    if isinstance(value, dict) and "value" in value and "type" not in value:
        return value["value"]
    return value


def execute(frame: Frame, site: Site) -> dict[str, Any]:
    """Return the needs of a frame on a site with their states and public datasets; nothing is counted.

    Returns:
        `frame`, `version`, `site` (label, box, territories), `at` (ISO moment) and `needs`: id, group, label,
        mandatory, `state` with `state_label` and `sentence`, and `datasets`, best first, as in `shown`.
    """
    of_need = candidates.look(list(frame.needs), site, anybody())
    rows = []
    for group in frame.groups:
        for need in group.needs:
            datasets = of_need.get(need.id) or []
            findings = [candidate.finding for candidate in datasets]
            finding = presence.conclude(findings, requested=False, relevant=True)
            row = {
                "id": need.id,
                "group": text_in(group.label),
                "label": text_in(need.label),
                "mandatory": need.mandatory,
                **_known(finding),
                "datasets": [shown(candidate) for candidate in datasets],
            }
            rows.append(row)
    return {
        "frame": frame.id,
        "version": frame.version,
        "site": {"label": site.label, "box": site.box, "territories": list(site.territories)},
        "at": now().isoformat(timespec="seconds"),
        "needs": rows,
    }


def shown(candidate: Candidate) -> dict[str, Any]:
    """Return a dataset as the process gives it."""
    finding = candidate.finding
    return {
        "id": candidate.package_id,
        "name": candidate.name,
        "title": candidate.title,
        "producer": candidate.organisation,
        "url": tk.h.url_for("dataset.read", id=candidate.name, qualified=True),
        **_known(finding),
        "extent": finding.extent,
        "share": round(finding.share, 3),
        "reasons": [{"code": code, **params} for code, params in candidate.reasons],
    }


def _known(finding: Finding) -> dict[str, str]:
    return {
        "state": finding.state,
        "state_label": wording.state(finding.state),
        "sentence": wording.evidence(finding),
    }


# --- territories ---

ecosphere_territories = interface("ecosphere_territories")


def place_of(code: str) -> Place | None:
    """Return the territory of a code.

    Args:
        code: INSEE code of a commune ("01053") or département ("01"), "R" and that of a région ("R84"), SIREN of an
            intercommunality, or the id of a territory of the portal ("departement-01").
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
        `territory`, `count`, `page`, `pages`, `themes` (id, label, count) and `groups` (theme, datasets).

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
    """Return the themes of the first level with their numbers of datasets, in the order of the vocabulary."""
    counts = {item["name"]: item["count"] for item in items}
    tops = [concept for concept in voc.get("themes") if concept.broader is None]
    return [
        {"id": top.id, "label": top.label(language.current()), "count": counts[top.id]}
        for top in tops
        if counts.get(top.id)
    ]


def _groups(packages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return datasets by theme of the first level, each under the first of its own; those without one come last."""
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
        Problem: the territory is unknown, or the search room is not enabled.
        TooMany: the address asks too often.
        ValidationError: what is wrong, by parameter.
    """
    count("studies-territory", config.TERRITORY_LIMITS)
    if not tk.h.plugin_loaded("ecosphere_search"):
        raise Problem(503, tk._("This portal does not know the places of its data."))
    place = place_of(code)
    if place is None:
        raise Problem(404, tk._("There is no territory with this code."))
    return place, schema.checked(schema.territory, request.args.to_dict(), anybody())


@ecosphere_territories.route("/api/territoires")
def documentation() -> str:
    """Document the interfaces for programs of this room."""
    return tk.render("ecosphere_studies/interfaces.html", {})


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
        problem = _problem(error)
        answer, status = {"problem": problem.description}, problem.code
    page = tk.render("ecosphere_studies/embedded.html", answer)
    response = make_response(page, status)
    response.headers["Content-Security-Policy"] = POLICY
    return response


BLUEPRINTS = (ecosphere_processes, ecosphere_territories)
