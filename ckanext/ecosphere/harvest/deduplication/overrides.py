"""Manual overrides of de-duplication: separate records that were joined wrongly, or let them be joined again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import aliased

from ckanext.ecosphere.harvest.deduplication.explain import REASONS, explanation
from ckanext.ecosphere.harvest.deduplication.reconcile import LOCK, settle_keys
from ckanext.ecosphere.harvest.deduplication.rows import RecordId, member_of, rank, sources
from ckanext.ecosphere.harvest.model import DUPLICATE, PUBLISHED, SourceRecord
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestSource

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
