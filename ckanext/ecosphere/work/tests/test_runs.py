"""Runs that were asked for before an update are done after it; lost jobs are queued again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.lib.jobs import get_queue
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.quality import jobs
from ckanext.ecosphere.setup.recovery import Recovery
from ckanext.ecosphere.work.model import PENDING, Work

BEFORE = "5be10c83f7a9"


@pytest.fixture(scope="module")
def tables(loaded: None, request: pytest.FixtureRequest) -> None:
    """The tables of the plugins, empty."""
    request.getfixturevalue("empty_db")()


@pytest.fixture(autouse=True)
def no_work(tables: None) -> Iterator[None]:
    """No run, and no waiting job."""
    model.Session.execute(sa.delete(Work))
    model.Session.commit()
    connect_to_redis().flushdb()
    yield
    model.Session.remove()
    _run_migrations("ecosphere_quality", "head")


def test_a_run_that_was_asked_for_goes_on_in_both_directions():
    jobs.NIGHTLY.request(False)
    model.Session.remove()
    _run_migrations("ecosphere_quality", BEFORE, forward=False)
    former = sa.text("SELECT key, state FROM task_status WHERE task_type = 'ecosphere_run'")
    assert model.Session.execute(former).tuples().all() == [(jobs.NIGHTLY.name, "wanted")]
    model.Session.remove()
    _run_migrations("ecosphere_quality", "head")
    row = model.Session.scalars(sa.select(Work)).one()
    assert (row.backlog, row.status) == (jobs.NIGHTLY.name, PENDING)
    assert row.content == {"arguments": [False]}
    assert model.Session.execute(former).all() == []


def test_the_watch_queues_a_lost_run_again_with_its_arguments():
    jobs.NIGHTLY.request(False)
    connect_to_redis().flushdb()
    assert jobs.NIGHTLY.title in Recovery().look()
    [job] = get_queue(jobs.QUEUE).jobs
    assert list(job.args) == [False]


def test_a_run_asked_for_while_it_runs_is_done_once_more():
    jobs.LINKS.request()
    connect_to_redis().flushdb()
    with jobs.LINKS.working() as mine, jobs.LINKS.working() as second:
        assert mine and not second
        jobs.LINKS.request()
        connect_to_redis().flushdb()
        assert jobs.LINKS.recover() == []
    assert jobs.LINKS.recover() == [jobs.LINKS.title]
    with jobs.LINKS.working():
        pass
    connect_to_redis().flushdb()
    assert jobs.LINKS.recover() == []
