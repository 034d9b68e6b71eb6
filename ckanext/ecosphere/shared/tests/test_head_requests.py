"""HEAD requests never change anything: another site can send them with the user's cookies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.shared.tests.conftest import stored_user

pytestmark = pytest.mark.usefixtures("portal")
LogIn = Callable[..., FlaskClient]


def head(client: FlaskClient, address: str, **more: Any) -> Any:
    return client.head(address, follow_redirects=False, **more)


@pytest.mark.parametrize("action", ["ecosphere_request_erase", "user_patch", "api_token_create"])
def test_an_action_that_writes_is_refused(log_in: LogIn, action: str):
    told = {"id": "anne", "user": "anne", "name": "forged", "about": "forged"}
    token = factories.APIToken(user="anne")["token"]
    for client, headers in ((log_in(), {}), (log_in("marc"), {"Authorization": token})):
        assert (
            head(client, f"/api/3/action/{action}", json=told, headers=headers).status_code == 400
        )
    model.Session.rollback()
    assert stored_user("anne").about != "forged"


def test_a_page_that_saves_by_its_form_saves_nothing(log_in: LogIn):
    client = log_in()
    answer = head(client, "/recherche/alertes/nouvelle?q=x")
    assert (
        answer.status_code
        == client.get("/recherche/alertes/nouvelle?q=x", follow_redirects=False).status_code
    )
    model.Session.rollback()
    assert not model.Session.scalar(sa.text("SELECT count(*) FROM ecosphere_search_alert"))


@pytest.mark.parametrize("address", ["/fr/dataset/", "/api/3/action/status_show", "/dataset/none"])
def test_it_is_answered_as_get_without_the_content(log_in: LogIn, address: str):
    client = log_in()
    given, asked = client.get(address), head(client, address)
    assert (asked.status_code, asked.data) == (given.status_code, b"")
    assert asked.headers["Content-Type"] == given.headers["Content-Type"]
