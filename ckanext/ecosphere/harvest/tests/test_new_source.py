"""A new source: found where it is looked for, tested before it is saved,
and harvested within a few clicks.
"""

from __future__ import annotations

from typing import Any

import pytest
from ckan.lib import jobs
from ckan.tests import factories, helpers

from ckanext.ecosphere.harvest import preview
from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from ckanext.ecosphere.harvest.worker import QUEUE
from ckanext.ecosphere.tests.browser import axe_violations, log_in
from ckanext.ecosphere.tests.scripted_server import serve

PASSWORD = "un mot de passe de test"
MOST_CLICKS = 7
"""From the dashboard to the report of the first harvest of a new source."""
RDF = "@prefix dcat: <http://www.w3.org/ns/dcat#> .\n<https://ex.org/1> a dcat:Dataset ."
FOLDER = '<html><body><a href="a.xml">a.xml</a></body></html>'
WMS = '<?xml version="1.0"?><WMS_Capabilities version="1.3.0" xmlns="http://www.opengis.net/wms"/>'


@pytest.mark.few(3, "values")
@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (404, "<html>Not found</html>", preview.NOTHING, "There is nothing at this address"),
        (403, "", preview.FORBIDDEN, "lets nobody in"),
        (503, "", preview.BROKEN, "Test again later"),
        (200, "<!DOCTYPE html><html><p>Bienvenue</p></html>", preview.PAGE, "a page for people"),
        (200, WMS, preview.MAPS, "a service of maps"),
        (200, RDF, preview.DCAT, "choose “RDF"),
        (200, FOLDER, preview.WAF, "choose “Folder"),
        (200, '{"conformsTo": [], "links": []}', preview.OGCAPI, "choose “OGC"),
        (200, '{"data": [], "next_page": null}', preview.UDATA, "choose “"),
        (200, "%PDF-1.4", preview.UNKNOWN, "none of the types"),
    ],
)
def test_a_test_says_what_it_found_and_what_to_do(portal, status, body, kind, said):
    with serve(lambda exchange: exchange.answer(body, status)) as server:
        found = preview.try_source(server.url + "/csw2", "ecosphere_csw")
    assert (found["samples"], found["kind"]) == ([], kind)
    told = preview.in_words(found)
    assert told["failures"] and said in told["advice"]


@pytest.mark.slow("variants")
def test_a_csw_declared_as_a_feed_is_recognised(portal, csw_catalogue):
    found = preview.try_source(csw_catalogue([iso_record(1)]), "ecosphere_dcat")
    assert found["kind"] == preview.CSW
    assert "CSW" in preview.in_words(found)["advice"]


def test_a_catalogue_that_answers_is_asked_nothing_more(portal, csw_catalogue):
    found = preview.try_source(csw_catalogue([iso_record(1)]), "ecosphere_csw")
    assert (len(found["samples"]), found["kind"]) == (1, None)


@pytest.mark.journey
def test_a_new_source_is_harvested_within_seven_clicks(page, portal, csw_catalogue):
    person = factories.User(name="camille", password=PASSWORD, image_url="")
    helpers.call_action(
        "organization_member_create", id="ddt-01053-01", username=person["name"], role="admin"
    )
    url = csw_catalogue([iso_record(1), iso_record(2, title="", abstract="")])
    clicks = 0

    def click(name: str, role: Any = "link") -> None:
        nonlocal clicks
        clicks += 1
        page.get_by_role(role, name=name, exact=True).click()

    log_in(page, "camille", PASSWORD)
    page.goto("/fr/tableau-de-bord")
    click("Ajouter une source")
    page.locator("#field-url").fill(url.replace("/csw", "/rien"))
    page.locator("#field-title").fill("Catalogue de l’Ain")
    click("Tester, puis enregistrer", "button")
    assert axe_violations(page, impacts=()) == []
    jobs.Worker([QUEUE]).work(burst=True)
    page.get_by_text("Il n’y a rien à cette adresse").wait_for()
    assert axe_violations(page, impacts=()) == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
    page.set_viewport_size({"width": 1280, "height": 900})
    clicks = 1  # what follows corrects the address that was wrong on purpose
    page.get_by_role("link", name="Modifier la source").click()
    assert page.locator("#field-title").input_value() == "Catalogue de l’Ain"
    page.locator("#field-url").fill(url)
    click("Tester, puis enregistrer", "button")
    jobs.Worker([QUEUE]).work(burst=True)
    page.get_by_text("Jeu de données 1").wait_for()
    click("Enregistrer la source et la moissonner maintenant", "button")
    page.wait_for_url("**/job/**")
    jobs.Worker([QUEUE]).work(burst=True)
    page.get_by_text("Ajoutées").wait_for()
    assert set(portal.datasets()) == {"Jeu de données 1"}
    print(f"A new source to its report: {clicks} clicks")
    assert clicks <= MOST_CLICKS


def test_a_source_that_is_refused_leads_back_to_its_form(portal, app, csw_catalogue):
    boss = factories.SysadminWithToken()
    headers = {"Authorization": boss["token"]}
    url = csw_catalogue([iso_record(1)])
    portal.source(url, name="deja")
    form = {
        "url": url,
        "title": "Encore",
        "name": "deja",
        "source_type": "ecosphere_csw",
        "frequency": "MANUAL",
    }
    form |= {"owner_org": portal.call("organization_show", id=portal.OWNER)["id"], "then": "save"}
    answer = app.post(
        "/fr/ecosphere/harvest/trial", data=form, headers=headers, follow_redirects=False
    )
    trial = answer.headers["Location"].rsplit("/", 1)[1]
    jobs.Worker([QUEUE]).work(burst=True)
    saved = app.post(f"/fr/ecosphere/harvest/trial/{trial}/save", headers=headers)
    assert "Une autre source a déjà cette adresse" in saved.body
    assert 'value="Encore"' in saved.body


def test_a_source_without_a_name_is_named_after_its_title(portal, app, csw_catalogue):
    """As when its form is sent before the script has filled in the name, or without JavaScript."""
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    owner = portal.call("organization_show", id=portal.OWNER)["id"]
    for path, name in (("un", "catalogue-de-l-ain"), ("deux", "catalogue-de-l-ain-2")):
        form = {
            "url": csw_catalogue([iso_record(1)], path),
            "title": "Catalogue de l’Ain",
            "name": "",
            "then": "save",
        }
        form |= {"source_type": "ecosphere_csw", "frequency": "MANUAL", "owner_org": owner}
        answer = app.post(
            "/fr/ecosphere/harvest/trial", data=form, headers=headers, follow_redirects=False
        )
        jobs.Worker([QUEUE]).work(burst=True)
        app.post(answer.headers["Location"] + "/save", headers=headers, follow_redirects=False)
        assert portal.call("harvest_source_show", id=name)["title"] == "Catalogue de l’Ain"


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    ("title", "name"),
    [("A", "a_"), ("数据", "sans-titre"), ("L’eau", "l-eau"), ("é" * 300, "e" * 90)],
)
def test_any_title_makes_a_name_that_ckan_accepts(portal, app, title, name):
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    owner = portal.call("organization_show", id=portal.OWNER)["id"]
    form = {
        "url": "https://un.example.org/csw",
        "title": title,
        "source_type": "ecosphere_csw",
        "owner_org": owner,
    }
    made = app.post(
        "/api/3/action/harvest_source_create", json=form | {"frequency": "MANUAL"}, headers=headers
    )
    assert made.json["result"]["name"] == name


def test_a_source_keeps_its_name_when_a_change_leaves_it_out(portal, app):
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    source = portal.source("https://un.example.org/csw", name="un")
    form = {
        "id": source,
        "url": "https://un.example.org/csw",
        "title": "Deux",
        "source_type": "ecosphere_csw",
    }
    form |= {"owner_org": portal.call("organization_show", id=portal.OWNER)["id"]}
    answer = app.post("/api/3/action/harvest_source_update", json=form, headers=headers, status=409)
    assert "name" in answer.json["error"]
    assert portal.call("harvest_source_show", id=source)["name"] == "un"


@pytest.mark.slow("variants")
def test_sources_and_people_are_added_where_they_are_looked_for(portal, app):
    boss = {"Authorization": factories.SysadminWithToken()["token"]}
    editor, person = factories.UserWithToken(), factories.UserWithToken()
    helpers.call_action(
        "organization_member_create", id="ddt-01053-01", username=editor["name"], role="admin"
    )
    mine = {"Authorization": editor["token"]}
    service = portal.call("organization_show", id="ddt-01053-01")["id"]
    page = app.get("/fr/organization/ddt-01053-01", headers=mine).body
    assert f"/harvest/new?owner_org={service}" in page and "Ajouter une source" in page
    form = app.get(f"/fr/harvest/new?owner_org={service}", headers=boss).body
    assert f'<option value="{service}" selected>' in form
    for address in (
        "/fr/organization/members/ddt-01053-01",
        "/fr/organization/manage_members/ddt-01053-01",
    ):
        page = app.get(address, headers=mine).body
        assert "Ajouter une personne" in page and "/organization/member_new/" in page, address
    portal.source("https://un.example.org/csw", name="un")
    assert "/harvest/new" in app.get("/fr/ecosphere/harvest/sources", headers=boss).body
    dashboard = app.get("/fr/tableau-de-bord", headers=boss).body
    assert "Ajouter une source" in dashboard and "Ajouter une personne" in dashboard
    dashboard = app.get("/fr/tableau-de-bord", headers=mine).body
    assert "/organization/member_new/ddt-01053-01" in dashboard
    stranger = {"Authorization": person["token"]}
    for address in ("/fr/tableau-de-bord", "/fr/organization/ddt-01053-01"):
        page = app.get(address, headers=stranger).body
        assert "Ajouter une source" not in page and "Ajouter une personne" not in page, address
    chosen = app.get(
        "/fr/ecosphere/admin/personnes/ajouter?service=ddt-01053-01",
        headers=boss,
        follow_redirects=False,
    )
    assert chosen.headers["Location"].endswith("/organization/member_new/ddt-01053-01")


def test_each_person_has_one_page_of_sources(portal, app):
    boss = {"Authorization": factories.SysadminWithToken()["token"]}
    portal.source("https://un.example.org/csw", name="un", title="Un")
    answer = app.get("/fr/harvest?q=un", headers=boss, follow_redirects=False)
    assert (
        answer.status_code,
        answer.headers["Location"].endswith("/ecosphere/harvest/sources?q=un"),
    ) == (302, True)
    public = app.get("/fr/harvest", follow_redirects=False)
    assert public.status_code == 200 and "Un" in public.body
