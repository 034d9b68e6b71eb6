"""Fixtures of the alerts: one portal per module, a real SMTP server, and test clients."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories
from ckan.tests.helpers import call_action
from flask.testing import FlaskClient
from freezegun import freeze_time

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.search import setup, solr_schema
from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts.model import now
from ckanext.ecosphere.search.relevance import spelling
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.tests.postbox import body

RHONE = "http://id.insee.fr/geo/departement/69"
LINK = re.compile(r"https?://[^/\s]+(/\S+)")
TABLES = (
    "ecosphere_search_subscriber, ecosphere_search_alert, ecosphere_work, ecosphere_search_unfound"
)


@pytest.fixture(scope="module")
def people(loaded: None, request: pytest.FixtureRequest) -> None:
    """A member of the organisation, another user, a moderator,
    and an index with the French schema.
    """
    request.getfixturevalue("empty_db")()
    solr = setup.solr()
    commands = solr_schema.schema_commands(solr.schema(), solr_schema.wanted())
    if solr_schema.blocking_fields(solr, commands):
        solr.delete_all()
        solr.reload()
    solr_schema.apply(solr)
    request.getfixturevalue("reset_index")()
    for name in ("anne", "marc", "moderatrice"):
        made = factories.User(
            name=name, fullname=name.title(), email=f"{name}@secret.example", image_url=""
        )
        addresses.mark_confirmed(model.User.get(made["id"]))
    factories.Sysadmin(name="boss", email="boss@secret.example", image_url="")
    factories.Organization(
        name="ddt",
        title="DDT du Rhône",
        users=[{"name": "anne", "capacity": "member"}],
        image_url="",
    )
    factories.Organization(
        name="administration-centrale-ou-ministere_172120",
        users=[{"name": "moderatrice", "capacity": "editor"}],
        image_url="",
    )


@pytest.fixture
def portal(ckan_config: Any, people: None, made_app: Any) -> Any:
    """The application, without alerts, datasets and counters."""
    model.Session.remove()
    model.Session.execute(sa.text(f"TRUNCATE package, {TABLES} CASCADE"))
    model.Session.commit()
    setup.solr().delete_all()
    connect_to_redis().flushdb()
    spelling.forget_words()  # each process has its own copy, too
    return made_app._wsgi_app


@pytest.fixture
def visitor(portal: Any) -> Callable[..., FlaskClient]:
    """Make a client without cookies: `visitor("203.0.113.7")` connects from that address."""

    def make(address: str = "127.0.0.1") -> FlaskClient:
        client = portal.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return make


def known(client: FlaskClient, name: str) -> dict[str, str]:
    """Return the headers that authenticate a user: an API token, which pages accept as well."""
    user = model.User.get(name)
    assert user is not None
    return {"Authorization": factories.APIToken(user=user.name)["token"]}


def dataset(**changes: Any) -> dict[str, Any]:
    """Create a dataset of the organisation."""
    service = model.Group.get("ddt")
    assert service is not None
    fields = {
        "title": "Zones humides du Rhône",
        "owner_org": service.id,
        "territory": [RHONE],
        "notes": "",
    }
    return factories.Dataset(**{**fields, **changes})


def change(made: dict[str, Any], **changes: Any) -> None:
    """Save a dataset again."""
    call_action("package_patch", {"user": "boss"}, id=made["id"], **changes)


def page(response: Any, status: int = 200) -> str:
    """Check the status of a response and return its text."""
    text = response.get_data(as_text=True)
    assert response.status_code == status, text[:2000]
    return text


def links(mail: Any) -> list[str]:
    """Return the paths of the links of an e-mail."""
    return LINK.findall(body(mail))


@pytest.fixture(autouse=True)
def at_any_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make alerts due one day after their creation, even if the tests run
    before the portal's hour of sending.
    """
    monkeypatch.setattr(storage, "HOUR", max(now().astimezone(dates.zone()).hour - 1, 0))


def tomorrow(days: int = 1) -> Any:
    """Move the clock one or several days ahead for the duration of the block."""
    return freeze_time(now() + timedelta(days=days))


def run(days: int = 1) -> dict[str, int]:
    """Run what is due after some days, as `ckan ecosphere search tick` does."""
    with tomorrow(days):
        return job.tick()
