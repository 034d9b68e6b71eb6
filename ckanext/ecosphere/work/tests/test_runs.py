"""Runs that were asked for before an update are done after it; lost jobs are queued again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.lib.jobs import get_queue
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.quality.jobs import tasks
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
    tasks.NIGHTLY.want(False)
    model.Session.remove()
    _run_migrations("ecosphere_quality", BEFORE, forward=False)
    former = sa.text("SELECT key, state FROM task_status WHERE task_type = 'ecosphere_run'")
    assert model.Session.execute(former).tuples().all() == [(tasks.NIGHTLY.name, "wanted")]
    model.Session.remove()
    _run_migrations("ecosphere_quality", "head")
    row = model.Session.scalars(sa.select(Work)).one()
    assert (row.backlog, row.status) == (tasks.NIGHTLY.name, PENDING)
    assert row.content == {"arguments": [False]}
    assert model.Session.execute(former).all() == []


def test_the_watch_queues_a_lost_run_again_with_its_arguments():
    tasks.NIGHTLY.want(False)
    connect_to_redis().flushdb()
    assert tasks.NIGHTLY.title in Recovery().look()
    [job] = get_queue(tasks.QUEUE).jobs
    assert list(job.args) == [False]


def test_a_run_asked_for_while_it_runs_is_done_once_more():
    tasks.LINKS.want()
    connect_to_redis().flushdb()
    with tasks.LINKS.working() as mine, tasks.LINKS.working() as second:
        assert mine and not second
        tasks.LINKS.want()
        connect_to_redis().flushdb()
        assert tasks.LINKS.recover() == []
    assert tasks.LINKS.recover() == [tasks.LINKS.title]
    with tasks.LINKS.working():
        pass
    connect_to_redis().flushdb()
    assert tasks.LINKS.recover() == []
