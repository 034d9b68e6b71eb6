"""Unfinished datasets are listed for those who may complete them, and for nobody else."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests import factories, helpers

from ckanext.ecosphere.tests.forms import Form

pytestmark = pytest.mark.usefixtures("shared_db")


def person(service: dict[str, Any] | None = None, role: str = "editor") -> Any:
    """Create a user, with a role in a service if one is given."""
    user = factories.UserWithToken(image_url="")
    if service:
        helpers.call_action(
            "organization_member_create", id=service["id"], username=user["name"], role=role
        )
    return user


def begun_by(user: Any, service: dict[str, Any], title: str = "Mares de l'Ain") -> Any:
    """Create the unfinished dataset that the first page of the form saves."""
    context: Any = {"user": user["name"], "ignore_auth": False}
    return helpers.call_action(
        "package_create", context, title=title, owner_org=service["id"], private=True, state="draft",
        name=factories.Dataset.stub().name,
    )  # fmt: skip


def told(user: Any) -> list[str]:
    context: Any = {"user": user["name"], "ignore_auth": False}
    return [each["id"] for each in helpers.call_action("ecosphere_dataset_unfinished", context)]


def test_the_people_of_the_service_find_it_and_no_others(service):
    mine = person(service)
    draft = begun_by(mine, service)
    elsewhere = factories.Organization(image_url="")
    for who in (mine, person(service), person(service, "admin")):
        assert draft["id"] in told(who)
    assert told(person(elsewhere)) == []
    assert (
        told(factories.Sysadmin()) == []
    )  # sysadmins only get the ones that they began themselves
    for who in (person(), person(service, "member"), {"name": ""}):
        with pytest.raises(tk.NotAuthorized):
            told(who)


def test_who_leaves_the_service_leaves_it_too(service, act):
    mine = person(service)
    begun_by(mine, service)
    act("organization_member_delete", id=service["id"], username=mine["name"])
    helpers.call_action(
        "organization_member_create",
        id=factories.Organization(image_url="")["id"],
        username=mine["name"],
        role="editor",
    )
    assert told(mine) == []


def test_what_is_finished_or_deleted_is_not_listed(service, act):
    mine = person(service)
    one, two = begun_by(mine, service), begun_by(mine, service)
    act("package_patch", id=one["id"], state="active")
    act("package_delete", id=two["id"])
    assert not {one["id"], two["id"]} & set(told(mine))


def test_one_goes_on_with_it_or_deletes_it_from_the_page_where_one_begins(app, service):
    author, colleague = person(service), person(service)
    draft = begun_by(author, service, "Mares <b>de</b> l'Ain")
    headers = {"Authorization": colleague["token"]}
    for path in ("/fr/dataset/new", "/fr/dashboard/datasets"):
        page: Any = BeautifulSoup(app.get(path, headers=headers).body, "html.parser")
        [row] = [
            each for each in page.select(".ecosphere-unfinished li") if "<b>de</b>" in each.text
        ]
        assert author["fullname"] in row.text
        go_on, delete = (link["href"] for link in row.select("a"))
    form: Any = BeautifulSoup(app.get(go_on, headers=headers).body, "html.parser").find(
        id="dataset-edit"
    )
    assert form.find(id="field-title")["value"] == "Mares <b>de</b> l'Ain"
    asked = app.get(delete, headers=headers).body
    assert "Mares &lt;b&gt;de&lt;/b&gt;" in asked
    assert "Cette description" in asked
    app.post(delete, data={"delete": ""}, headers=headers)
    model.Session.remove()
    assert draft["id"] not in told(author)
    for path in ("/fr/dataset/new", "/fr/dashboard/datasets"):
        assert (
            app.get(path).status_code in (302, 403)
            or "ecosphere-unfinished" not in app.get(path).body
        )


def test_one_that_has_files_already_is_saved_and_finished(app, service):
    author = person(service)
    draft = begun_by(author, service)
    file = {"url": "https://example.org/mares.csv", "format": "CSV", "name": "Mares"}
    helpers.call_action("resource_create", {"user": author["name"]}, package_id=draft["id"], **file)
    address = f"/fr/dataset/edit/{draft['name']}"
    form = Form(app, author, address)
    form.values["title"] = ["Mares de la Dombes"]
    answer = form.send(save="")
    assert answer.status_code == 302 and "/resource/" in answer.headers["Location"], answer.body
    model.Session.remove()
    kept = helpers.call_action("package_show", id=draft["id"])
    assert (kept["title"], kept["state"]) == ("Mares de la Dombes", "draft")
    assert [each["name"] for each in kept["resources"]] == ["Mares"]
