"""Background jobs in processes of their own, on real Redis and PostgreSQL."""

from __future__ import annotations

import json

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis

ANSWER = "ecosphere-test-of-jobs"


def note_where_it_runs() -> None:
    """Note the job's database connection, and whether CKAN was loaded since the worker began."""
    connection = model.Session.scalar(sa.text("SELECT pg_backend_pid()"))
    connect_to_redis().set(ANSWER, json.dumps([connection, ANSWER in tk.config]), ex=60)


@pytest.mark.usefixtures("clean_queues")
def test_a_job_begins_with_what_its_worker_has_loaded_and_a_connection_of_its_own(monkeypatch):
    monkeypatch.setitem(tk.config, ANSWER, "of the worker")
    monkeypatch.setattr("ckan.lib.jobs.load_environment", lambda _config: tk.config.pop(ANSWER))
    own = model.Session.scalar(sa.text("SELECT pg_backend_pid()"))
    jobs.enqueue(note_where_it_runs)
    jobs.Worker().work(burst=True)
    connection, was_kept = json.loads(connect_to_redis().get(ANSWER))
    assert was_kept
    assert connection != own
