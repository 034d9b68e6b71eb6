"""Load records of all sources from the database as members of duplicate groups, with the ranks of their sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.deduplication.groups import Member, Rank
from ckanext.ecosphere.harvest.deduplication.keys import as_file, as_resource
from ckanext.ecosphere.harvest.model import DUPLICATE, KEPT, PUBLISHED, SourceRecord, by_index
from ckanext.ecosphere.harvest.worker.job import only_for, read_settings
from ckanext.harvest.model import HarvestObject, HarvestSource

RecordId = tuple[str, str]
"""Source and guid."""
LIVE = (PUBLISHED, KEPT, DUPLICATE)
"""States of records that count for grouping."""
_ASKED_AT_ONCE = 500
_ROUNDS = 20
"""Maximum steps from key to key; chains of copies are a few records long."""


@dataclass(frozen=True, slots=True)
class Source:
    """The attributes of a source that rank its records; `only_for` is the one service that it publishes for."""

    title: str
    priority: int
    registered: str
    active: bool
    only_for: str | None = None


@dataclass(slots=True)
class Row:
    """Current state of a record."""

    member: Member
    state: str
    package_id: str | None
    package_state: str | None
    joined: str | None
    former: str | None
    digest: str | None


def sources() -> dict[str, Source]:
    """Return all sources by id."""
    query = sa.select(
        HarvestSource.id,
        HarvestSource.title,
        HarvestSource.url,
        HarvestSource.config,
        HarvestSource.created,
        HarvestSource.__table__.c.active,
        model.Package.state,
        model.Package.owner_org,
    ).outerjoin(model.Package, model.Package.id == HarvestSource.id)
    return {
        id_: Source(
            title or url,
            priority_of(read_settings(config)),
            created.isoformat() if created else "",
            bool(active) and state == "active",
            only_for(read_settings(config), owner_org),
        )
        for id_, title, url, config, created, active, state, owner_org in model.Session.execute(query)
    }


def priority_of(settings: dict[str, Any]) -> int:
    """Return the priority in the configuration of a source, 0 by default."""
    value = settings.get("priority")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def rank(source: Source | None, state: str = PUBLISHED, package_state: str | None = "active") -> Rank:
    """Return the rank of a record."""
    return Rank(
        removed=0 if state in (PUBLISHED, KEPT) and package_state == "deleted" else 1,
        absent=1 if state == KEPT else 0,
        inactive=0 if source and source.active else 1,
        priority=-source.priority if source else 0,
        registered=source.registered if source else "",
    )


def member_of(
    known: Source | None, record: RecordId, keys: Iterable[str], order: Rank, *, apart: bool = False, service: str = ""
) -> Member:
    """Return a record of a source as a group member.

    Args:
        known: its source, if known.
        record: the record.
        keys: see `keys_of`.
        order: its rank.
        apart: whether a person marked it as separate from all other records.
        service: id of the service that owns its dataset.
    """
    return Member(*record, tuple(keys), order, apart, known.only_for if known else None, service)


def around(keys: Iterable[str], known: dict[str, Source]) -> dict[RecordId, Row]:
    """Return all live records reachable from these keys, directly or through other records."""
    found: dict[RecordId, Row] = {}
    asked: set[str] = set()
    todo = _spellings(keys)
    for _round in range(_ROUNDS):
        if not todo:
            break
        asked |= todo
        rows = _rows(SourceRecord.keys.overlap(sorted(todo)), known)  # type: ignore[attr-defined]
        found.update((row.member.id, row) for row in rows)
        todo = _spellings(key for row in rows for key in row.member.keys) - asked
    return found


def known_elsewhere(source_id: str, keys: Iterable[str]) -> bool:
    """Tell whether a live record of another source has one of these keys."""
    query = sa.select(SourceRecord.guid).where(
        SourceRecord.keys.overlap(sorted(_spellings(keys))),  # type: ignore[attr-defined]
        SourceRecord.source_id != source_id,
        SourceRecord.state.in_(LIVE),
    )
    with by_index():
        return model.Session.execute(query.limit(1)).first() is not None


def _spellings(keys: Iterable[str]) -> set[str]:
    """Return each key as that of a resource and as that of a record, since one may stand for the other."""
    return {spelling for key in keys for spelling in (as_resource(key), as_file(key))}


def _rows(condition: Any, known: dict[str, Source]) -> list[Row]:
    query = (
        sa.select(
            SourceRecord.source_id,
            SourceRecord.guid,
            SourceRecord.keys,
            SourceRecord.apart,
            SourceRecord.state,
            SourceRecord.package_id,
            SourceRecord.joined,
            SourceRecord.former,
            SourceRecord.digest,
            model.Package.state,
            model.Package.owner_org,
        )
        .outerjoin(model.Package, model.Package.id == SourceRecord.package_id)
        .where(SourceRecord.state.in_(LIVE), condition)
    )
    return [
        Row(
            member_of(
                known.get(source),
                (source, guid),
                keys,
                rank(known.get(source), state, package_state),
                apart=apart,
                service=owner or "",
            ),
            state,
            package_id,
            package_state,
            joined,
            former,
            digest,
        )
        for source, guid, keys, apart, state, package_id, joined, former, digest, package_state, owner in (
            model.Session.execute(query)
        )
    ]


def keys_to_settle(source_id: str) -> set[str]:
    """Return the keys of a source by which its records may have to be joined to others, or separated from them."""
    statement = sa.text(
        """
        WITH live AS (
            SELECT source_id, key, translate(left(key, 1), 'fF', 'rR') || substr(key, 2) AS bare
            FROM ecosphere_harvest_record, unnest(keys) AS key
            WHERE state IN ('published', 'kept', 'duplicate')
        ), shared AS (
            SELECT bare FROM live GROUP BY bare
            HAVING count(DISTINCT source_id) > 1 AND bool_or(source_id = :source)
        )
        SELECT DISTINCT key FROM live JOIN shared USING (bare)
        UNION
        SELECT unnest(keys) FROM ecosphere_harvest_record AS copy
        WHERE state = 'duplicate' AND (
            source_id = :source
            OR joined IN (SELECT package_id FROM ecosphere_harvest_record WHERE source_id = :source)
        )
        """
    )
    return set(model.Session.execute(statement, {"source": source_id}).scalars())


def kept_objects(wanted: Iterable[RecordId]) -> dict[RecordId, tuple[str, str]]:
    """Return (object, job) in which the content of each record was last stored."""
    ids = sorted(set(wanted))
    found: dict[RecordId, tuple[str, str]] = {}
    record = (HarvestObject.harvest_source_id, HarvestObject.guid)
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        query = (
            sa.select(
                HarvestObject.harvest_source_id, HarvestObject.guid, HarvestObject.id, HarvestObject.harvest_job_id
            )
            .distinct(*record)
            .where(
                sa.tuple_(*record).in_(ids[start : start + _ASKED_AT_ONCE]),
                HarvestObject.content.is_not(None),
                HarvestObject.state != "WAITING",
            )
            .order_by(*record, HarvestObject.gathered.desc())
        )
        rows = model.Session.execute(query)
        found.update({(source, guid): (id_, job_id) for source, guid, id_, job_id in rows})
    return found
