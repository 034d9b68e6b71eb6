"""Sources of every type with every option: created, shown, edited and deleted,
through form and API.
"""

import json

import pytest
from bs4 import BeautifulSoup
from ckan.tests import factories

from ckanext.ecosphere.harvest.sources.base import COMMON_OPTIONS, enabled_types

COMMON = {"default_organisation": "ddt-01053-01", "priority": 5}
OWN = {"own_service": True}
SETTINGS = {
    "ecosphere_csw": [
        {},
        {"page_size": 20},
        {"filters": [{"property": "identifier", "like": "fr-120066022-%", "not": True}]},
        {
            "filters": [
                {
                    "any": [
                        [{"property": "title", "equals": "Zones"}],
                        [{"property": "type", "equals": "series"}],
                    ]
                }
            ]
        },
        OWN,
        {**COMMON, "page_size": 20, "filters": [{"property": "organisation", "like": "%DDT%"}]},
    ],
    "ecosphere_dcat": [{}, COMMON, OWN],
    "ecosphere_waf": [{}, COMMON, OWN],
    "ecosphere_ogcapi": [{}, {"page_size": 20}, COMMON, OWN],
    "ecosphere_udata": [
        {"organization": "534fff8ea3a7292c64a77f02"},
        {"organization": "ministere-de-la-transition-ecologique"},
        {"topic": "risques"},
        {"tag": "eau"},
        {"organization": "534fff8ea3a7292c64a77f02", "topic": "risques", "tag": "eau", **COMMON},
        {"tag": "eau", **OWN},
    ],
}
CASES = [(name, settings) for name, each in SETTINGS.items() for settings in each]
RICHEST = [(name, max(each, key=len)) for name, each in SETTINGS.items()]
"""Each type, with most options."""


def text(settings):
    return json.dumps(settings, ensure_ascii=False, indent=2) if settings else ""


@pytest.fixture
def token(portal):
    return factories.SysadminWithToken()["token"]


def call(app, token, action, **data):
    answer = app.post(f"/api/3/action/{action}", json=data, headers={"Authorization": token})
    assert answer.status_code == 200, answer.body
    return answer.json["result"]


def test_every_option_is_tried(portal):
    for name, harvester in enabled_types().items():
        tried = {option for settings in SETTINGS[name] for option in settings}
        assert tried == set(harvester.options)
        assert set(COMMON_OPTIONS) <= tried


def values_of(portal, number, kind, settings):
    return {
        "name": f"zones-{number}", "title": f"Zones {number}", "url": f"https://ex.org/catalogue/{number}", "notes": "",
        "source_type": kind, "owner_org": portal.OWNER, "config": text(settings), "frequency": "WEEKLY",
    }  # fmt: skip


@pytest.mark.parametrize("cases", [RICHEST, pytest.param(CASES, marks=pytest.mark.slow("values"))])
def test_sources_through_the_api(portal, app, token, cases):
    for number, (kind, settings) in enumerate(cases):
        values = values_of(portal, number, kind, settings)
        name = values["name"]
        created = call(app, token, "harvest_source_create", **values)
        shown = call(app, token, "harvest_source_show", id=name)
        assert shown["organization"]["name"] == portal.OWNER
        assert json.loads(shown["config"] or "{}") == settings
        edited = call(
            app,
            token,
            "harvest_source_update",
            **{**values, "id": created["id"], "title": "Autres zones"},
        )
        assert edited["title"] == "Autres zones"
        (found,) = call(app, token, "package_search", fq="dataset_type:harvest")["results"]
        assert found["title"] == "Autres zones"
        assert call(app, token, "package_show", id=name)["organization"]["name"] == portal.OWNER
        call(app, token, "harvest_source_delete", id=name)
        assert call(app, token, "package_search", fq="dataset_type:harvest")["count"] == 0


@pytest.mark.slow("values")
def test_sources_through_the_form(portal, app, token):
    headers = {"Authorization": token}
    for number, (kind, settings) in enumerate(CASES):
        values = values_of(portal, number, kind, settings)
        name = values["name"]
        answer = app.post("/fr/harvest/new", headers=headers, data=values, follow_redirects=False)
        assert answer.status_code == 302, BeautifulSoup(answer.body, "html.parser").text[:2000]
        for path in ("/fr/harvest", f"/fr/harvest/{name}", f"/fr/harvest/admin/{name}"):
            assert values["title"] in app.get(path, headers=headers, status=200).body
        page = BeautifulSoup(
            app.get(f"/fr/harvest/edit/{name}", headers=headers, status=200).body, "html.parser"
        )
        assert json.loads(page.select_one("textarea[name=config]").text or "{}") == settings
        changed = {**values, "title": f"Autres {number}"}
        edited = app.post(
            f"/fr/harvest/edit/{name}", headers=headers, data=changed, follow_redirects=False
        )
        assert edited.status_code == 302, BeautifulSoup(edited.body, "html.parser").text[:2000]
        assert changed["title"] in app.get("/fr/harvest", headers=headers).body
        deleted = app.post(f"/fr/harvest/delete/{name}", headers=headers, follow_redirects=False)
        assert deleted.status_code == 302
        assert changed["title"] not in app.get(f"/fr/harvest?q={number}", headers=headers).body


def test_configuration_cannot_stand_for_a_field_of_its_source(portal):
    portal.source(
        "https://ex.org/",
        source_type="ecosphere_udata",
        config={"organization": "534fff8ea3a7292c64a77f02"},
    )
    shown = portal.call("harvest_source_show", id="source")
    assert shown["organization"]["name"] == portal.OWNER
    assert shown["title"] == "Source"


@pytest.mark.slow("variants")
def test_an_address_is_registered_once_and_again_when_its_source_is_deleted(app, token, portal):
    def registered(name, url, **settings):
        source = {
            "name": name,
            "title": name,
            "url": url,
            "source_type": "ecosphere_dcat",
            "owner_org": portal.OWNER,
        }
        body = {**source, "config": json.dumps(settings) if settings else ""}
        answer = app.post(
            "/api/3/action/harvest_source_create", json=body, headers={"Authorization": token}
        )
        return answer.status_code, str(answer.json.get("error", {}).get("url", ""))

    feed = "https://geo.example.org/rdf.search"
    assert registered("un", f"{feed}?theme=eau") == (200, "")
    assert registered("deux", f"{feed}?theme=air") == (200, "")
    for again in (f"{feed}?theme=eau", "https://GEO.example.org:443/rdf.search/?theme=eau"):
        status, told = registered("trois", again)
        assert status == 409 and "Another source already has this address" in told
    assert registered("trois", f"{feed}?theme=eau", priority=2) == (200, "")
    call(app, token, "harvest_source_delete", id="un")
    assert registered("quatre", f"{feed}?theme=eau") == (200, "")
    shown = call(app, token, "harvest_source_show", id="quatre")
    fields = ("id", "name", "title", "url", "source_type", "owner_org", "config", "frequency")
    call(app, token, "harvest_source_update", **{field: shown.get(field) or "" for field in fields})
