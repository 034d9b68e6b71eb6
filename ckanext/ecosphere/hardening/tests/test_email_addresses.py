"""E-mail addresses of accounts: unique, and other users' addresses cannot be found out by pattern,
over HTTP.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.shared.tests.conftest import forget_counts

pytestmark = [pytest.mark.usefixtures("loaded", "clean_db", "clean_index")]
TAKEN, PASSWORD = "belongs to a registered user", "Lac-bleu-2024"


@pytest.fixture
def send(made_app: Any) -> Any:
    """Submit an address in an account's form.

    A new password that is too short prevents it from being saved.
    """
    factories.User(name="anne", email="anne_b@example.org", image_url="")
    account = {"name": "marc", "email": "marc@example.org", "password": PASSWORD, "image_url": ""}
    token = factories.UserWithToken(**account)["token"]
    app = CKANTestApp(made_app)
    forget_counts()

    def edit(address: str) -> Any:
        passwords = {"old_password": PASSWORD, "password1": "x", "password2": "x"}
        data = {"name": "marc", "email": address, "save": "", **passwords}
        return app.post("/user/edit/marc", data=data, headers={"Authorization": token})

    yield edit
    forget_counts()


@pytest.mark.parametrize(
    "pattern", ["anne%@example.org", "a%@example.org", "anne_%@example.org", "ann__b@example.org"]
)
def test_signs_of_a_pattern_are_letters(send: Any, pattern: str):
    answer = send(pattern)
    assert "Your password must be" in answer.text
    assert TAKEN not in answer.text


@pytest.mark.parametrize("address", ["anne_b@example.org", "ANNE_B@Example.org"])
def test_an_address_of_another_account_is_refused(send: Any, address: str):
    assert TAKEN in send(address).text


def test_ones_own_address_is_not(send: Any):
    assert TAKEN not in send("Marc@example.org").text


def test_it_is_told_so_often_only(send: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(tk.config, "ecosphere.web.registration_limits", "10 per hour")
    answers = [send("anne_b@example.org").text for _each in range(11)]
    told = [TAKEN in each for each in answers]
    assert told[0]
    assert told == sorted(told, reverse=True)  # once it is no longer reported, it stays so
    assert sum(told) <= 10
    assert "Try again in" in answers[sum(told)]
