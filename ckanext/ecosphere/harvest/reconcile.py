"""Settle what the order of harvests left open: duplicates, series, feature catalogues; import
stored records again.

During the import, a duplicate is set aside or takes over its dataset at once
(`deduplication.decide`). What cannot be known then (a record that arrives later, a changed
priority, a withdrawn record) is corrected here, at the end of each job and after a manual override,
so that the final state does not depend on the order of harvests. Safe to run again after a crash at
any point: each step is committed together with the state that says what is left to do.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import IPackageController, PluginImplementations
from ckan.types import DataDict
from sqlalchemy.orm import aliased

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.deduplication import (
    MAX_SERIES,
    Group,
    RecordId,
    Row,
    around,
    grouped,
    kept_objects,
    keys_to_settle,
    rank,
    sources,
)
from ckanext.ecosphere.harvest.job import load, one_transaction, user_name
from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    IMPORT_LOG,
    NEW,
    PUBLISHED,
    WITHDRAWN,
    Batch,
    SourceRecord,
    update_record,
)
from ckanext.ecosphere.harvest.sources.base import type_called
from ckanext.ecosphere.harvest.write.importer import Importer
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra

LOCK = "joining"
_PASSES = 3
"""Maximum number of passes: a record that has to take over may be refused, and then the next one is
tried."""
_POLL_SECONDS = 0.3


@contextmanager
def _alone() -> Iterator[None]:
    """Run a block while no other worker reconciles."""
    with Locks() as locks:
        while not locks.take(LOCK):
            time.sleep(_POLL_SECONDS)
        yield


def reconcile(source_id: str, job_id: str | None = None, complete: bool = False) -> None:
    """Reconcile the records of a source with those of all others.

    Args:
        source_id: the source.
        job_id: job that has just read it.
        complete: whether that job read it completely; duplicates that it did not see are then
            forgotten.
    """
    with _alone():
        if complete and job_id:
            _forget_vanished_copies(source_id, job_id)
        keys = keys_to_settle(source_id)
        model.Session.remove()
        if keys:
            _settle(keys)


def _settle(keys: Collection[str]) -> None:
    """Reconcile all records reachable from these keys."""
    for _pass in range(_PASSES):
        rows = around(keys, sources())
        groups = grouped(row.member for row in rows.values())
        model.Session.remove()
        changes = [_change(group, rows) for group in groups]
        for change in changes:
            _write(change)
        if not any(change.values or change.imports for change in changes):
            break
        import_kept(record_id for change in changes for record_id in change.imports)


def _forget_vanished_copies(source_id: str, job_id: str) -> None:
    is_vanished = sa.and_(
        SourceRecord.source_id == source_id,
        SourceRecord.state == DUPLICATE,
        SourceRecord.seen_job.is_distinct_from(job_id),
    )
    values = {"state": WITHDRAWN, "joined": None, "package_id": SourceRecord.former, "former": None}
    model.Session.execute(sa.update(SourceRecord).where(is_vanished).values(**values))
    model.Session.commit()


@dataclass(slots=True)
class _Change:
    """Changes to be written for one group.

    Attributes:
        values: columns to update, by record.
        given_up: datasets that are given up for that of the group.
        imports: records whose content has to be imported.
    """

    values: dict[RecordId, DataDict] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    imports: list[RecordId] = field(default_factory=list)


def _change(group: Group, rows: dict[RecordId, Row]) -> _Change:
    """Assign the dataset of a group to its first record, and set the others aside."""
    in_order = _in_order(group, rows)
    first, *others = [(row.member.id, row.record) for row in in_order]
    change = _Change()
    package_id = next((row.record.package_id for row in in_order if row.publishes), None)
    id_, record = first
    if record.state == DUPLICATE:
        values: DataDict = {"digest": None, "joined": None, "state": NEW}
        if package_id:
            values |= {"state": PUBLISHED, "package_id": package_id}
        elif record.former:
            package_id = record.former
            values |= {"state": WITHDRAWN, "package_id": package_id, "former": None}
        change.values[id_] = values
        change.imports.append(id_)
    elif others and record.state == PUBLISHED and record.digest is None:
        change.imports.append(id_)  # a worker died before importing it
    for id_, record in others:
        values = {"state": DUPLICATE, "package_id": None, "joined": package_id}
        if all(getattr(record, name) == value for name, value in values.items()):
            continue
        if record.package_id and record.package_id != package_id:
            change.given_up.append(record.package_id)
            values["former"] = record.package_id
        change.values[id_] = values
    return change


def _in_order(group: Group, rows: dict[RecordId, Row]) -> list[Row]:
    """Return the rows of a group.

    Rows whose dataset a person deleted come after those with an active one.
    """
    in_order = [rows[member.id] for member in group]
    if any(row.package_state == "active" for row in in_order):
        in_order.sort(key=lambda row: row.package_state == "deleted")
    return in_order


def _write(change: _Change) -> None:
    if not change.values:
        return
    solr.remove(change.given_up)
    with one_transaction():
        for package_id in change.given_up:
            give_up_dataset(package_id)
        for record_id, values in change.values.items():
            update_record(*record_id, **values)
        model.Session.commit()


def delete_dataset(package: model.Package) -> None:
    """Delete a dataset as `package_delete` does, but keep its memberships for its return."""
    for plugin in PluginImplementations(IPackageController):
        plugin.delete(package)
        plugin.after_dataset_delete({"ignore_auth": True}, {"id": package.id})  # pyright: ignore
    package.delete()
    _not_current(package.id)


def give_up_dataset(package_id: str) -> None:
    """Delete a dataset replaced by another one; it can come back with its URL and ids."""
    package = model.Session.get(model.Package, package_id)
    if package is not None and package.state == "active":
        delete_dataset(package)
    else:
        _not_current(package_id)


def _not_current(package_id: str) -> None:
    is_current = sa.and_(HarvestObject.package_id == package_id, HarvestObject.current.is_(True))
    model.Session.execute(sa.update(HarvestObject).where(is_current).values(current=False))


def hand_over(source_id: str, leaving: Iterable[str]) -> set[str]:
    """Let the next source publish the datasets of records that are withdrawn, with the same URL and
    ids.

    Args:
        source_id: the source.
        leaving: guids of its records that are to be withdrawn.

    Returns:
        guids of those whose datasets were handed over, which need not be withdrawn any more.
    """
    heirs = _next_in_line(source_id, set(leaving))
    if not heirs:
        return set()
    with one_transaction():
        for guid, (heir, package_id) in heirs.items():
            update_record(source_id, guid, state=WITHDRAWN, package_id=None, name=None, absences=0)
            update_record(*heir, state=PUBLISHED, package_id=package_id, joined=None, digest=None)
        model.Session.commit()
    import_kept(heir for heir, _package_id in heirs.values())
    return set(heirs)


def _next_in_line(source_id: str, guids: set[str]) -> dict[str, tuple[RecordId, str]]:
    """Return, for each record with a duplicate in another source,
    the duplicate next in rank and the dataset.
    """
    copy = aliased(SourceRecord)
    query = (
        sa.select(SourceRecord.guid, model.Package.id, model.Package.owner_org, copy)
        .join(model.Package, model.Package.id == SourceRecord.package_id)
        .join(copy, sa.and_(copy.joined == model.Package.id, copy.state == DUPLICATE))
        .where(
            SourceRecord.source_id == source_id,
            SourceRecord.guid.in_(guids),
            model.Package.state == "active",
        )
    )
    rows = model.Session.execute(query).all()
    all_sources = sources() if rows else {}
    best: dict[str, tuple[Any, RecordId, str]] = {}
    for guid, package_id, owner, heir in rows:
        source = all_sources[heir.source_id]
        if source.active and source.only_for in (None, owner):
            place = (rank(source), (heir.source_id, heir.guid), package_id)
            best[guid] = min(place, best.get(guid, place))
    model.Session.remove()
    return {guid: (heir_id, package_id) for guid, (_rank, heir_id, package_id) in best.items()}


# --- manual overrides ---


def split(dataset: str, source: str | None = None) -> list[RecordId]:
    """Give the copies of a dataset datasets of their own, permanently: later harvests do not join
    them again.

    Args:
        dataset: id or name of the dataset.
        source: id or name of a source, to separate only its copy.

    Returns:
        the records that were separated from it.

    Raises:
        LookupError: there is no such dataset, or it has no such copy.
    """
    conditions = [SourceRecord.state == DUPLICATE, SourceRecord.joined == _id_of(dataset)]
    if source is not None:
        conditions.append(SourceRecord.source_id == _id_of(source))
    return _mark(conditions, apart=True)


def rejoin(dataset: str) -> list[RecordId]:
    """Allow a dataset to be joined again to those with the same identifiers.

    Args:
        dataset: id or name of a dataset that was separated from another one.

    Returns:
        its record.

    Raises:
        LookupError: there is no such dataset, or it was not separated.
    """
    conditions = [SourceRecord.apart.is_(True), SourceRecord.package_id == _id_of(dataset)]
    return _mark(conditions, apart=False)


def _id_of(id_or_name: str) -> str:
    """Return the id of a dataset or source; what was given if there is none."""
    package = model.Package.get(id_or_name)
    return package.id if package else id_or_name


def _mark(conditions: Iterable[Any], apart: bool) -> list[RecordId]:
    query = sa.select(SourceRecord.source_id, SourceRecord.guid, SourceRecord.keys)
    with _alone():
        rows = model.Session.execute(query.where(*conditions)).all()
        if not rows:
            raise LookupError
        for source_id, guid, _keys in rows:
            update_record(source_id, guid, apart=apart)
        model.Session.commit()
        _settle({key for _source_id, _guid, keys in rows for key in keys})
    return [(source_id, guid) for source_id, guid, _keys in rows]


_IMPORTED_AT_ONCE = 50
_LONGEST_SERIES = 50 * MAX_SERIES
"""Length of the stored series of a dataset, in characters, from which it can have no more."""


# --- importing again ---
#
# Import records again from their stored content: for de-duplication, series, feature catalogues, or
# on request.


def import_kept(records: Iterable[RecordId]) -> None:
    """Import records from their stored content; those without any wait for their next harvest."""
    import_objects(kept_objects(records).values())


def import_objects(objects: Iterable[tuple[str, str]]) -> None:
    """Import harvest objects from their stored content.

    Args:
        objects: object and its job, each.
    """
    by_job: dict[str, list[str]] = defaultdict(list)
    for object_id, job_id in objects:
        by_job[job_id].append(object_id)
    for job_id, object_ids in by_job.items():
        _forget_logs(object_ids)
        _import(job_id, object_ids)
    model.Session.remove()


def import_again(object_id: str) -> bool:
    """Import an object once more, even if it has not changed.

    Returns:
        whether it succeeded.
    """
    query = sa.select(HarvestObject.harvest_job_id).where(
        HarvestObject.id == object_id, sa.func.coalesce(HarvestObject.content, "") != ""
    )
    job_id = model.Session.scalar(query)
    if job_id is None or not _import(job_id, [object_id]):
        return False
    query = sa.select(HarvestObject.state).where(HarvestObject.id == object_id)
    return model.Session.scalar(query) == "COMPLETE"


def _import(job_id: str, object_ids: list[str]) -> bool:
    """Import objects of a job; return whether its source type is enabled."""
    job = load(job_id)
    source_type = type_called(job.type)
    if source_type is None:
        return False
    with Locks() as locks:
        importer = Importer(job, source_type, user_name(), locks)
        for start in range(0, len(object_ids), _IMPORTED_AT_ONCE):
            batch = Batch(job_id=job_id, object_ids=object_ids[start : start + _IMPORTED_AT_ONCE])
            model.Session.add(batch)
            model.Session.commit()
            importer.work_on(batch.id)
    return True


def _forget_logs(object_ids: list[str]) -> None:
    """Delete logs and errors of objects that are imported again, so that each has one log."""
    extra, error = HarvestObjectExtra, HarvestObjectError
    is_log = sa.and_(extra.harvest_object_id.in_(object_ids), extra.key == IMPORT_LOG)
    for table, condition in ((extra, is_log), (error, error.harvest_object_id.in_(object_ids))):
        statement = sa.delete(table).where(condition)
        model.Session.execute(statement.execution_options(synchronize_session=False))
    model.Session.commit()


# --- records that name others ---

_LATE_SERIES = sa.text("""
    SELECT DISTINCT named.guid
    FROM ecosphere_harvest_record AS series
    CROSS JOIN unnest(series.members) AS named(guid)
    -- Each member is looked up by its id, also without statistics: never by the index of states.
    CROSS JOIN LATERAL (
        SELECT package_id FROM ecosphere_harvest_record
        WHERE source_id = :source AND guid = named.guid AND state = 'published' LIMIT 1
    ) AS member
    CROSS JOIN LATERAL (
        SELECT FROM package
        WHERE id = member.package_id AND state || '' = 'active'
            AND strpos(coalesce(extras ->> 'in_series', ''), series.guid) = 0
            AND length(coalesce(extras ->> 'in_series', '')) < :longest LIMIT 1
    ) AS dataset
    WHERE series.source_id = :source AND series.state = 'published' AND series.guid <> named.guid
    """)
"""Members whose dataset does not name a series that has been read since; each table is read by
itself, whatever PostgreSQL expects before it has statistics."""
_LATE_CATALOGUES = sa.text("""
    SELECT DISTINCT record.guid
    FROM ecosphere_harvest_record AS record
    CROSS JOIN unnest(record.members) AS named(guid)
    CROSS JOIN LATERAL (
        SELECT guid FROM ecosphere_harvest_record
        WHERE source_id = :source AND guid = named.guid AND state = 'catalogue' LIMIT 1
    ) AS catalogue
    -- Never by the index of jobs, which has all records.
    CROSS JOIN LATERAL (
        SELECT import_started FROM harvest_object
        WHERE guid = catalogue.guid AND harvest_job_id || '' = :job AND content IS NOT NULL LIMIT 1
    ) AS latest
    JOIN harvest_object AS current
        ON current.package_id = record.package_id AND current.current
    WHERE record.source_id = :source AND record.state = 'published'
        AND current.import_started < latest.import_started
    """)
"""Records whose dataset is older than a feature catalogue that they name and a job has read."""


def complete_series(source_id: str) -> int:
    """Import members again that were imported before their series; return how many."""
    return _again(source_id, _LATE_SERIES, longest=_LONGEST_SERIES)


def complete_catalogues(source_id: str, job_id: str) -> int:
    """Import records again that are older than a feature catalogue that they name.

    Return how many.
    """
    return _again(source_id, _LATE_CATALOGUES, job=job_id)


def _again(source_id: str, query: Any, **values: Any) -> int:
    """Import the records of a source again that a query finds; return how many."""
    guids = list(model.Session.scalars(query, {"source": source_id, **values}))
    model.Session.remove()
    import_kept((source_id, guid) for guid in guids)
    return len(guids)
