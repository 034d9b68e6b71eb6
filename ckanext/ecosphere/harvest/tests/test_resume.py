"""Harvests interrupted by a killed process or a lost service: in the end, source,
database and index agree.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from sqlalchemy.exc import OperationalError

from ckanext.ecosphere.fast_save import solr as index
from ckanext.ecosphere.harvest import config, worker
from ckanext.ecosphere.harvest.finish import closing
from ckanext.ecosphere.harvest.gather import Gatherer
from ckanext.ecosphere.harvest.job import source_lock
from ckanext.ecosphere.harvest.model import PUBLISHED, Batch, JobState
from ckanext.ecosphere.harvest.tests import processes
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record, status
from ckanext.ecosphere.harvest.tests.forwarder import Forwarder
from ckanext.ecosphere.harvest.write.importer import Importer
from ckanext.ecosphere.shared.locks import is_free
from ckanext.ecosphere.shared.queue import waits
from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestSource

ROOT = Path(__file__).parents[4]
POINTS = {
    "after the first page was written down": (Gatherer, "_write", "after", 1),
    "before the end of the reading was written down": (worker, "_end_of_reading", "before", 1),
    "after the reading": (worker, "_end_of_reading", "after", 1),
    "with a batch half saved": (Importer, "_finish_objects", "after", 1),
    "with a batch saved and not committed": (Importer, "_insert_errors", "after", 2),
    "with a batch saved and not indexed": (index, "add", "before", 1),
    "with a batch indexed and not ticked off": (index, "add", "after", 2),
    "before absences were counted": (closing, "_judge_absences", "before", 1),
    "with absences counted and not committed": (closing, "hold_or_release", "after", 1),
    "with absences counted": (closing, "_judge_absences", "after", 1),
    "with a withdrawal in the index only": (index, "remove", "after", 1),
    "with a withdrawal done": (closing, "withdraw", "after", 1),
    "before the end": (closing, "_close", "before", 1),
    "at the very end": (closing, "_drop_old_unchanged", "before", 1),
}
SIX = range(1, 7)


@pytest.fixture
def small(portal, ckan_config, monkeypatch):
    """The portal with small batches, which withdraws at the first absence."""
    for name, value in (
        (config.BATCH_SIZE, 2),
        (config.WITHDRAW_AFTER, 1),
        (config.STALE_SECONDS, 0),
    ):
        monkeypatch.setitem(ckan_config, name, value)
    return portal


def run_by(job_id: str, point=None) -> int:
    """Run a job in its own process, which may be killed at a given point; return its exit code."""

    def run() -> None:
        if point:
            processes.dies(*point)
        worker.run_job(job_id, helpers=False)

    ended = processes.end(processes.start(run))
    # PostgreSQL keeps the locks of a killed client until it notices the disconnection.
    source_id = model.Session.scalar(sa.select(HarvestJob.source_id).where(HarvestJob.id == job_id))
    wait_for(lambda: is_free(source_lock(source_id)))
    return ended


def of_database() -> dict[str, str]:
    """Return title → description of the published datasets."""
    model.Session.rollback()
    rows = model.Session.execute(
        sa.select(model.Package.title, model.Package.notes).where(
            model.Package.type == "dataset", model.Package.state == "active"
        )
    )
    pairs = list(rows.tuples())
    assert len({title for title, _notes in pairs}) == len(pairs)
    return dict(pairs)


def of_index(portal) -> dict[str, str]:
    """Return title → description of the datasets in the search index."""
    found = portal.call("package_search", q="*:*", rows=1000, use_default_schema=False)["results"]
    assert len({dataset["id"] for dataset in found}) == len(found)
    return {dataset["title"]: dataset["notes"] for dataset in found}


def assert_all_agree(portal, source, expected: dict[str, str]) -> None:
    """Check that source, database and index agree, without leftovers or duplicates."""
    assert of_database() == expected
    assert of_index(portal) == expected
    published = [guid for guid, state in portal.records(source).items() if state == PUBLISHED]
    assert len(published) == len(expected) == portal.current_objects()
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Batch)) == 0
    undone = sa.select(sa.func.count()).where(HarvestObject.state.not_in(["COMPLETE", "ERROR"]))
    assert model.Session.scalar(undone) == 0
    assert is_free(source_lock(source))


def one_object_for_each_record(job_id: str) -> bool:
    rows = model.Session.scalars(
        sa.select(HarvestObject.guid).where(
            HarvestObject.harvest_job_id == job_id, HarvestObject.report_status != "deleted"
        )
    ).all()
    return len(rows) == len(set(rows))


def records(texts: dict[int, str]) -> list[str]:
    return [iso_record(number, abstract=text) for number, text in texts.items()]


def by_title(texts: dict[int, str]) -> dict[str, str]:
    return {f"Jeu de données {number}": text for number, text in texts.items()}


def wait_for(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def batches_left(job_id: str) -> int:
    model.Session.rollback()
    return model.Session.scalars(
        sa.select(sa.func.count()).select_from(Batch).where(Batch.job_id == job_id)
    ).one()


# --- cleared sources ---


def test_a_job_whose_source_was_cleared_meanwhile_ends_quietly(small, monkeypatch, caplog):
    """Cleared before the worker begins, or while it works."""
    judge = closing._judge_absences

    def cleared(*arguments, **options):
        clearing = threading.Thread(
            target=small.call, args=("harvest_source_clear",), kwargs={"id": source}
        )
        clearing.start()
        clearing.join()
        return judge(*arguments, **options)

    with catalogue(records(dict.fromkeys(SIX, "Zones."))) as server:
        source = small.source(server.url)
        waiting = small.job(source)
        small.call("harvest_source_clear", id=source)
        assert worker.run_job(waiting, helpers=False) is False
        monkeypatch.setattr(closing, "_judge_absences", cleared)
        assert worker.run_job(small.job(source), helpers=False) is False
    # ckanext-harvest itself may log that a dataset whose source is being cleared has none.
    own_records = [log for log in caplog.records if log.name.startswith("ckanext.ecosphere")]
    assert [log.message for log in own_records if log.levelname == "ERROR"] == []
    assert of_database() == of_index(small) == {}


# --- killed processes ---


@pytest.mark.slow("kills")
def test_a_worker_may_be_killed_anywhere_and_the_job_run_again_ends_as_if_nothing_had_happened(
    small,
):
    texts = dict.fromkeys(SIX, "Zones.")
    with catalogue(records(texts)) as server:
        source = small.source(server.url, config={"page_size": 3})
        small.harvest(source)
        for name, point in POINTS.items():
            # Each time one record is removed, one is added, three change and two stay the same.
            texts.pop(min(texts))
            texts.update(dict.fromkeys(sorted(texts)[:3], f"Tué {name}."))
            texts[max(texts) + 1] = "Zones."
            server.records[:] = records(texts)
            job = small.job(source)
            assert run_by(job, point) == processes.KILLED, name
            # If it was killed after the job was marked as finished, nothing is left to do.
            assert worker.run_job(job, helpers=False) is (name != "at the very end"), name
            assert_all_agree(small, source, by_title(texts))
            assert small.counts(job) == {
                "added": 1,
                "updated": 3,
                "not modified": 2,
                "deleted": 1,
            }, name
            assert one_object_for_each_record(job), name
            assert small.errors(source) == small.state(source)["set_aside"] == [], name


@pytest.mark.slow("kills")
def test_a_job_killed_again_and_again_still_comes_to_its_end(small):
    texts = dict.fromkeys(range(1, 13), "Zones.")
    with catalogue(records(texts)) as server:
        source = small.source(server.url, config={"page_size": 3})
        job = small.job(source)
        lives = 0
        while run_by(job, (index, "add", "before", 2)) == processes.KILLED:
            lives += 1
        assert lives > 2
        assert_all_agree(small, source, by_title(texts))
        assert small.counts(job) == {"added": 12}


def test_what_was_not_read_before_the_death_is_not_withdrawn(small):
    texts = dict.fromkeys(SIX, "Zones.")
    with catalogue(records(texts)) as server:
        source = small.source(server.url, config={"page_size": 2})
        small.harvest(source)
        server.records[:] = records(dict.fromkeys(SIX, "Autres."))
        job = small.job(source)
        run_by(job, (Gatherer, "_write", "after", 1))
        server.fault = lambda question, page: status(500) if question.start > 2 else None
        assert worker.run_job(job, helpers=False)
        assert small.state(source)["complete"] is False
        assert_all_agree(small, source, by_title({**texts, 1: "Autres.", 2: "Autres."}))


# --- concurrent workers ---


@pytest.mark.slow("kills")
def test_two_workers_share_a_job_and_the_death_of_one_of_them_costs_nothing(small, tmp_path):
    texts = dict.fromkeys(range(1, 25), "Zones.")
    with catalogue(records(texts)) as server:
        source = small.source(server.url)
        job = small.job(source)

        def work(function, name: str, point=None) -> int:
            def run() -> None:
                original = Importer._import

                def noted(self, batch_id, object_ids):
                    documents = original(self, batch_id, object_ids)
                    (tmp_path / f"{name}-{batch_id}").touch()
                    time.sleep(0.05)  # leave some batches to the others
                    return documents

                Importer._import = noted
                if point:
                    processes.dies(*point)
                function(job)

            return processes.start(run)

        first = work(lambda id_: worker.run_job(id_, helpers=False), "first")
        wait_for(lambda: batches_left(job))
        helper = work(worker.help_job, "helper")
        victim = work(worker.help_job, "victim", (Importer, "_insert_logs", "after", 1))
        assert [processes.end(pid) for pid in (first, helper, victim)] == [0, 0, processes.KILLED]
        done = [path.name.partition("-")[0] for path in tmp_path.iterdir()]
        assert {"first", "helper"} == set(done)
        assert len(done) == 12
        assert_all_agree(small, source, by_title(texts))
        assert small.counts(job) == {"added": 24}


@pytest.mark.slow("load")
def test_two_jobs_of_one_source_and_one_job_twice_never_overlap(small):
    texts = dict.fromkeys(SIX, "Zones.")
    going, arrived = threading.Event(), threading.Event()

    def slow(question, page):
        arrived.set()
        going.wait(60)

    with catalogue(records(texts), slow) as server:
        source = small.source(server.url)
        one, two = small.job(source), second_job(source)
        process = processes.start(lambda: worker.run_job(one, helpers=False))
        assert arrived.wait(60)
        assert worker.run_job(one, helpers=False) is False
        assert worker.run_job(two, helpers=False) is False
        assert worker.revive() == []
        assert len(server.questions) == 1
        going.set()
        assert processes.end(process) == 0
        # The first job queued the second at its end.
        assert waits(worker._HARVEST + two, worker.QUEUE)
        worker.run_job(two, helpers=False)
        assert_all_agree(small, source, by_title(texts))
        assert (small.counts(one), small.counts(two)) == ({"added": 6}, {"not modified": 6})


def second_job(source: str) -> str:
    """Create a second running job, which ckanext-harvest does not create by itself."""
    job = HarvestJob(source=model.Session.get(HarvestSource, source), status="Running")
    job.save()
    return str(job.id)


# --- unavailable services ---


def test_a_job_goes_on_after_redis_was_emptied_solr_was_away_and_postgresql_was_stopped(small):
    texts = dict.fromkeys(range(1, 13), "Zones.")
    going = [threading.Event() for _ in range(4)]
    arrived = [threading.Event() for _ in range(4)]

    def stepwise(question, page):
        step = (question.start - 1) // 3
        arrived[step].set()
        going[step].wait(300)

    with catalogue(records(texts), stepwise) as server, doors() as (postgresql, solr):
        source = small.source(server.url, config={"page_size": 3})
        job = small.job(source)

        def run() -> None:
            model.init_model(
                sa.create_engine(sa.make_url(tk.config["sqlalchemy.url"]).set(port=postgresql.port))
            )
            tk.config["solr_url"] = through(tk.config["solr_url"], solr.port)
            # A cut connection's session may keep its lock for a while, and a statement may be in
            # progress when it is cut: the job is then resumed, as the portal does when a worker has
            # ended.
            for _attempt in range(60):
                with suppress(OperationalError):
                    if worker.run_job(job):
                        return
                model.Session.remove()
                time.sleep(0.5)
            raise AssertionError("The job was not taken up again")

        process = processes.start(run)
        assert arrived[0].wait(60)
        connect_to_redis().flushdb()
        going[0].set()
        assert arrived[1].wait(60)
        with postgresql.away():
            going[1].set()
            time.sleep(1.5)
        going[2].set()
        with solr.away():
            going[3].set()  # not earlier: the import would end before Solr is away
            wait_for(lambda: is_importing(job) or processes.is_over(process))
            assert not processes.is_over(process), (
                small.errors(source),
                small.counts(job),
                processes.end(process),
            )
            time.sleep(1)
        assert processes.end(process) == 0
        assert_all_agree(small, source, by_title(texts))
        assert small.counts(job) == {"added": 12}
        assert small.errors(source) == []


@contextmanager
def doors() -> Iterator[list[Forwarder]]:
    """Forwarders in front of PostgreSQL and Solr."""
    addresses = [urlsplit(tk.config[option]) for option in ("sqlalchemy.url", "solr_url")]
    opened = [Forwarder(str(address.hostname), address.port or 5432) for address in addresses]
    try:
        yield opened
    finally:
        for door in opened:
            door.shut()


def through(url: str, port: int) -> str:
    """Return a URL with another port of this machine."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"127.0.0.1:{port}").geturl()


def is_importing(job_id: str) -> bool:
    model.Session.rollback()
    stage = model.Session.scalar(sa.select(JobState.stage).where(JobState.job_id == job_id))
    return stage == "import"


# --- no worker left ---


@pytest.mark.slow("kills")
def test_a_worker_that_is_killed_loses_nothing_although_the_queue_is_emptied_too(small, tmp_path):
    texts = dict.fromkeys(SIX, "Zones.")
    going, arrived = threading.Event(), threading.Event()

    def slow(question, page):
        if question.start > 3:
            arrived.set()
            going.wait(300)

    with catalogue(records(texts), slow) as server:
        source = small.source(server.url, config={"page_size": 3})
        job = small.call("harvest_job_create", source_id=source, run=True)["id"]
        with (tmp_path / "worker.log").open("wb") as log:
            victim = start_worker(log)
            assert arrived.wait(180), (tmp_path / "worker.log").read_text()
            for pid in (victim.pid, *children(victim.pid)):
                os.kill(pid, signal.SIGKILL)
            victim.wait(30)
            connect_to_redis().flushdb()
            going.set()
            wait_for(lambda: is_free(source_lock(source)))
            assert worker.revive() == [job]
            assert waits(worker._HARVEST + job, worker.QUEUE)
            assert worker.revive() == []
            assert start_worker(log, "--burst").wait(300) == 0
        assert_all_agree(small, source, by_title(texts))
        assert small.counts(job) == {"added": 6}


@pytest.mark.slow("kills")
def test_a_worker_whose_process_is_killed_begins_the_job_again_at_once(small, tmp_path):
    texts = dict.fromkeys(SIX, "Zones.")
    going, arrived = threading.Event(), threading.Event()

    def slow(question, page):
        if question.start > 3:
            arrived.set()
            going.wait(300)

    with catalogue(records(texts), slow) as server:
        source = small.source(server.url, config={"page_size": 3})
        job = small.call("harvest_job_create", source_id=source, run=True)["id"]
        with (tmp_path / "worker.log").open("wb") as log:
            process = start_worker(log, "--burst", "--no-scheduler")
            assert arrived.wait(180), (tmp_path / "worker.log").read_text()
            for pid in children(process.pid):
                os.kill(pid, signal.SIGKILL)
            going.set()
            assert process.wait(300) == 0
        assert_all_agree(small, source, by_title(texts))
        assert small.counts(job) == {"added": 6}


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start_worker(log, *options: str):
    command = [
        str(Path(sys.executable).with_name("ckan")),
        "-c",
        "test.ini",
        "jobs",
        "worker",
        *options,
        worker.QUEUE,
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
