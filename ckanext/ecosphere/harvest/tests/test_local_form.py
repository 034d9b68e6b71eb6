"""Form of a harvested dataset: fields of the source are read-only,
fields that the harvest keeps can be changed.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests import factories, helpers

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.tests.browser import axe_violations, log_in, wait_until
from ckanext.ecosphere.tests.forms import Form

LINKS = (("https://data.example.org/zones.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones (SHP)"),)
USE = next(iter(voc.get("regulatory-use"))).id
PASSWORD = "correct horse battery staple"


@pytest.fixture
def harvested(portal: Any) -> dict[str, Any]:
    """A dataset published by a source, with a description of two paragraphs."""
    with catalogue([iso_record(1, links=LINKS, abstract="Un.\n\nDeux.")]) as server:
        portal.harvest(portal.source(server.url))
    [dataset] = portal.datasets().values()
    return dataset


def person(dataset: dict[str, Any], role: str = "") -> dict[str, Any]:
    """Return a user, with a role in the dataset's organisation."""
    user = factories.UserWithToken(password=PASSWORD, image_url="")
    if role:
        helpers.call_action(
            "organization_member_create", id=dataset["owner_org"], username=user["name"], role=role
        )
    return user


def edited(dataset: dict[str, Any]) -> str:
    return f"/fr/dataset/edit/{dataset['name']}"


def locked(form: Form) -> set[str]:
    return {
        str(each["id"]).removeprefix("field-") for each in form.html.select(".ecosphere-locked")
    }


def test_what_the_source_says_is_read_and_travels_unchanged(portal, app, harvested):
    form = Form(app, person(harvested, "editor"), edited(harvested))
    shown = locked(form)
    assert {"title", "notes", "owner_org", "contact"} <= shown
    assert not {"name", "regulatory_use"} & shown
    for each in form.html.select(".ecosphere-locked"):
        assert each.select("input:not([type=hidden]), select, textarea, button") == [], each["id"]
        mark = form.html.find(id=str(each["aria-describedby"]).split()[0])
        assert mark.text.strip() == "vient de la source"
    silent = {str(each["id"]) for each in form.html.select(".ecosphere-silent li")}
    assert "field-scale_denominator" in silent
    assert "field-service_type" not in silent  # does not apply to a dataset
    assert form.page.select(".eco-harvest-local a[href='?modifier=1']")
    assert form.send().status_code == 302
    [after] = portal.datasets().values()
    assert {**after, "metadata_modified": ""} == {**harvested, "metadata_modified": ""}


@pytest.mark.slow("variants")
def test_the_address_the_visibility_and_declared_fields_are_changed_for_good(
    portal, app, harvested
):
    form = Form(app, person(harvested, "editor"), edited(harvested))
    assert form.send(regulatory_use=USE, private="True", name="autre-adresse").status_code == 302
    [after] = portal.datasets().values()
    assert (after["regulatory_use"], after["private"], after["name"]) == (
        [USE],
        True,
        "autre-adresse",
    )


@pytest.mark.slow("variants")
def test_another_value_of_what_the_source_says_is_refused_and_told(portal, app, harvested):
    form = Form(app, person(harvested, "admin"), edited(harvested))
    answer = form.send(
        title="Corrigé ici", scale_denominator="25000", version_notes="Deuxième édition"
    )
    page: Any = BeautifulSoup(answer.body, "html.parser")
    assert [link["href"] for link in page.select("#form-errors a")] == [
        "#field-title",
        "#field-scale_denominator",
    ]
    assert "rien n’a été enregistré" in page.select_one("#form-errors").text
    # Saving again stores the local fields; those of the source keep the values of the source.
    assert page.select_one("input[name=title]")["value"] == harvested["title"]
    assert page.select_one("textarea[name=version_notes]").text.strip() == "Deuxième édition"
    [after] = portal.datasets().values()
    assert after["title"] == harvested["title"]
    assert "version_notes" not in after


@pytest.mark.slow("variants")
def test_whoever_may_edit_may_choose_to_correct_it_nonetheless(portal, app, harvested):
    form = Form(app, person(harvested, "editor"), f"{edited(harvested)}?modifier=1")
    assert locked(form) == set()
    assert "modification locale" in form.page.select_one(".eco-harvest-local.alert-warning").text
    assert form.send(title="Corrigé ici").status_code == 302
    assert list(portal.datasets()) == ["Corrigé ici"]


@pytest.mark.slow("variants")
def test_a_file_of_the_source_is_read_and_one_that_was_added_is_changed(portal, app, harvested):
    editor = person(harvested, "editor")
    first = f"/fr/dataset/{harvested['name']}/resource/{harvested['resources'][0]['id']}/edit"
    form = Form(app, editor, first)
    assert {"url", "name"} <= locked(form)
    assert form.html.select("button[type=submit]:not(noscript *), a.btn-danger") == []
    assert "vient de la source" in form.send(name="Autre nom").body
    assert Form(app, editor, f"{first}?modifier=1").send(name="Autre nom").status_code == 302
    added = portal.call(
        "resource_create",
        package_id=harvested["id"],
        url="https://ddt.example.org/notice.pdf",
        name="Notice",
    )
    form = Form(app, editor, f"/fr/dataset/{harvested['name']}/resource/{added['id']}/edit")
    assert locked(form) == set()
    assert form.send(name="Notice de lecture").status_code == 302
    [after] = portal.datasets().values()
    assert [each["name"] for each in after["resources"]] == ["Autre nom", "Notice de lecture"]


@pytest.mark.slow("variants")
def test_nothing_is_locked_once_its_source_is_retired(portal, app, harvested):
    [source] = portal.call("harvest_source_list")
    portal.call("harvest_source_delete", id=source["id"])
    form = Form(app, person(harvested, "editor"), edited(harvested))
    assert locked(form) == set()
    assert form.send(title="Repris ici").status_code == 302


@pytest.mark.slow("personas")
def test_only_who_may_edit_the_dataset_is_told(harvested):
    def told(user: dict[str, Any]) -> Any:
        context: Any = {"user": user["name"], "ignore_auth": False}
        return helpers.call_action("ecosphere_harvest_local_show", context, id=harvested["id"])

    for role in ("editor", "admin"):
        found = told(person(harvested, role))
        assert found["catalogue"]["title"] == "Source"
        assert (found["fields"], found["resources"]) == (["regulatory_use", "version_notes"], [])
    for user in (person(harvested), person(harvested, "member"), {"name": ""}):
        with pytest.raises(tk.NotAuthorized):
            told(user)


@pytest.mark.browser
def test_a_producer_adds_what_is_theirs_by_keyboard(page, portal, harvested):
    log_in(page, person(harvested, "editor")["name"], PASSWORD)
    page.goto(edited(harvested))
    assert axe_violations(page) == []
    page.locator(".eco-harvest-local a[href='#field-version_notes']").press("Enter")
    wait_until(page, "document.activeElement.id === 'field-version_notes'")
    page.keyboard.type("Deuxième édition")
    page.keyboard.press("Tab")
    page.locator("button[name=save]").last.press("Enter")
    page.wait_for_url(f"**/dataset/{harvested['name']}*")
    page.goto(f"/fr/dataset/{harvested['name']}/resource/{harvested['resources'][0]['id']}/edit")
    assert axe_violations(page) == []
    page.locator(".eco-harvest-local a[href='?modifier=1']").press("Enter")
    page.wait_for_selector(".eco-harvest-local.alert-warning")
    assert axe_violations(page) == []
    model.Session.remove()
    [after] = portal.datasets().values()
    assert after["version_notes"] == "Deuxième édition"
    assert after["notes"] == harvested["notes"]
