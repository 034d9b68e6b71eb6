"""The process `etude` for other programs: a frame and a site in, the data of each need out.

OGC API – Processes – Part 1: Core (OGC 18-062r2), synchronous execution only. Only public data are looked for, whoever
asks; neither the site nor the answer is stored or logged. Errors are problem details (RFC 9457) with the types of the
standard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from ckanext.ecosphere.shared import web_guard
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import candidates, config, frames, presence
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Frame
from ckanext.ecosphere.studies.publications.outline import (
    in_language,
    sentence_of,
    state_label,
    text_in,
)
from ckanext.ecosphere.studies.site import Site, SiteError, of_communes, of_geojson
from ckanext.ecosphere.studies.wording import site_error

ID = "etude"
DESCRIPTION = Path(__file__).parents[1] / "data" / "process.yaml"
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0/"
CONFORMANCE = tuple(
    f"http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/{name}"
    for name in ("core", "ogc-process-description", "json")
)
MOST_BYTES = 2 * 1024 * 1024
MOST_COMMUNES = 200
WIDEST_BUFFER = 20_000
BAD_REQUEST, NOT_FOUND, TOO_LARGE, TOO_MANY = 400, 404, 413, 429

ecosphere_processes = Blueprint("ecosphere_processes", __name__, url_prefix="/ogc")
web_guard.protect(ecosphere_processes)


class Problem(Exception):
    """A request that cannot be answered.

    Attributes:
        status: HTTP status.
        kind: last part of the type of the exception in the standard, "" for none.
        detail: sentence for people.
    """

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail


def anybody() -> Any:
    """Return the context of actions for an anonymous visitor, whoever asks."""
    return {"user": "", "auth_user_obj": None}


def open_to_all(blueprint: Blueprint) -> None:
    """Let pages of other sites read the answers of a blueprint, without credentials (CORS), and answer its errors."""

    def after(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, Accept, Prefer"
        return response

    blueprint.after_request(after)
    blueprint.register_error_handler(Problem, _answered)
    blueprint.register_error_handler(HTTPException, _refused)


def _answered(problem: Problem) -> Response:
    about = "about:blank"
    if problem.kind:
        about = EXCEPTIONS + problem.kind
    return json_response(
        {
            "type": about,
            "title": problem.detail,
            "status": problem.status,
            "detail": problem.detail,
        },
        problem.status,
        "application/problem+json",
    )


def _refused(error: HTTPException) -> Response:
    """Answer what the portal itself refuses in the same form."""
    return _answered(Problem(error.code or BAD_REQUEST, "", str(error.description or error.name)))


def json_response(
    content: Any, status: int = 200, media_type: str = "application/json"
) -> Response:
    """Return an answer as JSON, in UTF-8 and without a fixed order of keys."""
    text = json.dumps(content, ensure_ascii=False)
    return Response(text, status, mimetype=media_type)


def count(name: str, option: str) -> None:
    """Count a request of an address.

    Raises:
        Problem: it asks too often.
    """
    try:
        rate_limits.hit(name, config.limits(option), rate_limits.address(), fallback=True)
    except rate_limits.TooMany as error:
        g.ecosphere_retry_after = error.seconds
        sentence = tk._("This was done too often in a short time.")
        detail = f"{sentence} {rate_limits.try_again(error.seconds)}"
        raise Problem(TOO_MANY, "", detail) from error


def link(relation: str, endpoint: str, title: str, **values: Any) -> dict[str, str]:
    """Return a link to a page of JSON, as OGC API Common writes them."""
    address = tk.h.url_for(endpoint, qualified=True, **values)
    return {"rel": relation, "type": "application/json", "title": title, "href": address}


open_to_all(ecosphere_processes)


# --- pages ----------------------------------------------------------------------------------------


@ecosphere_processes.route("", strict_slashes=False)
def landing() -> Response:
    """Return the landing page."""
    documentation = link(
        "service-doc", "ecosphere_territories.documentation", tk._("Documentation")
    )
    links = [
        link("self", "ecosphere_processes.landing", tk._("This page")),
        documentation | {"type": "text/html"},
        link(
            f"{RELATIONS}conformance",
            "ecosphere_processes.conformance",
            tk._("What the interface conforms to"),
        ),
        link(f"{RELATIONS}processes", "ecosphere_processes.processes", tk._("The processes")),
    ]
    title = str(tk.config["ckan.site_title"])
    text = described("summary")["description"]
    return json_response({"title": title, "description": text, "links": links})


@ecosphere_processes.route("/conformance")
def conformance() -> Response:
    """Return the conformance classes."""
    return json_response({"conformsTo": list(CONFORMANCE)})


@ecosphere_processes.route("/processes")
def processes() -> Response:
    """Return the list of processes."""
    links = [link("self", "ecosphere_processes.processes", tk._("The processes"))]
    return json_response({"processes": [_summary()], "links": links})


@ecosphere_processes.route("/processes/<id>")
def process(id: str) -> Response:
    """Return the description of a process."""
    _of_id(id)
    inputs = described("inputs")
    inputs["frame"]["schema"]["enum"] = [frame.id for frame in frames.frames()]
    return json_response({**_summary(), "inputs": inputs, "outputs": described("outputs")})


@ecosphere_processes.route("/processes/<id>/execution", methods=["POST"])
def execution(id: str) -> Response:
    """Execute a process, and return its result at once."""
    _of_id(id)
    count("studies-process", config.PROCESS_LIMITS)
    if (request.content_length or 0) > MOST_BYTES:
        raise Problem(TOO_LARGE, "", tk._("The request is too large."))
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), dict):
        raise Problem(BAD_REQUEST, "", tk._("Send a JSON object with the object “inputs”."))
    inputs = {name: _value(value) for name, value in body["inputs"].items()}
    result = execute(_frame(inputs.get("frame")), _site(inputs))
    if body.get("response") == "document":
        return json_response({"result": result})
    return json_response(result)


@ecosphere_processes.route("/jobs/<id>")
@ecosphere_processes.route("/jobs/<id>/results")
def job(id: str) -> Response:
    """Answer that there is no such job: all executions are synchronous."""
    raise Problem(NOT_FOUND, "no-such-job", tk._("There is no such job."))


def _of_id(id_: str) -> None:
    if id_ != ID:
        raise Problem(NOT_FOUND, "no-such-process", tk._("There is no such process."))


# --- description ----------------------------------------------------------------------------------


@cache
def _description() -> dict[str, Any]:
    return yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))


def described(part: str) -> dict[str, Any]:
    """Return a part of the description of the process, with its texts in the language of the page."""
    return in_language(_description()[part])


def _summary() -> dict[str, Any]:
    relations = {"self": "process", f"{RELATIONS}execute": "execution"}
    links = []
    for relation, view in relations.items():
        title = str(described("summary")["title"])
        links.append(link(relation, f"ecosphere_processes.{view}", title, id=ID))
    return {**described("summary"), "links": links}


# --- execution ------------------------------------------------------------------------------------


def _value(value: Any) -> Any:
    """Return an input, which may be qualified (18-062r2, 7.11.2.2: `{"value": …, "mediaType": …}`)."""
    if isinstance(value, dict) and "value" in value and "type" not in value:
        return value["value"]
    return value


def _frame(id_: Any) -> Frame:
    frame = None
    if isinstance(id_, str):
        frame = frames.frame(id_)
    if frame is None:
        names = ", ".join(frame.id for frame in frames.frames())
        detail = tk._("The input “frame” is one of: {names}").format(names=names)
        raise Problem(BAD_REQUEST, "", detail)
    return frame


def _site(inputs: Mapping[str, Any]) -> Site:
    buffer, site, communes = (inputs.get(name) for name in ("buffer", "site", "communes"))
    if buffer is None:
        buffer = 0
    if type(buffer) is not int or not 0 <= buffer <= WIDEST_BUFFER:
        detail = tk._("The input “buffer” is a number of metres from 0 to {most}.")
        raise Problem(BAD_REQUEST, "", detail.format(most=WIDEST_BUFFER))
    codes = communes or []
    if not isinstance(codes, list) or len(codes) > MOST_COMMUNES:
        detail = tk._("The input “communes” is a list of {most} INSEE codes at most.")
        raise Problem(BAD_REQUEST, "", detail.format(most=MOST_COMMUNES))
    try:
        if isinstance(site, dict):
            return of_geojson(json.dumps(site), buffer=buffer)
        if codes:
            return of_communes([str(code) for code in codes], buffer)
    except SiteError as error:
        raise Problem(BAD_REQUEST, "", site_error(error.code, error.params)) from error
    except RecursionError as error:
        raise Problem(BAD_REQUEST, "", tk._("This is nested too deeply.")) from error
    detail = tk._("Give the input “site” as a GeoJSON object, or the input “communes”.")
    raise Problem(BAD_REQUEST, "", detail)


def execute(frame: Frame, site: Site) -> dict[str, Any]:
    """Return the needs of a frame on a site with their states and public datasets; nothing is counted.

    Returns:
        `frame`, `version`, `site` (label, box, territories), `at` (ISO moment) and `needs`: id, group, label,
        mandatory, `state` with `state_label` and `sentence`, and `datasets`, best first, as in `shown`.
    """
    needs = [need for group in frame.groups for need in group.needs]
    of_need = candidates.look(needs, site, anybody())
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
                "state": finding.state,
                "state_label": state_label(finding.state),
                "sentence": sentence_of(asdict(finding)),
                "datasets": [shown(candidate) for candidate in datasets],
            }
            rows.append(row)
    return {
        "frame": frame.id,
        "version": frame.version,
        "site": {"label": site.label, "box": site.box, "territories": list(site.territories)},
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
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
        "state": finding.state,
        "state_label": state_label(finding.state),
        "sentence": sentence_of(asdict(finding)),
        "extent": finding.extent,
        "share": round(finding.share, 3),
        "reasons": [{"code": code, **params} for code, params in candidate.reasons],
    }
