"""Harvests yield to visitors of the portal; imported datasets become searchable soon, and at once at the end."""

import threading
import time

import ckan.plugins.toolkit as tk
import pytest
import requests
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.worker import pace, runner
from ckanext.ecosphere.harvest.worker.locks import TURN
from ckanext.ecosphere.harvest.worker.pace import Pace
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
    """Run steps of the given durations; return the time spent resting around each."""
    clock, rests = Clock(), []
    worker = Pace(locks or NoLocks(), clock.passes, clock)
    for seconds in steps:
        begun = clock.now
        with worker.step():
            clock.passes(seconds)
        rests.append(round(clock.now - begun - seconds, 3))
    return rests


@pytest.mark.parametrize(("pages", "seconds"), [(1.5, 1.5), (10.0, 10.0), (400.0, pace._LONGEST)])
def test_a_worker_rests_in_proportion_to_its_work_and_to_the_pages(pages, seconds, in_use, ckan_config, monkeypatch):
    in_use(pages)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    assert rests_after(0.5, 100) == [seconds, pace._LONGEST]


def test_a_rest_does_not_count_as_work(in_use, ckan_config, monkeypatch):
    in_use(2.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 2)
    assert rests_after(1, 1, 1) == [4.0, 4.0, 4.0]


@pytest.mark.parametrize(("pages", "times"), [(0.0, 4), (0.6, 4), (10.0, 0)])
def test_nobody_there_or_not_wanted(in_use, ckan_config, monkeypatch, pages, times):
    in_use(pages)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, times)
    with Locks() as others:
        others.take(TURN)
        with Locks() as locks:
            assert rests_after(1.5, locks=locks) == [0.0]


def test_one_worker_at_a_time_works_or_rests_while_people_are_there(portal, in_use, ckan_config, monkeypatch):
    in_use(2.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 1)
    lock, at_once, most, steps = threading.Lock(), 0, 0, 0

    def worker() -> None:
        nonlocal at_once, most, steps
        with Locks() as locks:
            turns = Pace(locks)
            for _step in range(2):
                with turns.step():
                    with lock:
                        at_once, steps = at_once + 1, steps + 1
                        most = max(most, at_once)
                    time.sleep(0.1)
                    with lock:
                        at_once -= 1

    monkeypatch.setattr(pace, "_POLL_SECONDS", 0.02)
    workers = [threading.Thread(target=worker) for _number in range(3)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(30)
    assert (steps, most) == (6, 1)
    assert is_free(TURN)


def test_workers_take_turns_although_one_of_them_has_much_to_do(portal, in_use, ckan_config, monkeypatch):
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

    workers = [threading.Thread(target=worker, args=each) for each in (("reader", 4), ("helper", 2))]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert "helper" in order[:3]
    assert sorted(order) == ["helper"] * 2 + ["reader"] * 4


def test_a_worker_goes_on_when_another_keeps_its_turn(portal, in_use, ckan_config, monkeypatch):
    in_use(10.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 1)
    with Locks() as others, Locks() as locks:
        others.take(TURN)
        rests = rests_after(0.2, locks=locks)
        assert sum(rests) == pytest.approx(pace._LONGEST_WAIT + 0.2 * 10, abs=1)
        assert not is_free(TURN)


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
    rests: list[float] = []
    original = Pace._rest
    monkeypatch.setattr(Pace, "_rest", lambda self, worked: rests.append(original(self, worked)) or rests[-1])
    with catalogue([iso_record(number) for number in range(1, 7)]) as server:
        portal.harvest(portal.source(server.url))
    assert len(rests) == 1 + 3  # the page that is read, and the batches of its records
    assert all(0 < seconds < 30 for seconds in rests)
    assert is_free(TURN)


def test_a_job_that_is_aborted_while_its_worker_waits_imports_nothing_more(portal, monkeypatch):
    waited: list[bool] = []

    def wait(self: Pace) -> bool:
        waited.append(True)
        if len(waited) == 3:  # the page and the first batch are done
            aborted = sa.text("UPDATE harvest_job SET status = 'Aborted' WHERE id = :id")
            with model.meta.engine.begin() as connection:
                connection.execute(aborted, {"id": job})
        return False

    monkeypatch.setattr(Pace, "_wait", wait)
    monkeypatch.setitem(tk.config, config.BATCH_SIZE, 2)
    with catalogue([iso_record(number) for number in range(1, 7)]) as server:
        job = portal.job(portal.source(server.url))
        assert not runner.run_job(job, helpers=False)
    assert len(waited) == 3
    made = sa.select(sa.func.count()).select_from(model.Package).where(model.Package.type == "dataset")
    assert model.Session.scalars(made).one() == 2


def solr_count(*path: str) -> int:
    """Return one of Solr's own counters."""
    url, _, core = tk.config["solr_url"].rstrip("/").rpartition("/")
    asked = {"group": "core", "prefix": "SEARCHER.new", "wt": "json"}
    answer = requests.get(f"{url}/admin/metrics", params=asked, timeout=10).json()
    return answer["metrics"][f"solr.core.{core}"]["SEARCHER.new"]


def number_found() -> int:
    """Return how many datasets a search finds."""
    return tk.get_action("package_search")({"ignore_auth": True}, {"fq": "dataset_type:dataset"})["count"]


def test_batches_are_not_shown_one_by_one(portal, ckan_config, monkeypatch):
    for name, value in ((config.BATCH_SIZE, 2), (config.SHOWN_SECONDS, 600)):
        monkeypatch.setitem(ckan_config, name, value)
    with catalogue([iso_record(number) for number in range(1, 21)]) as server:
        source = portal.source(server.url)
        job = portal.job(source)
        before = solr_count()
        runner.run_job(job, helpers=False)
        shown = solr_count() - before
    # Once for the records, once for the page of the source; a commit per batch would make ten.
    assert 1 <= shown <= 3
    assert number_found() == 20


def test_what_is_added_is_found_within_the_seconds_wanted(portal):
    with catalogue([iso_record(1)]) as server:
        portal.harvest(portal.source(server.url))
    found = model.Session.scalars(sa.select(model.Package.id).where(model.Package.type == "dataset")).one()
    made = Documents().make([found], lambda name, error: pytest.fail(f"{name}: {error}"))
    solr.remove([found])
    assert number_found() == 0
    solr.add(made, within=1)
    assert number_found() == 0
    end = time.monotonic() + 20
    while not number_found():
        assert time.monotonic() < end
        time.sleep(0.2)
