"""Structured logs: valid JSON with ids, and no personal data or place, whatever is logged."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from flask.testing import FlaskClient
from rq import SimpleWorker

from ckanext.ecosphere.operations import logs, traffic
from ckanext.ecosphere.shared import log_ids
from ckanext.ecosphere.shared.queue import enqueue_once

log = logging.getLogger("ckanext.ecosphere.test_logs")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Collect the lines of all loggers of the suite."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    suite = logging.getLogger("ckanext.ecosphere")
    for logger in (log, traffic.log):  # imported before CKAN read the configuration of the loggers
        monkeypatch.setattr(logger, "disabled", False)
    monkeypatch.setattr(suite, "level", logging.INFO)
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]
    suite.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    suite.removeHandler(handler)


PRIVATE = {
    "the mail server refused Jeanne.Martin@exemple.fr (550)": "Jeanne.Martin",
    "GET /etudes?site=POLYGON((4.8 45.7,4.9 45.8)) failed": "45.7",
    "site POLYGON ((4 45, 5 46, 4 45)) is too large": "4 45",
    "SRID=4326;MULTIPOLYGON Z (((4 45 1, 5 46 1)))": "4 45",
    'cannot read {"coordinates": [[4.8357, 45.7640], [4.9, 45.8]]}': "45.7640",
    "nothing around 45.7640, 4.8357": "4.8357",
    "GET /user/jeanne-martin/edit 200": "jeanne",
    "client 203.0.113.77 asked too often": "203.0.113.77",
    "client 2001:db8:12:3400::7 asked too often": "3400",
    "link /alertes/arret/IjEyMzQ1Njc4Ig.aaaaaaaaaaaaaaaaaaaaaaaaaaaaa is old": "IjEyMzQ1Njc4Ig",
    "key eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJhYmNkZWZnaCJ9.abcdefghijklmnopqrstuvwxyz0 is bad": "eyJ",
    "failed\n[SQL: UPDATE x]\n[parameters: {'name': 'Jeanne Martin'}]": "Jeanne",
    "duplicate key\nDETAIL:  Key (email)=(jeanne) already exists.\n": "jeanne",
}


def said(line: dict[str, Any]) -> str:
    """Return a line without its own time, whose seconds may read as a coordinate."""
    return json.dumps({key: value for key, value in line.items() if key != "time"})


@pytest.mark.parametrize("text", PRIVATE)
def test_nothing_personal_and_no_place(lines: Lines, text: str):
    log.error("%s", text)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("again")
    written = [said(line) for line in lines()]
    assert len(written) == 2
    assert PRIVATE[text] not in "\n".join(written)


def test_what_helps_is_kept(lines: Lines):
    log.error(
        "Not ready: search: Connection to http://127.0.0.1:8983/solr/ckan refused after 2.5 s, CKAN 2.12.0"
    )
    (line,) = lines()
    assert line["message"].endswith(
        "http://127.0.0.1:8983/solr/ckan refused after 2.5 s, CKAN 2.12.0"
    )
    assert {"time", "level", "logger"} < set(line)


def test_a_request_is_one_line_with_its_id(client: FlaskClient, option: Any, lines: Lines):
    option(logs.JSON_LOGS, True)
    answer = client.get("/dataset/?q=jeanne%40exemple.fr&ext_bbox=4.8,45.7,4.9,45.8")
    (line,) = [line for line in lines() if line["logger"].endswith("traffic")]
    assert line["request"] == answer.headers["X-Request-ID"]
    assert (line["route"], line["status"], line["method"]) == ("/dataset/", 200, "GET")
    assert "jeanne" not in said(line)
    assert "45.7" not in said(line)


@pytest.mark.parametrize(
    ("sent", "is_taken"),
    [("0af7651916cd43dd", True), ("kurz", False), ("a b\tc d e f", False), ("x" * 65, False)],
)
def test_an_id_of_the_proxy_is_taken_if_it_is_well_formed(
    client: FlaskClient, sent: str, is_taken: bool
):
    told = client.get("/api/3/action/status_show", headers={"X-Request-ID": sent}).headers[
        "X-Request-ID"
    ]
    assert (told == sent) is is_taken
    assert len(told) >= 8


def test_jobs_and_records_have_their_ids(lines: Lines, clean_queues: None):
    connect_to_redis().flushdb()
    with log_ids.about(request="0af7651916cd43dd"):
        enqueue_once(say_something, job_id="test-of-logs", title="Test", queue="default")
    SimpleWorker([jobs.get_queue("default")], connection=connect_to_redis()).work(burst=True)
    line = next(line for line in lines() if line["message"] == "something")
    assert line["job"] == "test-of-logs"
    assert line["asked_by"] == "0af7651916cd43dd"
    assert line["record"] == "fr-120066022-1"


def say_something() -> None:
    """Job of a test."""
    with log_ids.about(record="fr-120066022-1"):
        log.info("something")


def test_the_option_changes_all_handlers(monkeypatch: pytest.MonkeyPatch):
    handler = logging.StreamHandler(io.StringIO())
    monkeypatch.setattr(logs, "_handlers", lambda: [handler])
    levels = {name: logging.getLogger(name).level for name in logs.SILENT}
    try:
        logs.install()
        assert isinstance(handler.formatter, logs.JsonFormatter)
        record = logging.LogRecord("x", logging.DEBUG, "", 1, "data=%r", ({"email": "x"},), None)
        assert not handler.filter(record)
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
