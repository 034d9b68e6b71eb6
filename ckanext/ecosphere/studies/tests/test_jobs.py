"""Counts in the background: each once, studies in turn, resumed when killed,
nothing of what is private.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from click.testing import CliRunner

from ckanext.ecosphere.shared.http_guard import FetchError
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.studies import cli, counting, presence, references, states, store
from ckanext.ecosphere.studies.model import Study, StudyDataset, StudyRun
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.studies.tests.conftest import Catalogue, act, dataset, need_of
from ckanext.ecosphere.work.jobs import Job
from ckanext.ecosphere.work.model import PENDING, RUNNING, Work, now

WANT, CONCLUDE = store.want, presence.conclude
WFS = {"url": "https://geo.example/wfs?typenames=eco:zones", "format": "WFS", "protocol": "OGC:WFS"}
Counting = Callable[[dict[str, Any], Site, Finding], Finding]


class Killed(BaseException):
    """The process is killed."""


class Counted:
    """The fake `presence.count`: datasets in the order in which they were counted,
    and what it answers.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.answer: Counting = lambda _dataset, _site, finding: replace(
            finding,
            state=states.COVERS,
            code="counted",
            count=7,
            at=presence.moment(),
            attempts=finding.attempts + 1,
        )

    def __call__(self, dataset: dict[str, Any], site: Site, finding: Finding) -> Finding:
        self.ids.append(dataset["id"])
        return self.answer(dataset, site, finding)


@pytest.fixture
def counted(portal: None, monkeypatch: pytest.MonkeyPatch) -> Counted:
    counts = Counted()
    monkeypatch.setattr(store, "want", WANT)
    monkeypatch.setattr(presence, "conclude", CONCLUDE)
    monkeypatch.setattr(presence, "count", counts)
    monkeypatch.setattr(type(store.COUNT), "enqueue", lambda *_arguments: True)
    return counts


@pytest.fixture
def made(
    counted: Counted, catalogue: Catalogue, study: Callable[..., dict[str, Any]]
) -> Callable[..., Any]:
    """Return a function that makes a study with some datasets to count for its first need."""

    def make(number: int = 1, **values: Any) -> tuple[str, list[dict[str, Any]]]:
        packages = [
            dataset(
                title=f"Zones {place}",
                resources=[{**WFS, "url": f"https://s{place}.example/wfs?typenames=a"}],
            )
            for place in range(number)
        ]
        catalogue.found.clear()
        for package in packages:
            catalogue.offer("wetlands", package, states.NOT_MAPPED, countable=True)
        return study(**values)["id"], packages

    return make


def shown(study_id: str) -> dict[str, Any]:
    model.Session.remove()
    return act("show", id=study_id)


def rows() -> list[Work]:
    model.Session.remove()
    return list(model.Session.scalars(sa.select(Work).where(store.COUNT.rows).order_by(Work.id)))


def finding_of(study_id: str, package_id: str) -> dict[str, Any]:
    for each in need_of(shown(study_id), "wetlands")["datasets"]:
        if each["package_id"] == package_id:
            return each["finding"]
    raise KeyError(package_id)


def let_time_pass() -> None:
    model.Session.execute(
        sa.update(Work).where(store.COUNT.rows, Work.status == PENDING).values(due=now())
    )
    model.Session.commit()


def test_counts_come_in(made: Any, counted: Counted):
    study_id, packages = made(3)
    assert shown(study_id)["pending"] == 3
    assert [row.content["host"] for row in rows()] == ["s0.example", "s1.example", "s2.example"]
    assert counting.count_objects() == 3
    after = shown(study_id)
    assert after["pending"] == 0
    assert need_of(after, "wetlands")["finding"]["count"] == 7
    assert finding_of(study_id, packages[2]["id"])["state"] == states.COVERS
    assert not rows()
    run = model.Session.scalars(sa.select(StudyRun).where(StudyRun.study_id == study_id)).one()
    assert run.results["wetlands"]["state"] == states.COVERS
    assert run.results["wetlands"]["datasets"][packages[0]["id"]]["count"] == 7


def test_progress_is_told(made: Any, counted: Counted):
    study_id, _packages = made(3)
    numbers = []
    plain = counted.answer

    def answer(*arguments: Any) -> Finding:
        with model.meta.engine.connect() as other:  # pyright: ignore
            numbers.append(other.execute(sa.text("SELECT pending FROM ecosphere_study")).scalar())
        return plain(*arguments)

    counted.answer = answer
    counting.count_objects()
    assert numbers == [3, 2, 1]
    assert shown(study_id)["pending"] == 0


def test_a_new_run_asks_again(made: Any, counted: Counted):
    study_id, packages = made(2)
    counting.count_objects()
    act("run", id=study_id)
    act("run", id=study_id)
    assert len(rows()) == 2
    assert shown(study_id)["pending"] == 2
    assert counting.count_objects() == 2
    assert sorted(counted.ids) == sorted([package["id"] for package in packages] * 2)


def test_what_is_not_proposed_any_more_is_not_counted(
    made: Any, counted: Counted, catalogue: Catalogue
):
    study_id, _packages = made(2)
    catalogue.found.clear()
    act("run", id=study_id)
    assert shown(study_id)["pending"] == 0
    counting.count_objects()
    assert not counted.ids
    assert not rows()


def test_studies_take_turns(made: Any, counted: Counted):
    _first, of_first = made(3)
    _second, of_second = made(3)
    counting.count_objects()
    owners = [
        "first" if id_ in [each["id"] for each in of_first] else "second" for id_ in counted.ids
    ]
    assert owners[:4] in (["first", "second"] * 2, ["second", "first"] * 2)
    assert len(of_second) == 3


def test_only_so_many_are_asked(made: Any, counted: Counted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store.config, "most_counted", lambda: 2)
    study_id, packages = made(4)
    assert shown(study_id)["pending"] == 2
    assert counting.count_objects() == 2
    assert counted.ids == [packages[0]["id"], packages[1]["id"]]
    assert finding_of(study_id, packages[3]["id"])["code"] == "not-asked"


def test_a_slow_server_holds_up_only_its_own(
    made: Any, counted: Counted, monkeypatch: pytest.MonkeyPatch
):
    study_id, packages = made(2)
    monkeypatch.setattr(counting, "HOST_SECONDS", -1)
    assert counting.count_objects() == 0
    assert shown(study_id)["pending"] == 2
    assert all(row.due > now() + timedelta(minutes=1) for row in rows())
    monkeypatch.setattr(counting, "HOST_SECONDS", 40)
    let_time_pass()
    assert counting.count_objects() == 2
    assert len(packages) == 2


def test_a_server_is_asked_by_one_worker_at_a_time(made: Any, counted: Counted):
    study_id, _packages = made(1)
    with Locks() as other:
        other.take("studies:host:s0.example")
        assert counting.count_objects() == 0
    let_time_pass()
    assert counting.count_objects() == 1
    assert shown(study_id)["pending"] == 0


@pytest.mark.slow("load")
def test_two_workers_count_each_once(made: Any, counted: Counted, made_app: Any):
    study_id, packages = made(8)
    plain = counted.answer

    def answer(*arguments: Any) -> Finding:
        time.sleep(0.05)
        return plain(*arguments)

    counted.answer = answer
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with made_app._wsgi_app.app_context():
                counting.count_objects()
        except BaseException as error:  # shown by the test
            errors.append(error)
        finally:
            model.Session.remove()

    workers = [threading.Thread(target=work) for _worker in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not errors
    assert sorted(counted.ids) == sorted(package["id"] for package in packages)
    assert shown(study_id)["pending"] == 0
    assert not rows()


def test_a_killed_count_is_resumed(made: Any, counted: Counted):
    study_id, packages = made(2)
    plain = counted.answer

    def kill(*_arguments: Any) -> Finding:
        raise Killed

    counted.answer = kill
    with pytest.raises(Killed):
        counting.count_objects()
    model.Session.rollback()
    assert sorted(row.status for row in rows()) == [PENDING, RUNNING]
    assert shown(study_id)["pending"] == 2
    counted.answer = plain
    assert store.COUNT.recover() == [store.COUNT.title]
    assert counting.count_objects() == 2
    assert shown(study_id)["pending"] == 0
    assert finding_of(study_id, packages[0]["id"])["count"] == 7


def test_what_kills_each_time_is_given_up(made: Any, counted: Counted):
    study_id, packages = made(1)

    def kill(*_arguments: Any) -> Finding:
        raise Killed

    counted.answer = kill
    for _time in range(store.COUNT.most_tries):
        with pytest.raises(Killed):
            counting.count_objects()
        model.Session.rollback()
        assert store.COUNT.recover()
    assert counting.count_objects() == 1
    assert len(counted.ids) == store.COUNT.most_tries
    finding = finding_of(study_id, packages[0]["id"])
    assert (finding["state"], finding["code"]) == (states.NO_ANSWER, "broken-answer")
    assert shown(study_id)["pending"] == 0


@pytest.mark.parametrize("fails", [True, False])
def test_a_failure_is_tried_three_times(made: Any, counted: Counted, fails: bool):
    study_id, packages = made(1)

    def answer(_dataset: Any, _site: Any, finding: Finding) -> Finding:
        if fails:
            raise RuntimeError("of a library")
        return presence.unanswered(finding, "timeout")

    counted.answer = answer
    for attempt in range(1, 4):
        assert shown(study_id)["pending"] == 1
        assert counting.count_objects() == 1
        finding = finding_of(study_id, packages[0]["id"])
        assert (finding["state"], finding["attempts"], finding["count"]) == (
            states.NO_ANSWER,
            attempt,
            None,
        )
        assert counting.count_objects() == 0  # put off
        let_time_pass()
    assert shown(study_id)["pending"] == 0
    assert not rows()
    assert counting.count_objects() == 0


def test_what_would_fail_again_is_tried_once(made: Any, counted: Counted):
    study_id, _packages = made(1)
    counted.answer = lambda _dataset, _site, finding: presence.unanswered(finding, "no-layer")
    counting.count_objects()
    assert shown(study_id)["pending"] == 0
    assert not rows()


@pytest.mark.parametrize("how", ["deleted", "private", "purged"])
def test_a_dataset_that_vanished_is_told_without_a_leak(made: Any, counted: Counted, how: str):
    study_id, packages = made(1)
    id_ = packages[0]["id"]
    boss: Any = {"ignore_auth": True, "user": "boss"}
    if how == "deleted":
        tk.get_action("package_delete")(boss, {"id": id_})
    elif how == "purged":
        tk.get_action("dataset_purge")(boss, {"id": id_})
    else:
        tk.get_action("package_patch")(boss, {"id": id_, "private": True})
    assert counting.count_objects() == 1
    assert not counted.ids
    finding = finding_of(study_id, id_)
    assert (finding["state"], finding["code"], finding["count"]) == (states.NOBODY, "gone", None)
    assert shown(study_id)["pending"] == 0


@pytest.mark.slow("variants")
def test_a_study_is_deleted_before_or_while_it_is_counted(made: Any, counted: Counted):
    before, _packages = made(2)
    act("delete", id=before)
    assert counting.count_objects() == 2
    assert not counted.ids
    meanwhile, _packages = made(2)
    plain = counted.answer

    def answer(*arguments: Any) -> Finding:
        if model.Session.get(Study, meanwhile):
            model.Session.execute(sa.delete(Study).where(Study.id == meanwhile))
            model.Session.commit()
        return plain(*arguments)

    counted.answer = answer
    counting.count_objects()
    assert len(counted.ids) == 1
    assert not rows()
    assert not model.Session.scalar(sa.select(sa.func.count()).select_from(StudyDataset))


def test_a_study_without_an_owner_asks_nobody(made: Any, counted: Counted):
    study_id, _packages = made(1)
    model.Session.execute(sa.update(Study).values(owner_id="gone"))
    model.Session.commit()
    counting.count_objects()
    assert not counted.ids
    assert model.Session.get_one(Study, study_id).pending == 0


def test_a_dataset_that_is_set_aside_is_not_counted(made: Any, counted: Counted):
    study_id, packages = made(1)
    need = need_of(shown(study_id), "wetlands")["id"]
    act(
        "dataset_update",
        id=study_id,
        need=need,
        dataset=packages[0]["id"],
        decision="aside",
        why="vieux",
    )
    counting.count_objects()
    assert not counted.ids
    assert shown(study_id)["pending"] == 0


def test_a_run_during_a_count_is_counted_again(made: Any, counted: Counted):
    study_id, packages = made(1)
    plain = counted.answer

    def answer(*arguments: Any) -> Finding:
        if len(counted.ids) == 1:
            act("run", id=study_id)
        return plain(*arguments)

    counted.answer = answer
    counting.count_objects()
    let_time_pass()
    counting.count_objects()
    assert counted.ids == [packages[0]["id"]] * 2
    assert shown(study_id)["pending"] == 0
    assert finding_of(study_id, packages[0]["id"])["count"] == 7


def test_a_person_who_changes_the_study_comes_first(made: Any, counted: Counted):
    study_id, packages = made(1)
    engine: Any = model.meta.engine
    plain = counted.answer
    held = engine.connect()

    def answer(*arguments: Any) -> Finding:
        held.execute(sa.text("SELECT 1 FROM ecosphere_study FOR UPDATE"))
        threading.Timer(0.6, held.close).start()
        return plain(*arguments)

    counted.answer = answer
    assert counting.count_objects() == 1
    assert finding_of(study_id, packages[0]["id"])["count"] == 7
    assert shown(study_id)["pending"] == 0


def test_services_known_to_the_portal_are_asked_by_them(made: Any, counted: Counted):
    _study_id, _packages = made(1)
    services = []

    def answer(dataset: dict[str, Any], _site: Any, finding: Finding) -> Finding:
        services.append(dataset["resources"][0]["ecosphere_service"])
        return finding

    counted.answer = answer
    counting.count_objects()
    assert services[0] is None or services[0]["kind"] == "wfs"


def test_no_place_is_in_the_table_of_work(made: Any, counted: Counted):
    made(1)
    [row] = rows()
    assert sorted(row.content) == ["host", "study"]
    assert row.recipient == ""


# --- references ------------------------------------------------------------------------------


def test_references_are_verified_each_week(counted: Counted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(references, "_LAST_CHECKS", "ecosphere.studies.trial")

    class Silent:
        def __init__(self, *_arguments: Any, **_options: Any) -> None: ...

        def get(self, url: str, **_options: Any) -> Any:
            raise FetchError("timeout", seconds=5)

    monkeypatch.setattr(references, "GuardedSession", Silent)
    queued: list[str] = []
    monkeypatch.setattr(
        type(references.VERIFY), "enqueue", lambda job, *_arguments: queued.append(job.name) or True
    )
    assert references.verify_if_due() == 1
    assert queued == [references.VERIFY.name]
    number = references.verify_references()
    assert number == len([each for each in references.references().values() if each.api])
    if number:
        assert references.verify_if_due() == 0
        assert {check.state for check in references.last_checks().values()} == {
            references.NO_ANSWER
        }
    with Locks() as other:
        other.take(references.VERIFY.lock)
        assert references.verify_references() == 0


def test_the_nightly_command_queues_what_is_due(counted: Counted, monkeypatch: pytest.MonkeyPatch):
    queued: list[str] = []
    monkeypatch.setattr(references, "is_due", lambda _checks, _now: True)
    monkeypatch.setattr(Job, "enqueue", lambda job, *_arguments: queued.append(job.name) or True)
    outcome = CliRunner().invoke(cli.studies, ["tick"])
    assert outcome.exit_code == 0, outcome.output
    assert outcome.output.startswith("references: 1")
    assert queued == [references.VERIFY.name]
    check = references.Check(
        "georisques", references.WRONG, "0 at data", "2026-12-01T00:00:00+00:00"
    )
    monkeypatch.setattr(references, "last_checks", lambda: {"georisques": check})
    assert "georisques: wrong 0 at data" in CliRunner().invoke(cli.studies, ["references"]).output
