"""Recovery after a killed process, an emptied queue or an outage of a service.

Visitors see a clear error page.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import authz, logic, model
from ckan.config.middleware import make_app
from ckan.lib.jobs import get_queue
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp, call_action
from webassets import Bundle, Environment

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.solr import IndexRepair
from ckanext.ecosphere.quality import jobs as quality
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.setup.recovery import Recovery
from ckanext.ecosphere.work.outbox import Run
from dev.chaos.people import complete

NOWHERE = "http://127.0.0.1:1/solr/ckan"


@pytest.fixture(scope="module")
def portal(loaded: None, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A portal with an organisation."""
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    return factories.Organization(name="ddt-42", user=factories.Sysadmin(name="boss"))


@pytest.fixture
def app(made_app: Any, portal: dict[str, Any]) -> CKANTestApp:
    return CKANTestApp(made_app)


@pytest.fixture
def dataset(portal: dict[str, Any]) -> dict[str, Any]:
    name = f"zones-{uuid4().hex[:8]}"
    return act(
        "package_create",
        name=name,
        owner_org=portal["id"],
        title="Zones humides",
        notes="Inventaire.",
    )


def test_first_request_collects_no_functions(
    made_app: Any, portal: dict[str, Any], ckan_config: Any, monkeypatch: Any
):
    """A second thread would find the table half filled by the first one."""
    logic.clear_actions_cache()
    authz.clear_auth_functions_cache()
    logic.clear_validators_cache()
    started = CKANTestApp(make_app(ckan_config))

    def collect(_table: Any) -> None:
        raise AssertionError("a request fills the table")

    monkeypatch.setattr(type(authz._AuthFunctions), "_build", collect)
    for actions in (logic._actions, authz._AuthFunctions._functions):
        assert "ecosphere_request_create" in actions and "harvest_source_create" in actions
    assert started.get("/api/3/action/package_search").json["success"]


def test_two_first_requests_do_not_build_the_same_asset(made_app: Any, monkeypatch: Any):
    inside, most = [], []

    def build(_bundle: Any, *_args: Any, **_named: Any) -> list[str]:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return []

    monkeypatch.setattr(Bundle, "_urls", build)
    bundle = Bundle("a.css", output="b.css")
    bundle.env = Environment()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _number: bundle.urls(), range(4)))
    assert most == [1, 1, 1, 1]


def act(action: str, **data: Any) -> Any:
    return call_action(action, {"user": "boss"}, **data)


def indexed(id_: str) -> list[dict[str, Any]]:
    return solr.search(fq=f"id:{id_}", fl="*", rows=10).docs


def look_twice() -> list[str]:
    repair = IndexRepair()
    return [*repair.look(), *repair.look()]


# --- the index ---


def test_dataset_missing_in_the_index_is_indexed(dataset: dict[str, Any]):
    solr.remove([dataset["id"]])
    assert look_twice() == [f"dataset {dataset['id']} indexed again"]
    assert len(indexed(dataset["id"])) == 1
    assert look_twice() == []


def test_document_of_what_was_never_saved_is_removed(dataset: dict[str, Any]):
    document = solr.document(dataset["id"])
    assert document is not None
    solr.add([{**document, "id": "never-saved", "index_id": "never-saved"}])
    assert look_twice() == ["dataset never-saved removed from the index"]
    assert indexed("never-saved") == []


def test_older_document_is_replaced(dataset: dict[str, Any]):
    document = solr.document(dataset["id"])
    act("package_patch", id=dataset["id"], title="Zones humides, révisé")
    assert document is not None
    solr.add([document])  # as a slow process would
    assert look_twice() == [f"dataset {dataset['id']} indexed again"]
    assert indexed(dataset["id"])[0]["title"] == "Zones humides, révisé"


def test_difference_of_a_moment_is_left_alone(dataset: dict[str, Any]):
    repair = IndexRepair()
    document = solr.document(dataset["id"])
    solr.remove([dataset["id"]])
    assert repair.look() == []
    assert document is not None
    solr.add([document])
    assert repair.look() == []


# --- quality ---


def test_dataset_without_quality_is_scored(dataset: dict[str, Any]):
    model.Session.execute(sa.delete(QualityRow).where(QualityRow.package_id == dataset["id"]))
    model.Session.commit()
    assert "quality of 1 datasets" in quality.recover()
    assert model.Session.get(QualityRow, dataset["id"]) is not None
    assert quality.recover() == []


# --- background runs and queues ---

RUN = Run(
    name="ecosphere-test-run",
    function="ckanext.ecosphere.quality.jobs.check_links",
    title="A test",
    queue="ecosphere:quality",
    seconds=60,
)


def test_wanted_run_survives_an_emptied_queue(portal: dict[str, Any]):
    RUN.request()
    assert RUN.waits() and not RUN.recover()
    connect_to_redis().flushdb()
    assert RUN.recover() and RUN.waits()
    connect_to_redis().flushdb()
    with RUN.working() as mine:
        assert mine and not RUN.recover()
    assert not RUN.recover()  # the run is over


def test_failed_run_is_tried_again_some_times_only(portal: dict[str, Any]):
    RUN.request()
    for _time in range(5):
        connect_to_redis().flushdb()
        assert RUN.recover()
        with pytest.raises(OSError), RUN.working():
            raise OSError
    connect_to_redis().flushdb()
    assert not RUN.recover() and not RUN.recover()


def test_job_taken_and_never_begun_does_not_wait(portal: dict[str, Any]):
    connect_to_redis().flushdb()
    RUN.request()
    queue = get_queue(RUN.queue)
    assert (
        queue.pop_job_id() == RUN.name
    )  # its worker was killed, but the job's status is still queued
    assert not RUN.waits()
    with RUN.working():
        pass


def test_a_room_that_fails_keeps_no_other_from_being_looked_at(
    dataset: dict[str, Any], monkeypatch: Any
):
    monkeypatch.setattr(quality, "recover", lambda: 1 / 0)
    solr.remove([dataset["id"]])
    recovery = Recovery()
    assert f"dataset {dataset['id']} indexed again" in [*recovery.look(), *recovery.look()]


# --- error pages ---


@pytest.mark.parametrize("path", ["/dataset/", "/dataset/?q=eau"])
def test_page_is_a_clear_503_without_solr(app: Any, ckan_config: Any, monkeypatch: Any, path: str):
    monkeypatch.setitem(tk.config, "solr_url", NOWHERE)
    answer = app.get(path, status=503)
    assert "Unavailable for a moment" in answer.body and "Traceback" not in answer.body
    assert answer.headers["Retry-After"] == "30"


def test_script_gets_a_503_without_solr(app: Any, ckan_config: Any, monkeypatch: Any):
    monkeypatch.setitem(tk.config, "solr_url", NOWHERE)
    answer = app.get("/api/3/action/package_search", status=503)
    assert json.loads(answer.body)["error"]["__type"] == "Service Unavailable"


def test_save_without_solr_is_refused_whole(
    app: Any, portal: dict[str, Any], ckan_config: Any, monkeypatch: Any
):
    boss = factories.SysadminWithToken()
    with monkeypatch.context() as away:
        away.setitem(tk.config, "solr_url", NOWHERE)
        data = complete(name="jamais", owner_org=portal["id"], resources=[])
        headers = {"Authorization": boss["token"]}
        answer = app.post("/api/3/action/package_create", json=data, headers=headers)
    assert answer.status_code == 503, answer.body
    model.Session.rollback()
    assert model.Package.get("jamais") is None


@pytest.mark.parametrize("path", ["/", "/dataset/", "/demandes", "/api/3/action/package_list"])
def test_page_is_a_clear_503_without_postgresql(app: Any, monkeypatch: Any, path: str):
    engine = model.meta.engine
    model.Session.remove()
    away = sa.create_engine("postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setattr(model.meta, "engine", away)
    model.Session.configure(bind=away)
    try:
        answer = app.get(path, status=503)
    finally:
        model.Session.remove()
        model.Session.configure(bind=engine)
    assert "nobody" not in answer.body and "psycopg2" not in answer.body


@pytest.mark.parametrize("path", ["/demandes", "/api/3/action/package_list"])
def test_connection_that_ends_while_the_person_is_identified_is_a_503(app: Any, path: str):
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    model.Session.remove()
    engine = model.meta.engine
    ended = []

    def end(connection: Any, *_: Any) -> None:
        if not ended:
            ended.append(connection.connection.dbapi_connection.info.backend_pid)
            with sa.create_engine(engine.url).connect() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": ended[0]})

    sa.event.listen(engine, "before_cursor_execute", end)
    try:
        answer = app.get(path, headers=headers, status=503)
    finally:
        sa.event.remove(engine, "before_cursor_execute", end)
    assert ended and "psycopg2" not in answer.body
    assert answer.headers["Retry-After"] == "30"
    app.get(path, headers=headers, status=200)


def test_refused_question_is_no_503(app: Any):
    app.get("/api/3/action/package_search?fq={!x}a", status=409)
    app.get("/dataset/?ext_bbox=nonsense&q=title:", status=400)
    app.get("/dataset/nothing-of-that-name", status=404)
