"""Restoring a deleted dataset with a button on its page, for users who may edit it."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.tests import factories, helpers
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.tests.browser import log_in

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")]
NOTICE = "Ce jeu de données est supprimé"
PASSWORD = "correct horse battery"


@pytest.fixture
def portal() -> dict[str, Any]:
    """An organisation with an administrator, an editor and a member, and a deleted dataset."""
    people = {
        name: factories.UserWithToken(name=name, password=PASSWORD, image_url="")
        for name in ("chef", "redacteur", "membre")
    }
    roles = {"chef": "admin", "redacteur": "editor", "membre": "member"}
    service = factories.Organization(
        name="ddt-01",
        image_url="",
        users=[{"name": name, "capacity": role} for name, role in roles.items()],
    )
    dataset = factories.Dataset(name="mares", title="Mares de l’Ain", owner_org=service["id"])
    helpers.call_action("package_delete", {"user": "chef"}, id="mares")
    return {**{name: person["token"] for name, person in people.items()}, "id": dataset["id"]}


def _state() -> str:
    model.Session.expire_all()
    dataset = model.Package.get("mares")
    assert dataset is not None
    return dataset.state


def test_an_editor_restores_a_dataset_from_its_page(app: CKANTestApp, portal: dict[str, Any]):
    headers = {"Authorization": portal["redacteur"]}
    for path in ("/fr/dataset/mares", "/fr/dataset/edit/mares"):
        page = app.get(path, headers=headers).body
        assert NOTICE in page and "/dataset/mares/restaurer" in page and "Restaurer" in page
    assert ">Supprimé<" in app.get("/fr/dataset/mares", headers=headers).body
    answer = app.post("/fr/dataset/mares/restaurer", headers=headers)
    assert "Le jeu de données est restauré." in answer.body and NOTICE not in answer.body
    assert _state() == "active"
    assert helpers.call_action("package_search", q="mares")["count"] == 1
    activities = helpers.call_action("package_activity_list", {"user": "chef"}, id=portal["id"])
    assert activities[0]["activity_type"] == "changed package"


def test_who_may_not_edit_it_restores_nothing(app: CKANTestApp, portal: dict[str, Any]):
    headers = {"Authorization": portal["membre"]}
    page = app.get("/fr/dataset/mares", headers=headers)
    assert "restaurer" not in page.body
    assert app.post("/fr/dataset/mares/restaurer", headers=headers).status_code == 404
    assert app.post("/fr/dataset/mares/restaurer").status_code == 404
    assert _state() == "deleted"


def test_a_draft_that_was_never_finished_is_not_published_by_restoring_it(
    app: CKANTestApp, portal: dict[str, Any]
):
    headers = {"Authorization": portal["redacteur"]}
    service = model.Package.get("mares").owner_org
    values = {"name": "tourbieres", "title": "Tourbières", "owner_org": service, "state": "draft"}
    helpers.call_action("package_create", {"user": "redacteur"}, **values)
    assert app.post(
        "/api/3/action/package_delete", json={"id": "tourbieres"}, headers=headers
    ).json["success"]
    assert (
        "Le jeu de données est restauré."
        in app.post("/fr/dataset/tourbieres/restaurer", headers=headers).body
    )
    assert app.get("/dataset/tourbieres").status_code == 404
    shown = app.get("/api/3/action/package_show?id=tourbieres", headers=headers).json["result"]
    assert (shown["state"], shown["private"]) == ("active", True)


@pytest.mark.browser
def test_the_dialogue_says_what_deleting_means_and_the_button_undoes_it(
    page: Any, portal: dict[str, Any]
):
    helpers.call_action("package_patch", {"user": "chef"}, id="mares", state="active")
    log_in(page, "redacteur", PASSWORD)
    page.goto("/fr/dataset/edit/mares")
    page.locator("a.btn-danger", has_text="Supprimer").click()
    dialogue = page.locator(".modal.show")
    dialogue.wait_for()
    assert "peut le restaurer" in dialogue.inner_text()
    dialogue.locator("button.btn-primary").click()
    page.wait_for_load_state()
    page.goto("/fr/dataset/mares")
    page.get_by_role("button", name="Restaurer").click()
    page.wait_for_load_state()
    assert page.get_by_text("Le jeu de données est restauré.").is_visible()
    assert _state() == "active"
