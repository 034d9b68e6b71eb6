"""Metrics: only with the token, of all processes, complete,
and all that dashboard and alerts name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rq
import sqlalchemy as sa
import yaml
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import RedisError

from ckanext.ecosphere.interfaces import Gauge
from ckanext.ecosphere.operations import health, metrics, traffic
from ckanext.ecosphere.work.model import FAILED, PENDING, Work

FILES = Path(__file__).resolve().parents[4] / "docs" / "operations"
URL, TOKEN = "/ecosphere/metrics", "a-token-of-the-tests"
Put = Callable[[str, object], None]
Labels = frozenset[tuple[str, str]]


@pytest.fixture(autouse=True)
def counts(option: Put, worker: rq.Worker, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A token, and no counts of earlier tests."""
    option(traffic.METRICS_TOKEN, TOKEN)
    monkeypatch.setattr(traffic, "COUNTS", traffic.Counts())
    yield
    model.Session.execute(sa.delete(Work))
    model.Session.commit()
    model.Session.remove()


def scrape(client: FlaskClient) -> dict[str, dict[Labels, float]]:
    """Return the values of all samples."""
    answer = client.get(URL, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    values: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(answer.get_data(as_text=True)):
        values.setdefault(family.name, {})
        for sample in family.samples:
            values.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return values


def value(values: dict[str, dict[Labels, float]], name: str, **labels: str) -> float:
    return values[name][frozenset(labels.items())]


def test_who_may_read(client: FlaskClient, option: Put):
    sent = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert client.get(URL, headers={"Authorization": "Bearer é"}).status_code == 401
    assert client.get(f"/fr{URL}").status_code == 401
    assert client.get(URL, headers=sent).status_code == 200
    option(traffic.METRICS_TOKEN, "")
    assert client.get(URL, headers=sent).status_code == 404
    assert client.get(URL, headers={"Authorization": "Bearer "}).status_code == 404


def test_every_source_can_be_read(client: FlaskClient):
    up = scrape(client)["ecosphere_source_up"]
    assert set(up.values()) == {1.0}
    assert {"ecosphere_harvest", "ecosphere_requests"} <= {dict(labels)["source"] for labels in up}


def test_queues_and_workers(client: FlaskClient):
    job = jobs.enqueue(print, queue="ecosphere:harvest")
    hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    connect_to_redis().hset(job.key, "enqueued_at", hour_ago.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    values = scrape(client)
    assert value(values, "ecosphere_queue_jobs", queue="ecosphere:harvest") == 1
    assert value(
        values, "ecosphere_queue_oldest_seconds", queue="ecosphere:harvest"
    ) == pytest.approx(3600, abs=60)
    assert value(values, "ecosphere_queue_oldest_seconds", queue="default") == 0
    assert value(values, "ecosphere_workers", queue="default") == 1


def test_work_and_emails(client: FlaskClient):
    now = datetime.now(timezone.utc)
    row = {"backlog": "mails", "created": now, "due": now - timedelta(minutes=10)}
    model.Session.add_all(
        [
            Work(**row, recipient="anne", status=PENDING),
            Work(**row, recipient="marc", status=FAILED),
            Work(**{**row, "backlog": "runs"}, status=PENDING),
        ]
    )
    model.Session.commit()
    values = scrape(client)
    assert value(values, "ecosphere_emails", status="pending") == 1
    assert value(values, "ecosphere_emails", status="failed") == 1
    assert value(values, "ecosphere_work_rows", backlog="runs", status="pending") == 1
    assert value(values, "ecosphere_work_overdue_seconds", backlog="mails") == pytest.approx(
        600, abs=60
    )


def test_requests_of_all_processes_are_counted_by_class(client: FlaskClient):
    client.get("/api/3/action/status_show")
    client.get("/dataset/")
    client.get("/dataset/anybody")
    client.get("/no-such-file.txt")
    other = traffic.Counts()  # as of another process
    other.add("api", "2xx", 0.3)
    values = scrape(client)
    count = "ecosphere_request_seconds_count"
    assert value(values, count, page="api", status="2xx") == 2
    assert value(values, count, page="search", status="2xx") == 1
    assert value(values, count, page="dataset", status="4xx") == 1
    assert value(values, count, page="assets", status="4xx") == 1
    bucket = "ecosphere_request_seconds_bucket"
    assert value(values, bucket, page="api", status="2xx", le="+Inf") == 2
    assert value(values, bucket, page="api", status="2xx", le="0.5") >= 1
    assert value(values, "ecosphere_request_seconds_sum", page="api", status="2xx") >= 0.3


def test_labels_are_bounded(client: FlaskClient, made_app: Any):
    classes = {page for _beginning, page in traffic.PAGES} | {traffic.OTHER, traffic.NONE}
    for rule in made_app._wsgi_app.url_map.iter_rules():
        assert traffic.page_class(rule.rule) in classes
    assert len(classes) * 5 * (len(traffic.BOUNDS) + 2) < 1000


def test_nothing_is_counted_without_a_token(client: FlaskClient, option: Put):
    option(traffic.METRICS_TOKEN, "")
    client.get("/api/3/action/status_show")
    assert not connect_to_redis().exists(traffic._key())


def test_counts_outlive_an_outage_of_redis(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    def away() -> None:
        raise RedisError

    with monkeypatch.context() as outage:
        outage.setattr(traffic.health, "queues", away)
        client.get("/api/3/action/status_show")
    assert traffic.counted()["api", "2xx", "sum"] > 0


def test_a_source_that_fails_is_told(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    def broken() -> list[Gauge]:
        raise ValueError

    monkeypatch.setattr(metrics, "sources", lambda: {"broken": broken, "work": metrics.work})
    values = scrape(client)
    assert value(values, "ecosphere_source_up", source="broken") == 0
    assert value(values, "ecosphere_source_up", source="work") == 1


def test_dashboard_and_alerts_name_what_there_is(client: FlaskClient):
    client.get("/dataset/")
    exposed = set(scrape(client))
    rules = yaml.safe_load((FILES / "alerts.yml").read_text())
    dashboard = json.loads((FILES / "dashboard.json").read_text())
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    alerts = len(expressions)
    expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert alerts > 5 and len(expressions) > alerts + 5
    for expression in expressions:
        names = set(re.findall(r"ecosphere_\w+", expression))
        assert names and names <= exposed, expression


def test_every_gauge_is_on_the_page():
    text = (FILES.parent / "operations.md").read_text()
    missing = [
        gauge.name
        for source in metrics.sources().values()
        for gauge in source()
        if f"`{gauge.name}`" not in text
    ]
    assert missing == []
    assert set(re.findall(r"\?exclude=(\w+)", text)) <= set(health.CHECKS)
