"""Local edits: what somebody changes in a harvested dataset stays, is told,
and follows the source again on demand.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests import helpers

from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.tests.test_local_form import LINKS, PASSWORD, edited, locked, person
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.tests.browser import axe_violations, log_in
from ckanext.ecosphere.tests.forms import Form

SCRIPT = "Sols <script>alert(1)</script>"


@pytest.fixture
def server() -> Any:
    """A catalogue with one record, which has a link and a description of two paragraphs."""
    with catalogue([iso_record(1, links=LINKS, abstract="Un.\n\nDeux.")]) as running:
        yield running


@pytest.fixture
def source(portal: Any, server: Any) -> str:
    """Its source, harvested once."""
    id_ = portal.source(server.url)
    portal.harvest(id_)
    return id_


def shown(portal: Any) -> dict[str, Any]:
    model.Session.remove()
    [dataset] = portal.datasets().values()
    return dataset


def edits(portal: Any) -> dict[str, Any]:
    """Return what the source says of each local edit, by field."""
    told = portal.call("ecosphere_harvest_edits_list", id=shown(portal)["id"])
    assert {edit["since"] for edit in told} <= {dates.today().isoformat()}
    return {edit["field"]: edit["source"] for edit in told}


def correct(app: Any, dataset: dict[str, Any], **changes: str) -> None:
    """Change fields in the unlocked form, as an editor of the service."""
    answer = Form(app, person(dataset, "editor"), f"{edited(dataset)}?modifier=1").send(**changes)
    assert answer.status_code == 302, answer.body


def harvest_again(portal: Any, server: Any, source: str, **changes: Any) -> dict[str, Any]:
    """Change the record at the source, harvest, and return the dataset."""
    server.records[:] = [iso_record(1, **{"links": LINKS, "abstract": "Un.\n\nDeux.", **changes})]
    assert portal.harvest(source) == {"updated": 1}
    return shown(portal)


def follow(app: Any, user: dict[str, Any], dataset: dict[str, Any], key: str) -> Any:
    """Press a button "Follow the source"."""
    model.Session.remove()
    address = f"/fr/ecosphere/harvest/dataset/{dataset['name']}/follow"
    return app.post(
        address,
        data={"field": key},
        headers={"Authorization": user["token"]},
        follow_redirects=False,
    )


def test_only_the_changed_field_is_a_local_edit_and_it_stays(portal, app, server, source):
    before = shown(portal)
    correct(app, before, title="Titre d’ici")
    assert edits(portal) == {"title": before["title"]}
    assert portal.harvest(source) == {"not modified": 1}
    assert shown(portal)["title"] == "Titre d’ici"
    after = harvest_again(portal, server, source, abstract="Trois.")
    assert (after["title"], after["notes"]) == ("Titre d’ici", "Trois.")
    assert edits(portal) == {"title": before["title"]}
    assert harvest_again(portal, server, source, title="Nouveau titre")["title"] == "Titre d’ici"
    assert edits(portal) == {"title": "Nouveau titre"}
    # The rules read the record again, unchanged.
    portal.harvest(source, force=True)
    assert shown(portal)["title"] == "Titre d’ici"


@pytest.mark.slow("variants")
def test_a_source_that_says_the_same_is_followed_again(portal, app, server, source):
    correct(app, shown(portal), title="Titre d’ici")
    harvest_again(portal, server, source, title="Titre d’ici")
    assert edits(portal) == {}
    assert (
        harvest_again(portal, server, source, title="Encore un autre")["title"] == "Encore un autre"
    )


@pytest.mark.slow("variants")
def test_a_field_set_back_by_hand_is_no_local_edit(portal, app, source):
    before = shown(portal)
    for title in ("Titre d’ici", "Autre titre", before["title"]):
        correct(app, shown(portal), title=title)
    assert edits(portal) == {}


@pytest.mark.slow("variants")
def test_what_the_record_lacks_and_tags_are_kept_and_follow(portal, app, server, source):
    dataset = shown(portal)
    correct(app, dataset, tag_string="sols, relief", scale_denominator="25000")
    assert edits(portal) == {
        "tag_string": [tag["name"] for tag in dataset["tags"]],
        "scale_denominator": None,
    }
    after = harvest_again(portal, server, source, abstract="Trois.")
    assert {tag["name"] for tag in after["tags"]} == {"sols", "relief"}
    assert str(after["scale_denominator"]) == "25000"
    user = person(dataset, "editor")
    for key in ("/tag_string", "/scale_denominator"):
        assert follow(app, user, dataset, key).status_code == 302
    after = shown(portal)
    assert after["tags"] == dataset["tags"]
    assert "scale_denominator" not in after
    assert edits(portal) == {}


@pytest.mark.slow("variants")
def test_a_field_that_follows_takes_the_value_at_once_and_later_ones(portal, app, server, source):
    dataset = shown(portal)
    correct(app, dataset, title="Titre d’ici", version="2")
    assert follow(app, person(dataset, "editor"), dataset, "/title").status_code == 302
    assert shown(portal)["title"] == dataset["title"]
    assert edits(portal) == {"version": dataset.get("version") or None}
    after = harvest_again(portal, server, source, title="Nouveau titre")
    assert (after["title"], after["version"]) == ("Nouveau titre", "2")


@pytest.mark.slow("variants")
def test_a_file_of_the_source_keeps_what_was_changed(portal, app, server, source):
    dataset = shown(portal)
    [link] = dataset["resources"]
    address = f"/fr/dataset/{dataset['name']}/resource/{link['id']}/edit"
    editor = person(dataset, "editor")
    assert Form(app, editor, f"{address}?modifier=1").send(name="Zones, 2026").status_code == 302
    assert edits(portal) == {"name": "Zones (SHP)"}
    url = "https://ddt.example.org/zones-2026.zip"
    portal.call("resource_patch", id=link["id"], url=url)
    [after] = harvest_again(portal, server, source, abstract="Trois.")["resources"]
    assert (after["id"], after["name"], after["url"]) == (link["id"], "Zones, 2026", url)
    assert edits(portal) == {"name": "Zones (SHP)", "url": link["url"]}
    marks = {
        str(each["id"]): each.text
        for each in Form(app, editor, address).html.select(".ecosphere-locked-mark")
    }
    assert "modifié localement" in marks["field-name-locked"]
    assert "vient de la source" in marks["field-protocol-locked"]
    follow(app, editor, dataset, f"{link['id']}/name")
    [after] = shown(portal)["resources"]
    assert after["name"] == "Zones (SHP)"


@pytest.mark.slow("variants")
def test_an_edit_by_the_api_and_another_dataset_of_the_batch(portal, server):
    server.records[:] = [iso_record(n, links=LINKS) for n in (1, 2)]
    source = portal.source(server.url)
    portal.harvest(source)
    first, second = portal.datasets().values()
    portal.call("package_patch", id=first["id"], notes="D’ici.")
    server.records[:] = [iso_record(n, links=LINKS, abstract="De la source.") for n in (1, 2)]
    portal.harvest(source)
    notes = {
        id_: portal.call("package_show", id=id_)["notes"] for id_ in (first["id"], second["id"])
    }
    assert notes == {first["id"]: "D’ici.", second["id"]: "De la source."}


@pytest.mark.slow("variants")
def test_an_edit_stays_when_another_source_takes_the_dataset_over(portal):
    identifier = "fr-120066022-jdd-2f6a3f0e-5a47-4c4b-9a1c-0d8f5f1f6f01"
    records = [
        iso_record(1, identifier=identifier, title=title, links=LINKS)
        for title in ("Original", "Copie")
    ]
    with catalogue([records[0], iso_record(2)]) as one, catalogue([records[1]]) as two:
        first = portal.source(one.url, name="geoide", config={"priority": 1})
        second = portal.source(two.url, name="region")
        portal.harvest(first)
        portal.harvest(second)
        id_ = portal.datasets()["Original"]["id"]
        portal.call("package_patch", id=id_, title="Titre d’ici")
        del one.records[0]
        portal.harvest(first)
        portal.harvest(first)
    assert portal.call("package_show", id=id_)["title"] == "Titre d’ici"
    [edit] = portal.call("ecosphere_harvest_edits_list", id=id_)
    assert edit["source"] == "Copie"


@pytest.mark.slow("values")
def test_brackets_within_brackets_are_saved(portal, source):
    id_ = shown(portal)["id"]
    for text in ("[" * 9_000, "[" * 900 + "]" * 900):
        portal.call("package_patch", id=id_, notes=text)
        assert shown(portal)["notes"] == text
    assert edits(portal) == {"notes": "Un.\n\nDeux."}


@pytest.mark.slow("variants")
def test_translations_are_edits_of_their_own(portal, app, server, source):
    dataset = shown(portal)
    portal.call(
        "package_patch", id=dataset["id"], title_translated={"fr": dataset["title"], "en": "Zones"}
    )
    portal.call("package_patch", id=dataset["id"], title="Titre d’ici")
    assert edits(portal) == {"title": dataset["title"], "title_translated": None}
    after = harvest_again(portal, server, source, title="Nouveau titre")
    assert after["title_translated"] == {"fr": "Titre d’ici", "en": "Zones"}


@pytest.mark.slow("variants")
def test_everybody_reads_what_was_changed_and_editors_can_follow(portal, app, source):
    dataset = shown(portal)
    context = {"user": person(dataset, "editor")["name"], local_edits.BY_HARVEST: True}
    helpers.call_action("package_patch", context, id=dataset["id"], title=SCRIPT)
    correct(app, dataset, title="Titre d’ici")

    def section(user: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": user["token"]} if user else {}
        page = BeautifulSoup(
            app.get(f"/fr/dataset/{dataset['name']}", headers=headers).body, "html.parser"
        )
        return page.select_one(".eco-harvest-catalogues")

    public = section()
    [row] = public.select(".eco-harvest-edits li")
    day = dates.in_language(dates.today(), "fr")
    assert (
        " ".join(row.text.split())
        == f"Titre : modifié localement le {day} ; la source dit : {SCRIPT}"
    )
    assert public.select("button, script") == []
    assert section(person(dataset)).select("button") == []
    assert [button["value"] for button in section(person(dataset, "editor")).select("button")] == [
        "/title"
    ]


@pytest.mark.slow("variants")
def test_people_whom_somebody_removed_are_not_told_to_the_public(portal, app, source):
    dataset = shown(portal)
    assert dataset["contact"]
    portal.call(
        "package_patch", id=dataset["id"], contact=[{"name": "DDT", "email": "ddt@example.org"}]
    )

    def told(context: dict[str, Any]) -> Any:
        context = {"ignore_auth": False, **context}
        [edit] = helpers.call_action("ecosphere_harvest_edits_list", context, id=dataset["id"])
        return edit["withheld"], edit["source"]

    assert told({"user": ""}) == (True, None)
    withheld, source_says = told({"user": person(dataset, "editor")["name"]})
    assert not withheld
    assert source_says[0]["name"] == dataset["contact"][0]["name"]
    page = BeautifulSoup(app.get(f"/fr/dataset/{dataset['name']}").body, "html.parser")
    assert "la source dit autre chose" in page.select_one(".eco-harvest-edits").text


@pytest.mark.slow("personas")
def test_only_who_may_edit_the_dataset_follows(portal, app, source):
    dataset = shown(portal)
    correct(app, dataset, title="Titre d’ici")
    for user in (person(dataset), person(dataset, "member"), {"name": ""}):
        context = {"user": user["name"], "ignore_auth": False}
        with pytest.raises(tk.NotAuthorized):
            helpers.call_action(
                "ecosphere_harvest_edit_follow", context, id=dataset["id"], field="title"
            )
    assert follow(app, person(dataset, "member"), dataset, "/title").status_code == 403
    assert (
        follow(app, person(dataset, "member"), dataset, "").status_code == 403
    )  # who comes before what
    assert shown(portal)["title"] == "Titre d’ici"


def test_the_form_says_what_becomes_of_a_change(portal, app, source):
    dataset = shown(portal)
    editor = person(dataset, "editor")
    correct(app, dataset, title="Titre d’ici")
    protected = Form(app, editor, edited(dataset))
    assert "title" not in locked(protected)
    notice = protected.page.select_one(".eco-harvest-local")
    assert dataset["title"] in notice.select_one(".eco-harvest-edits").text
    assert "prochain moissonnage" not in notice.text
    unlocked = Form(app, editor, f"{edited(dataset)}?modifier=1").page.select_one(
        ".eco-harvest-local"
    )
    assert "devient une modification locale" in unlocked.text
    assert protected.send(title="Autre titre d’ici").status_code == 302
    assert shown(portal)["title"] == "Autre titre d’ici"


@pytest.mark.slow("variants")
def test_nothing_is_told_once_the_source_is_retired(portal, app, source):
    correct(app, shown(portal), title="Titre d’ici")
    portal.call("harvest_source_delete", id=source)
    assert edits(portal) == {}


@pytest.mark.browser
def test_the_page_is_accessible_and_follows_by_keyboard(page, portal, app, server, source):
    dataset = shown(portal)
    correct(app, dataset, title="Titre d’ici", notes="Description d’ici.")
    page.goto(f"/fr/dataset/{dataset['name']}")
    assert axe_violations(page) == []
    log_in(page, person(dataset, "editor")["name"], PASSWORD)
    page.goto(f"/fr/dataset/{dataset['name']}")
    assert axe_violations(page) == []
    page.get_by_role("button", name="Suivre la source : Titre").press("Enter")
    page.wait_for_selector(".alert-success")
    assert shown(portal)["title"] == dataset["title"]
    page.goto(edited(dataset))
    assert axe_violations(page) == []
