"""Warm-up requests of a web server process at start; none for commands, background workers and tests."""

from __future__ import annotations

import gc

import click
import pytest
from ckan import model
from ckan.tests import factories
from flask import request_finished

from ckanext.ecosphere.core import warm_up
from ckanext.ecosphere.search.unfound import Unfound

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


@pytest.fixture
def server(app, monkeypatch):
    """The application as a web server makes it."""
    monkeypatch.setattr(app.flask_app, "testing", False)
    yield app.flask_app
    app.flask_app.extensions.pop("ecosphere_warm_up", None)


@pytest.fixture
def visited(server):
    """Paths requested during the warm-up, and their answers."""
    found: list[tuple[str, int]] = []

    def note(_sender, response, **_more):
        from flask import request

        found.append((request.full_path.removesuffix("?"), response.status_code))

    with request_finished.connected_to(note, server):
        yield found


def test_a_server_visits_its_main_pages_before_anybody_else(server, visited):
    organization = factories.Organization(name="ddt-44")
    factories.Dataset(name="zones-humides", owner_org=organization["id"])
    factories.Dataset(name="caches", owner_org=organization["id"], private=True)
    server.jinja_env.cache.clear()
    thread = warm_up.begin(server)
    assert thread is not None
    thread.join(60)
    assert visited == [
        ("/", 200),
        ("/dataset/", 200),
        ("/dataset/zones-humides", 200),
        ("/organization/ddt-44", 200),
        ("/dataset/?q=zones+humydes+Nantes&organization=ddt-44", 200),
    ]
    assert not model.Session.query(Unfound).count()
    assert {name for _loader, name in server.jinja_env.cache} >= {"package/read.html", "package/search.html"}
    assert warm_up.begin(server) is None


def test_what_was_loaded_is_not_searched_for_garbage(server, visited):
    before, made = gc.get_freeze_count(), [object(), {}]
    made.append(made)
    warm_up.visit(server)
    assert gc.get_freeze_count() > before
    assert not any(each is made for each in gc.get_objects())


def test_a_portal_without_datasets_is_visited_too(server, visited):
    warm_up.visit(server)
    assert visited == [("/", 200), ("/dataset/", 200)]


def test_a_command_visits_nothing(server, visited):
    with click.Context(click.Command("jobs")):
        assert warm_up.begin(server) is None
    assert not visited
