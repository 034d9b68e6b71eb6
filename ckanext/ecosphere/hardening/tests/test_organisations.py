"""Administrators of an organisation cannot break it through the API,
and refused calls write nothing, over HTTP.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp, call_action

from ckanext.ecosphere.hardening import organisations
from ckanext.ecosphere.tests.postbox import Postbox

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

Ask = Callable[..., Any]


@pytest.fixture
def ask(app: CKANTestApp) -> Ask:
    """Call an action as the administrator of the organisation `ddt-42`."""
    person = factories.UserWithToken(name="chef")
    factories.Organization(name="ddt-42", users=[{"name": "chef", "capacity": "admin"}])

    def call(action: str, **data: Any) -> Any:
        answer = app.post(
            f"/api/3/action/{action}", json=data, headers={"Authorization": person["token"]}
        )
        model.Session.remove()
        return answer

    return call


def members() -> list[tuple[str, str]]:
    shown = call_action("organization_show", {"ignore_auth": True}, id="ddt-42", include_users=True)
    return [(each["name"], each["capacity"]) for each in shown["users"]]


def test_a_service_stays_a_service(ask: Ask):
    assert (
        ask("organization_patch", id="ddt-42", is_organization=False, title="DDT 42").status_code
        == 200
    )
    assert model.Group.get("ddt-42").is_organization
    factories.Dataset(owner_org=model.Group.get("ddt-42").id)
    for action in ("group_delete", "group_patch", "group_update"):
        assert ask(action, id="ddt-42", name="ddt-42", title="Groupe").status_code == 404
    assert model.Group.get("ddt-42").state == "active"


@pytest.mark.parametrize(
    "values", [{"state": "draft"}, {"state": "deleted"}, {"approval_status": "x"}]
)
def test_what_is_of_the_site_is_not_changed_with_a_service(values: dict[str, str], ask: Ask):
    answer = ask("organization_patch", id="ddt-42", **values)
    assert (answer.status_code, list(answer.json["error"])) == (409, [*values, "__type"])
    assert (
        ask(
            "organization_patch", id="ddt-42", state="active", approval_status="approved"
        ).status_code
        == 200
    )


def test_the_name_of_a_page_is_no_name(ask: Ask):
    answer = ask("organization_patch", id="ddt-42", name="new")
    assert (answer.status_code, list(answer.json["error"])) == (409, ["name", "__type"])
    assert ask("organization_patch", id="ddt-42", name="ddt-loire").status_code == 200


@pytest.mark.parametrize(
    "users",
    [[{"name": "personne"}], [{"capacity": "editor"}], [{"name": "chef", "capacity": "roi"}]],
)
def test_members_are_people_in_roles(users: list[dict[str, str]], ask: Ask):
    answer = ask("organization_patch", id="ddt-42", users=users)
    assert (answer.status_code, list(answer.json["error"])) == (409, ["users", "__type"])
    assert ("chef", "admin") in members()
    factories.User(name="aide")
    both = [{"name": "chef", "capacity": "admin"}, {"name": "aide", "capacity": "editor"}]
    assert ask("organization_patch", id="ddt-42", users=both).status_code == 200
    assert sorted(members()) == [("aide", "editor"), ("chef", "admin")]


def test_an_invitation_to_no_role_makes_no_account(ask: Ask):
    assert (
        ask("user_invite", email="a@secret.example", group_id="ddt-42", role="zzz").status_code
        == 409
    )
    assert model.Session.query(model.User).filter_by(email="a@secret.example").count() == 0


def test_a_name_is_one_line_and_a_text(ask: Ask, app: CKANTestApp, postbox: Postbox):
    sent = ask("user_patch", id="chef", fullname="Support\r\nBcc: eve@secret.example")
    assert sent.json["result"]["fullname"] == "Support Bcc: eve@secret.example"
    assert list(ask("user_patch", id="chef", fullname=["x"]).json["error"]) == [
        "fullname",
        "__type",
    ]
    user = model.User.get("chef")
    assert user is not None
    user.fullname = "Support\r\nBcc: eve@secret.example"  # as accepted by CKAN alone
    model.Session.commit()
    app.post("/user/reset", data={"user": "chef"}, status=200)
    [mail] = postbox.mails
    assert "eve@secret.example" in str(mail["To"]) and mail["Bcc"] is None


@pytest.mark.parametrize(
    "address", ["http://a.example/p.png", "//a.example/p.png", "data:image/png;base64,AA"]
)
def test_a_picture_is_uploaded_or_comes_over_https(address: str, ask: Ask):
    assert list(ask("organization_patch", id="ddt-42", image_url=address).json["error"]) == [
        "image_url",
        "__type",
    ]
    assert (
        ask("organization_patch", id="ddt-42", image_url="https://a.example/p.png").status_code
        == 200
    )


def test_a_person_added_twice_at_one_moment_is_a_member_once(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
):
    factories.User(name="aide")
    both, make = threading.Barrier(2, timeout=0.5), model.Member.__init__

    def made_when_both_have_looked(member: model.Member, **values: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait()
        make(member, **values)

    monkeypatch.setattr(model.Member, "__init__", made_when_both_have_looked)
    values = {"id": "ddt-42", "username": "aide", "role": "editor"}
    with ThreadPoolExecutor(2) as people:
        answers = [
            people.submit(ask, "organization_member_create", **values) for _request in range(2)
        ]
    assert [each.result().status_code for each in answers] == [200, 200]
    assert members().count(("aide", "editor")) == 1
    assert ask("organization_member_delete", id="ddt-42", username="aide").status_code == 200
    assert "aide" not in dict(members())


@pytest.mark.parametrize(("address", "titles"), [("", ["Aa", "Bb"]), ("&page=2", ["Cc"])])
def test_a_page_to_change_many_datasets_shows_some_and_leads_to_the_others(
    address: str, titles: list[str], app: CKANTestApp, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(organisations, "MOST_ON_A_PAGE", 2)
    person = factories.UserWithToken(name="cheffe")
    service = factories.Organization(users=[{"name": "cheffe", "capacity": "admin"}])
    for title in ("Aa", "Bb", "Cc"):
        factories.Dataset(title=title, owner_org=service["id"])
    page = app.get(
        f"/organization/bulk_process/{service['id']}?sort=title_string+asc{address}",
        headers={"Authorization": person["token"]},
    )
    links = re.findall(r"<a href=\"/dataset/[^\"]+\">\s*(\w+)\s*</a>", page.body)
    assert links == titles
    other_pages = re.findall(r'href="([^"?]+)\?[^"]*page=\d">\d</a>', page.body)
    assert set(other_pages) == {f"/organization/bulk_process/{service['id']}"}


@pytest.mark.slow("load")
def test_many_datasets_are_changed_partly_in_the_background(
    app: CKANTestApp, monkeypatch: pytest.MonkeyPatch
):
    jobs: list[Any] = []
    monkeypatch.setattr(organisations, "_SECONDS_IN_A_PAGE", 0)
    monkeypatch.setattr("ckan.plugins.toolkit.enqueue_job", lambda *job, **_title: jobs.append(job))
    person = factories.UserWithToken(name="cheffe")
    service = factories.Organization(users=[{"name": "cheffe", "capacity": "admin"}])
    datasets = [factories.Dataset(owner_org=service["id"]) for _number in range(3)]
    ticked = {f"dataset_{dataset['id']}": "on" for dataset in datasets}
    answer = app.post(
        f"/organization/bulk_process/{service['name']}",
        data={**ticked, "bulk_action.private": "private"},
        headers={"Authorization": person["token"]},
    )
    assert "2 datasets are still being changed" in answer.body
    assert private_datasets() == 1
    (job,) = jobs
    broken = factories.Dataset(owner_org=factories.Organization()["id"])
    name, user, service_id, ids = job[1]
    job[0](name, user, service_id, ["absent", broken["id"], *ids])
    assert private_datasets() == 3


def private_datasets() -> int:
    model.Session.remove()
    return model.Session.query(model.Package).filter_by(private=True).count()
