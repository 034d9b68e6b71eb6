"""An address of e-mail belongs to one account, and nobody finds out addresses letter by letter, over HTTP."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.shared.tests.conftest import forget_counts

pytestmark = [pytest.mark.usefixtures("loaded", "clean_db", "clean_index")]
TAKEN = "belongs to a registered user"


@pytest.fixture
def send(made_app: Any) -> Any:
    """Try another address for an account; a password that is too short keeps it from being saved."""
    factories.User(name="anne", email="anne_b@example.org", image_url="")
    token = factories.UserWithToken(name="marc", email="marc@example.org", image_url="")["token"]
    app = CKANTestApp(made_app)
    forget_counts()

    def patch(address: str) -> Any:
        data = {"id": "marc", "email": address, "password": "x"}
        return app.post("/api/3/action/user_patch", json=data, headers={"Authorization": token})

    yield patch
    forget_counts()


@pytest.mark.parametrize("pattern", ["anne%@example.org", "a%@example.org", "anne_%@example.org", "ann__b@example.org"])
def test_signs_of_a_pattern_are_letters(send: Any, pattern: str):
    assert TAKEN not in send(pattern).text


@pytest.mark.parametrize("address", ["anne_b@example.org", "ANNE_B@Example.org"])
def test_an_address_of_another_account_is_refused(send: Any, address: str):
    assert TAKEN in send(address).text


def test_ones_own_address_is_not(send: Any):
    assert TAKEN not in send("Marc@example.org").text


def test_it_is_told_so_often_only(send: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(tk.config, "ecosphere.web.registration_limits", "10 per hour")
    answers = [send("anne_b@example.org").text for _each in range(11)]
    assert [TAKEN in each for each in answers] == [True] * 10 + [False]
    assert "Try again in" in answers[-1]
