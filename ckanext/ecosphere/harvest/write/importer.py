"""Import stage: take batches while there are any, save each in one transaction, and index it in one
request.

Any number of workers do this in parallel. A batch belongs to the worker that holds its lock, and is
deleted once its datasets are indexed. A worker that is killed loses its locks and its uncommitted
work; what it had committed but not indexed is listed in the batch, so that the next worker finishes
it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError
from ckan.types import DataDict
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents
from ckanext.ecosphere.harvest import config, deduplication
from ckanext.ecosphere.harvest.deduplication import keys_of
from ckanext.ecosphere.harvest.iso.walk import CATALOGUE_ROOT, catalogue_text
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.job import (
    Job,
    Pace,
    batch_lock,
    ensure_joined,
    is_running,
    one_transaction,
    pauses,
    update_state,
)
from ckanext.ecosphere.harvest.messages import (
    JOINING,
    about_record,
    say,
    translator,
    validation_detail,
)
from ckanext.ecosphere.harvest.model import (
    ADDED,
    CATALOGUE,
    DUPLICATE,
    ERRORED,
    IMPORT_LOG,
    PUBLISHED,
    REFUSED,
    UNCHANGED,
    UPDATED,
    WITHDRAWN,
    Batch,
    SourceRecord,
    is_any,
    last_contents,
    now,
    update_record,
)
from ckanext.ecosphere.harvest.normalise import Context, RecordError, Result, normalise
from ckanext.ecosphere.harvest.normalise.identity import named_catalogues
from ckanext.ecosphere.harvest.problems import FEATURE_CATALOGUE
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import SourceType
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.ecosphere.harvest.write.portal import (
    Bulk,
    BulkError,
    Names,
    SchemaFields,
    StoredResource,
    accepts_free_tags,
    as_harvested,
    keep_ids,
    slug_with_hash,
    stored_resources,
    without_activity,
)
from ckanext.ecosphere.shared import log_ids
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.parsing import local_name
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.3
_CANDIDATES = 50
"""Number of batches of which the first free one is taken."""


class Importer:
    """Imports the batches of a job.

    Args:
        job: the job.
        source_type: reads stored records.
        user: name of the user in whose name datasets are saved.
        locks: locks held by this worker.
    """

    def __init__(self, job: Job, source_type: SourceType, user: str, locks: Locks):
        self._job = job
        self._batches = sa.select(Batch.id).where(Batch.job_id == job.id)
        self._writer = Writer(job, source_type, user)
        self._documents = Documents()
        self._locks = locks
        self._shown_within: int | None = None

    def work(self, until_empty: bool = False) -> None:
        """Import batches until none can be taken.

        Args:
            until_empty: also wait for batches of other workers, and take over those of workers that
                die.
        """
        self._shown_within = config.shown_seconds()
        pace = Pace(self._locks)
        with without_activity():
            self._writer.prepare()
            while is_running(self._job.id):
                batch_id = self._take()
                if batch_id is not None:
                    with pace.step():
                        # The job may have been aborted while waiting for the turn.
                        if is_running(self._job.id):
                            self._do(batch_id)
                elif until_empty and is_any(self._batches):
                    time.sleep(_POLL_SECONDS)
                else:
                    break
        model.Session.remove()

    def work_on(self, batch_id: int) -> None:
        """Import one batch, whatever the state of the job."""
        with without_activity():
            self._writer.prepare()
            if self._locks.take(batch_lock(batch_id)):
                self._do(batch_id)

    def _take(self) -> int | None:
        """Return a batch that no other worker has, locked for this one; None if there is none."""
        query = self._batches.order_by(Batch.id).limit(_CANDIDATES)
        candidates = list(model.Session.scalars(query))
        model.Session.rollback()
        for batch_id in candidates:
            if self._locks.take(batch_lock(batch_id)):
                return batch_id
        return None

    def _do(self, batch_id: int) -> None:
        """Import and index a batch, or only index one that was imported already.

        Delete it and release its lock.
        """
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
            items = self._writer.write(object_ids, connection)
            self._finish_objects(items, started)
            model.Session.commit()
            # Keep objects that hooks added to the session (quality rows), to avoid reading them
            # again.
            references = list(model.Session.identity_map.values())
            documents = self._documents_of(items)
            del references
            self._insert_logs(items)
            self._insert_errors({item.object_id: item.message for item in items if item.message})
            self._locks.check()
            package_ids = [document["id"] for document in documents]
            statement = sa.update(Batch).where(Batch.id == batch_id)
            model.Session.execute(statement.values(package_ids=package_ids))
        return documents

    def _documents_of(self, items: list[Item]) -> list[solr.Document]:
        written = {item.package_id: item for item in items if item.written and item.package_id}

        def failed(package_id: str, error: Exception) -> None:
            self._document_failed(package_id, error)
            item = written[package_id]
            detail = f"{type(error).__name__}: {error}"[:300]
            item.message = item.about(say("not-indexed", detail=detail))

        documents = self._documents.make(list(written), failed)
        model.Session.commit()
        return documents

    @staticmethod
    def _document_failed(package_id: str, error: Exception) -> None:
        log.error("Index document of dataset %s", package_id, exc_info=error)
        model.Session.rollback()

    def _finish_objects(self, items: list[Item], started: Any) -> None:
        """Store the outcomes on the objects.

        The object of a dataset written now becomes its current one.
        """
        written_ids = [item.package_id for item in items if item.written]
        is_current = sa.and_(
            HarvestObject.package_id.in_(written_ids), HarvestObject.current.is_(True)
        )
        model.Session.execute(sa.update(HarvestObject).where(is_current).values(current=False))
        # One that is imported once more, since its lot came later or a later job is undone, keeps
        # the report of its own job.
        statement = """
            UPDATE harvest_object AS object
            SET state = CASE outcome.status WHEN 'errored' THEN 'ERROR' ELSE 'COMPLETE' END,
                current = outcome.written,
                report_status = CASE
                    WHEN object.report_status IN ('added', 'updated') AND outcome.written
                    THEN object.report_status ELSE outcome.status END,
                package_id = outcome.package, import_started = :started, import_finished = :finished
            FROM unnest(CAST(:ids AS text[]), CAST(:statuses AS text[]), CAST(:packages AS text[]),
                        CAST(:written AS boolean[]))
                AS outcome(id, status, package, written)
            WHERE object.id = outcome.id
            """
        values = {
            "started": started,
            "finished": now(),
            "ids": [item.object_id for item in items],
            "statuses": [item.status for item in items],
            "packages": [item.package_id for item in items],
            "written": [item.written for item in items],
        }
        model.Session.execute(sa.text(statement), values)

    @staticmethod
    def _insert_logs(items: list[Item]) -> None:
        rows = []
        for item in items:
            import_log = {"position": item.position, **item.import_log}
            value = json.dumps(import_log, ensure_ascii=False)
            rows.append({"harvest_object_id": item.object_id, "key": IMPORT_LOG, "value": value})
        if rows:
            model.Session.execute(sa.insert(HarvestObjectExtra.__table__), rows)

    @staticmethod
    def _insert_errors(messages: dict[str, str]) -> None:
        """Report errors of objects."""
        rows = []
        for object_id, message in messages.items():
            rows.append({"harvest_object_id": object_id, "message": message, "stage": "Import"})
        if rows:
            model.Session.execute(sa.insert(HarvestObjectError.__table__), rows)

    # --- indexing ---

    def _index(self, documents: list[solr.Document]) -> None:
        """Index documents, waiting for Solr when it is away.

        Raises:
            SolrAwayError: it did not come back in time; the batch keeps the list of datasets to
                index.
        """
        for pause in (*pauses(config.outage_seconds()), None):
            try:
                solr.add(documents, within=self._shown_within)
                return
            except solr.SolrAwayError:
                if pause is None:
                    raise
                log.warning("Solr is away; next try in %s s", pause)
                time.sleep(pause)
            except SearchIndexError:
                self._index_one_by_one(documents)
                return

    def _index_one_by_one(self, documents: list[solr.Document]) -> None:
        """Index documents individually, so that one that Solr
        refuses does not affect the others.
        """
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
            self._insert_errors({object_id: message})
            model.Session.commit()


# --- from record to dataset, each in its own savepoint ---


@dataclass(slots=True)
class Item:
    """One record of a batch, from loading to its outcome, in the terms of ckanext-harvest's
    reports.

    Attributes:
        digest: the digest with which it counts as imported by this job.
        extras, private: of its dataset.
        removed: resources that were removed from its dataset last.
        edits: local edits of its dataset.
        values_here: current values of a dataset that has local edits.
        added: ids of resources that were added on the portal.
        status: `ADDED`, `UPDATED`, `UNCHANGED` or `ERRORED`.
        message: the reason of a failure, or another remark; one sentence.
        import_log: decisions and problems of the rules, and values without a place.
    """

    object_id: str
    guid: str
    position: int
    content: str
    digest: str
    state: str
    old_name: str | None
    catalogues: list[str]
    package_id: str | None = None
    package_name: str | None = None
    package_state: str | None = None
    private: bool = False
    extras: DataDict = field(default_factory=dict)
    removed: list[StoredResource] = field(default_factory=list)
    edits: local_edits.Edits = field(default_factory=dict)
    values_here: local_edits.Values = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    added: list[str] = field(default_factory=list)
    result: Result | None = None
    status: str = ERRORED
    message: str = ""
    import_log: DataDict = field(default_factory=dict)

    @property
    def written(self) -> bool:
        """Whether a dataset was created or updated."""
        return self.status in {ADDED, UPDATED}

    @property
    def title(self) -> str:
        """Title of the dataset, or its name in the portal that published it,
        else the identifier of the record.
        """
        dataset: DataDict = {}
        if self.result:
            dataset = self.result.dataset
        return dataset.get("name") or dataset.get("title") or self.guid

    @property
    def members(self) -> list[str]:
        """Members that the record of a series names, and feature
        catalogues that any record names.
        """
        if self.result is None:
            return self.catalogues
        return [*self.result.members, *self.catalogues]

    def has_dataset(self, package: Any) -> None:
        """Note the dataset made of the record, as it is now."""
        self.package_id = package.id
        self.package_name, self.package_state = package.name, package.state
        self.private = bool(package.private)
        self.extras = package.extras or {}
        self.edits = local_edits.edits_of(package)
        if self.edits:
            self.values_here = local_edits.values_of(package)

    def about(self, problem: RecordError | str) -> str:
        """Return a sentence about the record."""
        return about_record(self.position, self.guid, problem)


class Writer:
    """Writes the records of a job.

    Args:
        job: the job.
        source_type: reads stored records.
        user: name of the user in whose name datasets are saved.
    """

    def __init__(self, job: Job, source_type: SourceType, user: str):
        self._job = job
        self._source_type = source_type
        self._user = user
        self._schema = SchemaFields.of_portal()
        only_organisation = None
        if job.only_for is not None:
            only_organisation = job.owner_name
        self._bulk: Bulk | None = None
        self._context = Context(
            default_organisation=job.settings.get("default_organisation") or job.owner_name,
            fallback_organisation=config.fallback_organisation(),
            catalogue_title=job.title,
            record_url=source_type.record_url(job.url),
            organisations=frozenset(job.organisations),
            only_organisation=only_organisation,
            free_tags=accepts_free_tags(),
        )

    def prepare(self) -> None:
        """Check whether new datasets can be created in bulk.

        To be called within `without_activity`.
        """
        self._bulk = Bulk(self._user) if Bulk.possible() else None

    def write(self, object_ids: list[str], connection: Connection) -> list[Item]:
        """Write the records of some objects; must run within `one_transaction`.

        Args:
            object_ids: the objects.
            connection: connection of the transaction.

        Returns:
            what became of each object, in order.
        """
        items = self._load(object_ids)
        identifiers = [identifier for item in items for identifier in item.catalogues]
        catalogues = catalogue_texts(self._job.source_id, identifiers)
        for item in items:
            with log_ids.about(record=item.guid):
                self._normalise(item, catalogues)
        self._set_duplicates_aside(items)
        ready = [item for item in items if item.result is not None]
        self._add_series(ready)
        new = [item for item in ready if item.package_id is None]
        names = Names([item.title for item in new])
        created = self._create_together(new, names)
        ensure_joined(connection)
        others = [item for item in ready if item.guid not in created]
        known_ids = [item.package_id for item in others if item.package_id]
        present = stored_resources(known_ids, "active")
        removed = stored_resources(known_ids, "deleted")
        for item in others:
            package_id = item.package_id or ""
            item.removed = removed.get(package_id, [])
            with log_ids.about(record=item.guid):
                self._save(item, names, present.get(package_id, []))
            ensure_joined(connection)
        return items

    # --- from object to dataset ---

    def _load(self, object_ids: list[str]) -> list[Item]:
        """Load the records of some objects, in order, except those
        whose source was cleared meanwhile.
        """
        is_record = sa.and_(
            SourceRecord.source_id == HarvestObject.harvest_source_id,
            SourceRecord.guid == HarvestObject.guid,
        )
        query = (
            sa.select(HarvestObject.id, HarvestObject.content, SourceRecord, model.Package)
            .join(SourceRecord, is_record)
            .outerjoin(model.Package, model.Package.id == SourceRecord.package_id)
            .where(HarvestObject.id.in_(object_ids))
        )
        items = {}
        for object_id, content, record, package in model.Session.execute(query):
            item = items[object_id] = Item(
                object_id=object_id,
                guid=record.guid,
                position=record.position,
                content=content or "",
                digest=self._job.digest(record.seen_digest or ""),
                state=record.state,
                old_name=record.name,
                catalogues=named_catalogues(content or ""),
            )
            if package is not None:
                item.has_dataset(package)
        return [items[object_id] for object_id in object_ids if object_id in items]

    def _normalise(self, item: Item, catalogues: dict[str, str]) -> None:
        if item.package_state == "deleted" and item.state != WITHDRAWN:
            self._set_aside(item, say("deleted-here"), "deleted-here")
            update_record(self._job.source_id, item.guid, digest=item.digest)
            return
        try:
            record = self._source_type.read(item.content)
            add_catalogues(record, item.catalogues, catalogues)
            item.result = normalise(record, self._context)
            item.keys = keys_of(record)
        except RecordError as error:
            if error.code == FEATURE_CATALOGUE:
                # Kept for the datasets that name it.
                self._set_aside(item, error, error.code)
                update_record(self._job.source_id, item.guid, state=CATALOGUE, digest=item.digest)
            else:
                self._refuse(item, error, error.code)
        except Exception as error:  # an unexpected record must not stop the others
            log.exception("Record %s of source %s", item.guid, self._job.source_id)
            fault = RecordError("record-fault", detail=_brief(error))
            self._refuse(item, fault, fault.code)
        else:
            item.import_log = {
                "changes": [change.as_dict() for change in item.result.log],
                "problems": [dataclasses.asdict(problem) for problem in item.result.problems],
                "codes": sorted({problem.code for problem in item.result.problems}),
                "unread": item.result.unread,
            }

    def _add_series(self, items: list[Item]) -> None:
        series = deduplication.series_of(self._job.source_id, {item.guid for item in items})
        for item in items:
            assert item.result is not None  # noqa: S101 - only such items come here
            deduplication.add_series(item.result.dataset, series.get(item.guid, []))

    def _set_duplicates_aside(self, items: list[Item]) -> None:
        """Set aside records that another source publishes with priority,
        and take over datasets published with less.
        """
        new = {item.guid: item for item in items if item.result and item.package_id is None}
        candidates = {guid: (item.keys, self._service(item)) for guid, item in new.items()}
        for guid, decision in deduplication.decide(self._job.source_id, candidates).items():
            if isinstance(decision, deduplication.Duplicate):
                self._duplicate(new[guid], decision)
            else:
                self._take_over(new[guid], decision)

    def _service(self, item: Item) -> str:
        """Return the id of the service that will own the dataset of a record; empty without any."""
        if self._job.only_for is not None:
            return self._job.only_for
        organisation = item.result.organisation if item.result else None
        return self._job.organisations.get(organisation or "") or self._job.owner_org or ""

    @staticmethod
    def _take_over(item: Item, decision: deduplication.Takeover) -> None:
        package = model.Session.get(model.Package, decision.package_id)
        if package is not None:
            update_record(*decision.holder, state=DUPLICATE, package_id=None, joined=package.id)
            item.has_dataset(package)

    def _dataset(self, item: Item, name: str, present: list[StoredResource]) -> DataDict:
        assert item.result is not None  # noqa: S101 - only such items come here
        organisation = self._service(item)
        if not organisation:
            raise tk.ValidationError({"owner_org": [say("no-organisation")]})
        resources = item.result.dataset.get("resources") or ()
        dataset = {
            **item.result.dataset,
            "owner_org": organisation,
            "name": name,
            "type": "dataset",
            "state": "active",
            "private": item.private,
            "resources": [dict(resource) for resource in resources],
        }
        keep_ids(dataset["resources"], as_harvested(present, item.edits))
        keep_ids(dataset["resources"], item.removed)
        if item.package_id:
            dataset["id"] = item.package_id
            added = [resource.id for resource in present if resource.local]
            item.edits = local_edits.keep_edits(dataset, item.edits, item.values_here)
            item.added = local_edits.keep_additions(dataset, item.package_id, item.extras, added)
        return self._schema.fit(dataset)

    # --- saving ---

    def _create_together(self, items: list[Item], names: Names) -> set[str]:
        """Create the datasets of new records in bulk; failures are left to `_save`, which reports
        the cause.

        Returns:
            guids of the records whose datasets were created.
        """
        if self._bulk is None:
            return set()
        chosen: list[Item] = []
        datasets: list[DataDict] = []
        for item in items:
            name = names.assign(item.title, self._job.source_id, item.guid)
            dataset = self._valid(self._bulk, item, name)
            if dataset is None:
                names.release(name)
            else:
                chosen.append(item)
                datasets.append(dataset)
        if not chosen:
            return set()
        try:
            ids = self._bulk.create(datasets)
            self._record_created(chosen, ids)
        except (BulkError, IntegrityError) as error:
            text = _brief(error)
            log.warning("Batch of source %s goes record by record: %s", self._job.source_id, text)
            model.Session.rollback()
            for dataset in datasets:
                names.release(dataset["name"])
            return set()
        model.Session.commit()
        return {item.guid for item in chosen}

    def _valid(self, bulk: Bulk, item: Item, name: str) -> DataDict | None:
        try:
            return bulk.valid(self._dataset(item, name, []))
        except Exception:  # a validator of any plugin: `_save` will fail too and report it
            return None

    def _record_created(self, items: list[Item], ids: list[str]) -> None:
        statement = f"""
            UPDATE {SourceRecord.__tablename__} AS record
            SET state = '{PUBLISHED}', digest = made.digest, package_id = made.package, name = NULL,
                joined = NULL, keys = string_to_array(made.keys, E'\\n'),
                members = string_to_array(made.members, E'\\n')
            FROM unnest(CAST(:guids AS text[]), CAST(:digests AS text[]), CAST(:keys AS text[]),
                        CAST(:members AS text[]), CAST(:packages AS text[]))
                AS made(guid, digest, keys, members, package)
            WHERE record.source_id = :source AND record.guid = made.guid
            """  # noqa: S608 - only constants of this code
        values = {
            "source": self._job.source_id,
            "guids": [item.guid for item in items],
            "digests": [item.digest for item in items],
            "keys": ["\n".join(item.keys) for item in items],
            "members": ["\n".join(item.members) for item in items],
            "packages": ids,
        }
        model.Session.execute(sa.text(statement), values)
        local_edits.remember(ids)
        for item, id_ in zip(items, ids, strict=True):
            item.package_id = id_
            item.status = ADDED

    def _save(self, item: Item, names: Names, present: list[StoredResource]) -> None:
        """Save a dataset through CKAN's actions.

        Under a unique name when its own is taken meanwhile.
        """
        name = item.package_name or names.assign(item.title, self._job.source_id, item.guid)
        if item.state == WITHDRAWN and item.package_name == item.package_id:
            # CKAN gave its name to another dataset while it was deleted.
            name = item.old_name or name
        for attempt in (name, slug_with_hash(name, self._job.source_id, item.guid)):
            try:
                package_id, status = self._save_as(item, self._dataset(item, attempt, present))
                model.Session.commit()
                item.package_id, item.status = package_id, status
                return
            except tk.ValidationError as error:
                model.Session.rollback()
                if "name" in error.error_dict and attempt == name and item.package_name != name:
                    continue
                names.release(attempt)
                detail = validation_detail(error.error_dict)[:500]
                self._refuse(item, say("not-valid", detail=detail), "not-valid")
                return
            except Exception as error:  # of the database, or of a hook of any plugin
                if isinstance(error, DBAPIError) and error.connection_invalidated:
                    raise  # the database is away: the whole batch will be repeated
                model.Session.rollback()
                if isinstance(error, IntegrityError) and attempt == name:
                    continue
                log.error("Record %s of source %s", item.guid, self._job.source_id, exc_info=error)
                self._refuse(item, say("fault", detail=_brief(error)), "fault")
                return

    def _save_as(self, item: Item, dataset: DataDict) -> tuple[str, str]:
        """Save a dataset; return its id and the outcome."""
        context: Any = {
            "ignore_auth": True,
            "user": self._user,
            "defer_commit": True,
            "return_id_only": True,
            local_edits.BY_HARVEST: True,
        }
        status = ADDED
        package_id = item.package_id
        if package_id:
            # Without it, CKAN would query Solr for the original; resources are compared again on
            # saving.
            context["original_package"] = {"id": package_id, "resources": []}
            tk.get_action("package_update")(context, dataset)
            if item.values_here:
                local_edits.store(model.Session.get(model.Package, package_id), item.edits)
            if item.state != WITHDRAWN:
                status = UPDATED
        else:
            package_id = tk.get_action("package_create")(context, dataset)
        local_edits.remember([package_id], item.added)
        update_record(
            self._job.source_id,
            item.guid,
            state=PUBLISHED,
            digest=item.digest,
            keys=list(item.keys),
            members=item.members,
            joined=None,
            package_id=package_id,
            name=None,
        )
        return package_id, status

    # --- what did not become a dataset ---

    def _refuse(self, item: Item, problem: RecordError | str, reason: str) -> None:
        item.result = None
        item.import_log["refused"] = reason
        item.status = ERRORED
        item.message = item.about(problem)
        if item.package_id is None:
            update_record(self._job.source_id, item.guid, state=REFUSED)
            model.Session.commit()

    def _set_aside(self, item: Item, problem: RecordError | str, reason: str) -> None:
        """Note why no dataset is made of a record although nothing is wrong with it."""
        item.result = None
        item.status = UNCHANGED
        item.import_log["note"] = item.about(problem)
        item.import_log["aside"] = reason

    def _duplicate(self, item: Item, decision: deduplication.Duplicate) -> None:
        why = decision.why
        text = translator()(JOINING[why["reason"]]).format(**why["params"])
        message = say("duplicate", catalogue=why["source"], reason=text)
        self._set_aside(item, message, f"joined-{why['reason']}")
        update_record(
            self._job.source_id,
            item.guid,
            state=DUPLICATE,
            digest=item.digest,
            keys=list(item.keys),
            joined=decision.package_id,
        )
        model.Session.commit()


def _brief(error: Exception) -> str:
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    return f"{type(error).__name__}: {text}"[:300].rstrip(".")


# --- feature catalogues (ISO 19110) that a source publishes as records of their own ---
#
# They become no datasets: their attributes are added to the datasets that name them.

PATH = "contentInfo/featureCatalogue"
MAX_TEXT = 5_500
"""Maximum characters shown of a catalogue."""


def catalogue_texts(source_id: str, identifiers: Collection[str]) -> dict[str, str]:
    """Return the texts of the catalogues of a source, as last read, by identifier.

    Unknown ones are absent.
    """
    contents = last_contents(source_id, identifiers)
    texts = {guid: _catalogue_text(content) for guid, content in contents.items()}
    return {guid: text for guid, text in texts.items() if text}


def _catalogue_text(content: str) -> str:
    try:
        root = parse_xml(content.encode("utf-8"))
    except RecordError:
        return ""
    if local_name(root) != CATALOGUE_ROOT:
        return ""
    return catalogue_text(root)


def add_catalogues(record: Record, identifiers: Iterable[str], texts: Mapping[str, str]) -> None:
    """Add the texts of the catalogues that a record names to its notes."""
    for identifier in identifiers:
        text = texts.get(identifier, "")
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}…"
        if text:
            record.unread.append(f"{PATH}: {text}")
