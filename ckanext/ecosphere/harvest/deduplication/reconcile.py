"""Delete a harvested dataset in a way that lets it come back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import IPackageController, PluginImplementations
from sqlalchemy.orm import aliased

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.deduplication import decisions
from ckanext.ecosphere.harvest.deduplication.decisions import (
    REASONS,
    RecordId,
    Row,
    around,
    explanation,
    keys_to_settle,
    member_of,
    rank,
    sources,
)
from ckanext.ecosphere.harvest.deduplication.groups import Group, grouped
from ckanext.ecosphere.harvest.model import DUPLICATE, KEPT, NEW, PUBLISHED, WITHDRAWN, SourceRecord
from ckanext.ecosphere.harvest.worker.transaction import one_transaction
from ckanext.ecosphere.harvest.write.reimport import import_kept
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject, HarvestSource


def delete_dataset(package: model.Package) -> None:
    """Delete a dataset as `package_delete` does, but keep its memberships for its return."""
    for plugin in PluginImplementations(IPackageController):
        plugin.delete(package)
        plugin.after_dataset_delete({"ignore_auth": True}, {"id": package.id})  # pyright: ignore
    package.delete()


LOCK = "joining"
_PASSES = 3
"""Maximum number of passes: a record that has to take over may be refused, and then the next one is tried."""
_POLL_SECONDS = 0.3


def reconcile(source_id: str, job_id: str | None = None, complete: bool = False) -> None:
    """Reconcile the records of a source with those of all others.

    Args:
        source_id: the source.
        job_id: job that has just read it.
        complete: whether that job read it completely; duplicates that it did not see are then forgotten.
    """
    with Locks() as locks:
        while not locks.take(LOCK):
            time.sleep(_POLL_SECONDS)
        if complete and job_id:
            _forget_vanished_copies(source_id, job_id)
        keys = keys_to_settle(source_id)
        model.Session.remove()
        if keys:
            settle_keys(keys)


def settle_keys(keys: Iterable[str]) -> None:
    """Reconcile all records reachable from these keys; the caller holds the lock."""
    keys, known, groups = set(keys), {}, []
    for _pass in range(_PASSES):
        known = sources()
        rows = around(keys, known)
        groups = grouped(row.member for row in rows.values())
        model.Session.remove()
        changes = [_change(group, rows) for group in groups]
        for change in changes:
            _write(change)
        if not any(change.values or change.imports for change in changes):
            break
        import_kept(record_id for change in changes for record_id in change.imports)
    decisions.note(groups, known)


def _forget_vanished_copies(source_id: str, job_id: str) -> None:
    model.Session.execute(
        sa.update(SourceRecord)
        .where(
            SourceRecord.source_id == source_id,
            SourceRecord.state == DUPLICATE,
            SourceRecord.seen_job.is_distinct_from(job_id),
        )
        .values(state=WITHDRAWN, joined=None, package_id=SourceRecord.former, former=None)
    )
    model.Session.commit()


@dataclass(slots=True)
class _Change:
    """Changes to be written for one group.

    Attributes:
        values: columns to update, by record.
        gone: datasets that are given up for that of the group.
        imports: records whose content has to be imported.
    """

    values: dict[RecordId, dict[str, Any]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    imports: list[RecordId] = field(default_factory=list)


def _change(group: Group, rows: dict[RecordId, Row]) -> _Change:
    """Assign the dataset of a group to its first record, and set the others aside."""
    first, *others = _in_order(group, rows)
    change = _Change()
    holders = [row for row in (first, *others) if row.package_id and row.state in (PUBLISHED, KEPT)]
    package_id = holders[0].package_id if holders else None
    if first.state == DUPLICATE:
        change.imports.append(first.member.id)
        values: dict[str, Any] = {"digest": None, "joined": None, "state": NEW}
        if package_id:
            values |= {"state": PUBLISHED, "package_id": package_id}
        elif first.former:
            package_id = first.former
            values |= {"state": WITHDRAWN, "package_id": package_id, "former": None}
        change.values[first.member.id] = values
    elif others and first.state == PUBLISHED and first.digest is None:
        change.imports.append(first.member.id)  # a worker died before importing it
    for row in others:
        wanted: dict[str, Any] = {"state": DUPLICATE, "package_id": None, "joined": package_id}
        if row.package_id and row.package_id != package_id:
            change.gone.append(row.package_id)
            wanted["former"] = row.package_id
        if (row.state, row.package_id, row.joined) != (DUPLICATE, None, package_id):
            change.values[row.member.id] = wanted
    return change


def _in_order(group: Group, rows: dict[RecordId, Row]) -> list[Row]:
    """Return the rows of a group; rows whose dataset a person deleted come after those with an active one."""
    found = [rows[member.id] for member in group]
    if any(row.package_state == "active" for row in found):
        found.sort(key=lambda row: row.package_state == "deleted")
    return found


def _write(change: _Change) -> None:
    if not change.values:
        return
    solr.remove(change.gone)
    with one_transaction():
        for package_id in change.gone:
            give_up_dataset(package_id)
        for record_id, values in change.values.items():
            _update(*record_id, **values)
        model.Session.commit()


def give_up_dataset(package_id: str) -> None:
    """Delete a dataset replaced by another one; it can come back with its URL and ids."""
    package = model.Session.get(model.Package, package_id)
    if package is not None and package.state == "active":
        delete_dataset(package)
    model.Session.execute(
        sa.update(HarvestObject)
        .where(HarvestObject.package_id == package_id, HarvestObject.current.is_(True))
        .values(current=False)
    )


def hand_over(source_id: str, leaving: Iterable[str]) -> set[str]:
    """Let the next source publish the datasets of records that are withdrawn, with the same URL and ids.

    Args:
        source_id: the source.
        leaving: guids of its records that are to be withdrawn.

    Returns:
        guids of those whose datasets were handed over, which need not be withdrawn any more.
    """
    copies = _next_in_line(source_id, set(leaving))
    if not copies:
        return set()
    with one_transaction():
        for guid, (heir, package_id) in copies.items():
            _update(source_id, guid, state=WITHDRAWN, package_id=None, name=None, absences=0)
            _update(*heir, state=PUBLISHED, package_id=package_id, joined=None, digest=None)
        model.Session.commit()
    import_kept(heir for heir, _package_id in copies.values())
    return set(copies)


def _next_in_line(source_id: str, guids: set[str]) -> dict[str, tuple[RecordId, str]]:
    """Return, for each record with a duplicate in another source, the duplicate next in rank and the dataset."""
    mine = model.Session.execute(
        sa.select(SourceRecord.guid, SourceRecord.package_id, model.Package.owner_org)
        .join(model.Package, model.Package.id == SourceRecord.package_id)
        .where(SourceRecord.source_id == source_id, SourceRecord.guid.in_(guids), model.Package.state == "active")
    ).all()
    copies = model.Session.execute(
        sa.select(SourceRecord.source_id, SourceRecord.guid, SourceRecord.joined).where(
            SourceRecord.state == DUPLICATE, SourceRecord.joined.in_([package_id for _guid, package_id, _owner in mine])
        )
    ).all()
    known = sources() if copies else {}
    model.Session.remove()
    found = {}
    for guid, package_id, owner in mine:
        heirs = [
            (rank(known.get(source)).order(), source, other)
            for source, other, joined in copies
            if joined == package_id and known[source].active and known[source].only_for in (None, owner)
        ]
        if heirs:
            _order, source, other = min(heirs)
            found[guid] = ((source, other), package_id)
    return found


def _update(source_id: str, guid: str, **values: Any) -> None:
    model.Session.execute(
        sa.update(SourceRecord).where(SourceRecord.source_id == source_id, SourceRecord.guid == guid).values(**values)
    )


_POLL_SECONDS = 0.3


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
    package = model.Package.get(dataset)
    conditions = [SourceRecord.state == DUPLICATE, SourceRecord.joined == (package.id if package else None)]
    if source is not None:
        found = model.Package.get(source)
        conditions.append(SourceRecord.source_id == (found.id if found else source))
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
    package = model.Package.get(dataset)
    return _mark([SourceRecord.apart.is_(True), SourceRecord.package_id == (package.id if package else None)], False)


def _mark(conditions: Iterable[Any], apart: bool) -> list[RecordId]:
    with Locks() as locks:
        while not locks.take(LOCK):
            time.sleep(_POLL_SECONDS)
        rows = model.Session.execute(
            sa.select(SourceRecord.source_id, SourceRecord.guid, SourceRecord.keys).where(*conditions)
        ).all()
        if not rows:
            raise LookupError
        model.Session.execute(
            sa.update(SourceRecord)
            .where(sa.tuple_(SourceRecord.source_id, SourceRecord.guid).in_([(row[0], row[1]) for row in rows]))
            .values(apart=apart)
        )
        model.Session.commit()
        settle_keys(key for row in rows for key in row.keys)
    return [(source_id, guid) for source_id, guid, _keys in rows]


def joined(source: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield all copies of published datasets, with what is published instead and why.

    Args:
        source: id or name of a source, to see only those that it publishes or has a copy of.

    Yields:
        `dataset` (name), `title`, `copy` (title of the source and guid), `published_by`, `reason` (sentence) and
        `identifiers`.
    """
    from ckanext.ecosphere.harvest.worker.messages import translator

    known = sources()
    wanted = model.Package.get(source) if source else None
    publisher = aliased(SourceRecord)
    query = (
        sa.select(SourceRecord, publisher, model.Package)
        .join(publisher, sa.and_(publisher.package_id == SourceRecord.joined, publisher.state == PUBLISHED))
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .join(model.Package, model.Package.id == SourceRecord.joined)
        .where(SourceRecord.state == DUPLICATE)
        .order_by(model.Package.name, SourceRecord.source_id)
    )
    if source is not None:
        id_ = wanted.id if wanted else source
        query = query.where(sa.or_(SourceRecord.source_id == id_, publisher.source_id == id_))
    for copy, winner, package in model.Session.execute(query):
        one, two = (
            member_of(
                known.get(row.source_id),
                (row.source_id, row.guid),
                row.keys,
                rank(known.get(row.source_id)),
                service=service,
            )
            for row, service in ((winner, package.owner_org or ""), (copy, ""))
        )
        why = explanation(one, two, known)
        yield {
            "dataset": package.name,
            "title": package.title,
            "copy": {"source": known[copy.source_id].title, "guid": copy.guid},
            "published_by": {"source": why["source"], "guid": why["guid"]},
            "reason": translator()(REASONS[why["reason"]]).format(**why["params"]),
            "identifiers": why["identifiers"],
        }
