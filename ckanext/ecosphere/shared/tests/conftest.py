"""Fixtures: the portal with its CSRF protection enabled, and users who log in through the form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories
from flask.testing import FlaskClient
from werkzeug.test import Cookie, TestResponse

from ckanext.ecosphere.shared.web_guard import rate_limits

PASSWORD = "correct-horse-battery"
TOKEN = re.compile(r'<meta name="_csrf_token" content="([^"]+)"')


@pytest.fixture(scope="module")
def people(loaded: None, request: pytest.FixtureRequest) -> None:
    """A sysadmin, two users, an organisation and a dataset; the same for each module."""
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    factories.Sysadmin(name="boss", password=PASSWORD, email="boss@example.org", image_url="")
    factories.User(name="anne", password=PASSWORD, email="anne@example.org", image_url="")
    factories.User(name="marc", password=PASSWORD, email="marc@example.org", image_url="")
    service = factories.Organization(
        name="ddt", users=[{"name": "anne", "capacity": "admin"}], image_url=""
    )
    factories.Dataset(name="zones-humides", owner_org=service["id"])


@pytest.fixture
def portal(
    made_app: Any, people: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The application with CKAN's own protection enabled, and all counters reset."""
    monkeypatch.setitem(tk.config, "WTF_CSRF_ENABLED", True)
    monkeypatch.setitem(made_app._wsgi_app.config, "WTF_CSRF_ENABLED", True)
    monkeypatch.setitem(
        made_app._wsgi_app.config, "PROPAGATE_EXCEPTIONS", False
    )  # as in production
    forget_counts()
    yield made_app
    forget_counts()
    model.Session.rollback()
    model.Session.execute(
        sa.text("UPDATE \"user\" SET plugin_extras = NULL WHERE state = 'active'")
    )
    model.Session.commit()
    model.Session.remove()


def forget_counts() -> None:
    """Reset the rate limits in Redis and in this process."""
    connection = connect_to_redis()
    for key in connection.scan_iter(f"{rate_limits.PREFIX}:*"):
        connection.delete(key)
    rate_limits._memory().storage.reset()


@pytest.fixture
def visitor(portal: Any) -> Callable[..., FlaskClient]:
    """Make a client without cookies: `visitor("203.0.113.7")` connects from that address."""

    def make(address: str = "127.0.0.1") -> FlaskClient:
        client = portal._wsgi_app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return make


@pytest.fixture
def log_in(visitor: Callable[..., FlaskClient]) -> Callable[..., FlaskClient]:
    """Log a user in through the form and return the client."""

    def make(name: str = "anne", remember: bool = False, address: str = "127.0.0.1") -> FlaskClient:
        client = visitor(address)
        assert try_password(client, name, PASSWORD, remember).status_code == 302
        assert is_logged_in(client)
        return client

    return make


def try_password(client: FlaskClient, name: str, password: str, remember: bool = False) -> Any:
    """Submit the log-in form."""
    data = {"login": name, "password": password, **({"remember": "63072000"} if remember else {})}
    return client.post("/user/login", data=data, follow_redirects=False)


def is_logged_in(client: FlaskClient) -> bool:
    """Return whether the client is logged in."""
    return "/user/_logout" in client.get("/about").get_data(as_text=True)


def token_of(client: FlaskClient, path: str = "/about") -> str:
    """Return the CSRF token of a page."""
    found = TOKEN.search(client.get(path).get_data(as_text=True))
    assert found
    return found[1]


def cookies_of(client: FlaskClient) -> list[Cookie]:
    """Return the cookies of a client."""
    assert client._cookies is not None
    return list(client._cookies.values())


def stored_user(name: str) -> model.User:
    """Return a user from the database."""
    user = model.User.get(name)
    assert user is not None
    return user


def stored_package(name: str) -> model.Package:
    """Return a dataset or harvest source from the database."""
    package = model.Package.get(name)
    assert package is not None
    return package


def group_id(name: str) -> str:
    """Return the id of an organisation."""
    group = model.Group.get(name)
    assert group is not None
    return group.id


def error_type(answer: TestResponse) -> str:
    """Return the `__type` of an action's error."""
    assert answer.json is not None
    return answer.json["error"]["__type"]


def copied(client: FlaskClient, other: FlaskClient, names: tuple[str, ...] = ()) -> FlaskClient:
    """Copy the cookies of a client to another, as an attacker would."""
    for cookie in cookies_of(client):
        if not names or cookie.key in names:
            other.set_cookie(cookie.key, cookie.value, domain=cookie.domain, path=cookie.path)
    return other
