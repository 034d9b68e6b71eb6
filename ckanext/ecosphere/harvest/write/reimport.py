"""Import records again from their stored content: for de-duplication, series, feature catalogues, or on request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.deduplication.rows import RecordId, kept_objects
from ckanext.ecosphere.harvest.model import Batch
from ckanext.ecosphere.harvest.sources.source_type import type_called
from ckanext.ecosphere.harvest.worker.job import load, user_name
from ckanext.ecosphere.harvest.write.importer import Importer
from ckanext.ecosphere.harvest.write.outcome import IMPORT_LOG
from ckanext.ecosphere.harvest.write.series import MAX_SERIES
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra

_AT_ONCE = 50


def import_kept(wanted: Iterable[RecordId]) -> None:
    """Import records from their stored content; those without any wait for their next harvest."""
    by_job: dict[str, list[str]] = defaultdict(list)
    for object_id, job_id in kept_objects(wanted).values():
        by_job[job_id].append(object_id)
    for job_id, object_ids in by_job.items():
        _forget_stories(object_ids)
        job = load(job_id)
        harvester = type_called(job.type)
        if harvester is None:
            continue
        with Locks() as locks:
            importer = Importer(job, harvester, user_name(), locks)
            for start in range(0, len(object_ids), _AT_ONCE):
                batch = Batch(job_id=job_id, object_ids=object_ids[start : start + _AT_ONCE])
                model.Session.add(batch)
                model.Session.commit()
                importer.work_on(batch.id)
    model.Session.remove()


def _forget_stories(object_ids: list[str]) -> None:
    """Delete logs and errors of objects that are imported again, so that each has one log."""
    for table, condition in (
        (HarvestObjectExtra, HarvestObjectExtra.key == IMPORT_LOG),
        (HarvestObjectError, sa.true()),
    ):
        model.Session.execute(
            sa.delete(table)
            .where(table.harvest_object_id.in_(object_ids), condition)
            .execution_options(synchronize_session=False)
        )
    model.Session.commit()


def complete_series(source_id: str) -> int:
    """Import members again that were imported before their series.

    Returns:
        number of records.
    """
    statement = sa.text(
        """
        SELECT DISTINCT child.guid
        FROM ecosphere_harvest_record AS series
        CROSS JOIN LATERAL unnest(series.members) AS member
        JOIN ecosphere_harvest_record AS child ON child.source_id = series.source_id AND child.guid = member
        JOIN package ON package.id = child.package_id
        WHERE series.source_id = :source AND series.state = 'published' AND child.state = 'published'
        AND package.state = 'active' AND child.guid <> series.guid
        AND strpos(coalesce(package.extras ->> 'in_series', ''), series.guid) = 0
        AND length(coalesce(package.extras ->> 'in_series', '')) < :full
        """
    )
    guids = list(model.Session.execute(statement, {"source": source_id, "full": 50 * MAX_SERIES}).scalars())
    model.Session.remove()
    if guids:
        import_kept((source_id, guid) for guid in guids)
    return len(guids)


def complete_catalogues(source_id: str, job_id: str) -> int:
    """Import records again that were imported before a feature catalogue that they name was read or changed.

    Returns:
        number of records.
    """
    statement = sa.text(
        """
        SELECT DISTINCT child.guid
        FROM harvest_object AS told
        JOIN ecosphere_harvest_record AS catalogue
          ON catalogue.source_id = told.harvest_source_id AND catalogue.guid = told.guid
        JOIN ecosphere_harvest_record AS child
          ON child.source_id = catalogue.source_id AND child.members @> ARRAY[catalogue.guid]
        JOIN harvest_object AS made ON made.package_id = child.package_id AND made.current
        WHERE told.harvest_job_id = :job AND told.content IS NOT NULL AND catalogue.source_id = :source
        AND catalogue.state = 'catalogue' AND child.state = 'published' AND made.import_started < told.import_started
        """
    )
    guids = list(model.Session.execute(statement, {"source": source_id, "job": job_id}).scalars())
    model.Session.remove()
    if guids:
        import_kept((source_id, guid) for guid in guids)
    return len(guids)


def import_again(object_id: str) -> bool:
    """Import an object once more, even if it has not changed.

    Returns:
        whether it succeeded.
    """
    found = model.Session.execute(
        sa.select(HarvestObject.harvest_job_id, HarvestObject.content).where(HarvestObject.id == object_id)
    ).first()
    if found is None or not found.content:
        return False
    job = load(found.harvest_job_id)
    harvester = type_called(job.type)
    if harvester is None:
        return False
    batch = Batch(job_id=job.id, object_ids=[object_id])
    model.Session.add(batch)
    model.Session.commit()
    with Locks() as locks:
        Importer(job, harvester, user_name(), locks).work_on(batch.id)
    state = model.Session.execute(sa.select(HarvestObject.state).where(HarvestObject.id == object_id)).scalar()
    return state == "COMPLETE"
