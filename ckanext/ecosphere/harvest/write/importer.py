"""Import stage: take batches while there are any, save each in one transaction, and index it in one request.

Any number of workers do this in parallel. A batch belongs to the worker that holds its lock, and is deleted once its
datasets are indexed. A worker that is killed loses its locks and its uncommitted work; what it had committed but not
indexed is listed in the batch, so that the next worker finishes it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish.activity import without_activity
from ckanext.ecosphere.harvest.model import Batch, now
from ckanext.ecosphere.harvest.worker.backoff import pauses
from ckanext.ecosphere.harvest.worker.job import Job, is_running, update_state
from ckanext.ecosphere.harvest.worker.locks import batch_lock
from ckanext.ecosphere.harvest.worker.messages import about_record, say
from ckanext.ecosphere.harvest.worker.pace import Pace
from ckanext.ecosphere.harvest.worker.transaction import one_transaction
from ckanext.ecosphere.harvest.write.outcome import ERRORED, IMPORT_LOG, Outcome
from ckanext.ecosphere.harvest.write.writer import RecordReader, Writer
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.3
_LOOKED_AT = 50


class Importer:
    """Imports the batches of a job.

    Args:
        job: the job.
        reader: reads stored records.
        user: name of the user in whose name datasets are saved.
        locks: locks held by this worker.
        sleep: pause function.
    """

    def __init__(
        self,
        job: Job,
        reader: RecordReader,
        user: str,
        locks: Locks,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._job = job
        self._writer = Writer(job, reader, user)
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
                batch = self._take()
                if batch is not None:
                    with pace.step():
                        if is_running(self._job.id):  # the job may have been aborted while waiting for the turn
                            self._do(batch)
                elif until_empty and self._left():
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

    def _left(self) -> int:
        query = sa.select(sa.func.count()).select_from(Batch).where(Batch.job_id == self._job.id)
        return model.Session.execute(query).scalar_one()

    def _take(self) -> int | None:
        query = sa.select(Batch.id).where(Batch.job_id == self._job.id).order_by(Batch.id).limit(_LOOKED_AT)
        candidates = list(model.Session.execute(query).scalars())
        model.Session.rollback()
        return next((id_ for id_ in candidates if self._locks.take(batch_lock(id_))), None)

    def _do(self, batch_id: int) -> None:
        # Read it again now that the lock is held: another worker may just have finished it.
        batch = model.Session.get(Batch, batch_id, populate_existing=True)
        found = (list(batch.object_ids), batch.package_ids) if batch else None
        model.Session.remove()
        if found is not None:
            object_ids, package_ids = found
            if package_ids is None:
                documents = self._import(batch_id, object_ids)
            else:
                documents = self._documents.make(package_ids, self._document_failed)
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
            # Keep references to objects that hooks added to the session (quality rows), to avoid reading them again.
            held = list(model.Session.identity_map.values())
            documents = self._documents_of(outcomes)
            del held
            self._insert_logs(outcomes)
            self._insert_errors(outcomes)
            self._locks.check()
            model.Session.execute(
                sa.update(Batch)
                .where(Batch.id == batch_id)
                .values(package_ids=[document["id"] for document in documents])
            )
        return documents

    def _documents_of(self, outcomes: list[Outcome]) -> list[solr.Document]:
        written = {outcome.package_id: outcome for outcome in outcomes if outcome.written and outcome.package_id}

        def failed(package_id: str, error: Exception) -> None:
            self._document_failed(package_id, error)
            outcome = written[package_id]
            detail = f"{type(error).__name__}: {error}"[:300]
            outcome.message = about_record(outcome.position, outcome.guid, say("not-indexed", detail=detail))

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
        written = [outcome.package_id for outcome in outcomes if outcome.written]
        model.Session.execute(
            sa.update(HarvestObject)
            .where(HarvestObject.package_id.in_(written), HarvestObject.current.is_(True))
            .values(current=False)
        )
        model.Session.execute(
            sa.text(
                """
                UPDATE harvest_object AS object
                SET state = outcome.state, current = outcome.written,
                    -- Imported once more, since its lot came later or a later job is undone: the report of its own
                    -- job stays as it is.
                    report_status = CASE WHEN object.report_status IN ('added', 'updated') AND outcome.written
                                         THEN object.report_status ELSE outcome.status END,
                    package_id = outcome.package, import_started = :started, import_finished = :finished
                FROM unnest(CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:statuses AS text[]),
                            CAST(:packages AS text[]), CAST(:written AS boolean[]))
                    AS outcome(id, state, status, package, written)
                WHERE object.id = outcome.id
                """
            ),
            {
                "started": started,
                "finished": now(),
                "ids": [outcome.object_id for outcome in outcomes],
                "states": ["ERROR" if outcome.status == ERRORED else "COMPLETE" for outcome in outcomes],
                "statuses": [outcome.status for outcome in outcomes],
                "packages": [outcome.package_id for outcome in outcomes],
                "written": [outcome.written for outcome in outcomes],
            },
        )

    @staticmethod
    def _insert_logs(outcomes: list[Outcome]) -> None:
        rows = [
            {
                "id": str(uuid4()),
                "harvest_object_id": outcome.object_id,
                "key": IMPORT_LOG,
                "value": json.dumps({"position": outcome.position, **outcome.import_log}, ensure_ascii=False),
            }
            for outcome in outcomes
        ]
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
                self._tell_not_indexed(document["id"], str(error)[:300])

    def _tell_not_indexed(self, package_id: str, detail: str) -> None:
        found = model.Session.execute(
            sa.select(HarvestObject.id, HarvestObject.guid).where(
                HarvestObject.package_id == package_id, HarvestObject.harvest_job_id == self._job.id
            )
        ).first()
        if found:
            message = about_record(0, found.guid, say("not-indexed", detail=detail))
            self._insert_errors([Outcome(found.id, found.guid, 0, message=message)])
            model.Session.commit()
