"""Import stage, first half: convert the records of a batch to datasets, each in its own savepoint."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any, Protocol

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.deduplication import decide
from ckanext.ecosphere.harvest.deduplication.explain import REASONS
from ckanext.ecosphere.harvest.deduplication.keys import keys_of
from ckanext.ecosphere.harvest.model import CATALOGUE, DUPLICATE, PUBLISHED, REFUSED, WITHDRAWN, SourceRecord
from ckanext.ecosphere.harvest.normalise import Context, RecordError, normalise
from ckanext.ecosphere.harvest.problems import FEATURE_CATALOGUE
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.worker.job import Job
from ckanext.ecosphere.harvest.worker.messages import about_record, say, translator, validation_detail
from ckanext.ecosphere.harvest.worker.transaction import ensure_joined
from ckanext.ecosphere.harvest.write import feature_catalogues, local_changes, local_edits, series
from ckanext.ecosphere.harvest.write.bulk import Bulk, BulkError
from ckanext.ecosphere.harvest.write.item import Item, load
from ckanext.ecosphere.harvest.write.outcome import ADDED, ERRORED, UNCHANGED, UPDATED, Outcome
from ckanext.ecosphere.harvest.write.portal import (
    Fitter,
    Names,
    Present,
    as_harvested,
    distinct,
    free_tags,
    keep_ids,
    present_resources,
    removed_resources,
)

log = logging.getLogger(__name__)


class RecordReader(Protocol):
    """What the writer needs of a source type."""

    def read(self, content: str) -> Record:
        """Read a stored record.

        Raises:
            RecordError: it cannot be read.
        """
        ...

    def record_url(self, url: str) -> str | None:
        """Return the URL pattern of original records of the source at `url`, with `{id}` in place of the identifier."""
        ...


class Writer:
    """Writes the records of a job.

    Args:
        job: the job.
        reader: reads stored records.
        user: name of the user in whose name datasets are saved.
    """

    def __init__(self, job: Job, reader: RecordReader, user: str):
        self._job = job
        self._reader = reader
        self._user = user
        self._fitter = Fitter.of_portal()
        self._bulk: Bulk | None = None
        self._context = Context(
            default_organisation=job.settings.get("default_organisation") or job.owner_name,
            fallback_organisation=config.fallback_organisation(),
            catalogue_title=job.title,
            record_url=reader.record_url(job.url),
            organisations=frozenset(job.organisations),
            only_organisation=job.owner_name if job.only_for is not None else None,
            free_tags=free_tags(),
        )

    def prepare(self) -> None:
        """Check whether new datasets can be created in bulk; to be called within `without_activity`."""
        self._bulk = Bulk(self._user) if Bulk.possible() else None

    def write(self, object_ids: list[str], connection: Connection) -> list[Outcome]:
        """Write the records of some objects; must run within `one_transaction`.

        Args:
            object_ids: the objects.
            connection: connection of the transaction.

        Returns:
            one outcome per object, in order.
        """
        items = load(object_ids)
        for item in items:
            item.catalogues = feature_catalogues.named(item.content)
        catalogues = feature_catalogues.texts(self._job.source_id, (id_ for item in items for id_ in item.catalogues))
        for item in items:
            self._normalise(item, catalogues)
        self._set_duplicates_aside(items)
        ready = [item for item in items if item.result is not None]
        names = Names()
        names.prepare([item.title for item in ready if item.package_id is None])
        lots = series.parents(self._job.source_id, {item.outcome.guid for item in ready})
        for item in ready:
            series.add_parents(item.result.dataset, lots.get(item.outcome.guid, []))  # type: ignore[union-attr]
        known_ids = [item.package_id for item in ready if item.package_id]
        present, removed = present_resources(known_ids), removed_resources(known_ids)
        done = self._create_together([item for item in ready if item.package_id is None], names)
        ensure_joined(connection)
        for item in ready:
            if item.outcome.guid in done:
                continue
            item.removed = removed.get(item.package_id or "", [])
            self._save(item, names, present.get(item.package_id or "", []))
            ensure_joined(connection)
        return [item.outcome for item in items]

    # --- from object to dataset ---

    def _normalise(self, item: Item, catalogues: dict[str, str]) -> None:
        if item.package_state == "deleted" and item.state != WITHDRAWN:
            item.outcome.status = UNCHANGED
            item.outcome.import_log = {"note": self._about(item, say("deleted-here")), "aside": "deleted-here"}
            self._record(item, digest=self._job.digest(item.seen_digest))
            return
        try:
            record = self._reader.read(item.content)
            feature_catalogues.add(record, item.content, catalogues)
            item.keys = keys_of(record)
            item.result = normalise(record, self._context)
        except RecordError as error:
            if error.code == FEATURE_CATALOGUE:
                self._set_catalogue_aside(item, error)
            else:
                self._refuse(item, self._about(item, error), error.code)
        except Exception as error:  # an unexpected record must not stop the others
            log.exception("Record %s of source %s", item.outcome.guid, self._job.source_id)
            self._refuse(item, self._about(item, RecordError("record-fault", detail=_brief(error))), "record-fault")
        else:
            item.outcome.import_log = {
                "changes": [change.as_dict() for change in item.result.log],
                "problems": [dataclasses.asdict(problem) for problem in item.result.problems],
                "codes": sorted({problem.code for problem in item.result.problems}),
                "unread": item.result.unread,
            }

    def _set_catalogue_aside(self, item: Item, error: RecordError) -> None:
        """Keep a feature catalogue for the datasets that name it, and note that it becomes no dataset."""
        item.outcome.status = UNCHANGED
        item.outcome.import_log = {"note": self._about(item, error), "aside": error.code}
        self._record(item, state=CATALOGUE, digest=self._job.digest(item.seen_digest))

    def _set_duplicates_aside(self, items: list[Item]) -> None:
        """Set aside records that another source publishes with priority, and take over datasets published with less."""
        new = {item.outcome.guid: item for item in items if item.result and item.package_id is None}
        for guid, decision in decide.decide(
            self._job.source_id, {guid: (item.keys, self._service(item)) for guid, item in new.items()}
        ).items():
            if isinstance(decision, decide.Duplicate):
                self._duplicate(new[guid], decision)
            else:
                self._take_over(new[guid], decision)

    def _service(self, item: Item) -> str:
        """Return the id of the service that will own the dataset of a record; empty without any."""
        if self._job.only_for is not None:
            return self._job.only_for
        named = self._job.organisations.get(item.result.organisation or "") if item.result else None
        return named or self._job.owner_org or ""

    @staticmethod
    def _take_over(item: Item, decision: decide.Takeover) -> None:
        package = model.Session.get(model.Package, decision.package_id)
        if package is None:
            return
        decide.let_go(decision.holder, package.id)
        item.package_id = item.outcome.package_id = package.id
        item.package_name, item.package_state, item.private = package.name, package.state, bool(package.private)
        item.extras = package.extras or {}
        item.note_edits(package)

    def _dataset(self, item: Item, name: str, present: list[Present]) -> dict[str, Any]:
        assert item.result is not None  # noqa: S101 - only such items come here
        dataset = dict(item.result.dataset)
        organisation = self._service(item)
        if not organisation:
            raise tk.ValidationError({"owner_org": [say("no-organisation")]})
        dataset.update(owner_org=organisation, name=name, type="dataset", state="active", private=item.private)
        if item.package_id:
            dataset["id"] = item.package_id
        dataset["resources"] = [dict(resource) for resource in dataset.get("resources") or []]
        keep_ids(dataset["resources"], as_harvested(present, item.edits))
        keep_ids(dataset["resources"], item.removed)
        if item.package_id:
            added = [each.id for each in present if each.local]
            item.edits = local_edits.keep(dataset, item.edits, item.here)
            item.added = local_changes.keep(dataset, item.package_id, item.extras, added)
        return self._fitter.fit(dataset)

    # --- saving ---

    def _create_together(self, items: list[Item], names: Names) -> set[str]:
        """Create the datasets of new records in bulk; failures are left to `_save`, which reports the cause.

        Returns:
            guids of the records whose datasets were created.
        """
        chosen: list[tuple[Item, dict[str, Any]]] = []
        for item in items if self._bulk else ():
            name = names.give(item.title, self._job.source_id, item.outcome.guid)
            if (data := self._valid(item, name)) is None:
                names.free(name)
            else:
                chosen.append((item, data))
        if not chosen or self._bulk is None:
            return set()
        try:
            ids = self._bulk.create([data for _item, data in chosen])
            self._record_created([item for item, _data in chosen], ids)
        except (BulkError, IntegrityError) as error:
            log.warning("Batch of source %s goes record by record: %s", self._job.source_id, _brief(error))
            model.Session.rollback()
            for _item, data in chosen:
                names.free(data["name"])
            return set()
        model.Session.commit()
        return {item.outcome.guid for item, _data in chosen}

    def _valid(self, item: Item, name: str) -> dict[str, Any] | None:
        assert self._bulk is not None  # noqa: S101 - the caller looked
        try:
            return self._bulk.valid(self._dataset(item, name, []))
        except tk.ValidationError:
            return None
        except Exception:  # a validator of any plugin: `_save` will fail too and report it
            return None

    def _record_created(self, items: list[Item], ids: list[str]) -> None:
        model.Session.execute(
            sa.text(
                f"""
                UPDATE {SourceRecord.__tablename__} AS record
                SET state = '{PUBLISHED}', digest = made.digest, package_id = made.package, name = NULL,
                    joined = NULL, keys = string_to_array(made.keys, E'\\n'),
                    members = string_to_array(made.members, E'\\n')
                FROM unnest(CAST(:guids AS text[]), CAST(:digests AS text[]), CAST(:keys AS text[]),
                            CAST(:members AS text[]), CAST(:packages AS text[]))
                    AS made(guid, digest, keys, members, package)
                WHERE record.source_id = :source AND record.guid = made.guid
                """  # noqa: S608 - only constants of this code
            ),
            {
                "source": self._job.source_id,
                "guids": [item.outcome.guid for item in items],
                "digests": [self._job.digest(item.seen_digest) for item in items],
                "keys": ["\n".join(item.keys) for item in items],
                "members": ["\n".join(item.members) for item in items],
                "packages": ids,
            },
        )
        local_changes.remember(ids)
        for item, id_ in zip(items, ids, strict=True):
            item.outcome.package_id, item.outcome.status = id_, ADDED

    def _save(self, item: Item, names: Names, present: list[Present]) -> None:
        guid = item.outcome.guid
        name = item.package_name or names.give(item.title, self._job.source_id, guid)
        if item.state == WITHDRAWN and item.package_name == item.package_id:
            name = item.old_name or name  # CKAN gave its name to another dataset while it was deleted
        for attempt in (name, distinct(name, self._job.source_id, guid)):
            try:
                self._save_as(item, self._dataset(item, attempt, present))
                model.Session.commit()
                return
            except tk.ValidationError as error:
                model.Session.rollback()
                if "name" in error.error_dict and attempt == name and item.package_name != name:
                    continue  # taken meanwhile
                names.free(attempt)
                self._refuse(item, self._about(item, _why_not_valid(error)), "not-valid")
                return
            except IntegrityError as error:
                model.Session.rollback()
                if attempt != name:
                    self._fault(item, error)
                    return
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise  # the database is away: the whole batch will be repeated
                model.Session.rollback()
                self._fault(item, error)
                return
            except Exception as error:  # a hook of any plugin
                model.Session.rollback()
                self._fault(item, error)
                return

    def _save_as(self, item: Item, dataset: dict[str, Any]) -> None:
        context: Any = {
            "ignore_auth": True,
            "user": self._user,
            "defer_commit": True,
            "return_id_only": True,
            local_edits.BY_HARVEST: True,
        }
        outcome = item.outcome
        if item.package_id:
            # Without it, CKAN would query Solr for the original; resources are compared again on saving.
            context["original_package"] = {"id": item.package_id, "resources": []}
            tk.get_action("package_update")(context, dataset)
            if item.here:
                local_edits.store(model.Session.get(model.Package, item.package_id), item.edits)
            outcome.status = ADDED if item.state == WITHDRAWN else UPDATED
        else:
            outcome.package_id = tk.get_action("package_create")(context, dataset)
            outcome.status = ADDED
        local_changes.remember([outcome.package_id or ""], item.added)
        self._record(
            item,
            state=PUBLISHED,
            digest=self._job.digest(item.seen_digest),
            keys=list(item.keys),
            members=item.members,
            joined=None,
            package_id=outcome.package_id,
            name=None,
        )

    def _record(self, item: Item, **values: Any) -> None:
        model.Session.execute(
            sa.update(SourceRecord)
            .where(SourceRecord.source_id == self._job.source_id, SourceRecord.guid == item.outcome.guid)
            .values(**values)
        )

    # --- what did not become a dataset ---

    def _refuse(self, item: Item, message: str, reason: str) -> None:
        item.result = None
        item.outcome.import_log["refused"] = reason
        item.outcome.status = ERRORED
        item.outcome.message = message
        if item.package_id is None:
            self._record(item, state=REFUSED)
            model.Session.commit()

    def _fault(self, item: Item, error: Exception) -> None:
        log.error("Record %s of source %s", item.outcome.guid, self._job.source_id, exc_info=error)
        self._refuse(item, self._about(item, say("fault", detail=_brief(error))), "fault")

    def _duplicate(self, item: Item, decision: decide.Duplicate) -> None:
        item.result = None
        item.outcome.status = UNCHANGED
        why = decision.why
        text = translator()(REASONS[why["reason"]]).format(**why["params"])
        note = self._about(item, say("duplicate", catalogue=why["source"], reason=text))
        item.outcome.import_log.update(note=note, aside=f"joined-{why['reason']}")
        self._record(
            item,
            state=DUPLICATE,
            digest=self._job.digest(item.seen_digest),
            keys=list(item.keys),
            joined=decision.package_id,
        )
        model.Session.commit()

    @staticmethod
    def _about(item: Item, problem: Any) -> str:
        return about_record(item.outcome.position, item.outcome.guid, problem)


def _why_not_valid(error: tk.ValidationError) -> str:
    return say("not-valid", detail=validation_detail(error.error_dict)[:500])


def _brief(error: Exception) -> str:
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    return f"{type(error).__name__}: {text}"[:300].rstrip(".")
