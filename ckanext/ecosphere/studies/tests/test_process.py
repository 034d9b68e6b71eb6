"""The OGC process, as other programs call it."""

# ruff: noqa: F811
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests.tests.conftest import app, people  # noqa: F401
from ckanext.ecosphere.studies import candidates, config, presence, states
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Frame, Group, Need
from ckanext.ecosphere.studies.publications import process
from ckanext.ecosphere.studies.states import Finding

NEED = Need("wetlands", {"fr": "Zones humides", "en": "Wetlands"}, mandatory=True)
FRAME = Frame(
    "essai",
    3,
    {"fr": "Essai"},
    {"fr": ""},
    "",
    "",
    "",
    (),
    (Group("g", {"fr": "Milieux"}, (NEED,)),),
)
COVERING = Finding(states.COVERS, "covers", share=1.0)
REASONS: Any = (("words", {"n": 1}),)
FOUND = Candidate("a", "zones-humides", "Zones humides", "DDT 42", REASONS, COVERING)
SITE = {"type": "Point", "coordinates": [5.2, 46.2]}
EXECUTION = "/ogc/processes/etude/execution"


@dataclass(frozen=True)
class Place:
    label: str = "Bourg"
    box: tuple[float, ...] = (5.2, 46.2, 5.3, 46.3)
    territories: tuple[str, ...] = ("departement-01",)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace what looks for datasets; return with which users it was called."""
    users: list[Any] = []

    def look(needs: list[Need], site: Any, context: Any) -> dict[str, list[Candidate]]:
        users.append(context)
        return {need.id: [FOUND] for need in needs}

    def site_of(data: dict[str, Any]) -> Place:
        if "Polygon" in data.get("geojson", ""):
            raise tk.ValidationError({"geojson": ["self-crossing"]})
        if "geojson" not in data and "communes" not in data:
            raise tk.ValidationError({"site": ["none"]})
        return Place()

    monkeypatch.setattr(candidates, "look", look)
    monkeypatch.setattr(presence, "conclude", lambda findings, requested, relevant: findings[0])
    monkeypatch.setattr(process, "site_of", site_of)
    monkeypatch.setattr(process.frames, "frame", lambda id_: FRAME if id_ == "essai" else None)
    monkeypatch.setattr(process.frames, "frames", lambda: (FRAME,))
    return users


@pytest.fixture(autouse=True)
def generous(people: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ckan_config, config.PROCESS_LIMITS, "")


def run(app: CKANTestApp, body: Any, **options: Any) -> Any:
    return app.post(EXECUTION, json=body, **options)


def test_the_pages_of_the_standard_lead_to_each_other(app: CKANTestApp, engine: list[Any]):
    landing = app.get("/ogc").json
    relations = {link["rel"]: link["href"] for link in landing["links"]}
    assert {"self", "service-doc"} <= set(relations)
    for relation in ("conformance", "processes"):
        address = relations[f"http://www.opengis.net/def/rel/ogc/1.0/{relation}"]
        assert app.get(address).status_code == 200
    conforms = app.get("/ogc/conformance").json["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in conforms
    [summary] = app.get("/ogc/processes").json["processes"]
    assert (summary["id"], summary["jobControlOptions"]) == ("etude", ["sync-execute"])
    described = app.get("/ogc/processes/etude").json
    assert described["inputs"]["frame"]["schema"]["enum"] == ["essai"]
    assert set(described["outputs"]) == {"result"}


def test_a_frame_and_a_site_give_needs_with_their_datasets(app: CKANTestApp, engine: list[Any]):
    answer = run(app, {"inputs": {"frame": "essai", "site": SITE, "buffer": 500}})
    [need] = answer.json["needs"]
    assert (need["state"], need["group"], need["mandatory"]) == ("covers", "Milieux", True)
    [found] = need["datasets"]
    assert found["url"].endswith("/dataset/zones-humides")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    qualified = {"value": SITE, "mediaType": "application/geo+json"}
    body = {"inputs": {"frame": "essai", "site": qualified}, "response": "document"}
    assert run(app, body).json["result"]["frame"] == "essai"
    assert run(app, {"inputs": {"frame": "essai", "communes": ["01053"]}}).status_code == 200


def test_whoever_asks_gets_what_anybody_may_read(app: CKANTestApp, engine: list[Any]):
    from ckan.tests import factories

    token = factories.APIToken(user="boss")["token"]
    run(app, {"inputs": {"frame": "essai", "site": SITE}}, headers={"Authorization": token})
    assert engine == [{"user": "", "auth_user_obj": None}]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"inputs": []},
        {"inputs": {}},
        {"inputs": {"frame": ["essai"], "site": SITE}},
        {"inputs": {"frame": "nothing", "site": SITE}},
        {"inputs": {"frame": "essai"}},
        {"inputs": {"frame": "essai", "site": "POINT(5 46)"}},
        {"inputs": {"frame": "essai", "site": {"type": "Polygon"}}},
        {"inputs": {"frame": "essai", "site": SITE, "buffer": -1}},
        {"inputs": {"frame": "essai", "site": SITE, "buffer": True}},
        {"inputs": {"frame": "essai", "communes": ["01053"] * 201}},
        {"inputs": {"frame": "essai", "communes": {"a": 1}}},
    ],
)
def test_wrong_inputs_get_problem_details(body: Any, app: CKANTestApp, engine: list[Any]):
    answer = run(app, body)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert set(answer.json) == {"type", "title", "status", "detail"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_does_not_exist_has_the_type_of_the_standard(app: CKANTestApp, engine: list[Any]):
    for address, kind in (
        ("/ogc/processes/other", "no-such-process"),
        ("/ogc/jobs/1", "no-such-job"),
    ):
        answer = app.get(address, status=404)
        assert answer.json["type"].endswith(f"/{kind}")
    assert app.post(EXECUTION, data="{", headers={"Content-Type": "text/plain"}).status_code == 400
    deep = "[" * 100_000 + "]" * 100_000
    assert (
        app.post(EXECUTION, data=deep, headers={"Content-Type": "application/json"}).status_code
        == 400
    )
    assert app.options(EXECUTION).headers["Access-Control-Allow-Headers"]


def test_large_and_frequent_requests_are_refused(
    app: CKANTestApp,
    engine: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    ckan_config: Any,
):
    body = {
        "inputs": {
            "frame": "essai",
            "site": {"type": "Point", "coordinates": ["a" * process.MOST_BYTES]},
        }
    }
    assert run(app, body).status_code == 413
    monkeypatch.setitem(ckan_config, config.PROCESS_LIMITS, "1 per hour")
    body = {"inputs": {"frame": "essai", "site": SITE}}
    statuses = [run(app, body).status_code for _number in range(2)]
    assert statuses[-1] == 429
    answer = run(app, body)
    assert answer.mimetype == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
