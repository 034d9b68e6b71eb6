"""Load records of all sources from the database as members of duplicate groups, with the ranks of their sources."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

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
    shared_keys,
)
from ckanext.ecosphere.harvest.model import DUPLICATE, KEPT, PUBLISHED, SourceRecord, by_index, now
from ckanext.ecosphere.harvest.sources.source_type import fill_record_url, type_called
from ckanext.ecosphere.harvest.worker.job import only_for, read_settings
from ckanext.ecosphere.shared.messages import N_
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra, HarvestSource

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


JOINED = "ecosphere_joined"
"""Key of the harvest object extra that records which source publishes its dataset, and why."""


REASONS: dict[str, str] = {
    "removed": N_("a person deleted its dataset, which is not published again"),
    "present": N_("its catalogue still has the record"),
    "active": N_("its source is still harvested"),
    "priority": N_("its source has the higher priority ({mine} against {other})"),
    "older": N_("both sources have the same priority, and its source was registered first"),
    "own-service": N_("its catalogue publishes for all services, the other one for its own only"),
    "apart": N_("a person said that it is the same as no other record"),
}


def explanation(winner: Member, other: Member, known: Mapping[str, Source]) -> dict[str, Any]:
    """Return the explanation stored for a duplicate: who publishes it, why, and the identifiers that matched."""
    code, params = reason(winner, other)
    source = known.get(winner.source)
    return {
        "source": source.title if source else winner.source,
        "guid": winner.guid,
        "reason": code,
        "params": params,
        "identifiers": shared_keys(winner, other),
    }


def note(groups: Iterable[Group], known: Mapping[str, Source]) -> None:
    """Store the decisions on the harvest objects of duplicate records, where they differ from what is stored."""
    told: dict[RecordId, dict[str, Any]] = {}
    for winner, *others in groups:
        if others:
            copies = [{**explanation(winner, other, known), **_named(other, known)} for other in others]
            told[winner.id] = {"publishes": copies}
            for other in others:
                told[other.id] = {"published_by": explanation(winner, other, known)}
    objects = kept_objects(told)
    before = _noted([object_id for object_id, _job_id in objects.values()])
    for record_id, (object_id, _job_id) in objects.items():
        kept = before.get(object_id)
        if kept is None or {key: value for key, value in kept.items() if key != "decided"} != told[record_id]:
            _keep(object_id, {**told[record_id], "decided": now().isoformat()}, new=kept is None)
    model.Session.commit()
    model.Session.remove()


def _named(member: Member, known: Mapping[str, Source]) -> dict[str, str]:
    source = known.get(member.source)
    return {"source": source.title if source else member.source, "guid": member.guid}


def _noted(object_ids: list[str]) -> dict[str, dict[str, Any]]:
    rows = model.Session.execute(
        sa.select(HarvestObjectExtra.harvest_object_id, HarvestObjectExtra.value).where(
            HarvestObjectExtra.harvest_object_id.in_(object_ids), HarvestObjectExtra.key == JOINED
        )
    )
    return {object_id: json.loads(value) for object_id, value in rows}


def _keep(object_id: str, told: dict[str, Any], new: bool) -> None:
    value = json.dumps(told, ensure_ascii=False)
    if new:
        statement: Any = sa.insert(HarvestObjectExtra.__table__).values(
            id=str(uuid4()), harvest_object_id=object_id, key=JOINED, value=value
        )
    else:
        statement = (
            sa.update(HarvestObjectExtra)
            .where(HarvestObjectExtra.harvest_object_id == object_id, HarvestObjectExtra.key == JOINED)
            .values(value=value)
        )
    model.Session.execute(statement)


def catalogues(package_id: str) -> dict[str, Any]:
    """Return the catalogues that have a dataset.

    Returns:
        `published_from`, the one whose record the portal publishes (None when the dataset was not harvested), and
        `also`, the others in the order in which they would take over; each with `title` and `url` of the catalogue,
        `guid` of the record and `record`, the URL of the original, None when it has none.
    """
    query = (
        sa.select(SourceRecord.guid, SourceRecord.state, SourceRecord.source_id, HarvestSource)
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .where(
            sa.or_(
                SourceRecord.package_id == package_id,
                sa.and_(SourceRecord.joined == package_id, SourceRecord.state == DUPLICATE),
            )
        )
    )
    found: dict[bool, list[tuple[Any, dict[str, Any]]]] = {True: [], False: []}
    for guid, state, source_id, source in model.Session.execute(query):
        harvester = type_called(source.type)
        pattern = harvester.record_url(source.url) if harvester else None
        shown = {
            "title": source.title or source.url,
            "url": source.url,
            "guid": guid,
            "record": fill_record_url(pattern, guid) if pattern else None,
        }
        found[state == DUPLICATE].append((source_id, shown))
    if not any(found.values()):
        return {"published_from": None, "also": []}
    known = sources() if len(found[True]) > 1 else {}
    also = sorted(found[True], key=lambda each: (rank(known.get(each[0])).order(), each[0]))
    return {
        "published_from": found[False][0][1] if found[False] else None,
        "also": [shown for _source_id, shown in also],
    }


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


def decide(source_id: str, found: Mapping[str, tuple[tuple[str, ...], str]]) -> dict[str, Duplicate | Takeover]:
    """Decide on records that have no dataset yet; those without a decision become new datasets.

    The keys are locked until the end of the transaction, so that two workers never publish the same dataset twice.

    Args:
        source_id: their source.
        found: keys and id of the owning service of each record, by guid.
    """
    every = {key for own, _service in found.values() for key in own}
    keys = sorted({bare(key) for key in every})
    if not keys:
        return {}
    model.Session.execute(
        sa.text(
            "SELECT pg_advisory_xact_lock(hashtext('ecosphere same'), hashtext(key))"
            " FROM (SELECT unnest(CAST(:keys AS text[])) AS key) AS sorted"
        ),
        {"keys": keys},
    )
    if not known_elsewhere(source_id, every):
        return {}
    known = sources()
    rows = around(every, known)
    members = {id_: row.member for id_, row in rows.items()}
    apart = _apart(source_id, set(found))
    source = known.get(source_id)
    for guid, (own, service) in found.items():
        members[source_id, guid] = member_of(
            source, (source_id, guid), own, rank(source), apart=guid in apart, service=service
        )
    decided: dict[str, Duplicate | Takeover] = {}
    for group in grouped(members.values()):
        mine = next((member for member in group if member.source == source_id and member.guid in found), None)
        holder = next((member for member in group if _holds(rows.get(member.id)) and member is not mine), None)
        if mine is None or holder is None:
            continue
        package_id = rows[holder.id].package_id or ""
        if mine is not group[0]:
            decided[mine.guid] = Duplicate(package_id, explanation(group[0], mine, known))
        else:
            decided[mine.guid] = Takeover(package_id, holder.id)
    return decided


def _holds(row: Any) -> bool:
    return bool(row and row.package_id and row.state in (PUBLISHED, KEPT))


def _apart(source_id: str, guids: set[str]) -> set[str]:
    """Return the records that a person marked as separate from all others."""
    query = sa.select(SourceRecord.guid).where(
        SourceRecord.source_id == source_id, SourceRecord.apart.is_(True), SourceRecord.guid.in_(guids)
    )
    return set(model.Session.execute(query).scalars())


def let_go(holder: RecordId, package_id: str) -> None:
    """Set aside the record whose dataset is taken over."""
    source, guid = holder
    model.Session.execute(
        sa.update(SourceRecord)
        .where(SourceRecord.source_id == source, SourceRecord.guid == guid)
        .values(state=DUPLICATE, package_id=None, joined=package_id)
    )
