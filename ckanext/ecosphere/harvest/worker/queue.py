"""Enqueue the background jobs of the harvest on CKAN's job queue, and requeue stuck ones."""

from __future__ import annotations

import logging
import time
from typing import Any

import rq
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from redis.exceptions import RedisError

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import Batch, Hold, JobState, Undo, now
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.harvest.worker.job import RUNNING
from ckanext.ecosphere.harvest.worker.locks import source_lock
from ckanext.ecosphere.shared.locks import is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits
from ckanext.harvest.model import HarvestJob, HarvestSource

log = logging.getLogger(__name__)

QUEUE = "ecosphere:harvest"
_RUNNER = "ckanext.ecosphere.harvest.worker.runner"
"""Module of the job functions, by name, since that module imports this one."""
_NO_LIMIT = -1
"""Disables RQ's time limit: requests, waits and the whole reading have limits of their own."""
_RETRY_SECONDS = [0, 60, 300, 600, 600]
"""Pauses of RQ between attempts. The first is for a killed process; a service that was away was waited for before."""
_HARVEST, _WITHDRAWAL, _HELP = "ecosphere-harvest-", "ecosphere-withdrawal-", "ecosphere-help-"
_UNDO = "ecosphere-undo-"
"""Prefixes of RQ job ids, which prevent a job from being queued twice."""
_PATROL_SECONDS = 60.0


def send(job_id: str) -> None:
    """Enqueue a job for a background worker."""
    _enqueue("run_job", job_id, "harvest", _HARVEST + job_id)


def send_first(job_id: str) -> None:
    """Enqueue a job before all waiting ones, or move it to the front if it already waits."""
    name = _HARVEST + job_id
    try:
        if (queue := jobs.get_queue(QUEUE)).remove(name):  # False if a worker has just taken it
            queue.push_job_id(name, at_front=True)
            return
    except RedisError:
        log.warning("Harvest job %s: Redis does not answer; it is sent again when Redis is back", job_id)
        return
    _enqueue("run_job", job_id, "harvest", name, at_front=True)


def send_withdrawal(hold_id: int) -> None:
    """Enqueue the execution of a decision to withdraw."""
    _enqueue("carry_out", str(hold_id), "harvest withdrawal", f"{_WITHDRAWAL}{hold_id}")


def send_undo(job_id: str) -> None:
    """Enqueue the undo of a job."""
    _enqueue("undo", job_id, "undo of harvest", _UNDO + job_id)


def _waits(id_: str) -> bool:
    """Tell whether a job is in the queue, to be run by the next free worker.

    Jobs that RQ has scheduled for a retry do not count: its scheduler may have been killed, leaving a lock for a
    minute.

    Raises:
        RedisError: Redis is away.
    """
    return waits(id_, QUEUE)


def _enqueue(function: str, argument: str, what: str, id_: str, **options: Any) -> None:
    enqueue_once(
        f"{_RUNNER}.{function}",
        [argument],
        job_id=id_,
        title=f"{what} {argument}",
        queue=QUEUE,
        timeout=_NO_LIMIT,
        # Also requeues a job whose worker was killed, on portals where nothing calls `revive`.
        retry=rq.Retry(max=len(_RETRY_SECONDS), interval=_RETRY_SECONDS),
        **options,
    )


class Helpers:
    """Enqueues help jobs for other workers once there is enough work.

    Args:
        job_id: the job.
        wanted: maximum number of helpers.
    """

    def __init__(self, job_id: str, wanted: int):
        self._job_id = job_id
        self._wanted = wanted
        self._batches = 0

    def more_work(self) -> None:
        """Count one more waiting batch, and call a helper; the first batch is left to the gathering worker."""
        self._batches += 1
        if self._batches > 1 and self._wanted > 0:
            _enqueue("help_job", self._job_id, "harvest (help)", f"{_HELP}{self._job_id}-{self._wanted}")
            self._wanted -= 1


def revive() -> list[str]:
    """Requeue running jobs that no worker is running, and decisions that were not carried out.

    Returns:
        ids of those jobs.

    Raises:
        RedisError: Redis is away.
    """
    _drop_leftovers()
    stale = now().timestamp() - config.stale_seconds()
    rows = model.Session.execute(
        sa.select(HarvestJob.id, HarvestJob.source_id, HarvestJob.created, JobState.touched)
        .join(HarvestSource, HarvestSource.id == HarvestJob.source_id)
        .outerjoin(JobState, JobState.job_id == HarvestJob.id)
        .where(
            HarvestJob.status == RUNNING,
            HarvestSource.__table__.c.active.is_(True),
            HarvestSource.type.in_(type_names()),
        )
    ).all()
    model.Session.remove()
    revived = []
    for job_id, source_id, created, touched in rows:
        if (touched or created).timestamp() > stale or _waits(_HARVEST + job_id):
            continue
        if is_free(source_lock(source_id)):
            log.warning("Harvest job %s: nobody is running it, it is sent again", job_id)
            model.Session.execute(sa.update(JobState).where(JobState.job_id == job_id).values(touched=now()))
            model.Session.commit()
            send(job_id)
            revived.append(job_id)
    undone = sa.select(Hold.id).where(Hold.decision == "withdraw", Hold.done.is_(False))
    for hold_id in list(model.Session.execute(undone).scalars()):
        if not _waits(f"{_WITHDRAWAL}{hold_id}"):
            send_withdrawal(hold_id)
    for job_id in list(model.Session.scalars(sa.select(Undo.job_id).where(Undo.finished.is_(None)))):
        if not _waits(_UNDO + job_id):
            send_undo(job_id)
    return revived


class Patrol:
    """Looks for stuck harvests when a background worker is between two jobs of any kind, at most once a minute.

    Thus harvests resume after Redis was emptied, even on a portal where cron does not run `harvester run`.
    """

    def __init__(self, seconds: float = _PATROL_SECONDS):
        self._seconds = seconds
        self._next = 0.0

    def look(self) -> None:
        """Requeue stuck harvests if it is time; if a service is away, try again next time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._seconds
        try:
            revive()
        except Exception:  # must not affect the next job of the worker
            log.warning("No look for stuck harvests", exc_info=True)
        finally:
            # The worker forks next, and must not share a connection with its child.
            model.Session.remove()
            if model.meta.engine is not None:
                model.meta.engine.dispose()


def _drop_leftovers() -> None:
    """Delete batches of jobs that were aborted while no worker was running them."""
    running = sa.select(HarvestJob.id).where(HarvestJob.status == RUNNING)
    model.Session.execute(sa.delete(Batch).where(Batch.job_id.not_in(running)))
    model.Session.commit()
