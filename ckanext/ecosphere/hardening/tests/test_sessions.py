"""Copied cookies become invalid when the user logs out or changes the password."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import mailer
from flask.testing import FlaskClient
from passlib.hash import pbkdf2_sha512

from ckanext.ecosphere.hardening.web import sessions
from ckanext.ecosphere.shared.tests.conftest import (
    PASSWORD,
    copied,
    is_logged_in,
    stored_user,
    token_of,
)

Visitor = Callable[..., FlaskClient]
NEW_PASSWORD = "another-horse-battery"


@pytest.fixture
def old_password(portal):
    """Restore the password after the test."""
    yield
    model.Session.rollback()
    user = stored_user("anne")
    user.password = PASSWORD
    model.Session.commit()


def test_copied_cookie_ends_with_the_log_out(visitor: Visitor, log_in: Visitor):
    person = log_in("anne")
    thief = copied(person, visitor())
    assert is_logged_in(thief)
    person.get("/user/_logout")
    assert not is_logged_in(thief)


@pytest.mark.parametrize(
    "names", [("remember_token", "ecosphere_remember"), ("remember_token",), ()]
)
def test_copied_remember_cookie_ends_with_the_log_out(
    visitor: Visitor, log_in: Visitor, names: tuple[str, ...]
):
    person = log_in("anne", remember=True)
    thief = copied(person, visitor(), names)
    person.get("/user/_logout")
    assert not is_logged_in(thief)
    assert not is_logged_in(person)


def test_log_out_after_coming_back_ends_the_remember_cookie(visitor: Visitor, log_in: Visitor):
    person = log_in("anne", remember=True)
    thief = copied(person, visitor())
    person.delete_cookie("ckan")  # as after closing the browser
    assert is_logged_in(person)
    person.get("/user/_logout")
    assert not is_logged_in(thief)


def test_other_devices_stay_logged_in(log_in: Visitor):
    office, phone = log_in("anne"), log_in("anne", remember=True)
    office.get("/user/_logout")
    phone.delete_cookie("ckan")
    assert is_logged_in(phone)


def test_logged_out_person_logs_in_again(log_in: Visitor):
    log_in("anne").get("/user/_logout")
    assert is_logged_in(log_in("anne"))


@pytest.mark.slow("load")
def test_oldest_session_ends_when_there_are_too_many(log_in: Visitor):
    first = log_in("anne")
    last = [log_in("anne") for _ in range(sessions.MOST_SESSIONS)][-1]
    assert len(stored_user("anne").plugin_extras[sessions.KEY]["ends"]) == sessions.MOST_SESSIONS
    assert not is_logged_in(first)
    assert is_logged_in(last)


def _put_end(name: str, end: float) -> None:
    """Let the only session of a person end at another time."""
    user = stored_user(name)
    (digest,) = user.plugin_extras[sessions.KEY]["ends"]
    user.plugin_extras = {**user.plugin_extras, sessions.KEY: {"ends": {digest: end}}}
    model.Session.commit()


def _end_of(name: str) -> float:
    (end,) = stored_user(name).plugin_extras[sessions.KEY]["ends"].values()
    return end


def test_session_ends_on_its_day_and_makes_room_at_the_next_log_in(log_in: Visitor):
    person = log_in("anne")
    _put_end("anne", time.time() - 1)
    assert not is_logged_in(person)
    log_in("anne")
    assert _end_of("anne") > time.time()


def test_session_in_use_is_extended_once_and_not_by_every_page(log_in: Visitor):
    person = log_in("anne")
    _put_end("anne", time.time() + 3600)
    assert is_logged_in(person)
    end = _end_of("anne")
    assert end > time.time() + 6 * 24 * 3600
    assert is_logged_in(person)
    assert _end_of("anne") == end


def test_session_taken_off_the_record_is_logged_out(log_in: Visitor):
    person = log_in("anne", remember=True)
    user = stored_user("anne")
    user.plugin_extras = {**user.plugin_extras, sessions.KEY: {}}
    model.Session.commit()
    assert not is_logged_in(person)


def test_new_password_ends_other_sessions_and_keeps_this_one(
    visitor: Visitor, log_in: Visitor, old_password: None
):
    person = log_in("anne")
    thief, phone = copied(person, visitor()), log_in("anne", remember=True)
    form = {"name": "anne", "email": "anne@example.org", "old_password": PASSWORD}
    form |= {
        "password1": NEW_PASSWORD,
        "password2": NEW_PASSWORD,
        "save": "",
        "_csrf_token": token_of(person),
    }
    assert person.post("/user/edit/anne", data=form, follow_redirects=False).status_code == 302
    assert is_logged_in(person)
    assert not is_logged_in(thief)
    phone.delete_cookie("ckan")
    assert not is_logged_in(phone)


def test_reset_password_ends_every_session(visitor: Visitor, log_in: Visitor, old_password: None):
    thief = log_in("anne", remember=True)
    user = stored_user("anne")
    mailer.create_reset_key(user)
    key = user.reset_key
    form = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert (
        visitor()
        .post(f"/user/reset/{user.id}?key={key}", data=form, follow_redirects=False)
        .status_code
        == 302
    )
    assert not is_logged_in(thief)


def test_password_set_by_an_administrator_ends_every_session(
    log_in: Visitor, old_password: None, sysadmin_context
):
    thief = log_in("anne")
    tk.get_action("user_patch")(sysadmin_context, {"id": "anne", "password": NEW_PASSWORD})
    assert not is_logged_in(thief)


@pytest.fixture
def token(portal) -> str:
    """An API token of a user."""
    by = {"ignore_auth": True, "user": "anne"}
    return tk.get_action("api_token_create")(by, {"user": "anne", "name": "script"})["token"]


def test_reset_password_ends_the_tokens_of_whoever_was_there_before(
    visitor: Visitor, old_password: None, token: str
):
    assert _is_good(visitor, token)
    user = stored_user("anne")
    mailer.create_reset_key(user)
    form = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    address = f"/user/reset/{user.id}?key={user.reset_key}"
    assert visitor().post(address, data=form, follow_redirects=False).status_code == 302
    assert not _is_good(visitor, token)


def test_password_set_by_an_administrator_ends_every_token(
    visitor, old_password: None, token: str, sysadmin_context
):
    tk.get_action("user_patch")(sysadmin_context, {"id": "anne", "password": NEW_PASSWORD})
    assert not _is_good(visitor, token)


def test_own_new_password_and_a_hash_written_anew_keep_the_tokens(
    visitor: Visitor, log_in: Visitor, old_password: None, token: str
):
    model.Session.execute(
        sa.update(model.User)
        .where(model.User.name == "anne")
        .values(_password=pbkdf2_sha512.using(rounds=10).hash(PASSWORD))
    )
    model.Session.commit()
    person = log_in("anne")
    assert "$10$" not in stored_user("anne").password
    form = {
        "old_password": PASSWORD,
        "password1": NEW_PASSWORD,
        "password2": NEW_PASSWORD,
        "save": "",
    }
    form |= {"name": "anne", "email": "anne@example.org", "_csrf_token": token_of(person)}
    assert person.post("/user/edit/anne", data=form, follow_redirects=False).status_code == 302
    assert stored_user("anne").validate_password(NEW_PASSWORD)
    assert _is_good(visitor, token)


def _is_good(visitor: Visitor, token: str) -> bool:
    answer = visitor().get(
        "/api/3/action/organization_list_for_user", headers={"Authorization": token}
    )
    return bool(answer.json["result"]) if answer.status_code == 200 else False


def test_changes_of_the_profile_end_nothing(log_in: Visitor, sysadmin_context):
    person = log_in("anne")
    tk.get_action("user_patch")(sysadmin_context, {"id": "anne", "about": "Hydrologue"})
    assert is_logged_in(person)


@pytest.mark.parametrize("path", ["/base/images/ckan-logo.png", "/api/i18n/fr"])
def test_no_session_comes_with_what_caches_keep(path: str, log_in: Visitor):
    def answer(address: str):
        stored_user("anne").last_active = datetime(2026, 1, 1)
        model.Session.commit()
        return person.get(address)

    person = log_in("anne")
    asset = answer(path)
    assert (asset.status_code, asset.headers.getlist("Set-Cookie")) == (200, [])
    assert "public" in asset.headers["Cache-Control"]
    assert answer("/dataset/").headers.getlist("Set-Cookie")
