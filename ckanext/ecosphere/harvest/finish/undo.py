"""Undo a job: withdraw the datasets that it added, give the others their former version, bring back what it withdrew.

The former version is what the harvest makes of the record as it was stored before: activity streams do not have it,
since harvests write none by default. A dataset that anything else has changed since, or in which
somebody has changed a field on the portal, is left as it is, with the reason (`reports.UNDO_REASONS`).

Each batch is noted as begun before it is undone, so that another worker can resume it. The state of each record then is
such that the next harvest does again what was undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish import closing, reports
from ckanext.ecosphere.harvest.finish.reports import BEGUN, UNDO_KEY, UNDONE
from ckanext.ecosphere.harvest.job import Pace
from ckanext.ecosphere.harvest.model import (
    PUBLISHED,
    WITHDRAWN,
    SourceRecord,
    Undo,
    now,
    update_record,
)
from ckanext.ecosphere.harvest.reconcile import hand_over, import_objects, reconcile
from ckanext.ecosphere.harvest.write.local_edits import edits_of
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

_AT_ONCE = 100
_ATTEMPTS = 2
"""A look for stuck harvests (`worker.revive`) may drop a batch that is about to be imported."""
_OTHER_DIGEST = "undone"
"""Digest of a record whose last import was undone: differs from all, so that the next harvest
imports it again."""


def carry_out_asked(source_id: str, locks: Locks) -> None:
    """Undo the jobs of a source for which this was asked; the caller holds the lock of the source."""
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
    """End the undo of the jobs of a source after a fault of ours: another attempt would fail again."""
    is_open = sa.and_(Undo.source_id == source_id, Undo.finished.is_(None))
    model.Session.execute(sa.update(Undo).where(is_open).values(finished=now()))
    model.Session.commit()


@dataclass(frozen=True, slots=True)
class _Former:
    """The version of a record before a job changed it."""

    object_id: str
    job_id: str
    source_id: str
    guid: str
    is_same: bool


@dataclass(frozen=True, slots=True)
class _Object:
    """A change that is to be undone.

    Attributes:
        changed: its harvest object, as it is now.
        is_begun: whether a worker has begun to undo it.
        former: its former version; None when there is none.
        obstacle: key of `reports.UNDO_REASONS`, why it is left as it is; None to undo it.
    """

    changed: Any
    is_begun: bool
    former: _Former | None
    obstacle: str | None


def _next_objects(job_id: str) -> list[_Object]:
    """Return the next objects of a job that are not undone, those already begun first."""
    record, package, extra = SourceRecord, model.Package, HarvestObjectExtra
    is_record = sa.and_(
        record.source_id == HarvestObject.harvest_source_id, record.guid == HarvestObject.guid
    )
    query = (
        sa.select(HarvestObject, extra.value, record, package)
        .outerjoin(extra, reports.undo_of_object())
        .outerjoin(record, is_record)
        .outerjoin(package, package.id == HarvestObject.package_id)
        .where(reports.of_job(job_id), sa.or_(extra.value.is_(None), extra.value == BEGUN))
        .order_by(extra.value, HarvestObject.id)
        .limit(_AT_ONCE)
    )
    rows: list[Any] = list(model.Session.execute(query).tuples())
    former_versions = _former_versions([changed.id for changed, *_rest in rows])
    objects = []
    for changed, note, record_now, package_now in rows:
        former, obstacle = former_versions.get(changed.id), None
        if note != BEGUN:
            obstacle = _obstacle(changed, record_now, package_now, former)
        objects.append(_Object(changed, note == BEGUN, former, obstacle))
    model.Session.remove()
    return objects


def _obstacle(changed: Any, record: Any, package: Any, former: _Former | None) -> str | None:
    """Return why a change must not be undone, a key of `reports.UNDO_REASONS`; None when it can be."""
    if record is None or package is None:
        return "gone"
    if changed.report_status == "deleted":
        is_withdrawn = record.state == WITHDRAWN and record.package_id == package.id
        if not is_withdrawn or package.state != "deleted":
            return "later"
        return _obstacle_of_former(changed, former)
    later_change = _later_change(changed, record, package)
    if later_change or changed.report_status == "added":
        return later_change
    return _obstacle_of_former(changed, former)


def _later_change(changed: Any, record: Any, package: Any) -> str | None:
    """Return who has changed a dataset since a harvest object was imported into it; None when nobody has."""
    if package.state != "active":
        return "gone" if record.state == PUBLISHED else "later"
    if not changed.current or record.package_id != package.id:
        return "later"
    if edits_of(package):
        return "local"
    if package.metadata_modified > (changed.import_finished or datetime.min):
        return "edited"
    return None


def _obstacle_of_former(changed: Any, former: _Former | None) -> str | None:
    if former is None:
        return "no-former"
    if former.source_id != changed.harvest_source_id:
        return "elsewhere"
    if former.guid != changed.guid:
        # The record got another identifier: its former version is that of another record.
        return "no-former"
    return "same-record" if former.is_same else None


_FORMER = sa.text("""
    SELECT DISTINCT ON (changed.id) changed.id, earlier.id, earlier.harvest_job_id,
        earlier.harvest_source_id, earlier.guid, coalesce(earlier.content = changed.content, false)
    FROM harvest_object AS changed
    JOIN harvest_object AS earlier
        ON earlier.package_id = changed.package_id AND earlier.gathered < changed.gathered
    WHERE changed.id = ANY(:ids) AND earlier.id <> changed.id AND earlier.content IS NOT NULL
        AND earlier.state = 'COMPLETE' AND earlier.report_status IN ('added', 'updated')
    ORDER BY changed.id, earlier.gathered DESC
    """)


def _former_versions(object_ids: list[str]) -> dict[str, _Former]:
    """Return the version of each dataset before a harvest object changed it, by id of that object."""
    rows = model.Session.execute(_FORMER, {"ids": object_ids})
    return {changed_id: _Former(*values) for changed_id, *values in rows}


def _undo_some(source_id: str, objects: list[_Object]) -> None:
    _note(objects)
    added: dict[str, Any] = {}
    restored: dict[str, tuple[Any, _Former]] = {}
    for item in objects:
        if item.obstacle is None and item.changed.report_status == "added":
            added[item.changed.guid] = item.changed
        elif item.obstacle is None and item.former:
            restored[item.former.object_id] = (item.changed, item.former)
    results = _take_back(source_id, added)
    for _attempt in range(_ATTEMPTS):
        current = _current(restored)
        import_objects(
            (object_id, former.job_id)
            for object_id, (_changed, former) in restored.items()
            if object_id not in current
        )
    current = _current(restored)
    for object_id, (changed, _former) in restored.items():
        results[changed.id] = "refused"
        if object_id in current:
            results[changed.id] = UNDONE
            _store_state(source_id, changed)
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
            rows.append({"harvest_object_id": item.changed.id, **note})
    if rows:
        model.Session.execute(sa.insert(HarvestObjectExtra.__table__), rows)
    model.Session.commit()


def _take_back(source_id: str, added: dict[str, Any]) -> dict[str, str]:
    """Withdraw datasets that were added, or let the next catalogue that has them publish them; return the results."""
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
    results = {changed.id: UNDONE for changed in added.values()}
    for guid in handed_over:
        results[added[guid].id] = "handed-over"
    return results


def _store_state(source_id: str, changed: Any) -> None:
    """Store the state of a record whose former version was imported."""
    # A record that is still absent is withdrawn again by the next complete harvest, as it was by this one.
    values: dict[str, Any] = {"absences": config.withdraw_after() - 1}
    if changed.report_status == "updated":
        values = {"digest": _OTHER_DIGEST}
    update_record(source_id, changed.guid, **values)


def _current(object_ids: Iterable[str]) -> set[str]:
    """Return the ids of the former versions that their datasets are made of now."""
    query = sa.select(HarvestObject.id).where(
        HarvestObject.id.in_(object_ids), HarvestObject.current.is_(True)
    )
    return set(model.Session.scalars(query))
