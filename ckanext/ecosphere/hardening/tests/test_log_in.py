"""Brute-force protection: guessing is slowed down without locking the owner out or
revealing which accounts exist.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import redis
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.shared.tests.conftest import PASSWORD, token_of, try_password
from ckanext.ecosphere.shared.web_guard import rate_limits

Visitor = Callable[..., FlaskClient]
ATTACKER, OFFICE = "198.51.100.9", "203.0.113.7"


def guess(client: FlaskClient, name: str, times: int) -> list[int]:
    """Try wrong passwords; return the status codes."""
    return [try_password(client, name, f"wrong-{number}").status_code for number in range(times)]


def test_guessing_is_stopped_and_told_when_to_go_on(visitor: Visitor):
    attacker = visitor(ATTACKER)
    states = guess(attacker, "anne", 100)
    assert states[:5] == [200] * 5
    assert set(states[5:]) == {429}
    answer = try_password(attacker, "anne", PASSWORD)  # even the right one, until the wait is over
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    assert re.search(r"Try again in \d+ (minute|hour)", answer.get_data(as_text=True))


def test_owner_is_not_locked_out_by_others(visitor: Visitor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(tk.config, "ecosphere.web.login_account_limits", "12 per hour")
    assert try_password(visitor(OFFICE), "anne", PASSWORD).status_code == 302
    for number in range(4):
        guess(visitor(f"198.51.100.{number}"), "anne", 10)
    assert try_password(visitor("198.51.100.200"), "anne", PASSWORD).status_code == 429
    assert try_password(visitor(OFFICE), "anne", PASSWORD).status_code == 302


def test_other_people_behind_the_address_log_in(visitor: Visitor):
    guess(visitor(OFFICE), "anne", 20)
    assert try_password(visitor(OFFICE), "marc", PASSWORD).status_code == 302


@pytest.mark.slow("load")
def test_one_address_tries_many_accounts(visitor: Visitor):
    states = [guess(visitor(ATTACKER), f"person-{number}", 1)[0] for number in range(70)]
    assert states[:60] == [200] * 60
    assert set(states[61:]) == {429}


def test_name_and_address_of_a_person_are_one_account(visitor: Visitor):
    attacker = visitor(ATTACKER)
    guess(attacker, "anne", 5)
    assert guess(attacker, "anne@example.org", 1) == [429]


def test_answers_do_not_tell_which_accounts_exist(visitor: Visitor):
    def answers(name: str) -> list[tuple[int, str]]:
        client = visitor(ATTACKER)
        sent = [try_password(client, name, "wrong") for _ in range(7)]
        text = [
            re.sub(r'content="[^"]*"|value="[^"]*"', "", each.get_data(as_text=True))
            for each in sent
        ]
        return [(each.status_code, page) for each, page in zip(sent, text, strict=True)]

    assert answers("anne") == answers("nobody-here")


def test_wrong_log_in_takes_as_long_without_an_account(visitor: Visitor):
    def seconds(name: str) -> float:
        client, before = visitor(ATTACKER), time.process_time()
        guess(client, name, 4)
        return time.process_time() - before

    seconds("nobody-before")
    there, absent = seconds("anne"), seconds("nobody-here")
    assert absent > there * 0.6


def test_right_password_forgets_the_wrong_ones(visitor: Visitor):
    client = visitor(OFFICE)
    for _ in range(3):
        guess(client, "anne", 4)
        assert try_password(visitor(OFFICE), "anne", PASSWORD).status_code == 302


def test_log_in_is_braked_without_redis(visitor: Visitor, monkeypatch: pytest.MonkeyPatch):
    break_redis(monkeypatch)
    states = guess(visitor(ATTACKER), "anne", 8)
    assert states == [200] * 5 + [429] * 3
    assert try_password(visitor(OFFICE), "anne", PASSWORD).status_code == 302


def test_password_asked_for_in_the_profile_is_braked(log_in: Visitor):
    thief = log_in("anne")
    form = {
        "name": "anne",
        "email": "anne@example.org",
        "old_password": "guess",
        "_csrf_token": token_of(thief),
    }
    form |= {"password1": "long-enough-1", "password2": "long-enough-1", "save": ""}
    states = [thief.post("/user/edit/anne", data=form).status_code for _ in range(8)]
    assert states[-1] == 429


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the default limit of registrations."""
    monkeypatch.setitem(tk.config, "ecosphere.web.registration_limits", "10 per hour; 30 per day")


def register(client: FlaskClient, number: int) -> Any:
    """Submit the registration form."""
    form = {
        "name": f"new-{number}-{time.time_ns()}",
        "fullname": "New",
        "email": f"new{time.time_ns()}@example.org",
    }
    return client.post(
        "/user/register", data={**form, "password1": PASSWORD, "password2": PASSWORD, "save": ""}
    )


def test_registrations_are_braked_by_address(visitor: Visitor, strict: None):
    states = [register(visitor(ATTACKER), number).status_code for number in range(12)]
    assert states == [302] * 10 + [429] * 2
    assert register(visitor(OFFICE), 0).status_code == 302


def test_registration_is_refused_in_words_without_redis(
    visitor: Visitor, strict: None, monkeypatch: pytest.MonkeyPatch
):
    break_redis(monkeypatch)
    answer = register(visitor(ATTACKER), 0)
    assert answer.status_code == 503
    assert "Try again in a few minutes" in " ".join(
        answer.get_data(as_text=True).split("error-content")[1].split()
    )


@pytest.mark.parametrize("name", ["anne", "nobody-here"])
def test_reset_links_are_braked_by_account(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, name: str
):
    sent = []
    monkeypatch.setattr("ckan.lib.mailer.send_reset_link", lambda user: sent.append(user.name))
    answers = [
        visitor(f"198.51.100.{n}").post("/user/reset", data={"user": name}) for n in range(5)
    ]
    assert [each.status_code for each in answers] == [302] * 3 + [429] * 2
    assert len(sent) == (3 if name == "anne" else 0)


def test_invalid_tokens_are_braked_and_valid_ones_are_not(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(tk.config, "ecosphere.web.token_limits", "5 per minute")
    attacker = visitor(OFFICE)
    address = "/api/3/action/status_show"
    states = [
        attacker.get(address, headers={"Authorization": f"guess-{n}"}).status_code for n in range(8)
    ]
    assert states == [200] * 5 + [429] * 3
    token = factories.APIToken(user="anne")["token"]
    assert visitor(OFFICE).get(address, headers={"Authorization": token}).status_code == 200
    assert visitor(OFFICE).get(address).status_code == 200


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_address_is_counted_by_network(address: str | None, counted: str):
    assert rate_limits.network(address) == counted


def break_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Redis unavailable to the rate limits."""

    def away(*_arguments: Any, **_options: Any) -> None:
        raise redis.ConnectionError("away")

    class Away:
        hit = test = clear = get_window_stats = staticmethod(away)

    monkeypatch.setattr(rate_limits, "_limiter", Away)
