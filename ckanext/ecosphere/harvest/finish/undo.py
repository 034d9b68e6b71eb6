"""Undo a job: withdraw the datasets that it added, give the others their former version, bring back what it withdrew.

The former version is what the harvest makes of the record as it was stored before: activity streams do not have it,
since harvests write none by default (`finish.activity`). A dataset that anything else has changed since, or in which
somebody has changed a field on the portal, is left as it is, with the reason (`reports.UNDO_REASONS`).

Each batch is noted as begun before it is undone, so that another worker can resume it. The state of each record then is
such that the next harvest does again what was undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import aliased

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.deduplication.reconcile import hand_over, reconcile
from ckanext.ecosphere.harvest.finish import reports, withdrawal
from ckanext.ecosphere.harvest.finish.reports import BEGUN, UNDO_KEY, UNDONE
from ckanext.ecosphere.harvest.model import PUBLISHED, WITHDRAWN, SourceRecord, Undo, now
from ckanext.ecosphere.harvest.worker.pace import Pace
from ckanext.ecosphere.harvest.write.local_edits import edits_of
from ckanext.ecosphere.harvest.write.reimport import import_objects
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

_AT_ONCE = 100
_ATTEMPTS = 2
"""A look for stuck harvests (`worker.queue.revive`) may drop a batch that is about to be imported."""
_OTHER_DIGEST = "undone"
"""Digest of a record whose last import was undone: differs from all, so that the next harvest imports it again."""


def carry_out_asked(source_id: str, locks: Locks) -> None:
    """Undo the jobs of a source for which this was asked; the caller holds the lock of the source."""
    asked = sa.select(Undo.job_id).where(Undo.source_id == source_id, Undo.finished.is_(None)).order_by(Undo.asked)
    job_ids = list(model.Session.scalars(asked))
    model.Session.remove()
    pace = Pace(locks)
    for job_id in job_ids:
        while objects := _next_objects(job_id):
            with pace.step():
                _undo_some(source_id, objects)
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
class _Object:
    """A harvest object whose change is to be undone, with its dataset and its record as they are now.

    Attributes:
        is_begun: whether a worker has begun to undo it.
        former: the harvest object with its former version, and the job of that one; None when there is none.
        left: key of `reports.UNDO_REASONS`, why it is left as it is; None to undo it.
    """

    id: str
    guid: str
    outcome: str
    package_id: str | None
    is_begun: bool
    former: tuple[str, str] | None
    left: str | None


@dataclass(frozen=True, slots=True)
class _Former:
    """The version of a record before a job changed it."""

    object_id: str
    job_id: str
    source_id: str
    guid: str
    is_same: bool


def _next_objects(job_id: str) -> list[_Object]:
    """Return the next objects of a job that are not undone, those already begun first."""
    record, package = SourceRecord, model.Package
    query = (
        sa.select(HarvestObject, HarvestObjectExtra.value, record, package)
        .outerjoin(HarvestObjectExtra, reports.undo_of_object())
        .outerjoin(
            record, sa.and_(record.source_id == HarvestObject.harvest_source_id, record.guid == HarvestObject.guid)
        )
        .outerjoin(package, package.id == HarvestObject.package_id)
        .where(reports.of_job(job_id), sa.or_(HarvestObjectExtra.value.is_(None), HarvestObjectExtra.value == BEGUN))
        .order_by(HarvestObjectExtra.value, HarvestObject.id)
        .limit(_AT_ONCE)
    )
    rows: list[Any] = list(model.Session.execute(query).tuples())
    former = _former([found.id for found, *_rest in rows])
    objects = [_object(found, noted, record, package, former.get(found.id)) for found, noted, record, package in rows]
    model.Session.remove()
    return objects


def _object(found: Any, noted: str | None, record: Any, package: Any, former: _Former | None) -> _Object:
    is_begun = noted == BEGUN
    left = None if is_begun else _why_left(found, record, package, former)
    place = (former.object_id, former.job_id) if former else None
    return _Object(found.id, found.guid, found.report_status, found.package_id, is_begun, place, left)


def _why_left(found: Any, record: Any, package: Any, former: _Former | None) -> str | None:
    """Return why a change must not be undone, a key of `reports.UNDO_REASONS`; None when it can be."""
    if record is None or package is None:
        return "gone"
    if found.report_status == "deleted":
        is_as_left = record.state == WITHDRAWN and record.package_id == package.id and package.state == "deleted"
        return _why_not_former(found, former) if is_as_left else "later"
    since = _changed_since(found, record, package)
    return since if since or found.report_status == "added" else _why_not_former(found, former)


def _changed_since(found: Any, record: Any, package: Any) -> str | None:
    """Return who has changed a dataset since a harvest object was imported into it; None when nobody has."""
    if package.state != "active":
        return "gone" if record.state == PUBLISHED else "later"
    if not found.current or record.package_id != package.id:
        return "later"
    if edits_of(package):
        return "local"
    is_edited = package.metadata_modified > (found.import_finished or datetime.min)
    return "edited" if is_edited else None


def _why_not_former(found: Any, former: _Former | None) -> str | None:
    if former is None:
        return "no-former"
    if former.source_id != found.harvest_source_id:
        return "elsewhere"
    if former.guid != found.guid:
        return "no-former"  # the record got another identifier: its former version is that of another record
    return "same-record" if former.is_same else None


def _former(object_ids: Iterable[str]) -> dict[str, _Former]:
    """Return the version of each dataset before a harvest object changed it, by id of that object."""
    changed, earlier = aliased(HarvestObject), aliased(HarvestObject)
    query = (
        sa.select(
            changed.id,
            earlier.id,
            earlier.harvest_job_id,
            earlier.harvest_source_id,
            earlier.guid,
            sa.func.coalesce(earlier.content == changed.content, sa.false()),
        )
        .distinct(changed.id)
        .join(earlier, earlier.package_id == changed.package_id)
        .where(
            changed.id.in_(list(object_ids)),
            earlier.id != changed.id,
            earlier.content.is_not(None),
            earlier.state == "COMPLETE",
            earlier.report_status.in_(["added", "updated"]),
            earlier.gathered < changed.gathered,
        )
        .order_by(changed.id, earlier.gathered.desc())
    )
    return {changed_id: _Former(*rest) for changed_id, *rest in model.Session.execute(query)}


def _undo_some(source_id: str, objects: list[_Object]) -> None:
    _note(objects)
    added = {each.guid: each for each in objects if each.left is None and each.outcome == "added"}
    others = [each for each in objects if each.left is None and each.outcome != "added" and each.former]
    results = _take_back(source_id, added)
    for _attempt in range(_ATTEMPTS):
        imported = _current(others)
        import_objects(each.former for each in others if each.former and each.former[0] not in imported)
    results |= _restored(source_id, others)
    for object_id, result in results.items():
        extra = sa.and_(HarvestObjectExtra.harvest_object_id == object_id, HarvestObjectExtra.key == UNDO_KEY)
        model.Session.execute(sa.update(HarvestObjectExtra).where(extra).values(value=result))
    model.Session.commit()


def _note(objects: list[_Object]) -> None:
    """Store that the objects are begun, or why they are left as they are."""
    rows = [
        {"id": str(uuid4()), "harvest_object_id": each.id, "key": UNDO_KEY, "value": each.left or BEGUN}
        for each in objects
        if not each.is_begun
    ]
    if rows:
        model.Session.execute(sa.insert(HarvestObjectExtra.__table__), rows)
    model.Session.commit()


def _take_back(source_id: str, added: dict[str, _Object]) -> dict[str, str]:
    """Withdraw datasets that were added, or let the next catalogue that has them publish them; return the results."""
    query = sa.select(SourceRecord.guid, SourceRecord.package_id).where(
        SourceRecord.source_id == source_id, SourceRecord.guid.in_(added), SourceRecord.state == PUBLISHED
    )
    rows = dict(model.Session.execute(query).tuples().all())
    published = {guid: package_id for guid, package_id in rows.items() if package_id == added[guid].package_id}
    handed_over = hand_over(source_id, published)
    withdrawal.withdraw(source_id, {guid: id_ for guid, id_ in published.items() if guid not in handed_over})
    return {each.id: "handed-over" if guid in handed_over else UNDONE for guid, each in added.items()}


def _restored(source_id: str, objects: list[_Object]) -> dict[str, str]:
    """Store the state of the records whose former version was imported; return the results."""
    current, results = _current(objects), {}
    for each in objects:
        if not each.former or each.former[0] not in current:
            results[each.id] = "refused"
            continue
        # A record that is still absent is withdrawn again by the next complete harvest, as it was by this one.
        absent = {"absences": config.withdraw_after() - 1}
        values = {"digest": _OTHER_DIGEST} if each.outcome == "updated" else absent
        is_record = sa.and_(SourceRecord.source_id == source_id, SourceRecord.guid == each.guid)
        model.Session.execute(sa.update(SourceRecord).where(is_record).values(**values))
        results[each.id] = UNDONE
    return results


def _current(objects: list[_Object]) -> set[str]:
    """Return the ids of the former versions that their datasets are made of now."""
    former_ids = [each.former[0] for each in objects if each.former]
    query = sa.select(HarvestObject.id).where(HarvestObject.id.in_(former_ids), HarvestObject.current.is_(True))
    return set(model.Session.scalars(query))
