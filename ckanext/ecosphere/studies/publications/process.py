"""The process `etude` for other programs: a frame and a site in, the data of each need out.

OGC API – Processes – Part 1: Core (OGC 18-062r2), synchronous execution only; its documents are
`data/process.yaml`. Only public data are looked for, whoever asks; neither the site nor the answer
is stored or logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, request

from ckanext.ecosphere.core.pages import Problem, anybody, count, interface, json_response
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.studies import candidates, config, frames, presence, wording
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Frame, text_in
from ckanext.ecosphere.studies.logic import schema
from ckanext.ecosphere.studies.logic.actions import site_of
from ckanext.ecosphere.studies.publications.outline import content_of
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
PROCESS = "processes/etude"
MOST_BYTES = 2 * 1024 * 1024

ecosphere_processes = interface("ecosphere_processes", "/ogc")


@ecosphere_processes.route("", strict_slashes=False)
@ecosphere_processes.route("/conformance")
@ecosphere_processes.route("/processes")
@ecosphere_processes.route("/processes/<id>")
@ecosphere_processes.route("/jobs/<id>")
@ecosphere_processes.route("/jobs/<id>/results")
def document(id: str = "") -> Response:
    """Return a document of the standard: landing page, conformance, processes.

    There are no jobs.
    """
    place = request.path.partition("/ogc")[2].strip("/")
    if place.startswith("jobs/"):
        raise Problem(404, tk._("There is no such job."), EXCEPTIONS + "no-such-job")
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
        raise Problem(404, tk._("There is no such process."), EXCEPTIONS + "no-such-process")


@ecosphere_processes.route("/processes/<id>/execution", methods=["POST"])
def execution(id: str) -> Response:
    """Execute a process, and return its result at once."""
    _require_known(f"processes/{id}" == PROCESS)
    count("studies-process", config.limits(config.PROCESS_LIMITS))
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
    return action_input.validated(schema.process, values, anybody())


def _value(value: Any) -> Any:
    """Return an input, which may be qualified (18-062r2, 7.11.2.2:
    `{"value": …, "mediaType": …}`).
    """
    if isinstance(value, dict) and "value" in value and "type" not in value:
        return value["value"]
    return value


def execute(frame: Frame, site: Site) -> dict[str, Any]:
    """Return the needs of a frame on a site with their states and public datasets; nothing is
    counted.

    Returns:
        `frame`, `version`, `site` (label, box, territories), `at` (ISO moment) and `needs`: id,
        group, label, mandatory, `state` with `state_label` and `sentence`, and `datasets`, best
        first, as in `shown`.
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
