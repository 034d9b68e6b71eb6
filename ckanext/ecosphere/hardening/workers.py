"""Defects 11 and 38: background workers begin a job at once, and stay known when Redis was emptied.

Not yet accepted by CKAN (2.12.0), nor by RQ (2.10).
"""

from __future__ import annotations

from typing import Any

import rq
from ckan.lib import jobs
from rq import worker_registration


def keep_workers_registered() -> None:
    """Make workers register again after Redis was emptied: RQ 2 registers them only at start."""
    jobs.Worker.heartbeat = _heartbeat  # pyright: ignore[reportAttributeAccessIssue]


def start_jobs_at_once() -> None:
    """Let background jobs start without loading CKAN and all plugins a second time, which takes a second each.

    CKAN does so to get new database connections after the fork, but it closes all of them before it forks, and they
    open by themselves.
    """
    jobs.Worker.main_work_horse = rq.Worker.main_work_horse  # pyright: ignore[reportAttributeAccessIssue]


def _heartbeat(worker: jobs.Worker, *args: Any, **named: Any) -> None:
    """Heartbeat of a worker, after each job and every few minutes while idle, that also restores its registration."""
    rq.Worker.heartbeat(worker, *args, **named)
    if worker.birth_date and not worker.connection.hexists(worker.key, "birth"):
        worker.connection.hset(worker.key, mapping=worker.serialize())
        worker.connection.expire(worker.key, worker.worker_ttl + 60)
        worker_registration.register(worker)
