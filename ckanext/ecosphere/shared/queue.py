"""Background jobs that are queued at most once, and figures counted in the background.

Redis is a queue, not a store: it may be emptied, or restored to an earlier state. Pending work is
recorded in the database, from where it is queued again (`work.jobs.Job.recover`).

Figures over many rows are counted by a worker, while the reader sees a page that says so. If no
worker responds in time, the page counts them itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.job import Job

from ckanext.ecosphere.shared import log_ids

log = logging.getLogger(__name__)

COUNTED_AT_ONCE = 5_000
"""Rows counted while the reader waits, which takes some tenths of a second."""
WORKER_SECONDS = 60
"""Seconds that a worker has to count."""


def waits(job_id: str, queue: str) -> bool:
    """Return whether a job is waiting in a queue.

    Its position in the queue counts, not its RQ status: a job is still "queued" if its worker was
    killed between taking and starting it, and "finished" if it was queued again while it ran.

    Raises:
        RedisError: Redis is down.
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
    """Queue a background job, unless it is already waiting.

    Args:
        function: the function, or its dotted path.
        arguments: its arguments.
        job_id: id of the job.
        title: title of the job, for people.
        queue: name of the queue.
        options: further RQ options.

    Returns:
        whether it is waiting now; False while Redis is down.
    """
    try:
        if not waits(job_id, queue):
            meta = {name: id_ for name, id_ in log_ids.current().items() if name == "request"}
            rq_kwargs = {"job_id": job_id, "meta": meta, **options}
            tk.enqueue_job(
                cast("Any", function),
                list(arguments),
                title=title,
                queue=queue,
                rq_kwargs=rq_kwargs,
            )
    except RedisError as error:
        log.warning(
            "%s: Redis does not answer (%s); it is sent again when Redis is back", title, error
        )
        return False
    return True


class StillCounted(tk.ValidationError):
    """The figures are still being counted: ask again in a few seconds."""

    def __init__(self) -> None:
        super().__init__(
            {"message": [tk._("These figures are being counted. Ask again in a few seconds.")]}
        )


def wait_for_many(key: str, rows: sa.Select[Any], ask: Callable[[], bool]) -> None:
    """Return if the caller should count the rows itself; otherwise have a worker count them.

    Args:
        key: Redis key of the time at which the worker was first asked; `have_come` deletes it.
        rows: query of the rows to count.
        ask: queues the job; returns False if it could not.

    Raises:
        StillCounted: there are many rows, and a worker has been asked to count them.
    """
    more = (
        rows.with_only_columns(sa.literal(1), maintain_column_froms=True)
        .offset(COUNTED_AT_ONCE)
        .limit(1)
    )
    if model.Session.scalar(more) is None:
        return
    try:
        kept = connect_to_redis()
        kept.set(key, time.time(), nx=True, ex=2 * WORKER_SECONDS)
        since: Any = kept.get(key)
    except RedisError:
        return  # no worker can be asked
    if since and time.time() - float(since) <= WORKER_SECONDS and ask():
        raise StillCounted


def have_come(key: str) -> None:
    """Note that the figures have been counted: the next count gets the full time again."""
    connect_to_redis().delete(key)
