"""Undo a job: withdraw the datasets that it added, give the others their former version, bring back
what it withdrew.

The former version is what the harvest makes of the record as it was stored before: activity streams
do not have it, since harvests write none by default. A dataset that anything else has changed
since, or in which somebody has changed a field on the portal, is left as it is, with the reason
(`reports.UNDO_REASONS`).

Each batch is noted as begun before it is undone, so that another worker can resume it. The state of
each record then is such that the next harvest does again what was undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish import closing
from ckanext.ecosphere.harvest.finish.reports import BEGUN, UNDO_KEY, UNDONE
from ckanext.ecosphere.harvest.job import Pace
from ckanext.ecosphere.harvest.model import PUBLISHED, SourceRecord, Undo, now, update_record
from ckanext.ecosphere.harvest.reconcile import hand_over, import_objects, reconcile
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

_AT_ONCE = 100
_ATTEMPTS = 2
"""A look for stuck harvests (`worker.revive`) may drop a batch that is about to be imported."""
_OTHER_DIGEST = "undone"
"""Digest of a record whose last import was undone: differs from all, so that the next harvest
imports it again."""


def carry_out_asked(source_id: str, locks: Locks) -> None:
    """Undo the jobs of a source for which this was asked.

    The caller holds the lock of the source.
    """
    query = sa.select(Undo.job_id).where(Undo.source_id == source_id, Undo.finished.is_(None))
    job_ids = list(model.Session.scalars(query.order_by(Undo.asked)))
    model.Session.remove()
    pace = Pace(locks)
    for job_id in job_ids:
        objects = _next_objects(job_id)
        while objects:
            with pace.step():
                _undo_some(source_id, objects)
            objects = _next_objects(job_id)
        reconcile(source_id)
        solr.commit()
        model.Session.execute(sa.update(Undo).where(Undo.job_id == job_id).values(finished=now()))
        model.Session.commit()


def give_up(source_id: str) -> None:
    """End the undo of the jobs of a source after a fault of ours:
    another attempt would fail again.
    """
    is_open = sa.and_(Undo.source_id == source_id, Undo.finished.is_(None))
    model.Session.execute(sa.update(Undo).where(is_open).values(finished=now()))
    model.Session.commit()


class _Object(NamedTuple):
    """A harvest object whose change is to be undone.

    Attributes:
        outcome: `added`, `updated` or `deleted`.
        is_begun: whether a worker has begun to undo it.
        former_id, former_job: the object of its former version, and its job; None when there is
            none.
        obstacle: key of `reports.UNDO_REASONS`, why it is left as it is; None to undo it.
    """

    id: str
    guid: str
    outcome: str
    package_id: str | None
    is_begun: bool
    former_id: str | None
    former_job: str | None
    obstacle: str | None


_NEXT_OBJECTS = sa.text("""
    WITH object AS (
        SELECT object.*, undo.value AS note
        FROM harvest_object AS object
        LEFT JOIN harvest_object_extra AS undo
            ON undo.harvest_object_id = object.id AND undo.key = :key
        WHERE object.harvest_job_id = :job
            AND object.report_status IN ('added', 'updated', 'deleted')
            AND coalesce(undo.value, 'begun') = 'begun'
        ORDER BY undo.value, object.id
        LIMIT :number
    )
    SELECT object.id, object.guid, object.report_status, object.package_id, object.note IS NOT NULL,
        former.id, former.harvest_job_id,
        CASE
            WHEN object.note IS NOT NULL THEN NULL
            WHEN record.guid IS NULL OR package.id IS NULL THEN 'gone'
            WHEN object.report_status = 'deleted' AND (record.state <> 'withdrawn'
                OR record.package_id IS DISTINCT FROM package.id OR package.state <> 'deleted')
                THEN 'later'
            WHEN object.report_status <> 'deleted' AND package.state <> 'active'
                THEN CASE record.state WHEN 'published' THEN 'gone' ELSE 'later' END
            WHEN object.report_status <> 'deleted' AND (object.current IS NOT TRUE
                OR record.package_id IS DISTINCT FROM package.id) THEN 'later'
            WHEN object.report_status <> 'deleted'
                AND coalesce(package.plugin_data -> :edits, '{}') <> '{}' THEN 'local'
            WHEN object.report_status <> 'deleted'
                AND package.metadata_modified > coalesce(object.import_finished, '-infinity')
                THEN 'edited'
            WHEN object.report_status = 'added' THEN NULL
            WHEN former.id IS NULL THEN 'no-former'
            WHEN former.harvest_source_id <> object.harvest_source_id THEN 'elsewhere'
            -- The record got another identifier: its former version is that of another record.
            WHEN former.guid <> object.guid THEN 'no-former'
            WHEN former.content = object.content THEN 'same-record'
        END
    FROM object
    LEFT JOIN ecosphere_harvest_record AS record
        ON record.source_id = object.harvest_source_id AND record.guid = object.guid
    LEFT JOIN package ON package.id = object.package_id
    LEFT JOIN LATERAL (
        SELECT earlier.* FROM harvest_object AS earlier
        WHERE earlier.package_id = object.package_id AND earlier.gathered < object.gathered
            AND earlier.id <> object.id AND earlier.content IS NOT NULL
            AND earlier.state = 'COMPLETE' AND earlier.report_status IN ('added', 'updated')
        ORDER BY earlier.gathered DESC LIMIT 1
    ) AS former ON true
    ORDER BY object.note, object.id
    """)
"""Objects of a job that are not undone, those already begun first. The obstacles: the record or its
dataset is gone, a later harvest or a person has changed the dataset, or there is no former
version of the record."""


def _next_objects(job_id: str) -> list[_Object]:
    values = {"job": job_id, "key": UNDO_KEY, "edits": local_edits.KEY, "number": _AT_ONCE}
    objects = [_Object(*row) for row in model.Session.execute(_NEXT_OBJECTS, values)]
    model.Session.remove()
    return objects


def _undo_some(source_id: str, objects: list[_Object]) -> None:
    _note(objects)
    added: dict[str, _Object] = {}
    restored: dict[str, _Object] = {}
    for item in objects:
        if item.obstacle is None and item.outcome == "added":
            added[item.guid] = item
        elif item.obstacle is None and item.former_id:
            restored[item.former_id] = item
    results = _take_back(source_id, added)
    for _attempt in range(_ATTEMPTS):
        current = _current(restored)
        import_objects(
            (former_id, item.former_job or "")
            for former_id, item in restored.items()
            if former_id not in current
        )
    current = _current(restored)
    for former_id, item in restored.items():
        results[item.id] = "refused"
        if former_id in current:
            results[item.id] = UNDONE
            _store_state(source_id, item)
    for object_id, result in results.items():
        extra = HarvestObjectExtra
        is_note = sa.and_(extra.harvest_object_id == object_id, extra.key == UNDO_KEY)
        model.Session.execute(sa.update(extra).where(is_note).values(value=result))
    model.Session.commit()


def _note(objects: list[_Object]) -> None:
    """Store that the objects are begun, or why they are left as they are."""
    rows = []
    for item in objects:
        if not item.is_begun:
            note = {"key": UNDO_KEY, "value": item.obstacle or BEGUN}
            rows.append({"harvest_object_id": item.id, **note})
    if rows:
        model.Session.execute(sa.insert(HarvestObjectExtra.__table__), rows)
    model.Session.commit()


def _take_back(source_id: str, added: dict[str, _Object]) -> dict[str, str]:
    """Withdraw datasets that were added, or let the next catalogue that has them publish them.

    Return the results.
    """
    record = SourceRecord
    query = sa.select(record.guid, record.package_id).where(
        record.source_id == source_id, record.guid.in_(added), record.state == PUBLISHED
    )
    published: dict[str, str | None] = {}
    for guid, package_id in model.Session.execute(query):
        if package_id == added[guid].package_id:
            published[guid] = package_id
    handed_over = hand_over(source_id, published)
    for guid in handed_over:
        del published[guid]
    closing.withdraw(source_id, published)
    results = {item.id: UNDONE for item in added.values()}
    for guid in handed_over:
        results[added[guid].id] = "handed-over"
    return results


def _store_state(source_id: str, item: _Object) -> None:
    """Store the state of a record whose former version was imported."""
    # A record that is still absent is withdrawn again by the next complete harvest, as it was by
    # this one.
    values: dict[str, Any] = {"absences": config.withdraw_after() - 1}
    if item.outcome == "updated":
        values = {"digest": _OTHER_DIGEST}
    update_record(source_id, item.guid, **values)


def _current(object_ids: Iterable[str]) -> set[str]:
    """Return the ids of the former versions that their datasets are made of now."""
    query = sa.select(HarvestObject.id).where(
        HarvestObject.id.in_(object_ids), HarvestObject.current.is_(True)
    )
    return set(model.Session.scalars(query))
