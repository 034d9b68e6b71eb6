"""Background workers of the harvest: enqueue a job, run it from its current stage to its end,
requeue stuck ones.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import ckan.plugins.toolkit as tk
import rq
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)

from ckanext.ecosphere.fast_save.solr import SolrAwayError
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish import closing
from ckanext.ecosphere.harvest.finish import undo as undoing
from ckanext.ecosphere.harvest.gather import Gatherer, JobAbortedError
from ckanext.ecosphere.harvest.job import (
    RUNNING,
    Job,
    is_running,
    load,
    pauses,
    source_lock,
    update_state,
    user_name,
)
from ckanext.ecosphere.harvest.messages import say, sentence, translator
from ckanext.ecosphere.harvest.model import Batch, Hold, JobState, Undo, now
from ckanext.ecosphere.harvest.reconcile import complete_catalogues, complete_series, reconcile
from ckanext.ecosphere.harvest.sources.base import (
    CANCELLED,
    MEMORY,
    Reading,
    SourceType,
    type_called,
    type_names,
)
from ckanext.ecosphere.harvest.write.importer import Importer
from ckanext.ecosphere.interfaces import Check, CheckStatus, each_setup
from ckanext.ecosphere.shared.http_guard import Budget
from ckanext.ecosphere.shared.locks import LockLostError, Locks, is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits
from ckanext.ecosphere.work import jobs as work
from ckanext.harvest.model import HarvestGatherError, HarvestJob

try:
    import resource
except ImportError:  # no such limits on this system
    resource = None

log = logging.getLogger(__name__)

QUEUE = "ecosphere:harvest"
_NO_LIMIT = -1
"""Disables RQ's time limit: requests, waits and the whole reading have limits of their own."""
_RETRY_SECONDS = [0, 60, 300, 600, 600]
"""Pauses of RQ between attempts. The first is for a killed process; a service that was away was
waited for before."""
_HARVEST, _HELP = "ecosphere-harvest-", "ecosphere-help-"
"""Prefixes of RQ job ids, which prevent a job from being queued twice."""
_WITH_DECISIONS = sa.union(
    sa.select(Hold.source_id).where(Hold.decision == closing.WITHDRAW, Hold.done.is_(False)),
    sa.select(Undo.source_id).where(Undo.finished.is_(None)),
)
"""Sources about which a decision waits to be carried out."""
TRANSIENT = (
    OperationalError,
    InterfaceError,
    PendingRollbackError,
    LockLostError,
    SolrAwayError,
    RedisError,
)
"""Errors of a service that is away; the job is resumed when it is back."""


# --- running a job ---


def run_job(
    job_id: str, *, helpers: bool = True, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Run a job to its end.

    Args:
        job_id: the job.
        helpers: whether other background workers may import records of it.
        sleep: pause function.

    Returns:
        whether it was finished here; False when another worker is running it, or it had ended
        before.

    Raises:
        Exception: a service stayed away; the job can be run again from its current state.
    """
    for pause in (*pauses(config.outage_seconds()), None):
        try:
            return _run(job_id, helpers)
        except JobAbortedError:
            closing.clean_up_aborted(job_id)
            return False
        except Exception as error:
            _drop_connections()
            if not _is_transient(error):
                if model.Session.get(HarvestJob, job_id) is None:
                    log.info("Harvest job %s is gone: its source was cleared", job_id)
                    return False
                log.exception("Harvest job %s", job_id)
                closing.give_up(job_id, error)
                return True
            if pause is None:
                raise
            log.warning("Harvest job %s: %s; next try in %s s", job_id, error, pause)
            sleep(pause)
    return False


def _is_transient(error: BaseException | None) -> bool:
    """Tell whether an error was caused by a service that is away,
    through the exceptions of CKAN and plugins.
    """
    while error is not None:
        if isinstance(error, TRANSIENT) or _is_cut(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_cut(error: BaseException) -> bool:
    """Tell whether the connection to PostgreSQL broke during a statement,
    for which libpq has no error class.
    """
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or type(error) is DatabaseError
    )


def help_job(job_id: str) -> None:
    """Import records of a job that another worker gathers, while there are any."""
    job = load(job_id)
    harvester = type_called(job.type)
    if harvester is not None and is_running(job_id):
        with Locks() as locks:
            Importer(job, harvester, user_name(), locks).work()


def carry_out(source_id: str) -> None:
    """Withdraw and undo what was decided, unless a harvest of the source is running,
    which does so at its end.
    """
    with Locks() as locks:
        if locks.take(source_lock(source_id)):
            _carry_out_decided(source_id, locks)


def _carry_out_decided(source_id: str, locks: Locks) -> None:
    closing.carry_out_decided(source_id)
    try:
        undoing.carry_out_asked(source_id, locks)
    except Exception as error:
        if _is_transient(error):
            raise
        _drop_connections()
        log.exception("Undo of harvests of source %s", source_id)
        undoing.give_up(source_id)


def _run(job_id: str, helpers: bool) -> bool:
    job = load(job_id)
    harvester = type_called(job.type)
    if not is_running(job_id):
        closing.clean_up_aborted(job_id)
        return False
    if harvester is None:
        raise LookupError(say("no-harvester", type=job.type))
    with Locks() as locks:
        if not locks.take(source_lock(job.source_id)):
            log.info("Harvest job %s: another worker is at this source", job_id)
            return False
        if _state(job_id).stage == "gather":
            _gather(job, harvester, locks, helpers)
            closing.renew_statistics(job_id)
        if _state(job_id).stage == "import":
            Importer(job, harvester, user_name(), locks).work(until_empty=True)
        if not is_running(job_id):
            raise JobAbortedError(job_id)
        closing.renew_statistics(job_id)
        is_complete = bool(_state(job_id).complete)
        if is_complete:
            closing.keep_datasets(job.source_id, job_id)
        reconcile(job.source_id, job_id, is_complete)
        complete_series(job.source_id)
        complete_catalogues(job.source_id, job_id)
        closing.finish(job)
        _carry_out_decided(job.source_id, locks)
    _start_next(job.source_id)
    return True


def _state(job_id: str) -> Any:
    return model.Session.get(JobState, job_id, populate_existing=True)


def _gather(job: Job, harvester: SourceType, locks: Locks, helpers: bool) -> None:
    model.Session.execute(
        sa.update(HarvestJob)
        .where(HarvestJob.id == job.id, HarvestJob.gather_started.is_(None))
        .values(gather_started=now())
    )
    model.Session.commit()
    reader = harvester.bounded_reader(job.url, job.settings)
    helper = Helpers(job.id, config.workers() - 1 if helpers else 0)
    with Watch(reader.budget, reader.bounds.memory, job.id):
        Gatherer(job, harvester, reader, locks, helper.more_work).run()
    _end_of_reading(job, reader.reading)


def _end_of_reading(job: Job, reading: Reading) -> None:
    notes = list(reading.notes)
    if not reading.complete:
        # Each failure counts as one error; their consequence is a remark.
        notes.append(("incomplete", {}))
    # A restarted job reports only its last reading.
    model.Session.execute(
        sa.delete(HarvestGatherError).where(HarvestGatherError.harvest_job_id == job.id)
    )
    for message in _failures_of(reading):
        model.Session.add(HarvestGatherError(message=message, harvest_job_id=job.id))
    update_state(
        job.id,
        stage="import",
        complete=reading.complete,
        announced=reading.announced,
        received=reading.received,
        requests=reading.requests,
        facts={
            "notes": notes,
            "failed": reading.failed,
            "repeated": reading.repeated,
            "unfiltered": reading.unfiltered,
            "failures": [asdict(failure) for failure in reading.failures],
            "gathered": now().isoformat(),
        },
        touched=now(),
    )
    model.Session.commit()


def _failures_of(reading: Reading) -> list[str]:
    """Return messages about what could not be read, one sentence each,
    and the number of further ones.
    """
    translate = translator()
    messages = [sentence(**asdict(failure), translate=translate) for failure in reading.failures]
    if reading.unlisted:
        messages.append(
            sentence("more-failures", {"number": reading.unlisted}, translate=translate)
        )
    return messages


def _start_next(source_id: str) -> None:
    """Enqueue a job of this source that found the source locked."""
    query = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == source_id, HarvestJob.status == RUNNING
    )
    waiting = model.Session.scalar(query.order_by(HarvestJob.created).limit(1))
    model.Session.remove()
    if waiting:
        send(waiting)


def _drop_connections() -> None:
    try:
        model.Session.remove()
    finally:
        if model.meta.engine is not None:
            model.meta.engine.dispose()


# --- the queue ---


def send(job_id: str) -> None:
    """Enqueue a job for a background worker."""
    _enqueue(run_job, job_id, "harvest", _HARVEST + job_id)


def send_first(job_id: str) -> None:
    """Enqueue a job before all waiting ones, or move it to the front if it already waits."""
    name = _HARVEST + job_id
    try:
        queue = jobs.get_queue(QUEUE)
        if queue.remove(name):  # False if a worker has just taken it
            queue.push_job_id(name, at_front=True)
            return
    except RedisError:
        log.warning(
            "Harvest job %s: Redis does not answer; it is sent again when Redis is back", job_id
        )
        return
    _enqueue(run_job, job_id, "harvest", name, at_front=True)


def decisions_of(source_id: str) -> work.Job:
    """Return the background job that carries out what was decided about a source."""
    return work.Job(
        name=f"ecosphere-harvest-decided-{source_id}",
        function="ckanext.ecosphere.harvest.worker.carry_out",
        title=f"harvest decisions {source_id}",
        queue=QUEUE,
        seconds=_NO_LIMIT,
        has_work=lambda: True,
        lock=source_lock(source_id),
        arguments=(source_id,),
    )


def _enqueue(
    function: Callable[[str], Any], argument: str, what: str, id_: str, **options: Any
) -> None:
    enqueue_once(
        function,
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
        """Count one more waiting batch, and call a helper.

        The first batch is left to the gathering worker.
        """
        self._batches += 1
        if self._batches > 1 and self._wanted > 0:
            _enqueue(
                help_job, self._job_id, "harvest (help)", f"{_HELP}{self._job_id}-{self._wanted}"
            )
            self._wanted -= 1


_UNATTENDED = sa.text("""
    SELECT job.id, job.source_id
    FROM harvest_job AS job
    JOIN harvest_source AS source ON source.id = job.source_id
    LEFT JOIN ecosphere_harvest_job AS state ON state.job_id = job.id
    WHERE job.status = 'Running' AND source.active AND source.type = ANY(:types)
        AND coalesce(state.touched, job.created) <= :stale
    """)
"""Running jobs of our source types without a sign of life since some time."""


def revive() -> list[str]:
    """Requeue running jobs that no worker is running, and decisions that were not carried out.

    Jobs that RQ has scheduled for a retry do not count as waiting: its scheduler may have been
    killed, leaving a lock for a minute.

    Returns:
        ids of those jobs.

    Raises:
        RedisError: Redis is away.
    """
    _drop_leftovers()
    stale = now() - timedelta(seconds=config.stale_seconds())
    rows = model.Session.execute(_UNATTENDED, {"types": type_names(), "stale": stale}).all()
    model.Session.remove()
    revived = []
    for job_id, source_id in rows:
        if not waits(_HARVEST + job_id, QUEUE) and is_free(source_lock(source_id)):
            log.warning("Harvest job %s: nobody is running it, it is sent again", job_id)
            update_state(job_id, touched=now())
            model.Session.commit()
            send(job_id)
            revived.append(job_id)
    for source_id in model.Session.scalars(_WITH_DECISIONS).all():
        decisions_of(source_id).recover()
    return revived


def _drop_leftovers() -> None:
    """Delete batches of jobs that were aborted while no worker was running them."""
    running = sa.select(HarvestJob.id).where(HarvestJob.status == RUNNING)
    model.Session.execute(sa.delete(Batch).where(Batch.job_id.not_in(running)))
    model.Session.commit()


# --- watching a reading ---
#
# Watch a job while its source is read: was it aborted, and how much memory does the process use?
#
# A separate thread watches, because the reading thread may be waiting for a server. It stops the
# budget of the reading: waits end and connections are closed. An operating system limit on the data
# segment of the process is the last resort, for what exhausts the memory between two checks.

_STATUS = Path("/proc/self/status")
_LOOK_SECONDS, _ASK_SECONDS = 0.1, 1.0
_SLACK = 48 * 1024 * 1024
"""Margin between the memory at which the reading is stopped and the system limit, for thread
stacks."""
_LEAST = 64 * 1024 * 1024
"""Memory that a reading may always use, however large the process already is."""


class Watch:
    """Context manager that watches during its block.

    Args:
        budget: the budget that it stops.
        memory: bytes that the process may use.
        job_id: job that may be aborted; None without one.
    """

    def __init__(self, budget: Budget, memory: int, job_id: str | None = None):
        self._budget = budget
        self._memory = max(memory, _measure("VmRSS") + _LEAST)
        self._job_id = job_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="harvest-watch")
        self._limits: tuple[int, int] | None = None

    def __enter__(self) -> Watch:
        self._thread.start()
        self._limit_data()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if resource is not None and self._limits is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._limits)
        self._over.set()
        self._budget.stop(CANCELLED)
        self._thread.join(timeout=5)

    def _limit_data(self) -> None:
        data, resident = _measure("VmData"), _measure("VmRSS")
        if resource is None or not data:
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        new_limit = data + max(self._memory - resident, _LEAST) + _SLACK
        if any(limit != resource.RLIM_INFINITY and limit < new_limit for limit in (soft, hard)):
            return  # a lower limit is already set
        self._limits = (soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (new_limit, hard))

    def _look(self) -> None:
        last_asked = time.monotonic()
        while not self._over.wait(_LOOK_SECONDS):
            if _measure("VmRSS") > self._memory:
                self._budget.stop(MEMORY, self._memory)
                return
            if self._job_id and time.monotonic() - last_asked >= _ASK_SECONDS:
                last_asked = time.monotonic()
                if not self._is_running(self._job_id):
                    self._budget.stop(CANCELLED)
                    return

    @staticmethod
    def _is_running(job_id: str) -> bool:
        """Tell whether the job is running, on a separate connection."""
        try:
            assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
            with model.meta.engine.connect() as connection:
                return is_running(job_id, connection)
        except SQLAlchemyError:
            log.debug("The state of harvest job %s cannot be read", job_id, exc_info=True)
            return True  # the database is away: the next write reports it


def _measure(name: str) -> int:
    """Return a memory measurement of this process in bytes,
    0 where the system does not provide it.
    """
    with suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


# --- workers for other work ---


def free_workers() -> list[Check]:
    """Check that every other queue has a worker that harvests cannot keep busy."""
    name = tk._("Workers free of harvests")
    harvest = jobs.add_queue_name_prefix(QUEUE)
    heard: set[str] = set()
    for worker in rq.Worker.all(connection=connect_to_redis()):
        if harvest not in worker.queue_names():
            heard.update(worker.queue_names())
    queues = {jobs.DEFAULT_QUEUE_NAME}
    for plugin in each_setup():
        queues.update(plugin.ecosphere_queues())
    queues.discard(QUEUE)
    missing = [queue for queue in sorted(queues) if jobs.add_queue_name_prefix(queue) not in heard]
    if not missing:
        return [Check(name, CheckStatus.OK, tk._("A harvest keeps no other work waiting"))]
    message = tk._(
        "Every worker that listens to {queues} takes harvests as well: a slow source keeps "
        "other work waiting"
    )
    remedy = tk._("Run: {command}").format(command=f"ckan jobs worker {' '.join(missing)}")
    return [Check(name, CheckStatus.WARNING, message.format(queues=", ".join(missing)), remedy)]
