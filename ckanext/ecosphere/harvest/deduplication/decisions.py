"""Which of the records of several catalogues is published: load their groups, decide during the import, say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.deduplication.groups import (
    Group,
    Member,
    Rank,
    as_file,
    as_resource,
    bare,
    grouped,
    reason,
    shared_identifiers,
)
from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    KEPT,
    PUBLISHED,
    SourceRecord,
    by_index,
    update_record,
)
from ckanext.ecosphere.harvest.sources.source_type import fill_record_url, type_called
from ckanext.ecosphere.harvest.worker.job import only_for, read_settings
from ckanext.ecosphere.shared.messages import N_
from ckanext.harvest.model import HarvestObject, HarvestSource

RecordId = tuple[str, str]
"""Source and guid."""
LIVE = (PUBLISHED, KEPT, DUPLICATE)
"""States of records that count for grouping."""
REASONS: dict[str, str] = {
    "removed": N_("a person deleted its dataset, which is not published again"),
    "present": N_("its catalogue still has the record"),
    "active": N_("its source is still harvested"),
    "priority": N_("its source has the higher priority ({mine} against {other})"),
    "older": N_("both sources have the same priority, and its source was registered first"),
    "own-service": N_("its catalogue publishes for all services, the other one for its own only"),
    "apart": N_("a person said that it is the same as no other record"),
}
_AT_ONCE = 500
_ROUNDS = 20
"""Maximum steps from key to key; chains of copies are a few records long."""


# --- records of all sources, as members of groups ---


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

    @property
    def publishes(self) -> bool:
        """Whether it has the dataset of its group."""
        return bool(self.package_id) and self.state in (PUBLISHED, KEPT)


def sources() -> dict[str, Source]:
    """Return all sources by id."""
    query = sa.select(HarvestSource, model.Package.state, model.Package.owner_org)
    query = query.outerjoin(model.Package, model.Package.id == HarvestSource.id)
    every = {}
    for source, state, owner_org in model.Session.execute(query):
        settings = read_settings(source.config)
        priority = settings.get("priority")
        every[source.id] = Source(
            title=source.title or source.url,
            priority=priority if type(priority) is int else 0,
            registered=source.created.isoformat() if source.created else "",
            active=bool(source.active) and state == "active",
            only_for=only_for(settings, owner_org),
        )
    return every


def rank(
    source: Source | None, state: str = PUBLISHED, package_state: str | None = "active"
) -> Rank:
    """Return the rank of a record."""
    is_removed = state in (PUBLISHED, KEPT) and package_state == "deleted"
    if source is None:
        return Rank(int(not is_removed), int(state == KEPT), inactive=1)
    return Rank(
        removed=int(not is_removed),
        absent=int(state == KEPT),
        inactive=int(not source.active),
        priority=-source.priority,
        registered=source.registered,
    )


def member_of(
    source: Source | None,
    record: RecordId,
    keys: Iterable[str],
    order: Rank,
    *,
    apart: bool = False,
    service: str = "",
) -> Member:
    """Return a record of a source as a group member.

    Args:
        source: its source, if known.
        record: the record.
        keys: see `keys_of`.
        order: its rank.
        apart: whether a person marked it as separate from all other records.
        service: id of the service that owns its dataset.
    """
    own_service = source.only_for if source else None
    return Member(*record, tuple(keys), order, apart, own_service, service)


def around(keys: Iterable[str], known: Mapping[str, Source]) -> dict[RecordId, Row]:
    """Return all live records reachable from these keys, directly or through other records.

    Args:
        keys: the keys.
        known: all sources, as `sources` returns them.
    """
    reached: dict[RecordId, Row] = {}
    visited: set[str] = set()
    following = _spellings(keys)
    for _round in range(_ROUNDS):
        if not following:
            break
        visited |= following
        rows = _rows(SourceRecord.keys.overlap(sorted(following)), known)  # type: ignore[attr-defined]
        reached.update((row.member.id, row) for row in rows)
        following = _spellings(key for row in rows for key in row.member.keys) - visited
    return reached


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
    return {spell(key) for key in keys for spell in (as_resource, as_file)}


def _rows(condition: Any, known: Mapping[str, Source]) -> list[Row]:
    query = (
        sa.select(SourceRecord, model.Package.state, model.Package.owner_org)
        .outerjoin(model.Package, model.Package.id == SourceRecord.package_id)
        .where(SourceRecord.state.in_(LIVE), condition)
        .execution_options(populate_existing=True)
    )
    rows = []
    for record, package_state, owner_org in model.Session.execute(query):
        source = known.get(record.source_id)
        member = member_of(
            source,
            (record.source_id, record.guid),
            record.keys,
            rank(source, record.state, package_state),
            apart=record.apart,
            service=owner_org or "",
        )
        rows.append(
            Row(
                member,
                record.state,
                record.package_id,
                package_state,
                record.joined,
                record.former,
                record.digest,
            )
        )
    return rows


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


def kept_objects(records: Iterable[RecordId]) -> dict[RecordId, tuple[str, str]]:
    """Return (object, job) in which the content of each record was last stored."""
    ids = sorted(set(records))
    record = (HarvestObject.harvest_source_id, HarvestObject.guid)
    objects: dict[RecordId, tuple[str, str]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = (
            sa.select(*record, HarvestObject.id, HarvestObject.harvest_job_id)
            .distinct(*record)
            .where(
                sa.tuple_(*record).in_(ids[start : start + _AT_ONCE]),
                HarvestObject.content.is_not(None),
                HarvestObject.state != "WAITING",
            )
            .order_by(*record, HarvestObject.gathered.desc())
        )
        for source_id, guid, object_id, job_id in model.Session.execute(query):
            objects[source_id, guid] = (object_id, job_id)
    return objects


# --- decisions on new records ---


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A record that another source publishes.

    Attributes:
        package_id: the published dataset.
        why: see `explanation`.
    """

    package_id: str
    why: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Takeover:
    """A record whose source has priority over the one that currently publishes its dataset."""

    package_id: str
    holder: RecordId


def decide(
    source_id: str, candidates: Mapping[str, tuple[tuple[str, ...], str]]
) -> dict[str, Duplicate | Takeover]:
    """Decide on records that have no dataset yet; those without a decision become new datasets.

    The keys are locked until the end of the transaction, so that two workers never publish the same dataset twice.

    Args:
        source_id: their source.
        candidates: keys and id of the owning service of each record, by guid.
    """
    every = {key for keys, _service in candidates.values() for key in keys}
    if not every:
        return {}
    _lock(every)
    if not known_elsewhere(source_id, every):
        return {}
    known = sources()
    source = known.get(source_id)
    rows = around(every, known)
    members = {id_: row.member for id_, row in rows.items()}
    apart = _apart(source_id, candidates)
    for guid, (keys, service) in candidates.items():
        record = (source_id, guid)
        members[record] = member_of(
            source, record, keys, rank(source), apart=guid in apart, service=service
        )
    decided: dict[str, Duplicate | Takeover] = {}
    for group in grouped(members.values()):
        mine = _first_of(group, source_id, candidates)
        holder = _holder(group, rows, mine)
        if mine is None or holder is None:
            continue
        package_id = rows[holder.id].package_id or ""
        if mine is group[0]:
            decided[mine.guid] = Takeover(package_id, holder.id)
        else:
            decided[mine.guid] = Duplicate(package_id, explanation(group[0], mine, known))
    return decided


def _lock(keys: Iterable[str]) -> None:
    statement = sa.text(
        "SELECT pg_advisory_xact_lock(hashtext('ecosphere same'), hashtext(key))"
        " FROM (SELECT unnest(CAST(:keys AS text[])) AS key) AS sorted"
    )
    model.Session.execute(statement, {"keys": sorted(set(map(bare, keys)))})


def _first_of(group: Group, source_id: str, guids: Iterable[str]) -> Member | None:
    for member in group:
        if member.source == source_id and member.guid in guids:
            return member
    return None


def _holder(group: Group, rows: Mapping[RecordId, Row], mine: Member | None) -> Member | None:
    """Return the other record of a group that has its dataset."""
    for member in group:
        row = rows.get(member.id)
        if row is not None and row.publishes and member is not mine:
            return member
    return None


def _apart(source_id: str, guids: Iterable[str]) -> set[str]:
    """Return the records that a person marked as separate from all others."""
    query = sa.select(SourceRecord.guid).where(
        SourceRecord.source_id == source_id,
        SourceRecord.apart.is_(True),
        SourceRecord.guid.in_(list(guids)),
    )
    return set(model.Session.scalars(query))


def let_go(holder: RecordId, package_id: str) -> None:
    """Set aside the record whose dataset is taken over."""
    update_record(*holder, state=DUPLICATE, package_id=None, joined=package_id)


# --- explanations ---


def explanation(winner: Member, other: Member, known: Mapping[str, Source]) -> dict[str, Any]:
    """Return the explanation stored for a duplicate: who publishes it, why, and the identifiers that matched."""
    code, params = reason(winner, other)
    return {
        **_named(winner, known),
        "reason": code,
        "params": params,
        "identifiers": shared_identifiers(winner, other),
    }


def _named(member: Member, known: Mapping[str, Source]) -> dict[str, str]:
    source = known.get(member.source)
    return {"source": source.title if source else member.source, "guid": member.guid}


def explained(record: RecordId) -> dict[str, Any]:
    """Return the decision on a record of which other catalogues have copies, as it is now.

    Returns:
        `published_by`, the explanation of the record that is published in its place, or `publishes`, one for each
        record in whose place it is published; empty for a record without copies.
    """
    source_id, guid = record
    query = sa.select(SourceRecord.keys).where(
        SourceRecord.source_id == source_id, SourceRecord.guid == guid
    )
    keys = model.Session.scalar(query)
    known = sources() if keys else {}
    rows = around(keys or (), known)
    for winner, *others in grouped(row.member for row in rows.values()):
        whys = {other.id: explanation(winner, other, known) for other in others}
        if record in whys:
            return {"published_by": whys[record]}
        if winner.id == record and others:
            copies = [{**whys[other.id], **_named(other, known)} for other in others]
            return {"publishes": copies}
    return {}


def catalogues(package_id: str) -> dict[str, Any]:
    """Return the catalogues that have a dataset.

    Returns:
        `published_from`, the one whose record the portal publishes (None when the dataset was not harvested), and
        `also`, the others in the order in which they would take over; each with `title` and `url` of the catalogue,
        `guid` of the record and `record`, the URL of the original, None when it has none.
    """
    is_duplicate = sa.and_(SourceRecord.joined == package_id, SourceRecord.state == DUPLICATE)
    query = (
        sa.select(SourceRecord.guid, SourceRecord.state, HarvestSource)
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .where(sa.or_(SourceRecord.package_id == package_id, is_duplicate))
    )
    published_from: dict[str, Any] | None = None
    also: dict[str, dict[str, Any]] = {}
    for guid, state, source in model.Session.execute(query):
        source_type = type_called(source.type)
        pattern = source_type.record_url(source.url) if source_type else None
        catalogue = {
            "title": source.title or source.url,
            "url": source.url,
            "guid": guid,
            "record": fill_record_url(pattern, guid) if pattern else None,
        }
        if state == DUPLICATE:
            also[source.id] = catalogue
        else:
            published_from = published_from or catalogue
    known = sources() if len(also) > 1 else {}
    in_order = sorted(also, key=lambda source_id: (rank(known.get(source_id)), source_id))
    return {
        "published_from": published_from,
        "also": [also[source_id] for source_id in in_order],
    }
