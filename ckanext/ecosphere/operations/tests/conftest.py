"""Fixtures of the tests of operations."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import rq
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.operations import health


@pytest.fixture(scope="module")
def client(made_app: Any, empty_db: Any, reset_index: Any) -> FlaskClient:
    """A client of the portal, whose catalogue has one dataset."""
    empty_db()
    reset_index()
    factories.Dataset(owner_org=factories.Organization()["id"])
    model.Session.remove()
    return made_app._wsgi_app.test_client()


@pytest.fixture
def worker() -> Iterator[rq.Worker]:
    """A worker that listens to all queues, as Redis knows it."""
    connect_to_redis().flushdb()
    queues = [jobs.get_queue(name) for name in health.workers_by_queue(connect_to_redis())]
    worker = rq.Worker(queues, connection=connect_to_redis())
    worker.register_birth()
    yield worker
    worker.register_death()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No result of an earlier look."""
    health.of_this_process.cache_clear()
    yield
    health.of_this_process.cache_clear()


@pytest.fixture(params=["dead", "silent"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port on which nobody listens, and one whose server takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if request.param == "silent":
            server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def option(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set an option for a test."""

    def put(name: str, value: object) -> None:
        monkeypatch.setitem(tk.config, name, value)

    return put
