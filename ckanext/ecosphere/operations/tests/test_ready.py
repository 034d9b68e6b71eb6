"""Health: each service that is down makes the portal not ready, by name, in time,
and tells nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import rq
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import clear_all, rebuild
from flask.testing import FlaskClient

from ckanext.ecosphere.operations import health

LIVE, READY = "/ecosphere/health/live", "/ecosphere/health/ready"
Put = Callable[[str, object], None]


def failed(client: FlaskClient) -> set[str]:
    """Return the checks that fail, of an answer that fits them."""
    begin = time.monotonic()
    answer = client.get(READY)
    assert time.monotonic() - begin < health.CHECK_SECONDS + 2
    content = answer.get_json()
    assert set(content["checks"]) == set(health.CHECKS)
    names = {name for name, result in content["checks"].items() if result == "failed"}
    assert answer.status_code == (503 if names else 200)
    assert content["status"] == ("failed" if names else "ready")
    return names


def test_ready_when_all_is_well(client: FlaskClient, worker: rq.Worker):
    assert failed(client) == set()
    with model.meta.engine.connect() as connection:
        written = connection.execute(
            sa.text("SELECT value FROM system_info WHERE key = 'ecosphere.health'")
        ).scalar()
    assert datetime.now(timezone.utc) - datetime.fromisoformat(f"{written}00") < timedelta(
        seconds=30
    )


SERVICES = {
    "solr_url": ("http://127.0.0.1:{port}/solr/ckan", {"search"}),
    "sqlalchemy.url": ("postgresql://ckan:geheim@127.0.0.1:{port}/ckan", {"database", "tables"}),
    "ckan.redis.url": ("redis://:geheim@127.0.0.1:{port}/1", {"redis", "workers"}),
}


@pytest.mark.few(2, "variants")
@pytest.mark.parametrize("name", SERVICES)
def test_not_ready_while_a_service_is_down(
    client: FlaskClient, worker: rq.Worker, option: Put, port: int, name: str
):
    address, names = SERVICES[name]
    option(name, address.format(port=port))
    assert failed(client) == names
    told = client.get(READY).get_data(as_text=True)
    assert "127.0.0.1" not in told and "geheim" not in told and "rror" not in told
    assert client.get(LIVE).status_code == 200


def test_not_ready_without_folder(
    client: FlaskClient, worker: rq.Worker, option: Put, tmp_path: Any
):
    option("ckan.storage_path", str(tmp_path / "gone"))
    assert failed(client) == {"storage"}


def test_not_ready_with_an_empty_index(client: FlaskClient, worker: rq.Worker):
    clear_all()
    assert failed(client) == {"search"}
    rebuild()


def test_not_ready_while_tables_are_old(client: FlaskClient, worker: rq.Worker):
    table = "ecosphere_quality_alembic_version"
    model.Session.execute(sa.text(f"UPDATE {table} SET version_num = 'x' || version_num"))
    model.Session.commit()
    try:
        assert failed(client) == {"tables"}
    finally:
        model.Session.execute(sa.text(f"UPDATE {table} SET version_num = substr(version_num, 2)"))
        model.Session.commit()


def test_not_ready_without_worker_unless_left_out(client: FlaskClient, worker: rq.Worker):
    worker.register_death()
    assert failed(client) == {"workers"}
    assert client.get(f"{READY}?exclude=workers").status_code == 200
    assert client.get(f"{READY}?exclude=search").status_code == 503


def test_a_worker_without_heartbeat_does_not_count(client: FlaskClient, worker: rq.Worker):
    long_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    worker.connection.hset(worker.key, "last_heartbeat", long_ago.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    assert failed(client) == {"workers"}


def test_many_requests_are_one_look(client: FlaskClient):
    looks = []
    checks = health.Health({"database": lambda: looks.append(1)})
    for _time in range(50):
        assert checks.failed() == frozenset()
    assert len(looks) == 1


def test_a_check_that_hangs_is_not_started_twice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    ended, starts = threading.Event(), []

    def hang() -> None:
        starts.append(1)
        ended.wait(30)

    checks = health.Health({"storage": hang, "redis": lambda: None})
    assert checks.failed() == {"storage"}
    assert checks.failed() == {"storage"}
    assert len(starts) == 1
    ended.set()
    time.sleep(0.1)
    assert checks.failed() == frozenset()


def test_others_do_not_wait_for_a_look(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    slow = threading.Event()
    checks = health.Health({"redis": lambda: None})
    checks.failed()
    checks._checks = {"redis": lambda: slow.wait(2)}  # type: ignore[dict-item]
    looking = threading.Thread(target=checks.failed)
    looking.start()
    begin = time.monotonic()
    assert checks.failed() == frozenset()
    assert time.monotonic() - begin < 1
    slow.set()
    looking.join()


def test_only_reading(client: FlaskClient):
    assert client.head(LIVE).status_code == 200
    for method in (client.post, client.put, client.delete):
        assert method(READY).status_code in (400, 405)


def test_below_a_language_it_is_the_same(client: FlaskClient, worker: rq.Worker):
    assert client.get(f"/fr{READY}").get_json()["status"] == "ready"
