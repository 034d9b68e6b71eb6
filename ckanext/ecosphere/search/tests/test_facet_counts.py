"""Several values of a facet combined with OR, and their counts: on pages,
in feeds and in the API.
"""

import json
import re

import pytest
from ckan.tests import factories, helpers
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.search import setup, solr_schema
from ckanext.ecosphere.search.tests.conftest import remove_french

DEPARTEMENT = "http://id.insee.fr/geo/departement/"
#: name → formats, département, licence, private
DATASETS = {
    "eau-ain": (["CSV", "SHP"], "01", "etalab-2.0", False),
    "bruit-ain": (["CSV"], "01", "odc-odbl", False),
    "eau-rhone": (["WMS"], "69", "etalab-2.0", False),
    "bruit-rhone": (["SHP"], "69", "odc-odbl", False),
    "secret-ain": (["CSV", "WMS"], "01", "etalab-2.0", True),
}


@pytest.fixture(scope="module")
def tokens(made_app, request):
    """The catalogue, made once.

    API tokens of an editor of the organisation and of one of another organisation.
    """
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    solr_schema.apply(setup.solr())
    people = {name: factories.User(name=name) for name in ("editor", "stranger")}
    service = factories.Organization(
        name="ddt-01053-01", users=[{"name": "editor", "capacity": "editor"}]
    )
    factories.Organization(name="ddt-other", users=[{"name": "stranger", "capacity": "editor"}])
    by_boss = {"user": factories.Sysadmin(name="boss")["name"], "ignore_auth": True}
    group = factories.Group(name="eaux", user=factories.User())
    for name, (formats, place, licence, private) in DATASETS.items():
        helpers.call_action(
            "package_create",
            dict(by_boss),
            name=name,
            title=name,
            notes="Essai",
            owner_org=service["id"],
            private=private,
            license_id=licence,
            territory=[DEPARTEMENT + place],
            groups=[{"id": group["id"]}] if name.startswith("eau") else [],
            resources=[
                {"url": f"https://data.example/{name}/{each}", "format": each} for each in formats
            ],
        )
    made = {name: factories.APIToken(user=each["name"])["token"] for name, each in people.items()}
    return made | {"anonymous": ""}


@pytest.fixture
def app(made_app, tokens):
    return CKANTestApp(made_app)


@pytest.fixture
def ask(app, tokens):
    """Call `package_search` over HTTP; return the names found and the counts of each facet."""

    def search(person="anonymous", **params):
        headers = {"Authorization": tokens[person]} if tokens[person] else {}
        answer = app.post("/api/3/action/package_search", json=params, headers=headers)
        result = json.loads(answer.body)["result"]
        return {each["name"] for each in result["results"]}, result["facets"]

    return search


def shown(page):
    """Return the names of the datasets listed on a page."""
    return set(re.findall(r'dataset-heading">.*?href="/(?:en/)?dataset/([\w-]+)"', page, re.DOTALL))


def test_values_of_one_facet_add_and_facets_narrow_each_other_down(ask):
    fields = ["res_format", "license_id"]
    found, counts = ask(ext_facets={"res_format": ["CSV", "WMS"]}, **{"facet.field": fields})
    assert found == {"eau-ain", "bruit-ain", "eau-rhone"}
    assert counts["res_format"] == {"CSV": 2, "SHP": 2, "WMS": 1}, "as if no format were chosen"
    assert counts["license_id"] == {"etalab-2.0": 2, "odc-odbl": 1}, "of what is found"
    chosen = {"res_format": ["CSV", "WMS"], "license_id": ["etalab-2.0"]}
    found, counts = ask(ext_facets=chosen, **{"facet.field": fields})
    assert found == {"eau-ain", "eau-rhone"}
    assert counts["res_format"] == {"CSV": 1, "SHP": 1, "WMS": 1}
    assert counts["license_id"] == {"etalab-2.0": 2, "odc-odbl": 1}


@pytest.mark.parametrize(
    "address",
    [
        "/dataset/?res_format=CSV&res_format=WMS&license_id=etalab-2.0",
        "/organization/ddt-01053-01?res_format=CSV&res_format=WMS&license_id=etalab-2.0",
        "/group/eaux?res_format=CSV&res_format=WMS&groups=eaux",
    ],
)
def test_pages_add_the_values_of_their_address(app, address):
    assert shown(app.get(address).body) == {"eau-ain", "eau-rhone"}


def test_a_page_stays_within_its_group_whatever_the_address_says(app):
    assert shown(app.get("/group/eaux").body) == {"eau-ain", "eau-rhone"}
    assert shown(app.get("/group/eaux?groups=other").body) == set()


def test_a_feed_adds_too(app):
    feed = app.get("/feeds/custom.atom?res_format=CSV&res_format=WMS").body
    assert all(f"<title>{name}</title>" in feed for name in ("eau-ain", "bruit-ain", "eau-rhone"))
    assert "bruit-rhone" not in feed


def test_of_a_tree_the_lower_value_narrows_the_upper_one_down(ask):
    field = "vocab_ecosphere_territory"
    found, counts = ask(
        ext_facets={field: ["region-ara", "departement-01"]}, **{"facet.field": [field]}
    )
    assert found == {"eau-ain", "bruit-ain"}
    assert counts[field]["departement-69"] == 2
    assert ask(ext_facets={field: ["region-ara"]})[0] == {
        "eau-ain",
        "bruit-ain",
        "eau-rhone",
        "bruit-rhone",
    }


def test_what_covers_a_place_is_asked_for_by_the_api_too(app, ask):
    assert ask(ext_covers="commune-01053")[0] == {"eau-ain", "bruit-ain"}
    assert ask(ext_covers="departement-69", ext_facets={"res_format": ["WMS"]})[0] == {"eau-rhone"}
    assert ask(ext_covers="region-ara")[0] == set()
    app.post("/api/3/action/package_search", json={"ext_covers": "atlantis"}, status=400)


@pytest.mark.parametrize(("person", "count"), [("anonymous", 2), ("stranger", 2), ("editor", 3)])
def test_private_datasets_count_for_their_service_only(ask, person, count):
    chosen = {
        "ext_facets": {"res_format": ["WMS"]},
        "include_private": True,
        "facet.field": ["res_format"],
    }
    found, counts = ask(person, **chosen)
    assert counts["res_format"]["CSV"] == count
    assert ("secret-ain" in found) == (person == "editor")


def test_filter_queries_of_the_api_mean_what_they_meant(ask):
    assert ask(fq='res_format:"CSV" res_format:"SHP"')[0] == {"eau-ain"}


@pytest.mark.parametrize(
    "params",
    [
        {"ext_facets": "[1"},
        {"ext_facets": ["res_format"]},
        {"ext_facets": {"res_format": [1]}},
        {"ext_facets": {"{!frange}x": ["a"]}},
        {"ext_facets": {"res_format": ["x"] * 300}},
        {"facet.field": ["{!lucene ex=facet_state facet.limit=100000 key=a}res_format"]},
    ],
)
def test_what_is_no_facet_is_refused(app, params):
    answer = app.post("/api/3/action/package_search", json=params, status=400)
    assert (
        not json.loads(answer.body)["success"]
        if answer.body.startswith("{")
        else "facet" in answer.body.lower()
    )


@pytest.mark.parametrize("value", ['a"b', "a\\", "{!frange l=0}1", '") OR (name:*', "a}b", "*"])
def test_no_value_is_more_than_a_value(app, ask, value):
    assert ask(ext_facets={"res_format": [value]}) == (set(), {})
    found, _counts = ask(ext_facets={"res_format": [value, "WMS"]})
    assert found == {"eau-rhone"}
    assert shown(app.get("/dataset/", params={"res_format": value}).body) == set()


@pytest.mark.slow("variants")
def test_it_works_on_the_plain_schema_of_ckan(app, ask, reindex):
    solr = setup.solr()
    remove_french(solr)
    try:
        helpers.call_action("package_patch", {"user": "boss"}, id="eau-ain", notes="Essai 2")
        helpers.call_action("package_patch", {"user": "boss"}, id="eau-rhone", notes="Essai 2")
        found, counts = ask(ext_facets={"res_format": ["SHP"]}, **{"facet.field": ["res_format"]})
        assert found == {"eau-ain"}
        assert counts["res_format"] == {"CSV": 1, "SHP": 1, "WMS": 1}
    finally:
        solr.delete_all()
        solr.reload()
        solr_schema.apply(solr)
        reindex()
