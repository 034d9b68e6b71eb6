"""Keys by which a record is recognised in other catalogues. Pure functions, no CKAN.

Géo-IDE and the regional platforms harvest each other: a copy keeps the resource identifier (sometimes as a second one,
sometimes under another host) and often the record's own identifier. Weaker values would join unrelated records:
unfilled forms, table names, plain numbers, the address of the portal itself.
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
_INNER_HOST = re.compile(r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|[^.]+|.*\.(?:i2|local|localdomain|lan|test))")
_MIN_PATH = 8
_MIN_FIGURES = 4
"""A UUID with no more distinct characters than this is not random ("00000000-…", "11111111-…")."""
DATA, SERVICE = "rf", "RF"
"""Prefixes of keys, for the resource and its record; keys of services never match keys of data."""


def keys_of(record: Record) -> tuple[str, ...]:
    """Return the keys of a record: those of the resource in the order of the record, then that of the record itself.

    Records that share an identifier all have its key, which is then ignored when grouping.

    Args:
        record: the record.
    """
    resource, file = SERVICE if (record.hierarchy_level or "").lower() == "service" else DATA
    origin = key_of(clean_identifier(record.origin))
    # Identifier in the original catalogue; the harvester does not state whether it is the record's or the resource's.
    found = [origin] if origin else map(key_of, map(full_identifier, record.identifiers[:MAX_KEYS]))
    keys = [f"{resource}:{key}" for key in dict.fromkeys(filter(None, found))]
    own = origin or key_of(clean_identifier(record.file_identifier))
    if own:
        keys.append(f"{file}:{own}")
    return tuple(keys)


def is_file(key: str) -> bool:
    """Tell whether a key is that of a record rather than of a resource."""
    return key[:1] in {DATA[1], SERVICE[1]}


def as_resource(key: str) -> str:
    """Return a key with the prefix of a resource."""
    return {DATA[1]: DATA[0], SERVICE[1]: SERVICE[0]}.get(key[:1], key[:1]) + key[1:]


def as_file(key: str) -> str:
    """Return a key with the prefix of a record."""
    return {DATA[0]: DATA[1], SERVICE[0]: SERVICE[1]}.get(key[:1], key[:1]) + key[1:]


def bare(key: str) -> str:
    """Return the identifier in a key, without its prefix."""
    return key[2:]


def key_of(identifier: str | None) -> str | None:
    """Return the part of an identifier that is the same in all catalogues; None when it is not distinctive."""
    text = " ".join((identifier or "").split()).strip("{}").casefold()[:_MAX_LENGTH]
    uuids = _UUID.findall(text)
    if len(uuids) == 1:
        # A copy on another host, or in another notation, keeps the part with the UUID.
        part = next(part for part in re.split(r"[/?#=&:]", text) if uuids[0] in part).strip("{}")
        return part if len(set(uuids[0])) > _MIN_FIGURES else None
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
    rest = parts._replace(scheme="", netloc="", path=parts.path.rstrip("/")).geturl()
    if parts.scheme not in {"http", "https"} or _INNER_HOST.fullmatch(host) or len(rest) < _MIN_PATH:
        return None
    return f"{host.removeprefix('www.')}{rest}" if re.search(r"[\w]{4}", rest.rpartition("/")[2]) else None


@dataclass(frozen=True, slots=True)
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

    def order(self) -> tuple[int, int, int, int, str]:
        """Return the sort key."""
        return (self.removed, self.absent, self.inactive, self.priority, self.registered)


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
    def file_key(self) -> str | None:
        """The key of the record itself."""
        return next((key for key in self.keys if is_file(key)), None)

    @property
    def resource_keys(self) -> tuple[str, ...]:
        """Keys of the resource; without any, the key of the record in their place."""
        found = tuple(key for key in self.keys if not is_file(key))
        return found or tuple(as_resource(key) for key in self.keys)

    @property
    def firm(self) -> bool:
        """Whether it identifies its resource by something other than its own record identifier."""
        own = self.file_key
        return any(key != (own and as_resource(own)) for key in self.resource_keys)

    def order(self) -> tuple[tuple[int, int, int, int, str], str, str]:
        """Return the sort key: the smallest member is published."""
        return (self.rank.order(), self.source, self.guid)


Group = tuple[Member, ...]
"""Records of one dataset; the first is published."""


def grouped(members: Iterable[Member]) -> list[Group]:
    """Partition records into groups."""
    everybody = sorted(members, key=lambda member: member.id)
    parts = _Parts(everybody)
    joining = [index for index, member in enumerate(everybody) if not member.apart]
    resources = _by_key(everybody, joining, lambda member: member.resource_keys)
    for _place, key in sorted((min(place for place, _index in found), key) for key, found in resources.items()):
        parts.join([index for _place, index in sorted(resources[key])])
    files = _by_key(everybody, joining, lambda member: (member.file_key,) if member.file_key else ())
    for key in sorted(files):
        indexes = [index for _place, index in files[key]]
        firm = {parts.of(index) for index in indexes if everybody[index].firm}
        loose = [index for index in indexes if parts.of(index) not in firm]
        parts.join(indexes if len(firm) <= 1 else loose)
    return [_ordered([everybody[i] for i in part]) for part in parts.all()]


def _ordered(part: list[Member]) -> Group:
    """Order a group: the record to publish comes first."""
    services = {member.service for member in part if member.only_for is None and member.service}
    return tuple(sorted(part, key=lambda member: (_is_guest(member, services), member.order())))


def _is_guest(member: Member, services: set[str]) -> bool:
    return member.only_for is not None and not services <= {member.only_for}


def reason(winner: Member, other: Member) -> tuple[str, dict[str, int]]:
    """Return why one record is published rather than the other: a code, and the parameters of its message."""
    one, two = winner.rank, other.rank
    if _is_guest(other, {winner.service} - {""} if winner.only_for is None else set()):
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


def shared_keys(one: Member, two: Member) -> list[str]:
    """Return the identifiers by which two records were matched, without their prefixes."""
    common = {bare(key) for key in one.keys} & {bare(key) for key in two.keys}
    return list(dict.fromkeys(key for key in map(bare, one.keys) if key in common))


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
            head = next((each for each in heads if each == mine or self._may_join(each, mine)), None)
            if head is None:
                heads.append(mine)
            elif head != mine:
                for each in self._inside.pop(mine):
                    self._part[each] = head
                    self._inside[head].append(each)
                self._sources[head] |= self._sources.pop(mine)
                self._only_for[head] |= self._only_for.pop(mine)
                heads = [h for h in heads if h != mine]

    def _may_join(self, one: int, other: int) -> bool:
        same_source = self._sources[one] & self._sources[other]
        return not same_source and len(self._only_for[one] | self._only_for[other]) <= 1


def _by_key(
    members: Sequence[Member], joining: Iterable[int], keys: Callable[[Member], Iterable[str]]
) -> dict[str, list[tuple[int, int]]]:
    """Return, for each key shared by several records, (position among the record's keys, index of the record).

    Keys that several records of one source have are ignored for that source.
    """
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index in joining:
        for place, key in enumerate(dict.fromkeys(keys(members[index]))):
            found[key].append((place, index))
    for key, places in found.items():
        times = Counter(members[index].source for _place, index in places)
        found[key] = [(place, index) for place, index in places if times[members[index].source] == 1]
    return {key: places for key, places in found.items() if len(places) > 1}
