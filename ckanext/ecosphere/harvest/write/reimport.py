"""Import records again from their stored content: for de-duplication, series, feature catalogues, or on request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.deduplication.decisions import RecordId, kept_objects
from ckanext.ecosphere.harvest.model import CATALOGUE, PUBLISHED, Batch, SourceRecord, one_of
from ckanext.ecosphere.harvest.sources.source_type import type_called
from ckanext.ecosphere.harvest.worker.job import load, user_name
from ckanext.ecosphere.harvest.write.importer import Importer
from ckanext.ecosphere.harvest.write.related import MAX_SERIES
from ckanext.ecosphere.harvest.write.writer import IMPORT_LOG
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra

_AT_ONCE = 50
_LONGEST_SERIES = 50 * MAX_SERIES
"""Length of the stored series of a dataset, in characters, from which it can have no more."""


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
        for start in range(0, len(object_ids), _AT_ONCE):
            batch = Batch(job_id=job_id, object_ids=object_ids[start : start + _AT_ONCE])
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


def complete_series(source_id: str) -> int:
    """Import members again that were imported before their series.

    Returns:
        number of records.
    """
    series_of: dict[str, list[str]] = defaultdict(list)
    for series, _package_id, members in _naming(source_id):
        for member in members:
            if member != series:
                series_of[member].append(series)
    dataset_of = _datasets(source_id, series_of)
    in_series = _in_series(dataset_of.values())
    guids = []
    for guid, package_id in dataset_of.items():
        stored = in_series.get(package_id)
        if stored is None or len(stored) >= _LONGEST_SERIES:
            continue
        if any(series not in stored for series in series_of[guid]):
            guids.append(guid)
    return _again(source_id, guids)


def complete_catalogues(source_id: str, job_id: str) -> int:
    """Import records again that were imported before a feature catalogue that they name was read or changed.

    Returns:
        number of records.
    """
    read = _catalogues_read(source_id, job_id)
    latest: dict[str, datetime] = {}
    guid_of: dict[str, str] = {}
    for guid, package_id, identifiers in _naming(source_id) if read else ():
        times = [read[identifier] for identifier in identifiers if identifier in read]
        if times and package_id:
            latest[package_id], guid_of[package_id] = max(times), guid
    query = sa.select(HarvestObject.package_id, HarvestObject.import_started).where(
        one_of(HarvestObject.package_id, latest),
        HarvestObject.current.is_(True),
        HarvestObject.import_started.is_not(None),
    )
    guids = []
    for package_id, started in model.Session.execute(query):
        if started < latest[package_id]:
            guids.append(guid_of[package_id])
    return _again(source_id, guids)


def _again(source_id: str, guids: list[str]) -> int:
    """Import records of a source again; return how many."""
    model.Session.remove()
    if guids:
        import_kept((source_id, guid) for guid in guids)
    return len(guids)


def _naming(source_id: str) -> list[tuple[str, str | None, list[str]]]:
    """Return guid, dataset and members of the published records of a source that name members or catalogues."""
    query = sa.select(SourceRecord.guid, SourceRecord.package_id, SourceRecord.members).where(
        SourceRecord.source_id == source_id,
        SourceRecord.state == PUBLISHED,
        sa.func.cardinality(SourceRecord.members) > 0,
    )
    return [tuple(row) for row in model.Session.execute(query)]


def _datasets(source_id: str, guids: Collection[str]) -> dict[str, str]:
    """Return the dataset of each published record among these."""
    query = sa.select(SourceRecord.guid, SourceRecord.package_id).where(
        SourceRecord.source_id == source_id,
        one_of(SourceRecord.guid, guids),
        SourceRecord.state == PUBLISHED,
    )
    return {guid: package_id for guid, package_id in model.Session.execute(query) if package_id}


def _in_series(package_ids: Collection[str]) -> dict[str, str]:
    """Return the field `in_series` of the active datasets among these, as stored."""
    query = sa.select(
        model.Package.id, model.Package.state, model.Package.extras["in_series"].astext
    ).where(one_of(model.Package.id, package_ids))
    rows = model.Session.execute(query)
    return {package_id: stored or "" for package_id, state, stored in rows if state == "active"}


def _catalogues_read(source_id: str, job_id: str) -> dict[str, datetime]:
    """Return the feature catalogues of a source that a job has read, with the time."""
    query = sa.select(SourceRecord.guid).where(
        SourceRecord.source_id == source_id, SourceRecord.state == CATALOGUE
    )
    guids = list(model.Session.scalars(query))
    query = sa.select(HarvestObject.guid, HarvestObject.import_started).where(
        one_of(HarvestObject.guid, guids),
        HarvestObject.harvest_job_id == job_id,
        HarvestObject.content.is_not(None),
        HarvestObject.import_started.is_not(None),
    )
    return dict(model.Session.execute(query).tuples().all())
