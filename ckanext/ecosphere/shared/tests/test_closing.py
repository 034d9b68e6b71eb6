"""Closing an account, by its owner or a sysadmin, over HTTP: what is erased, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.cli import ckan
from ckan.tests import factories, helpers
from flask.testing import FlaskClient

from ckanext.activity.model import Activity
from ckanext.ecosphere.core import accounts
from ckanext.ecosphere.data_requests.model import Comment, Follow, Request
from ckanext.ecosphere.harvest.model import Reader
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.tests.conftest import (
    PASSWORD,
    copied,
    is_logged_in,
    stored_user,
    token_of,
    try_password,
)

Visitor = Callable[..., FlaskClient]
PAGE = "/compte/fermer"


@pytest.fixture
def leaving(portal: Any) -> Iterator[Any]:
    """A user without traces on the portal yet, who may close the account."""
    user = factories.User(
        name="camille",
        fullname="Camille Durand",
        email="camille@example.org",
        password=PASSWORD,
        image_url="",
        about="x",
    )
    yield model.User.get(user["id"])
    model.Session.rollback()
    model.Session.execute(sa.delete(Request))
    gone = {"state": "deleted", "name": user["id"], "email": None, "image_url": ""}
    model.Session.query(model.User).filter(model.User.name.in_(("camille", user["id"]))).update(
        gone
    )
    model.Session.commit()


def send(browser: FlaskClient, **form: str) -> Any:
    return browser.post(
        PAGE, data={"_csrf_token": token_of(browser), **form}, follow_redirects=False
    )


def act(action: str, **data: Any) -> Any:
    user = stored_user("camille")
    return tk.get_action(action)({"user": user.name, "auth_user_obj": user}, data)


def fresh(user_id: str) -> Any:
    model.Session.expire_all()
    return model.User.get(user_id)


def live(leaving: Any) -> dict[str, Any]:
    """Leave traces of the user: requests, a followed dataset, a saved search.

    Return the ids of request and draft.
    """
    sysadmin: Any = {"user": "boss", "ignore_auth": True}
    tk.get_action("organization_member_create")(
        sysadmin, {"id": "ddt", "username": "camille", "role": "editor"}
    )
    asked = act(
        "ecosphere_request_create", title="Frayères", description="Leurs emplacements.", theme="eau",
        territory="departement-42", visibility="public",
    )  # fmt: skip
    sent = act(
        "ecosphere_request_transition",
        id=asked["id"],
        transition="submit",
        version=1,
        similar_seen=True,
    )
    draft = act("ecosphere_request_create", title="Forages")
    act("follow_dataset", id="zones-humides")
    edited = helpers.call_action(
        "package_patch", {"user": "camille"}, id="zones-humides", notes=f"Neuf {leaving.id}"
    )
    assert edited["owner_org"] == model.Group.get("ddt").id
    act("api_token_create", user="camille", name="mine")
    storage.save(
        user_id=leaving.id,
        email=None,
        about="datasets",
        search="q=eau",
        frequency="daily",
        language="fr",
    )
    model.Session.merge(Reader(user_id=leaving.id, language="fr"))
    model.Session.commit()
    return {"sent": sent["id"], "draft": draft["id"]}


def assert_nothing_is_left(user_id: str, made: dict[str, Any]) -> None:
    user = fresh(user_id)
    assert user.state == "deleted" and user.name.startswith(accounts.NAME) and not user.sysadmin
    assert not any(
        (user.fullname, user.email, user.about, user.image_url, user.reset_key, user.apikey)
    )
    assert set(user.plugin_extras) == {"ecosphere_session"}
    request = model.Session.get_one(Request, made["sent"])
    assert request.state == "withdrawn" and request.requester_id is None
    assert model.Session.get(Request, made["draft"]) is None
    assert storage.of_user(user_id) is None and model.Session.get(Reader, user_id) is None
    for table, column in ((model.UserFollowingDataset, "follower_id"), (model.ApiToken, "user_id")):
        assert not model.Session.query(table).filter(getattr(table, column) == user_id).count()
    roles = model.Session.query(model.Member).filter_by(
        table_id=user_id, group_id=model.Group.get("ddt").id
    )
    assert {each.state for each in roles} == {"deleted"}
    told = model.Session.execute(
        sa.text("SELECT data FROM activity WHERE user_id = :id"), {"id": user_id}
    ).scalars()
    kept = [str(each) for each in told]
    assert kept and not any("camille" in each.lower() for each in kept)


def test_nothing_of_the_person_is_left(leaving: Any, log_in: Visitor, visitor: Visitor):
    made = live(leaving)
    person = log_in("camille", remember=True)
    thief = copied(person, visitor())
    page = person.get(PAGE).get_data(as_text=True)
    assert "API tokens" in page and "withdrawn" in page and "saved searches" in page.lower()

    answer = send(person, old_password=PASSWORD)

    assert answer.status_code == 302
    assert "account is closed" in person.get(urlsplit(answer.location).path).get_data(as_text=True)
    assert not is_logged_in(person) and not is_logged_in(thief)
    assert try_password(visitor(), "camille", PASSWORD).status_code == 200
    assert_nothing_is_left(leaving.id, made)


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("named", ["id", "name"])
def test_an_administrator_deletes_as_much(leaving: Any, log_in: Visitor, named: str):
    made, key, user_id = live(leaving), getattr(leaving, named), leaving.id
    person, boss = log_in("camille"), log_in("boss")
    assert f"/user/delete/{user_id}" in boss.get("/user/edit/camille").get_data(as_text=True)
    page = boss.get(f"/user/delete/{key}").get_data(as_text=True)
    assert (
        "camille" in page
        and "API tokens" in page
        and "withdrawn" in page
        and "saved searches" in page.lower()
    )
    assert fresh(user_id).state == "active"
    form = {"_csrf_token": token_of(boss), "delete": ""}
    assert boss.post(f"/user/delete/{key}", data=form, follow_redirects=False).status_code == 302
    assert not is_logged_in(person) and is_logged_in(boss)
    assert_nothing_is_left(user_id, made)


def test_a_character_that_the_database_refuses_in_an_activity_stops_nothing(
    leaving: Any, log_in: Visitor
):
    title = "Forages\0\0 \\u0000 \\"
    activity = Activity(
        leaving.id, leaving.id, "changed package", {"actor": "camille", "package": {"title": title}}
    )
    model.Session.add(activity)
    model.Session.commit()
    key = activity.id

    assert send(log_in("camille"), old_password=PASSWORD).status_code == 302

    found = model.Session.get(Activity, key, populate_existing=True).data
    assert found["package"]["title"] == "Forages \\u0000 \\"
    assert found["actor"] == fresh(leaving.id).name != "camille"


def test_what_was_deleted_before_is_erased_by_the_command(leaving: Any, cli: Any):
    made, user_id = live(leaving), leaving.id
    leaving.delete()
    model.Session.commit()
    for _time in range(2):
        assert not cli.invoke(ckan, ["user", "remove", user_id]).exit_code
    assert_nothing_is_left(user_id, made)


def test_an_administrator_is_told_who_is_left_alone(leaving: Any, log_in: Visitor):
    boss = log_in("boss")
    page = boss.get("/fr/user/delete/anne").get_data(as_text=True)
    assert "Plus personne ne sera administrateur" in page and model.Group.get("ddt").title in page
    assert "Plus personne" not in boss.get("/fr/user/delete/camille").get_data(as_text=True)
    assert urlsplit(boss.get("/user/delete/boss", follow_redirects=False).location).path == PAGE


def test_the_account_of_the_portal_is_not_deleted(portal: Any, log_in: Visitor):
    boss, site = log_in("boss"), stored_user(tk.config["ckan.site_id"])
    assert "cannot be closed" in boss.get(f"/user/delete/{site.id}").get_data(as_text=True)
    answer = boss.post(f"/user/delete/{site.id}", data={"_csrf_token": token_of(boss)})
    assert answer.status_code == 400 and fresh(site.id).state == "active"


def test_the_address_and_the_name_are_free_again(leaving: Any, log_in: Visitor):
    send(log_in("camille"), old_password=PASSWORD)
    made = factories.User(name="camille", email="camille@example.org", image_url="")
    assert made["id"] != leaving.id


@pytest.mark.parametrize(
    "form", [{}, {"old_password": ""}, {"old_password": "wrong-wrong"}, {"account": "camille"}]
)
def test_without_the_password_nothing_is_closed(
    leaving: Any, log_in: Visitor, form: dict[str, str]
):
    person = log_in("camille")
    answer = send(person, **form)
    assert answer.status_code == 400 and "not the password" in answer.get_data(as_text=True)
    assert fresh(leaving.id).state == "active" and is_logged_in(person)


def test_passwords_cannot_be_tried(leaving: Any, log_in: Visitor):
    person = log_in("camille")
    assert 429 in [send(person, old_password=f"wrong-wrong-{n}").status_code for n in range(8)]


def test_another_site_closes_nothing(leaving: Any, log_in: Visitor):
    person = log_in("camille")
    answer = person.post(PAGE, data={"old_password": PASSWORD}, follow_redirects=False)
    assert answer.status_code == 400 and fresh(leaving.id).state == "active"


def test_nobody_is_asked_to_log_in(portal: Any, visitor: Visitor):
    answer = visitor().get(PAGE, follow_redirects=False)
    assert (
        answer.status_code == 302
        and "/user/login" in answer.location
        and "fermer" in answer.location
    )


def test_the_last_administrator_of_a_service_stays(leaving: Any, log_in: Visitor):
    context: Any = {"user": "boss", "ignore_auth": True}
    person = log_in("anne")
    assert "only administrator of: " in person.get(PAGE).get_data(as_text=True)
    answer = send(person, old_password=PASSWORD)
    assert answer.status_code == 409 and model.Group.get("ddt").title in answer.get_data(
        as_text=True
    )
    assert fresh(stored_user("anne").id).state == "active"
    tk.get_action("organization_member_create")(
        context, {"id": "ddt", "username": "camille", "role": "admin"}
    )
    assert "only administrator of: " not in person.get(PAGE).get_data(as_text=True)
    assert "only administrator of: " not in log_in("camille").get(PAGE).get_data(as_text=True)


def test_the_only_administrator_of_the_portal_stays(portal: Any, log_in: Visitor):
    boss = log_in("boss")
    assert "only administrator of the portal" in boss.get(PAGE).get_data(as_text=True)
    assert send(boss, old_password=PASSWORD).status_code == 409


def test_of_two_who_leave_at_once_one_waits(
    leaving: Any, log_in: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(accounts, "LONGEST_WAIT", 0.2)
    person = log_in("camille")
    with Locks() as other:
        assert other.take(accounts.LOCK)
        send(person, old_password=PASSWORD)
    assert fresh(leaving.id).state == "active" and not is_logged_in(person)


def test_what_a_person_wrote_for_a_service_stays(leaving: Any, log_in: Visitor):
    made = tk.get_action("ecosphere_request_signal")(
        {"user": "marc", "auth_user_obj": stored_user("marc")},
        {"dataset": "zones-humides", "kind": "error", "description": "Une zone manque au nord."},
    )
    request = model.Session.get_one(Request, made["id"])
    request.opened = request.created
    model.Session.add(Comment(request_id=request.id, author_id=leaving.id, author_role="editor", text="Vu.",
                              created=request.created))  # fmt: skip
    model.Session.add(Follow(request_id=request.id, user_id=leaving.id))
    model.Session.commit()
    send(log_in("camille"), old_password=PASSWORD)
    comment = model.Session.query(Comment).filter_by(request_id=made["id"]).one()
    assert comment.text == "Vu." and comment.author_id is None
    assert not model.Session.query(Follow).filter_by(user_id=leaving.id).count()


def test_the_picture_goes_unless_somebody_else_shows_it(
    leaving: Any, log_in: Visitor, tmp_path: Path, monkeypatch: Any
):
    monkeypatch.setitem(tk.config, "ckan.storage_path", str(tmp_path))
    folder = tmp_path / "storage" / "uploads" / "user"
    folder.mkdir(parents=True)
    for name in ("own.png", "shared.png"):
        (folder / name).write_bytes(b"x")
    marc = stored_user("marc")
    leaving.image_url, marc.image_url = "shared.png", "shared.png"
    model.Session.commit()
    accounts._remove_picture("shared.png")
    assert (folder / "shared.png").exists()
    leaving.image_url, marc.image_url = "own.png", ""
    model.Session.commit()
    send(log_in("camille"), old_password=PASSWORD)
    assert not (folder / "own.png").exists()


def test_in_french(leaving: Any, log_in: Visitor):
    page = log_in("camille").get("/fr" + PAGE).get_data(as_text=True)
    assert "Fermer mon compte" in page and "Ce qui est effacé" in page
    assert "Close my account" not in page and "What is erased" not in page
