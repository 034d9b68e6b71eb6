"""Identity of a record within its source (see `deduplication.keys` for its identity across catalogues).

Records of a source that share an identifier are told apart (three tables under one identifier are three datasets): by
the digest of their content when last seen, then by resource identifier and title (`Mark`). A known record may have a
new title; such a match is made at the end of the reading, when it is clear which records are missing.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.model import WITHDRAWN, SourceRecord
from ckanext.ecosphere.harvest.normalise.identity import clean_identifier, full_identifier
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import SECOND, RawRecord
from ckanext.ecosphere.harvest.worker.job import Job
from ckanext.ecosphere.vocabularies import normalise
from ckanext.harvest.model import HarvestObject

log = logging.getLogger(__name__)

MAX_LENGTH = 400
ALIKE = 0.6
"""Minimum similarity of two titles (0 to 1, `difflib`) for one to count as a changed version of the other."""
Read = Callable[[str], Record]


@dataclass(frozen=True, slots=True)
class Mark:
    """What distinguishes records that share an identifier.

    Attributes:
        resource: identifier of the described resource; "" without one.
        title: normalised title and organisation.
        name: the title as written, for display.
    """

    resource: str = ""
    title: str = ""
    name: str = field(default="", compare=False)

    def likeness(self, other: Mark) -> float:
        """Return the similarity of the titles, from 0 to 1; 0 for different resources."""
        if self.resource != other.resource:
            return 0.0
        return SequenceMatcher(None, self.title, other.title, autojunk=False).ratio()


def read_iso(content: str) -> Record:
    """Read an ISO 19139 record.

    Raises:
        RecordError: it cannot be read.
    """
    return read_record(parse_xml(content.encode("utf-8", "replace")))


def guid_of(raw: RawRecord, read: Read = read_iso) -> str:
    """Return the identity of a record within its source: its file identifier, else the best substitute.

    Without a file identifier, a record is identified by its resource identifier, else by its title and organisation; an
    unreadable one is identified by its content.

    Args:
        raw: the record.
        read: reads it.
    """
    if own := clean_identifier(raw.identifier):
        return _bounded(own)
    record = _read(raw.content, read)
    if record is None:
        return f"content:{raw.digest[:24]}"
    for identifier in map(full_identifier, record.identifiers):
        if identifier:
            return _bounded(f"resource:{identifier}")
    return f"title:{_short(_title(record))}"


def mark_of(content: str, read: Read = read_iso) -> Mark:
    """Return what distinguishes a record from others with its identifier; a content hash if it cannot be read."""
    record = _read(content, read)
    if record is None:
        return Mark(_short(content))
    resource = next(filter(None, map(full_identifier, record.identifiers)), "")
    return Mark(resource, _title(record), record.title or "")


def second_guid(guid: str, mark: Mark) -> str:
    """Return the guid of a new record whose identifier another record of the source already has."""
    return f"{guid}{SECOND}{_short(f'{mark.resource}|{mark.title}')}"


def renamed(missing: Mapping[str, Mark], newcomers: Sequence[Mark]) -> dict[int, str]:
    """Match new records with missing ones whose title has changed.

    Args:
        missing: records that the source no longer has under their titles, by guid.
        newcomers: those that have appeared under the same identifier.

    Returns:
        guids by index among the newcomers: most similar titles first, then the only pair left for a resource.
    """
    found: dict[int, str] = {}
    scored = [
        (mark.likeness(new), place, guid) for guid, mark in missing.items() for place, new in enumerate(newcomers)
    ]
    for score, place, guid in sorted(scored, key=lambda each: (-each[0], each[1:])):
        if score >= ALIKE and place not in found and guid not in found.values():
            found[place] = guid
    left = [(guid, mark.resource) for guid, mark in missing.items() if guid not in found.values()]
    new = [(place, mark.resource) for place, mark in enumerate(newcomers) if place not in found]
    for resource in {resource for _guid, resource in left}:
        guids = [guid for guid, named in left if named == resource]
        places = [place for place, named in new if named == resource]
        if len(guids) == len(places) == 1:
            found[places[0]] = guids[0]
    return found


def _title(record: Record) -> str:
    organisations = [contact.organisation or "" for contact in record.contacts[:1]]
    return "|".join([normalise(record.title or ""), *map(normalise, organisations)])


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…{_short(text)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _read(content: str, read: Read) -> Record | None:
    try:
        return read(content)
    except RecordError:
        return None
    except Exception:  # the import reports what is wrong with it
        log.warning("A record cannot be read", exc_info=True)
        return None


# --- records that share an identifier ---


@dataclass(slots=True)
class _Group:
    """Records that share an identifier.

    Attributes:
        digests: guids by digest of the content when last seen.
        names: their guids.
        before: whether some of them were known before this job.
        marks: guids by mark; None until needed.
    """

    digests: dict[str, str]
    names: set[str]
    before: bool
    marks: dict[Mark, str] | None = None


class Namesakes:
    """The records of a source that share identifiers, during one reading.

    Args:
        job: the job.
        read: reads a stored record.
        pending: records of this reading that are not stored yet, by guid; read only.
    """

    def __init__(self, job: Job, read: Read, pending: Mapping[str, RawRecord]):
        self.shared: set[str] = set()
        self._job = job
        self._read = read
        self._pending = pending
        self._groups: dict[str, _Group] = {}
        self._newcomers: dict[str, list[tuple[RawRecord, Mark]]] = {}

    def load(self) -> None:
        """Look up the identifiers shared by several known records of the source."""
        rows = model.Session.execute(
            sa.select(SourceRecord.guid).where(
                SourceRecord.source_id == self._job.source_id, SourceRecord.guid.contains(SECOND)
            )
        )
        self.shared = {guid.rpartition(SECOND)[0] for guid in rows.scalars()}

    def look_at(self, named: Sequence[tuple[RawRecord, str]], known: Collection[str]) -> None:
        """Note known identifiers that several records of a page share, before the first of them is identified."""
        digests: dict[str, set[str]] = defaultdict(set)
        for raw, guid in named:
            digests[guid].add(raw.digest)
        self.shared |= {guid for guid, found in digests.items() if len(found) > 1 and guid in known}

    def find(self, raw: RawRecord, guid: str) -> tuple[str | None, str]:
        """Find the guid of a record.

        Returns:
            its guid, None when it is deferred to the end of the reading; and its title, "" when it was not read.
        """
        group = self._groups.get(guid) or self._groups.setdefault(guid, self._group(guid))
        if name := group.digests.get(raw.digest):
            return name, ""
        mark = mark_of(raw.content, self._read)
        if group.marks is None:
            group.marks = {found: each for each in sorted(group.names) if (found := self._last_mark(each))}
        name = group.marks.get(mark)
        if name is None and group.before:
            self._newcomers.setdefault(guid, []).append((raw, mark))
            return None, mark.name
        name = group.marks.setdefault(mark, second_guid(guid, mark))
        group.digests.setdefault(raw.digest, name)
        return name, mark.name

    def newcomers(self, complete: bool) -> Iterator[tuple[RawRecord, str, str, str]]:
        """Yield the records that were deferred.

        Args:
            complete: whether the source was read completely, so that records not seen are missing.

        Yields:
            the record, its identifier, its guid and its title.
        """
        for guid, waiting in self._newcomers.items():
            missing = self._missing(guid) if complete else {}
            pairs = renamed(missing, [mark for _raw, mark in waiting])
            for place, (raw, mark) in enumerate(waiting):
                yield raw, guid, pairs.get(place) or second_guid(guid, mark), mark.name
        self._newcomers.clear()

    def _missing(self, guid: str) -> dict[str, Mark]:
        rows = model.Session.execute(
            sa.select(SourceRecord.guid).where(
                self._of_group(guid),
                SourceRecord.seen_job.is_distinct_from(self._job.id),
                SourceRecord.state != WITHDRAWN,
            )
        )
        names = [name for name in rows.scalars() if name not in self._pending]
        return {name: mark for name in names if (mark := self._last_mark(name))}

    def _group(self, guid: str) -> _Group:
        rows = model.Session.execute(
            sa.select(SourceRecord.guid, SourceRecord.seen_digest, SourceRecord.seen_job).where(self._of_group(guid))
        ).all()
        digests = {digest: name for name, digest, _job in rows if digest}
        names = {name for name, _digest, _job in rows}
        if guid in self._pending:
            digests[self._pending[guid].digest] = guid
            names.add(guid)
        return _Group(digests, names, before=any(job != self._job.id for _name, _digest, job in rows))

    def _of_group(self, guid: str) -> Any:
        return sa.and_(
            SourceRecord.source_id == self._job.source_id,
            sa.or_(SourceRecord.guid == guid, SourceRecord.guid.startswith(guid + SECOND, autoescape=True)),
        )

    def _last_mark(self, guid: str) -> Mark | None:
        """Return the mark of a record from its last stored content; None without any."""
        if guid in self._pending:
            return mark_of(self._pending[guid].content, self._read)
        content = model.Session.execute(
            sa.select(HarvestObject.content)
            .where(
                HarvestObject.harvest_source_id == self._job.source_id,
                HarvestObject.guid == guid,
                HarvestObject.content.is_not(None),
            )
            .order_by(HarvestObject.gathered.desc())
            .limit(1)
        ).scalar()
        return mark_of(content, self._read) if content else None
