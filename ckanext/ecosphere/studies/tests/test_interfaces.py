"""The OGC process and the datasets of a territory, as other programs call them."""

# ruff: noqa: F811
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests.tests.conftest import app, dataset, people  # noqa: F401
from ckanext.ecosphere.studies import candidates, config, presence, states
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Frame, Group, Need
from ckanext.ecosphere.studies.publications import interfaces
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
    monkeypatch.setattr(interfaces, "site_of", site_of)
    monkeypatch.setattr(interfaces.frames, "frame", lambda id_: FRAME if id_ == "essai" else None)
    monkeypatch.setattr(interfaces.frames, "frames", lambda: (FRAME,))
    return users


@pytest.fixture(autouse=True)
def generous(people: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for option in (config.PROCESS_LIMITS, config.TERRITORY_LIMITS):
        monkeypatch.setitem(ckan_config, option, "")


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
    assert app.post(EXECUTION, data=deep, headers={"Content-Type": "application/json"}).status_code == 400
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
            "site": {"type": "Point", "coordinates": ["a" * interfaces.MOST_BYTES]},
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


# --- territories ---


@pytest.mark.parametrize(
    ("code", "id_"),
    [
        ("01053", "commune-01053"),
        ("2A004", "commune-2A004"),
        ("01", "departement-01"),
        ("R84", "region-ara"),
        ("departement-42", "departement-42"),
        ("200071751", "epci-200071751"),
    ],
)
def test_a_code_stands_for_a_territory(code: str, id_: str):
    place = interfaces.place_of(code)
    assert place is not None
    assert place.ids == (id_,)


@pytest.mark.parametrize("code", ["", "99999", "000000000", "nothing", "R99", "a" * 5_000])
def test_an_unknown_code_stands_for_none(code: str):
    assert interfaces.place_of(code) is None


@pytest.fixture(scope="module")
def catalogue(people: None) -> None:
    themes = "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres"
    loire = "http://id.insee.fr/geo/departement/42"
    for number in range(3):
        themed = {"territory": [loire], "theme": [f"{themes}/amenagement-et-urbanisme"]}
        dataset(name=f"de-la-loire-{number}", title=f"Urbanisme {number}", **themed)
    dataset(name="sans-theme", title="Sans thème", territory=[loire])
    dataset(name="ailleurs", title="Ailleurs", territory=["http://id.insee.fr/geo/departement/01"])
    dataset(name="prive-42", title="Privé", territory=[loire], private=True)


def test_the_public_datasets_of_a_territory_are_grouped_by_theme(app: CKANTestApp, catalogue: None):
    answer = app.get("/api/territoires/42/jeux-de-donnees").json
    assert answer["territory"] == {"id": "departement-42", "kind": "departement", "label": "Loire"}
    assert answer["count"] == 4
    groups = {group["theme"]["id"]: [item["name"] for item in group["datasets"]] for group in answer["groups"]}
    assert groups == {
        "amenagement-et-urbanisme": ["de-la-loire-0", "de-la-loire-1", "de-la-loire-2"],
        "": ["sans-theme"],
    }
    assert [(theme["id"], theme["count"]) for theme in answer["themes"]] == [("amenagement-et-urbanisme", 3)]
    assert list(groups)[-1] == "", "those without a theme come last"


def test_pages_follow_each_other(app: CKANTestApp, catalogue: None):
    address, names = "/api/territoires/42/jeux-de-donnees?rows=1&theme=amenagement-et-urbanisme", []
    while address:
        answer = app.get(address).json
        names += [item["name"] for group in answer["groups"] for item in group["datasets"]]
        address = next((link["href"] for link in answer["links"] if link["rel"] == "next"), "")
    assert names == ["de-la-loire-0", "de-la-loire-1", "de-la-loire-2"]


QUERIES = (
    "rows=0",
    "rows=101",
    "rows=a",
    "page=-1",
    "page=9999999",
    'theme=x" OR name:"a',
    "theme=none",
)


@pytest.mark.parametrize("query", QUERIES)
def test_wrong_parameters_get_problem_details(query: str, app: CKANTestApp, catalogue: None):
    answer = app.get(f"/api/territoires/42/jeux-de-donnees?{query}", status=400)
    assert answer.mimetype == "application/problem+json"


def test_the_part_for_other_sites_may_be_framed_and_runs_nothing(app: CKANTestApp, catalogue: None):
    answer = app.get("/territoires/42/encart")
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'none'" in policy
    assert "X-Frame-Options" not in answer.headers
    assert "<script" not in answer.text
    assert "Urbanisme 0" in answer.text
    assert "Privé" not in answer.text
    assert app.get("/territoires/99999/encart", status=404)


def test_the_interfaces_are_documented(app: CKANTestApp, catalogue: None):
    page = app.get("/api/territoires").text
    assert "/ogc/processes/etude/execution" in page
    assert "/api/territoires" in app.get("/api").text
