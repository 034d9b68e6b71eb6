"""Records that belong together: group those that describe the same dataset, choose the one to
publish, and find series.

Géo-IDE and the regional platforms harvest each other: a copy keeps the resource identifier
(sometimes as a second one, sometimes under another host) and often the record's own identifier.
Records are matched by keys made of these. Weaker values would join unrelated records: unfilled
forms, table names, plain numbers, the address of the portal itself.

The result depends only on the set of records, not on the order in which they were harvested.

- Resource identifiers count first. A record without any is matched by its own identifier.
- Next comes the record's own identifier, unless resource identifiers show that the resources
  differ.
- Two records of one source are never the same dataset, and an identifier shared by several records
  of a source is ignored.
- Among equals, the source with the higher priority wins, then the one registered first.
- Records of two sources that each publish for their own service only are never the same dataset
  when the services differ. Such a record also gives way to one that a source for all services
  publishes for another service.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.harvest.job import only_for, read_settings
from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    KEPT,
    NEW,
    PUBLISHED,
    SourceRecord,
    by_index,
    is_any,
)
from ckanext.ecosphere.harvest.normalise.identity import clean_identifier, full_identifier
from ckanext.ecosphere.harvest.record import UUID, Record
from ckanext.ecosphere.harvest.sources.base import original_url
from ckanext.harvest.model import HarvestSource

MAX_SERIES = 20
"""Maximum series of one dataset."""
MAX_KEYS = 20
"""Maximum number of resource identifiers used; longer lists mean something else."""
_MAX_LENGTH = 400
_NATIONAL = re.compile(r"fr-\d{9}-(?=[^/]*[a-z])(?=[^/]*\d)[\w.-]{6,}", re.IGNORECASE)
"""`fr-<SIREN>-<name>`, the form of the national INSPIRE guide; a name without a digit is too
common."""
_URN = re.compile(r"urn:[a-z0-9-]+(?::[^:\s]+){2,}", re.IGNORECASE)
_INNER_HOST = re.compile(
    r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|[^.]+|.*\.(?:i2|local|localdomain|lan|test))"
)
_MIN_PATH = 8
_MIN_FIGURES = 4
"""A UUID with no more distinct characters than this is not random ("00000000-…", "11111111-…")."""
_AS_RESOURCE = {"f": "r", "F": "R"}
_AS_FILE = {"r": "f", "R": "F"}
"""Prefixes of keys, for a resource and its record; those of services, in capitals, never match keys
of data."""


# --- keys ---


def keys_of(record: Record) -> tuple[str, ...]:
    """Return the keys of a record: those of the resource in the order of the record, then that of
    the record itself.

    Records that share an identifier all have its key, which is then ignored when grouping.

    Args:
        record: the record.
    """
    prefix = "R" if (record.hierarchy_level or "").lower() == "service" else "r"
    origin = key_of(clean_identifier(record.origin))
    if origin:
        # Identifier in the original catalogue; whether of the record or of the resource is not
        # stated.
        identifiers: list[str | None] = [origin]
    else:
        full = map(full_identifier, record.identifiers[:MAX_KEYS])
        identifiers = [key_of(identifier) for identifier in full]
    keys = [f"{prefix}:{key}" for key in dict.fromkeys(identifiers) if key]
    own = origin or key_of(clean_identifier(record.file_identifier))
    if own:
        keys.append(f"{_AS_FILE[prefix]}:{own}")
    return tuple(keys)


def is_file(key: str) -> bool:
    """Tell whether a key is that of a record rather than of a resource."""
    return key[:1] in _AS_RESOURCE


def as_resource(key: str) -> str:
    """Return a key with the prefix of a resource."""
    return _AS_RESOURCE.get(key[:1], key[:1]) + key[1:]


def as_file(key: str) -> str:
    """Return a key with the prefix of a record."""
    return _AS_FILE.get(key[:1], key[:1]) + key[1:]


def bare(key: str) -> str:
    """Return the identifier in a key, without its prefix."""
    return key[2:]


def key_of(identifier: str | None) -> str | None:
    """Return the part of an identifier that is the same in all catalogues.

    None when it is not distinctive.
    """
    text = " ".join((identifier or "").split()).strip("{}").casefold()[:_MAX_LENGTH]
    uuids = UUID.findall(text)
    if len(uuids) == 1:
        if len(set(uuids[0])) <= _MIN_FIGURES:
            return None
        # A copy on another host, or in another notation, keeps the part with the UUID.
        parts = re.split(r"[/?#=&:]", text)
        return next(part for part in parts if uuids[0] in part).strip("{}")
    if uuids or _NATIONAL.fullmatch(text) or _URN.fullmatch(text):
        return text
    return _address(text)


def _address(text: str) -> str | None:
    """Return a URL without its scheme.

    None when it names no more than a site, or an internal host.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or _INNER_HOST.fullmatch(host):
        return None
    rest = parts._replace(scheme="", netloc="", path=parts.path.rstrip("/")).geturl()
    if len(rest) < _MIN_PATH or not re.search(r"[\w]{4}", rest.rpartition("/")[2]):
        return None
    return f"{host.removeprefix('www.')}{rest}"


# --- records ---


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """Sort key among records of one dataset: the first attribute that differs decides, smaller
    wins.

    Attributes:
        removed: 0 when a person deleted its dataset, so that no other record brings it back.
        absent: 1 when the source no longer has the record.
        inactive: 1 when the source is no longer harvested.
        priority: negated priority of the source.
        registered: when the source was registered.
    """

    removed: int = 1
    absent: int = 0
    inactive: int = 0
    priority: int = 0
    registered: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A record, reduced to what grouping needs.

    Attributes:
        keys: see `keys_of`.
        apart: whether a person marked it as separate from all other records.
        only_for: the one service that its source publishes for; None when it publishes for all.
        service: the service that owns or will own its dataset; empty when unknown.
    """

    source: str
    guid: str
    keys: tuple[str, ...]
    rank: Rank = field(default_factory=Rank)
    apart: bool = False
    only_for: str | None = None
    service: str = ""

    @property
    def id(self) -> tuple[str, str]:
        """Source and guid."""
        return self.source, self.guid

    @property
    def file_keys(self) -> tuple[str, ...]:
        """The key of the record itself, if it has one."""
        return tuple(key for key in self.keys if is_file(key))

    @property
    def resource_keys(self) -> tuple[str, ...]:
        """Keys of the resource; without any, the key of the record in their place."""
        keys = tuple(key for key in self.keys if not is_file(key))
        return keys or tuple(map(as_resource, self.keys))

    @property
    def is_firm(self) -> bool:
        """Whether it identifies its resource by something other than its own record identifier."""
        return not set(self.resource_keys) <= set(map(as_resource, self.file_keys[:1]))

    def is_guest(self, services: set[str]) -> bool:
        """Tell whether a source for one service has the record,
        which sources for all publish for other services.
        """
        return self.only_for is not None and not services <= {self.only_for}


Group = tuple[Member, ...]
"""Records of one dataset; the first is published."""


# --- groups ---


def grouped(members: Iterable[Member]) -> list[Group]:
    """Partition records into groups."""
    everybody = sorted(members, key=lambda member: member.id)
    parts = _Parts(everybody)
    resources = _shared_keys(everybody, lambda member: member.resource_keys)
    first_places = {key: min(places)[0] for key, places in resources.items()}
    for key in sorted(resources, key=lambda key: (first_places[key], key)):
        parts.join([index for _place, index in sorted(resources[key])])
    files = _shared_keys(everybody, lambda member: member.file_keys[:1])
    for key in sorted(files):
        indexes = [index for _place, index in files[key]]
        firm = {parts.of(index) for index in indexes if everybody[index].is_firm}
        if len(firm) > 1:
            indexes = [index for index in indexes if parts.of(index) not in firm]
        parts.join(indexes)
    groups = []
    for part in parts.all():
        groups.append(_ordered([everybody[index] for index in part]))
    return groups


def _shared_keys(
    members: Sequence[Member], keys: Callable[[Member], Iterable[str]]
) -> dict[str, list[tuple[int, int]]]:
    """Return, for each key shared by several records, (position among the record's keys, index of
    the record).

    Keys that several records of one source have are ignored for that source.
    """
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, member in enumerate(members):
        if not member.apart:
            for place, key in enumerate(dict.fromkeys(keys(member))):
                places[key].append((place, index))
    shared = {}
    for key, of_key in places.items():
        times = Counter(members[index].source for _place, index in of_key)
        alone = [(place, index) for place, index in of_key if times[members[index].source] == 1]
        if len(alone) > 1:
            shared[key] = alone
    return shared


def _ordered(part: list[Member]) -> Group:
    """Order a group: the record to publish comes first."""
    services = {member.service for member in part if member.only_for is None and member.service}
    return tuple(sorted(part, key=lambda m: (m.is_guest(services), m.rank, m.source, m.guid)))


def reason(winner: Member, other: Member) -> tuple[str, dict[str, int]]:
    """Return why one record is published rather than the other: a code,
    and the parameters of its message.
    """
    services: set[str] = set()
    if winner.only_for is None and winner.service:
        services.add(winner.service)
    if other.is_guest(services):
        return "own-service", {}
    best, rank_of_other = winner.rank, other.rank
    for name, code in (("removed", "removed"), ("absent", "present"), ("inactive", "active")):
        if getattr(best, name) != getattr(rank_of_other, name):
            return code, {}
    if best.priority != rank_of_other.priority:
        return "priority", {"mine": -best.priority, "other": -rank_of_other.priority}
    return "older", {}


def shared_identifiers(one: Member, two: Member) -> list[str]:
    """Return the identifiers by which two records were matched."""
    others = set(map(bare, two.keys))
    return [key for key in dict.fromkeys(map(bare, one.keys)) if key in others]


class _Parts:
    """Disjoint sets of records; no set has two records of one source, or of sources for different
    single services.

    Records are the indexes of `members`; a set is named by one of its records, its head.
    """

    def __init__(self, members: Sequence[Member]):
        self._part = list(range(len(members)))
        self._inside = {index: [index] for index in self._part}
        self._sources = {index: {member.source} for index, member in enumerate(members)}
        self._only_for = {index: {member.only_for} - {None} for index, member in enumerate(members)}

    def of(self, index: int) -> int:
        return self._part[index]

    def all(self) -> list[list[int]]:
        return list(self._inside.values())

    def join(self, indexes: Sequence[int]) -> None:
        """Merge the sets of these records where allowed, first ones first."""
        heads: list[int] = []
        for index in indexes:
            mine = self.of(index)
            head = next((head for head in heads if self._may_join(head, mine)), None)
            if head is None:
                heads.append(mine)
            elif head != mine:
                self._merge(head, mine)
                heads = [head for head in heads if head != mine]

    def _merge(self, head: int, other: int) -> None:
        for index in self._inside.pop(other):
            self._part[index] = head
            self._inside[head].append(index)
        self._sources[head] |= self._sources.pop(other)
        self._only_for[head] |= self._only_for.pop(other)

    def _may_join(self, one: int, other: int) -> bool:
        if one == other:
            return True
        same_source = self._sources[one] & self._sources[other]
        return not same_source and len(self._only_for[one] | self._only_for[other]) <= 1


RecordId = tuple[str, str]
"""Source and guid."""
LIVE = (PUBLISHED, KEPT, DUPLICATE)
"""States of records that count for grouping."""
_AT_ONCE = 500
_ROUNDS = 20
"""Maximum steps from key to key; chains of copies are a few records long."""


# --- records of all sources, as members of groups ---


@dataclass(frozen=True, slots=True)
class Source:
    """The attributes of a source that rank its records;
    `only_for` is the one service that it publishes for.
    """

    title: str
    priority: int
    registered: str
    active: bool
    only_for: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Current state of a record."""

    member: Member
    record: SourceRecord
    package_state: str | None

    @property
    def publishes(self) -> bool:
        """Whether it has the dataset of its group."""
        return bool(self.record.package_id) and self.record.state in (PUBLISHED, KEPT)


def sources() -> dict[str, Source]:
    """Return all sources by id."""
    query = sa.select(HarvestSource, model.Package.state, model.Package.owner_org)
    query = query.outerjoin(model.Package, model.Package.id == HarvestSource.id)
    by_id = {}
    for source, state, owner_org in model.Session.execute(query):
        settings = read_settings(source.config)
        priority = settings.get("priority")
        if type(priority) is not int:
            priority = 0
        registered = ""
        if source.created:
            registered = source.created.isoformat()
        by_id[source.id] = Source(
            title=source.title or source.url,
            priority=priority,
            registered=registered,
            active=bool(source.active) and state == "active",
            only_for=only_for(settings, owner_org),
        )
    return by_id


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


def around(keys: Iterable[str], all_sources: Mapping[str, Source]) -> dict[RecordId, Row]:
    """Return all live records reachable from these keys, directly or through other records.

    Args:
        keys: the keys.
        all_sources: all sources, as `sources` returns them.
    """
    reached: dict[RecordId, Row] = {}
    visited: set[str] = set()
    following = _spellings(keys)
    for _round in range(_ROUNDS):
        if not following:
            break
        visited |= following
        have_a_key = SourceRecord.keys.overlap(sorted(following))  # type: ignore[attr-defined]
        rows = _rows(have_a_key, all_sources)
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
        return is_any(query)


def _spellings(keys: Iterable[str]) -> set[str]:
    """Return each key as that of a resource and as that of a record,
    since one may stand for the other.
    """
    return {spell(key) for key in keys for spell in (as_resource, as_file)}


def _rows(condition: Any, all_sources: Mapping[str, Source]) -> list[Row]:
    query = (
        sa.select(SourceRecord, model.Package.state, model.Package.owner_org)
        .outerjoin(model.Package, model.Package.id == SourceRecord.package_id)
        .where(SourceRecord.state.in_(LIVE), condition)
        .execution_options(populate_existing=True)
    )
    rows = []
    for record, package_state, owner_org in model.Session.execute(query):
        source = all_sources.get(record.source_id)
        service = None
        if source:
            service = source.only_for
        member = Member(
            record.source_id,
            record.guid,
            tuple(record.keys),
            rank(source, record.state, package_state),
            record.apart,
            service,
            owner_org or "",
        )
        rows.append(Row(member, record, package_state))
    return rows


def keys_to_settle(source_id: str) -> set[str]:
    """Return the keys of a source by which its records may have to be joined to others,
    or separated from them.
    """
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


_KEPT_OBJECTS = sa.text("""
    SELECT DISTINCT ON (object.harvest_source_id, object.guid)
        object.harvest_source_id, object.guid, object.id, object.harvest_job_id
    FROM unnest(CAST(:sources AS text[]), CAST(:guids AS text[])) AS record(source_id, guid)
    JOIN harvest_object AS object
        ON object.harvest_source_id = record.source_id AND object.guid = record.guid
    WHERE object.content IS NOT NULL AND object.state <> 'WAITING'
    ORDER BY object.harvest_source_id, object.guid, object.gathered DESC
    """)


def kept_objects(records: Iterable[RecordId]) -> dict[RecordId, tuple[str, str]]:
    """Return (object, job) in which the content of each record was last stored."""
    ids = sorted(set(records))
    objects: dict[RecordId, tuple[str, str]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        values = {"sources": [id_ for id_, _guid in some], "guids": [guid for _id, guid in some]}
        for source_id, guid, object_id, job_id in model.Session.execute(_KEPT_OBJECTS, values):
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
    why: DataDict


@dataclass(frozen=True, slots=True)
class Takeover:
    """A record whose source has priority over the one that currently publishes its dataset."""

    package_id: str
    holder: RecordId


def decide(
    source_id: str, candidates: Mapping[str, tuple[tuple[str, ...], str]]
) -> dict[str, Duplicate | Takeover]:
    """Decide on records that have no dataset yet; those without a decision become new datasets.

    The keys are locked until the end of the transaction, so that two workers never publish the same
    dataset twice.

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
    all_sources = sources()
    source = all_sources[source_id]
    rows = around(every, all_sources)
    members = {id_: row.member for id_, row in rows.items()}
    apart = _apart(source_id, candidates)
    for guid, (keys, service) in candidates.items():
        members[source_id, guid] = Member(
            source_id, guid, keys, rank(source), guid in apart, source.only_for, service
        )
    decided: dict[str, Duplicate | Takeover] = {}
    for group in grouped(members.values()):
        own = (
            member for member in group if member.source == source_id and member.guid in candidates
        )
        mine = next(own, None)
        holder = _holder(group, rows, mine)
        if mine is None or holder is None:
            continue
        package_id = rows[holder.id].record.package_id or ""
        if mine is group[0]:
            decided[mine.guid] = Takeover(package_id, holder.id)
        else:
            decided[mine.guid] = Duplicate(package_id, explanation(group[0], mine, all_sources))
    return decided


def _lock(keys: Iterable[str]) -> None:
    statement = sa.text(
        "SELECT pg_advisory_xact_lock(hashtext('ecosphere same'), hashtext(key))"
        " FROM (SELECT unnest(CAST(:keys AS text[])) AS key) AS sorted"
    )
    model.Session.execute(statement, {"keys": sorted(set(map(bare, keys)))})


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


# --- series (*lots*) ---
#
# In Géo-IDE, the record of a lot names its members, not the reverse.


def series_of(source_id: str, guids: set[str]) -> Mapping[str, list[str]]:
    """Return the series of a source that name these records as members:
    guids of the series by guid of the member.
    """
    series: dict[str, list[str]] = defaultdict(list)
    if not guids:
        return series
    # The members are the only condition: by an index of any other, PostgreSQL might read all
    # records of the source.
    query = (
        sa.select(
            SourceRecord.source_id, SourceRecord.state, SourceRecord.guid, SourceRecord.members
        )
        .where(SourceRecord.members.overlap(sorted(guids)))  # type: ignore[attr-defined]
        .order_by(SourceRecord.guid)
    )
    with by_index():
        rows = model.Session.execute(query).all()
    for other_source, state, guid, members in rows:
        if other_source != source_id or state not in {NEW, PUBLISHED}:
            continue
        for member in guids.intersection(members) - {guid}:
            series[member].append(guid)
    return series


def add_series(dataset: DataDict, series: list[str]) -> None:
    """Add series to those that the record of a dataset names."""
    if series:
        every = dict.fromkeys([*(dataset.get("in_series") or []), *series])
        dataset["in_series"] = list(every)[:MAX_SERIES]


# --- explanations ---


def explanation(winner: Member, other: Member, all_sources: Mapping[str, Source]) -> DataDict:
    """Return the explanation stored for a duplicate: who publishes it, why,
    and the identifiers that matched.
    """
    code, params = reason(winner, other)
    return {
        **_named(winner, all_sources),
        "reason": code,
        "params": params,
        "identifiers": shared_identifiers(winner, other),
    }


def _named(member: Member, all_sources: Mapping[str, Source]) -> dict[str, str]:
    source = all_sources.get(member.source)
    return {"source": source.title if source else member.source, "guid": member.guid}


def explained(record: RecordId) -> DataDict:
    """Return the decision on a record of which other catalogues have copies, as it is now.

    Returns:
        `published_by`, the explanation of the record that is published in its place, or
        `publishes`, one for each record in whose place it is published; empty for a record without
        copies.
    """
    source_id, guid = record
    query = sa.select(SourceRecord.keys).where(
        SourceRecord.source_id == source_id, SourceRecord.guid == guid
    )
    keys = model.Session.scalar(query)
    all_sources = sources() if keys else {}
    rows = around(keys or (), all_sources)
    for winner, *others in grouped(row.member for row in rows.values()):
        whys = {other.id: explanation(winner, other, all_sources) for other in others}
        if record in whys:
            return {"published_by": whys[record]}
        if winner.id == record and others:
            copies = [{**whys[other.id], **_named(other, all_sources)} for other in others]
            return {"publishes": copies}
    return {}


def catalogues(package_id: str) -> DataDict:
    """Return the catalogues that have a dataset.

    Returns:
        `published_from`, the one whose record the portal publishes (None when the dataset was not
        harvested), and `also`, the others in the order in which they would take over; each with
        `title` and `url` of the catalogue, `guid` of the record and `record`, the URL of the
        original, None when it has none.
    """
    is_duplicate = sa.and_(SourceRecord.joined == package_id, SourceRecord.state == DUPLICATE)
    query = (
        sa.select(SourceRecord.guid, SourceRecord.state, HarvestSource)
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .where(sa.or_(SourceRecord.package_id == package_id, is_duplicate))
    )
    published_from: DataDict | None = None
    also: dict[str, DataDict] = {}
    for guid, state, source in model.Session.execute(query):
        catalogue = {
            "title": source.title or source.url,
            "url": source.url,
            "guid": guid,
            "record": original_url(source.type, source.url, guid),
        }
        if state == DUPLICATE:
            also[source.id] = catalogue
        else:
            published_from = published_from or catalogue
    in_order = sorted(also)
    if len(also) > 1:
        all_sources = sources()
        in_order.sort(key=lambda source_id: rank(all_sources.get(source_id)))
    return {
        "published_from": published_from,
        "also": [also[source_id] for source_id in in_order],
    }
