"""The public datasets of a territory: by theme, in pages, and as a part of pages of other sites."""

# ruff: noqa: F811
from __future__ import annotations

from typing import Any

import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests.tests.conftest import app, dataset, people  # noqa: F401
from ckanext.ecosphere.search import config, territories


@pytest.fixture(autouse=True)
def generous(people: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ckan_config, config.TERRITORY_LIMITS, "")


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
    place = territories.place_of(code)
    assert place is not None
    assert place.ids == (id_,)


@pytest.mark.parametrize("code", ["", "99999", "000000000", "nothing", "R99", "a" * 5_000])
def test_an_unknown_code_stands_for_none(code: str):
    assert territories.place_of(code) is None


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
    groups = {
        group["theme"]["id"]: [item["name"] for item in group["datasets"]]
        for group in answer["groups"]
    }
    assert groups == {
        "amenagement-et-urbanisme": ["de-la-loire-0", "de-la-loire-1", "de-la-loire-2"],
        "": ["sans-theme"],
    }
    assert [(theme["id"], theme["count"]) for theme in answer["themes"]] == [
        ("amenagement-et-urbanisme", 3)
    ]
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
