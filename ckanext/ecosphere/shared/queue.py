"""Background jobs that wait once, however often they are asked for.

Redis is a queue, not a memory: it may be emptied, or come back as it was some minutes ago. What there is to do is in
the database; each room looks there for what nobody does (`ecosphere_recover`), and sends it again.

Figures take the longer to count the more there is: a worker counts those of many rows, and the reader is told that they
come. Should no worker do so, the page counts them itself: nobody is told for ever that they come.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import ckan.plugins.toolkit as tk
import rq
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from rq import worker_registration
from rq.exceptions import NoSuchJobError
from rq.job import Job

log = logging.getLogger(__name__)

COUNTED_AT_ONCE = 5_000
"""Rows that are counted while the reader waits, which takes some tenths of a second."""
WORKER_SECONDS = 60
"""Time that a worker has."""


def waits(job_id: str, queue: str) -> bool:
    """Whether a job stands in a queue, to be run when a worker is free.

    What counts is its place in the queue: a job says of itself that it is queued also when its worker was killed
    between taking it and beginning it, and that it is finished when it was queued again while it ran.

    Raises:
        RedisError: Redis is away.
    """
    try:
        Job.fetch(job_id, connection=connect_to_redis())
    except NoSuchJobError:
        return False
    return jobs.get_queue(queue).get_job_position(job_id) is not None


def enqueue_once(
    function: Callable[..., Any] | str,
    arguments: Sequence[Any] = (),
    *,
    job_id: str,
    title: str,
    queue: str,
    **options: Any,
) -> bool:
    """Have a job run by a background worker, unless it waits already.

    Args:
        function: what is run, or its dotted path.
        arguments: what it is called with.
        job_id: name of the job.
        title: for people.
        queue: name of the queue.
        options: further ones of RQ.

    Returns:
        whether it waits now; False when Redis is away: it is sent again when Redis is back, see `ecosphere_recover`.
    """
    try:
        if not waits(job_id, queue):
            rq_kwargs = {"job_id": job_id, **options}
            tk.enqueue_job(cast("Any", function), list(arguments), title=title, queue=queue, rq_kwargs=rq_kwargs)
    except RedisError as error:
        log.warning("%s: Redis does not answer (%s); it is sent again when Redis is back", title, error)
        return False
    return True


class StillCounted(tk.ValidationError):
    """The figures are being counted: ask again in some seconds."""

    def __init__(self) -> None:
        super().__init__({"message": [tk._("These figures are being counted. Ask again in a few seconds.")]})


def wait_for_many(key: str, rows: sa.Select[Any], ask: Callable[[], bool]) -> None:
    """Return when the caller is to count at once; else have a worker do it.

    Args:
        key: of Redis, for the moment since which the worker has been asked; `have_come` forgets it.
        rows: what is counted.
        ask: sends the job; returns False when it could not.

    Raises:
        StillCounted: there are many rows, and a worker was asked to count them.
    """
    more = rows.with_only_columns(sa.literal(1), maintain_column_froms=True).offset(COUNTED_AT_ONCE).limit(1)
    if model.Session.scalar(more) is None:
        return
    try:
        kept = connect_to_redis()
        kept.set(key, time.time(), nx=True, ex=2 * WORKER_SECONDS)
        since: Any = kept.get(key)
    except RedisError:
        return  # nobody can be asked
    if since and time.time() - float(since) <= WORKER_SECONDS and ask():
        raise StillCounted


def have_come(key: str) -> None:
    """The figures are there: the next time, a worker has all its time again."""
    connect_to_redis().delete(key)


def keep_workers_registered() -> None:
    """Have workers register again when Redis was emptied: RQ 2 does it at their start only."""
    jobs.Worker.heartbeat = _heartbeat  # pyright: ignore[reportAttributeAccessIssue]


def _heartbeat(worker: jobs.Worker, *args: Any, **named: Any) -> None:
    """What a worker does after each job, and every few minutes while it waits for one."""
    rq.Worker.heartbeat(worker, *args, **named)
    if worker.birth_date and not worker.connection.hexists(worker.key, "birth"):
        worker.connection.hset(worker.key, mapping=worker.serialize())
        worker.connection.expire(worker.key, worker.worker_ttl + 60)
        worker_registration.register(worker)
