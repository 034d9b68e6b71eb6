"""A harvest gives way to the people who use the portal, and what it imports is found soon, at its end at once."""

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
from ckanext.ecosphere.harvest.worker.pace import Pace
from ckanext.ecosphere.shared.web_guard import visits


class Clock:
    """A clock that goes on with what is done, and with rests."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def in_use(monkeypatch):
    """Say how many pages people open in a second."""
    return lambda number: monkeypatch.setattr(visits, "per_second", lambda: number)


def rest_after(seconds: float) -> float:
    clock = Clock()
    worker = Pace(clock.passes, clock)
    clock.passes(seconds)
    return worker.rest()


def test_a_worker_rests_in_proportion_to_its_batch_while_people_are_there(in_use, ckan_config, monkeypatch):
    in_use(10.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 4)
    assert rest_after(1.5) == 6.0
    assert rest_after(100) == pace._LONGEST


def test_a_rest_does_not_count_as_work(in_use, ckan_config, monkeypatch):
    in_use(10.0)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, 4)
    clock = Clock()
    worker = Pace(clock.passes, clock)
    rests = []
    for _batch in range(3):
        clock.passes(1)
        rests.append(worker.rest())
    assert rests == [4.0, 4.0, 4.0]


@pytest.mark.parametrize(("pages", "times"), [(0.0, 4), (0.6, 4), (10.0, 0)])
def test_nobody_there_or_not_wanted(in_use, ckan_config, monkeypatch, pages, times):
    in_use(pages)
    monkeypatch.setitem(ckan_config, config.GIVE_WAY, times)
    assert rest_after(1.5) == 0.0


def test_a_harvest_rests_between_its_batches(portal, in_use, ckan_config, monkeypatch):
    in_use(10.0)
    for name, value in ((config.BATCH_SIZE, 2), (config.GIVE_WAY, 2)):
        monkeypatch.setitem(ckan_config, name, value)
    rests: list[float] = []
    original = Pace.rest
    monkeypatch.setattr(Pace, "rest", lambda self: rests.append(original(self)))
    with catalogue([iso_record(number) for number in range(1, 7)]) as server:
        portal.harvest(portal.source(server.url))
    assert len(rests) == 1 + 3  # a page that is read, and the batches of its records
    assert all(0 < seconds < 30 for seconds in rests)


def solr_count(*path: str) -> int:
    """A count of Solr's own."""
    url, _, core = tk.config["solr_url"].rstrip("/").rpartition("/")
    asked = {"group": "core", "prefix": "SEARCHER.new", "wt": "json"}
    answer = requests.get(f"{url}/admin/metrics", params=asked, timeout=10).json()
    return answer["metrics"][f"solr.core.{core}"]["SEARCHER.new"]


def number_found() -> int:
    """How many datasets a search finds."""
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
    # Once for the records, once for the page of the source; a commit for each batch would make ten.
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
