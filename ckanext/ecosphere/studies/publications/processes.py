"""The process `etude` for other programs: a frame and a site in, the data of each need out.

OGC API – Processes – Part 1: Core (OGC 18-062r2), synchronous execution only; its documents are `data/process.yaml`.
Only public data are looked for, whoever asks; neither the site nor the answer is stored or logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Schema
from flask import Response, request

from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.studies import candidates, config, frames, presence
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.display.pages import anybody
from ckanext.ecosphere.studies.frames import Frame
from ckanext.ecosphere.studies.logic.actions import site_of
from ckanext.ecosphere.studies.logic.schema import get, study_create
from ckanext.ecosphere.studies.publications.outline import (
    content_of,
    sentence_of,
    state_label,
    text_in,
)
from ckanext.ecosphere.studies.publications.programs import (
    BAD_REQUEST,
    NOT_FOUND,
    TOO_LARGE,
    Problem,
    count,
    interface,
    json_response,
    link,
)
from ckanext.ecosphere.studies.site import Site

ID = "etude"
EXECUTE = "http://www.opengis.net/def/rel/ogc/1.0/execute"
MOST_BYTES = 2 * 1024 * 1024

ecosphere_processes = interface("ecosphere_processes", "/ogc")


# --- documents ------------------------------------------------------------------------------------


def described(part: str) -> Any:
    """Return a part of the documents, with its texts in the language of the page."""
    return content_of("process.yaml")[part]


def _summary() -> dict[str, Any]:
    summary = described("summary")
    title = summary["title"]
    links = [
        link("self", "ecosphere_processes.process", title, id=ID),
        link(EXECUTE, "ecosphere_processes.execution", title, id=ID),
    ]
    return {**summary, "links": links}


@ecosphere_processes.route("", strict_slashes=False)
def landing() -> Response:
    """Return the landing page."""
    links = [link(**row) for row in described("links")]
    text = described("summary")["description"]
    title = str(tk.config["ckan.site_title"])
    return json_response({"title": title, "description": text, "links": links})


@ecosphere_processes.route("/conformance")
def conformance() -> Response:
    """Return the conformance classes."""
    return json_response({"conformsTo": described("conformsTo")})


@ecosphere_processes.route("/processes")
def processes() -> Response:
    """Return the list of processes."""
    links = [row for row in described("links") if row["view"] == "ecosphere_processes.processes"]
    links = [link(**{**row, "rel": "self"}) for row in links]
    return json_response({"processes": [_summary()], "links": links})


@ecosphere_processes.route("/processes/<id>")
def process(id: str) -> Response:
    """Return the description of a process."""
    _require_known(id)
    inputs = described("inputs")
    inputs["frame"]["schema"] |= {"enum": [frame.id for frame in frames.frames()]}
    return json_response({**_summary(), "inputs": inputs, "outputs": described("outputs")})


@ecosphere_processes.route("/jobs/<id>")
@ecosphere_processes.route("/jobs/<id>/results")
def job(id: str) -> Response:
    """Answer that there is no such job: all executions are synchronous."""
    raise Problem(NOT_FOUND, tk._("There is no such job."), "no-such-job")


def _require_known(id_: str) -> None:
    if id_ != ID:
        raise Problem(NOT_FOUND, tk._("There is no such process."), "no-such-process")


# --- execution ------------------------------------------------------------------------------------


@ecosphere_processes.route("/processes/<id>/execution", methods=["POST"])
def execution(id: str) -> Response:
    """Execute a process, and return its result at once."""
    _require_known(id)
    count("studies-process", config.PROCESS_LIMITS)
    if (request.content_length or 0) > MOST_BYTES:
        raise Problem(TOO_LARGE, tk._("The request is too large."))
    try:
        body = json.loads(request.get_data())
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), dict):
        raise Problem(BAD_REQUEST, tk._("Send a JSON object with the object “inputs”."))
    inputs = _validated(body["inputs"])
    result = execute(inputs["frame"], site_of(inputs))
    if body.get("response") == "document":
        result = {"result": result}
    return json_response(result)


def _schema() -> Schema:
    """Schema of the inputs: parameters of a new study, whose frame must be given."""
    schema: Any = study_create()
    return {**schema, "title": [get("ignore")], "frame": [get("not_empty"), *schema["frame"]]}


def _validated(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs, validated.

    Raises:
        ValidationError: what is wrong, by input.
    """
    values = {name: _value(inputs.get(name)) for name in ("frame", "buffer", "communes")}
    site = _value(inputs.get("site"))
    if isinstance(site, dict):
        values["geojson"] = json.dumps(site)
    validated, errors = tk.navl_validate(values, _schema(), anybody())
    if errors:
        raise tk.ValidationError(errors)
    return validated


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
        "state": finding.state,
        "state_label": state_label(finding.state),
        "sentence": sentence_of(asdict(finding)),
        "extent": finding.extent,
        "share": round(finding.share, 3),
        "reasons": [{"code": code, **params} for code, params in candidate.reasons],
    }
