"""Import stage: take batches while there are any, save each in one transaction, and index it in one request.

Any number of workers do this in parallel. A batch belongs to the worker that holds its lock, and is deleted once its
datasets are indexed. A worker that is killed loses its locks and its uncommitted work; what it had committed but not
indexed is listed in the batch, so that the next worker finishes it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import Batch, now
from ckanext.ecosphere.harvest.sources.source_type import SourceType
from ckanext.ecosphere.harvest.worker.backoff import pauses
from ckanext.ecosphere.harvest.worker.job import Job, is_running, update_state
from ckanext.ecosphere.harvest.worker.locks import batch_lock
from ckanext.ecosphere.harvest.worker.messages import about_record, say
from ckanext.ecosphere.harvest.worker.pace import Pace
from ckanext.ecosphere.harvest.worker.transaction import one_transaction
from ckanext.ecosphere.harvest.write.writer import ERRORED, IMPORT_LOG, Outcome, Writer
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.3
_CANDIDATES = 50
"""Number of batches of which the first free one is taken."""


@contextmanager
def without_activity() -> Iterator[None]:
    """Run a block without creating activities for saved datasets, unless the portal is configured to.

    Each activity would store a full copy of the dataset.
    """
    if config.writes_activity() or not p.plugin_loaded("activity"):
        yield
        return
    from ckanext.activity import subscriptions

    receivers = {
        "package_create": subscriptions.package_changed,
        "package_update": subscriptions.package_updated,
    }
    for action, receiver in receivers.items():
        tk.signals.action_succeeded.disconnect(receiver, sender=action)
    try:
        yield
    finally:
        for action, receiver in receivers.items():
            tk.signals.action_succeeded.connect(receiver, sender=action)


class Importer:
    """Imports the batches of a job.

    Args:
        job: the job.
        source_type: reads stored records.
        user: name of the user in whose name datasets are saved.
        locks: locks held by this worker.
        sleep: pause function.
    """

    def __init__(
        self,
        job: Job,
        source_type: SourceType,
        user: str,
        locks: Locks,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._job = job
        self._writer = Writer(job, source_type, user)
        self._documents = Documents()
        self._locks = locks
        self._sleep = sleep
        self._shown_within: int | None = None

    def work(self, until_empty: bool = False) -> None:
        """Import batches until none can be taken.

        Args:
            until_empty: also wait for batches of other workers, and take over those of workers that die.
        """
        self._shown_within = config.shown_seconds()
        pace = Pace(self._locks, self._sleep)
        with without_activity():
            self._writer.prepare()
            while is_running(self._job.id):
                batch_id = self._take()
                if batch_id is not None:
                    with pace.step():
                        # The job may have been aborted while waiting for the turn.
                        if is_running(self._job.id):
                            self._do(batch_id)
                elif until_empty and self._has_batches():
                    self._sleep(_POLL_SECONDS)
                else:
                    break
        model.Session.remove()

    def work_on(self, batch_id: int) -> None:
        """Import one batch, whatever the state of the job."""
        with without_activity():
            self._writer.prepare()
            if self._locks.take(batch_lock(batch_id)):
                self._do(batch_id)

    def _has_batches(self) -> bool:
        query = sa.select(Batch.id).where(Batch.job_id == self._job.id)
        return model.Session.execute(query.limit(1)).first() is not None

    def _take(self) -> int | None:
        query = sa.select(Batch.id).where(Batch.job_id == self._job.id).order_by(Batch.id)
        candidates = list(model.Session.scalars(query.limit(_CANDIDATES)))
        model.Session.rollback()
        for batch_id in candidates:
            if self._locks.take(batch_lock(batch_id)):
                return batch_id
        return None

    def _do(self, batch_id: int) -> None:
        # Read it again now that the lock is held: another worker may just have finished it.
        query = sa.select(Batch.object_ids, Batch.package_ids).where(Batch.id == batch_id)
        batch = model.Session.execute(query).first()
        model.Session.remove()
        if batch is not None:
            if batch.package_ids is None:
                documents = self._import(batch_id, batch.object_ids)
            else:
                documents = self._documents.make(batch.package_ids, self._document_failed)
            self._index(documents)
            model.Session.execute(sa.delete(Batch).where(Batch.id == batch_id))
            update_state(self._job.id, touched=now())
            model.Session.commit()
        self._locks.release(batch_lock(batch_id))

    # --- saving ---

    def _import(self, batch_id: int, object_ids: list[str]) -> list[solr.Document]:
        started = now()
        with one_transaction() as connection:
            outcomes = self._writer.write(object_ids, connection)
            self._finish_objects(outcomes, started)
            model.Session.commit()
            # Keep objects that hooks added to the session (quality rows), to avoid reading them again.
            references = list(model.Session.identity_map.values())
            documents = self._documents_of(outcomes)
            del references
            self._insert_logs(outcomes)
            self._insert_errors(outcomes)
            self._locks.check()
            package_ids = [document["id"] for document in documents]
            statement = sa.update(Batch).where(Batch.id == batch_id)
            model.Session.execute(statement.values(package_ids=package_ids))
        return documents

    def _documents_of(self, outcomes: list[Outcome]) -> list[solr.Document]:
        written = {
            outcome.package_id: outcome
            for outcome in outcomes
            if outcome.written and outcome.package_id
        }

        def failed(package_id: str, error: Exception) -> None:
            self._document_failed(package_id, error)
            outcome = written[package_id]
            detail = f"{type(error).__name__}: {error}"[:300]
            message = say("not-indexed", detail=detail)
            outcome.message = about_record(outcome.position, outcome.guid, message)

        documents = self._documents.make(list(written), failed)
        model.Session.commit()
        return documents

    @staticmethod
    def _document_failed(package_id: str, error: Exception) -> None:
        log.error("Index document of dataset %s", package_id, exc_info=error)
        model.Session.rollback()

    def _finish_objects(self, outcomes: list[Outcome], started: Any) -> None:
        """Store the outcomes on the objects; the object of a dataset written now becomes its current one."""
        if not outcomes:
            return
        written_ids = [outcome.package_id for outcome in outcomes if outcome.written]
        is_current = sa.and_(
            HarvestObject.package_id.in_(written_ids), HarvestObject.current.is_(True)
        )
        model.Session.execute(sa.update(HarvestObject).where(is_current).values(current=False))
        # One that is imported once more, since its lot came later or a later job is undone, keeps the report of its
        # own job.
        statement = """
            UPDATE harvest_object AS object
            SET state = outcome.state, current = outcome.written,
                report_status = CASE WHEN object.report_status IN ('added', 'updated') AND outcome.written
                                     THEN object.report_status ELSE outcome.status END,
                package_id = outcome.package, import_started = :started, import_finished = :finished
            FROM unnest(CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:statuses AS text[]),
                        CAST(:packages AS text[]), CAST(:written AS boolean[]))
                AS outcome(id, state, status, package, written)
            WHERE object.id = outcome.id
            """
        states = {ERRORED: "ERROR"}
        values = {
            "started": started,
            "finished": now(),
            "ids": [outcome.object_id for outcome in outcomes],
            "states": [states.get(outcome.status, "COMPLETE") for outcome in outcomes],
            "statuses": [outcome.status for outcome in outcomes],
            "packages": [outcome.package_id for outcome in outcomes],
            "written": [outcome.written for outcome in outcomes],
        }
        model.Session.execute(sa.text(statement), values)

    @staticmethod
    def _insert_logs(outcomes: list[Outcome]) -> None:
        rows = []
        for outcome in outcomes:
            import_log = {"position": outcome.position, **outcome.import_log}
            rows.append(
                {
                    "id": str(uuid4()),
                    "harvest_object_id": outcome.object_id,
                    "key": IMPORT_LOG,
                    "value": json.dumps(import_log, ensure_ascii=False),
                }
            )
        if rows:
            model.Session.execute(sa.insert(HarvestObjectExtra.__table__), rows)

    @staticmethod
    def _insert_errors(outcomes: list[Outcome]) -> None:
        rows = [
            {
                "id": str(uuid4()),
                "harvest_object_id": outcome.object_id,
                "message": outcome.message,
                "stage": "Import",
                "created": now(),
            }
            for outcome in outcomes
            if outcome.message
        ]
        if rows:
            model.Session.execute(sa.insert(HarvestObjectError.__table__), rows)

    # --- indexing ---

    def _index(self, documents: list[solr.Document]) -> None:
        """Index documents, waiting for Solr when it is away.

        Raises:
            SolrAwayError: it did not come back in time; the batch keeps the list of datasets to index.
        """
        for pause in (*pauses(config.outage_seconds()), None):
            try:
                solr.add(documents, within=self._shown_within)
                return
            except solr.SolrAwayError:
                if pause is None:
                    raise
                log.warning("Solr is away; next try in %s s", pause)
                self._sleep(pause)
            except SearchIndexError:
                self._index_one_by_one(documents)
                return

    def _index_one_by_one(self, documents: list[solr.Document]) -> None:
        """Index documents individually, so that one that Solr refuses does not affect the others."""
        for document in documents:
            try:
                solr.add([document], within=self._shown_within)
            except solr.SolrAwayError:
                raise
            except SearchIndexError as error:
                self._note_not_indexed(document["id"], str(error)[:300])

    def _note_not_indexed(self, package_id: str, detail: str) -> None:
        query = sa.select(HarvestObject.id, HarvestObject.guid).where(
            HarvestObject.package_id == package_id, HarvestObject.harvest_job_id == self._job.id
        )
        harvest_object = model.Session.execute(query).first()
        if harvest_object:
            object_id, guid = harvest_object
            message = about_record(0, guid, say("not-indexed", detail=detail))
            self._insert_errors([Outcome(object_id, guid, 0, message=message)])
            model.Session.commit()
