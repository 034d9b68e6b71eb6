"""Group records that describe the same dataset, and choose the one to publish. Pure functions, no CKAN.

Géo-IDE and the regional platforms harvest each other: a copy keeps the resource identifier (sometimes as a second one,
sometimes under another host) and often the record's own identifier. Records are matched by keys made of these. Weaker
values would join unrelated records: unfilled forms, table names, plain numbers, the address of the portal itself.

The result depends only on the set of records, not on the order in which they were harvested.

- Resource identifiers count first. A record without any is matched by its own identifier.
- Next comes the record's own identifier, unless resource identifiers show that the resources differ.
- Two records of one source are never the same dataset, and an identifier shared by several records of a source is
  ignored.
- Among equals, the source with the higher priority wins, then the one registered first.
- Records of two sources that each publish for their own service only are never the same dataset when the services
  differ. Such a record also gives way to one that a source for all services publishes for another service.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ckanext.ecosphere.harvest.normalise.identity import clean_identifier, full_identifier
from ckanext.ecosphere.harvest.record import Record

MAX_KEYS = 20
"""Maximum number of resource identifiers used; longer lists mean something else."""
_MAX_LENGTH = 400
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NATIONAL = re.compile(r"fr-\d{9}-(?=[^/]*[a-z])(?=[^/]*\d)[\w.-]{6,}", re.IGNORECASE)
"""`fr-<SIREN>-<name>`, the form of the national INSPIRE guide; a name without a digit is too common."""
_URN = re.compile(r"urn:[a-z0-9-]+(?::[^:\s]+){2,}", re.IGNORECASE)
_INNER_HOST = re.compile(
    r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|[^.]+|.*\.(?:i2|local|localdomain|lan|test))"
)
_MIN_PATH = 8
_MIN_FIGURES = 4
"""A UUID with no more distinct characters than this is not random ("00000000-…", "11111111-…")."""
_AS_RESOURCE = {"f": "r", "F": "R"}
_AS_FILE = {"r": "f", "R": "F"}
"""Prefixes of keys, for a resource and its record; those of services, in capitals, never match keys of data."""


# --- keys ---


def keys_of(record: Record) -> tuple[str, ...]:
    """Return the keys of a record: those of the resource in the order of the record, then that of the record itself.

    Records that share an identifier all have its key, which is then ignored when grouping.

    Args:
        record: the record.
    """
    prefix = "R" if (record.hierarchy_level or "").lower() == "service" else "r"
    origin = key_of(clean_identifier(record.origin))
    if origin:
        # Identifier in the original catalogue; whether of the record or of the resource is not stated.
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
    """Return the part of an identifier that is the same in all catalogues; None when it is not distinctive."""
    text = " ".join((identifier or "").split()).strip("{}").casefold()[:_MAX_LENGTH]
    uuids = _UUID.findall(text)
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
    """Return a URL without its scheme; None when it names no more than a site, or an internal host."""
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
    """Sort key among records of one dataset: the first attribute that differs decides, smaller wins.

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
        """Tell whether a source for one service has the record, which sources for all publish for other services."""
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
    """Return, for each key shared by several records, (position among the record's keys, index of the record).

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
    """Return why one record is published rather than the other: a code, and the parameters of its message."""
    one, two = winner.rank, other.rank
    services = {winner.service} - {""} if winner.only_for is None else set()
    if other.is_guest(services):
        return "own-service", {}
    if one.removed != two.removed:
        return "removed", {}
    if one.absent != two.absent:
        return "present", {}
    if one.inactive != two.inactive:
        return "active", {}
    if one.priority != two.priority:
        return "priority", {"mine": -one.priority, "other": -two.priority}
    return "older", {}


def shared_identifiers(one: Member, two: Member) -> list[str]:
    """Return the identifiers by which two records were matched."""
    others = set(map(bare, two.keys))
    return [key for key in dict.fromkeys(map(bare, one.keys)) if key in others]


class _Parts:
    """Disjoint sets of records; no set has two records of one source, or of sources for different single services."""

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
