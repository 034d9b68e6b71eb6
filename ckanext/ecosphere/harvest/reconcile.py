"""Reconcile the tables with the groups that `groups` computes, at the end of each job and after a manual override.

During the import, a duplicate is set aside or takes over its dataset at once (`decisions.decide`). What cannot be known
then (a record that arrives later, a changed priority, a withdrawn record) is corrected here, so that the final state
does not depend on the order of harvests. Safe to run again after a crash at any point: each step is committed together
with the state that says what is left to do.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import IPackageController, PluginImplementations
from sqlalchemy.orm import aliased

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.deduplication import (
    Group,
    Member,
    RecordId,
    Row,
    Source,
    around,
    explanation,
    grouped,
    keys_to_settle,
    member_of,
    rank,
    sources,
)
from ckanext.ecosphere.harvest.job import one_transaction
from ckanext.ecosphere.harvest.messages import JOINING, translator
from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    NEW,
    PUBLISHED,
    WITHDRAWN,
    SourceRecord,
    update_record,
)
from ckanext.ecosphere.harvest.write.importer import import_kept
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestSource

LOCK = "joining"
_PASSES = 3
"""Maximum number of passes: a record that has to take over may be refused, and then the next one is tried."""
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
        complete: whether that job read it completely; duplicates that it did not see are then forgotten.
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

    values: dict[RecordId, dict[str, Any]] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    imports: list[RecordId] = field(default_factory=list)


def _change(group: Group, rows: dict[RecordId, Row]) -> _Change:
    """Assign the dataset of a group to its first record, and set the others aside."""
    in_order = _in_order(group, rows)
    first, *others = in_order
    change = _Change()
    package_id = next((row.package_id for row in in_order if row.publishes), None)
    if first.state == DUPLICATE:
        values: dict[str, Any] = {"digest": None, "joined": None, "state": NEW}
        if package_id:
            values |= {"state": PUBLISHED, "package_id": package_id}
        elif first.former:
            package_id = first.former
            values |= {"state": WITHDRAWN, "package_id": package_id, "former": None}
        change.values[first.member.id] = values
        change.imports.append(first.member.id)
    elif others and first.state == PUBLISHED and first.digest is None:
        change.imports.append(first.member.id)  # a worker died before importing it
    for row in others:
        values = {"state": DUPLICATE, "package_id": None, "joined": package_id}
        if (row.state, row.package_id, row.joined) == (DUPLICATE, None, package_id):
            continue
        if row.package_id and row.package_id != package_id:
            change.given_up.append(row.package_id)
            values["former"] = row.package_id
        change.values[row.member.id] = values
    return change


def _in_order(group: Group, rows: dict[RecordId, Row]) -> list[Row]:
    """Return the rows of a group; rows whose dataset a person deleted come after those with an active one."""
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
    """Let the next source publish the datasets of records that are withdrawn, with the same URL and ids.

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
    """Return, for each record with a duplicate in another source, the duplicate next in rank and the dataset."""
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
    known = sources() if rows else {}
    candidates: dict[str, list[tuple[Any, RecordId, str]]] = {}
    for guid, package_id, owner, heir in rows:
        source = known[heir.source_id]
        if source.active and source.only_for in (None, owner):
            place = (rank(source), (heir.source_id, heir.guid), package_id)
            candidates.setdefault(guid, []).append(place)
    model.Session.remove()
    heirs = {}
    for guid, places in candidates.items():
        _rank, heir_id, package_id = min(places)
        heirs[guid] = (heir_id, package_id)
    return heirs


# --- manual overrides ---


def split(dataset: str, source: str | None = None) -> list[RecordId]:
    """Give the copies of a dataset datasets of their own, permanently: later harvests do not join them again.

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


def joined(source: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield all copies of published datasets, with what is published instead and why.

    Args:
        source: id or name of a source, to see only those that it publishes or has a copy of.

    Yields:
        `dataset` (name), `title`, `copy` (title of the source and guid), `published_by`, `reason` (sentence) and
        `identifiers`.
    """
    known = sources()
    publisher = aliased(SourceRecord)
    is_publisher = sa.and_(
        publisher.package_id == SourceRecord.joined, publisher.state == PUBLISHED
    )
    query = (
        sa.select(SourceRecord, publisher, model.Package)
        .join(publisher, is_publisher)
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .join(model.Package, model.Package.id == SourceRecord.joined)
        .where(SourceRecord.state == DUPLICATE)
        .order_by(model.Package.name, SourceRecord.source_id)
    )
    if source is not None:
        id_ = _id_of(source)
        query = query.where(sa.or_(SourceRecord.source_id == id_, publisher.source_id == id_))
    for copy, winner, package in model.Session.execute(query):
        publishing = _member(winner, known, package.owner_org or "")
        why = explanation(publishing, _member(copy, known), known)
        reason = translator()(JOINING[why["reason"]])
        yield {
            "dataset": package.name,
            "title": package.title,
            "copy": {"source": known[copy.source_id].title, "guid": copy.guid},
            "published_by": {"source": why["source"], "guid": why["guid"]},
            "reason": reason.format(**why["params"]),
            "identifiers": why["identifiers"],
        }


def _member(record: Any, known: Mapping[str, Source], service: str = "") -> Member:
    source = known.get(record.source_id)
    id_ = (record.source_id, record.guid)
    return member_of(source, id_, record.keys, rank(source), service=service)
