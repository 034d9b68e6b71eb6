"""Harvests yield to visitors of the portal.

Imported datasets become searchable soon, and at once at the end.
"""

import itertools
import threading
import time

import ckan.plugins.toolkit as tk
import pytest
import requests
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents
from ckanext.ecosphere.harvest import config, job, worker
from ckanext.ecosphere.harvest.job import TURN, Pace
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.shared.web_guard import visits


class Clock:
    """A clock advanced by the work and the rests."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def in_use(monkeypatch):
    """Set how many pages per second are requested."""
    return lambda number: monkeypatch.setattr(visits, "per_second", lambda: number)


class NoLocks:
    """Locks of a single worker: always available."""

    def take(self, _name: str) -> bool:
        return True

    def release(self, _name: str) -> None:
        """Do nothing: no other worker waits."""


def rests_after(*steps: float, locks=None) -> list[float]:
    """Run steps of the given durations; return the time spent resting before each."""
    clock, rests = Clock(), []
    worker = Pace(locks or NoLocks(), clock.passes, clock)
    for seconds in steps:
        begun = clock.now
        with worker.step():
            rests.append(round(clock.now - begun, 3))
            clock.passes(seconds)
    return rests


@pytest.mark.parametrize("pages", [1.5, 10.0, 400.0])
def test_a_worker_rests_in_proportion_to_its_work_however_many_pages(
    pages, in_use, ckan_config, monkeypatch
):
    in_use(pages)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    part = job._RESTING / job._PARTS
    assert rests_after(0.5, 2, 100, 1) == [0, 1 * part, 4 * part, job._LONGEST * part]


def test_waiting_for_the_turn_is_a_part_of_the_rest(portal, in_use, ckan_config, monkeypatch):
    in_use(10.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    with Locks() as others, Locks() as locks:
        others.take(TURN)
        assert rests_after(0.2, 1, 1, locks=locks) == [0, 0.4, 2]
        assert not is_free(TURN)


def test_a_rest_ends_when_people_leave(in_use, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    clock = Clock()
    monkeypatch.setattr(visits, "per_second", lambda: 10.0 if clock.now < 5 else 0.0)
    worker = Pace(NoLocks(), clock.passes, clock)
    with worker.step():
        clock.passes(4)
    with worker.step():
        assert 5 <= clock.now <= 6


@pytest.mark.service
@pytest.mark.parametrize(("pages", "times"), [(0.0, 4), (0.6, 4), (10.0, 0)])
def test_nobody_there_or_not_wanted(in_use, ckan_config, monkeypatch, pages, times):
    in_use(pages)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, times)
    with Locks() as others:
        others.take(TURN)
        with Locks() as locks:
            assert rests_after(1.5, locks=locks) == [0.0]


@pytest.mark.slow("load")
def test_two_workers_seldom_work_at_once_while_people_are_there(
    portal, in_use, ckan_config, monkeypatch
):
    in_use(2.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    seconds, steps = 0.3, 6
    spans: list[tuple[float, float]] = []

    def worker() -> None:
        with Locks() as locks:
            turns = Pace(locks)
            for _step in range(steps):
                with turns.step():
                    begun = time.monotonic()
                    time.sleep(seconds)
                    spans.append((begun, time.monotonic()))

    workers = [threading.Thread(target=worker) for _number in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(30)
    spans.sort()
    both = sum(max(0.0, before[1] - after[0]) for before, after in itertools.pairwise(spans))
    assert len(spans) == 2 * steps
    assert both < seconds * steps / 2  # they begin at the same time, and part
    assert is_free(TURN)


@pytest.mark.slow("load")
def test_workers_take_turns_although_one_of_them_has_much_to_do(
    portal, in_use, ckan_config, monkeypatch
):
    in_use(2.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    order: list[str] = []

    def worker(name: str, number: int) -> None:
        with Locks() as locks:
            turns = Pace(locks)
            for _step in range(number):
                with turns.step():
                    order.append(name)
                    time.sleep(0.2)

    workers = [
        threading.Thread(target=worker, args=each) for each in (("reader", 4), ("helper", 2))
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert "helper" in order[:3]
    assert sorted(order) == ["helper"] * 2 + ["reader"] * 4


@pytest.mark.slow("load")
@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_harvest_takes_at_most_three_times_as_long(
    number, portal, in_use, ckan_config, monkeypatch
):
    in_use(50.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    steps, seconds = 5, 0.2

    def worker() -> None:
        with Locks() as locks:
            turns = Pace(locks)
            for _step in range(steps):
                with turns.step():
                    time.sleep(seconds)

    workers = [threading.Thread(target=worker) for _worker in range(number)]
    begun = time.monotonic()
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert 2 * steps * seconds < time.monotonic() - begun < 3.3 * steps * seconds


def test_a_step_that_fails_leaves_no_turn_behind(portal, in_use, ckan_config, monkeypatch):
    in_use(10.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 4)
    with Locks() as locks, pytest.raises(ValueError), Pace(locks).step():
        raise ValueError
    assert is_free(TURN)


def test_a_harvest_rests_between_its_batches(portal, in_use, ckan_config, monkeypatch):
    in_use(1.5)
    for name, value in ((config.BATCH_SIZE, 2), (config.GIVE_WAY, 1)):
        monkeypatch.setitem(ckan_config, name, value)
    worked: list[float] = []
    original = Pace._pause
    monkeypatch.setattr(Pace, "_pause", lambda self: worked.append(self._worked) or original(self))
    with catalogue([iso_record(number) for number in range(1, 7)]) as server:
        portal.harvest(portal.source(server.url))
    assert len(worked) == 1 + 3  # the page that is read, and the batches of its records
    assert all(0 < seconds < 30 for seconds in worked[2:])
    assert is_free(TURN)


def test_a_job_that_is_aborted_while_its_worker_waits_imports_nothing_more(portal, monkeypatch):
    waited: list[bool] = []

    def pause(self: Pace) -> bool:
        waited.append(True)
        if len(waited) == 3:  # the page and the first batch are done
            aborted = sa.text("UPDATE harvest_job SET status = 'Aborted' WHERE id = :id")
            with model.meta.engine.begin() as connection:
                connection.execute(aborted, {"id": job})
        return False

    monkeypatch.setattr(Pace, "_pause", pause)
    monkeypatch.setitem(tk.config, config.BATCH_SIZE, 2)
    with catalogue([iso_record(number) for number in range(1, 7)]) as server:
        job = portal.job(portal.source(server.url))
        assert not worker.run_job(job, helpers=False)
    assert len(waited) == 3
    made = (
        sa.select(sa.func.count()).select_from(model.Package).where(model.Package.type == "dataset")
    )
    assert model.Session.scalars(made).one() == 2


def solr_count(*path: str) -> int:
    """Return one of Solr's own counters."""
    url, _, core = tk.config["solr_url"].rstrip("/").rpartition("/")
    asked = {"group": "core", "prefix": "SEARCHER.new", "wt": "json"}
    answer = requests.get(f"{url}/admin/metrics", params=asked, timeout=10).json()
    return answer["metrics"][f"solr.core.{core}"]["SEARCHER.new"]


def number_found() -> int:
    """Return how many datasets a search finds."""
    return tk.get_action("package_search")({"ignore_auth": True}, {"fq": "dataset_type:dataset"})[
        "count"
    ]


@pytest.mark.slow("load")
def test_batches_are_not_shown_one_by_one(portal, ckan_config, monkeypatch):
    for name, value in ((config.BATCH_SIZE, 2), (config.SHOWN_SECONDS, 600)):
        monkeypatch.setitem(ckan_config, name, value)
    with catalogue([iso_record(number) for number in range(1, 21)]) as server:
        source = portal.source(server.url)
        job = portal.job(source)
        before = solr_count()
        worker.run_job(job, helpers=False)
        shown = solr_count() - before
    # Once for the records, once for the page of the source; a commit per batch would make ten.
    assert 1 <= shown <= 3
    assert number_found() == 20


@pytest.mark.slow("load")
def test_what_is_added_is_found_within_the_seconds_wanted(portal):
    with catalogue([iso_record(1)]) as server:
        portal.harvest(portal.source(server.url))
    found = model.Session.scalars(
        sa.select(model.Package.id).where(model.Package.type == "dataset")
    ).one()
    made = Documents().make([found], lambda name, error: pytest.fail(f"{name}: {error}"))
    solr.remove([found])
    assert number_found() == 0
    solr.add(made, within=1)
    assert number_found() == 0
    end = time.monotonic() + 20
    while not number_found():
        assert time.monotonic() < end
        time.sleep(0.2)
