"""Run a job from its current stage to its end: gather, import, finish.

The stage is stored in the database, so a job can be run again after a crash to resume it. Running it twice at once is
harmless: the second run finds the source locked and returns.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict

import sqlalchemy as sa
from ckan import model
from redis.exceptions import RedisError
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError, PendingRollbackError

from ckanext.ecosphere.fast_save.solr import SolrAwayError
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.deduplication.reconcile import reconcile
from ckanext.ecosphere.harvest.finish import closing, withdrawal
from ckanext.ecosphere.harvest.finish import undo as undoing
from ckanext.ecosphere.harvest.gather import Gatherer, JobAbortedError
from ckanext.ecosphere.harvest.model import Hold, JobState, Undo, now
from ckanext.ecosphere.harvest.sources.base import Reading
from ckanext.ecosphere.harvest.sources.source_type import SourceType, type_called
from ckanext.ecosphere.harvest.worker import queue
from ckanext.ecosphere.harvest.worker.backoff import pauses
from ckanext.ecosphere.harvest.worker.job import RUNNING, Job, is_running, load, update_state, user_name
from ckanext.ecosphere.harvest.worker.locks import source_lock
from ckanext.ecosphere.harvest.worker.messages import failures_of, say
from ckanext.ecosphere.harvest.worker.watch import Watch
from ckanext.ecosphere.harvest.write.importer import Importer
from ckanext.ecosphere.harvest.write.reimport import complete_catalogues, complete_series
from ckanext.ecosphere.shared.locks import LockLostError, Locks
from ckanext.harvest.model import HarvestGatherError, HarvestJob

log = logging.getLogger(__name__)

TRANSIENT = (OperationalError, InterfaceError, PendingRollbackError, LockLostError, SolrAwayError, RedisError)
"""Errors of a service that is away; the job is resumed when it is back."""


def run_job(job_id: str, *, helpers: bool = True, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Run a job to its end.

    Args:
        job_id: the job.
        helpers: whether other background workers may import records of it.
        sleep: pause function.

    Returns:
        whether it was finished here; False when another worker is running it, or it had ended before.

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
                if _is_gone(job_id):
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


def _is_gone(job_id: str) -> bool:
    """Tell whether a job was removed, as clearing its source does."""
    return model.Session.execute(sa.select(HarvestJob.id).where(HarvestJob.id == job_id)).first() is None


def _is_transient(error: BaseException | None) -> bool:
    """Tell whether an error was caused by a service that is away, through the exceptions of CKAN and plugins."""
    while error is not None:
        if isinstance(error, TRANSIENT) or _is_cut(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_cut(error: BaseException) -> bool:
    """Tell whether the connection to PostgreSQL broke during a statement, for which libpq has no error class."""
    return isinstance(error, DBAPIError) and (error.connection_invalidated or type(error) is DatabaseError)


def help_job(job_id: str) -> None:
    """Import records of a job that another worker gathers, while there are any."""
    job = load(job_id)
    harvester = type_called(job.type)
    if harvester is not None and is_running(job_id):
        with Locks() as locks:
            Importer(job, harvester, user_name(), locks).work()


def carry_out(hold_id: str) -> None:
    """Carry out a decision to withdraw, unless a harvest of the source is running, which does so at its end."""
    source_id = model.Session.execute(sa.select(Hold.source_id).where(Hold.id == int(hold_id))).scalar()
    model.Session.remove()
    with Locks() as locks:
        if source_id and locks.take(source_lock(source_id)):
            withdrawal.carry_out_decided(source_id)


def undo(job_id: str) -> None:
    """Undo a job, unless a harvest of the source is running, which does so at its end."""
    source_id = model.Session.execute(sa.select(Undo.source_id).where(Undo.job_id == job_id)).scalar()
    model.Session.remove()
    with Locks() as locks:
        if source_id and locks.take(source_lock(source_id)):
            _undo_asked(source_id, locks)


def _undo_asked(source_id: str, locks: Locks) -> None:
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
        if _stage(job_id) == "gather":
            _gather(job, harvester, locks, helpers)
            closing.renew_statistics(job_id)
        if _stage(job_id) == "import":
            Importer(job, harvester, user_name(), locks).work(until_empty=True)
        if not is_running(job_id):
            raise JobAbortedError(job_id)
        closing.renew_statistics(job_id)
        is_complete = _complete(job_id)
        if is_complete:
            closing.keep_datasets(job.source_id, job_id)
        reconcile(job.source_id, job_id, is_complete)
        complete_series(job.source_id)
        complete_catalogues(job.source_id, job_id)
        closing.finish(job)
        withdrawal.carry_out_decided(job.source_id)
        _undo_asked(job.source_id, locks)
    _start_next(job.source_id)
    return True


def _stage(job_id: str) -> str | None:
    return model.Session.execute(sa.select(JobState.stage).where(JobState.job_id == job_id)).scalar()


def _complete(job_id: str) -> bool:
    return bool(model.Session.execute(sa.select(JobState.complete).where(JobState.job_id == job_id)).scalar())


def _gather(job: Job, harvester: SourceType, locks: Locks, helpers: bool) -> None:
    model.Session.execute(
        sa.update(HarvestJob)
        .where(HarvestJob.id == job.id, HarvestJob.gather_started.is_(None))
        .values(gather_started=now())
    )
    model.Session.commit()
    reader = harvester.reader(job.url, job.settings)
    helper = queue.Helpers(job.id, config.workers() - 1 if helpers else 0)
    with Watch(reader.budget, reader.bounds.memory, job.id):
        Gatherer(job, harvester, reader, locks, helper.more_work).run()
    _end_of_reading(job, reader.reading)


def _end_of_reading(job: Job, reading: Reading) -> None:
    # Each failure counts as one error; their consequence is a remark.
    notes = [*reading.notes, *([] if reading.complete else [("incomplete", {})])]
    # A restarted job reports only its last reading.
    model.Session.execute(sa.delete(HarvestGatherError).where(HarvestGatherError.harvest_job_id == job.id))
    for message in failures_of(reading):
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


def _start_next(source_id: str) -> None:
    """Enqueue a job of this source that found the source locked."""
    waiting = model.Session.execute(
        sa.select(HarvestJob.id)
        .where(HarvestJob.source_id == source_id, HarvestJob.status == RUNNING)
        .order_by(HarvestJob.created)
        .limit(1)
    ).scalar()
    model.Session.remove()
    if waiting:
        queue.send(waiting)


def _drop_connections() -> None:
    try:
        model.Session.remove()
    finally:
        if model.meta.engine is not None:
            model.meta.engine.dispose()
