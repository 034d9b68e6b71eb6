"""Gather stage: read the source, identify its records, and separate unchanged ones from those to
import.

Unchanged records end here. The others are stored as harvest objects, in batches that any worker may
take. Each page is one transaction and marks its records as seen by this job, so that a job
restarted after a crash skips them.

Records of a source that share an identifier are told apart (three tables under one identifier are
three datasets): by the digest of their content when last seen, then by resource identifier and
title (`Mark`). A known record may have a new title; such a match is made at the end of the reading,
when it is clear which records are missing. For the identity of records across catalogues see
`deduplication`.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.job import Job, Pace, is_running, update_state
from ckanext.ecosphere.harvest.model import (
    CATALOGUE,
    KEPT,
    NEW,
    PUBLISHED,
    REFUSED,
    UNCHANGED,
    WITHDRAWN,
    Batch,
    JobState,
    NotTaken,
    SourceRecord,
    is_any,
    last_contents,
    now,
)
from ckanext.ecosphere.harvest.normalise.identity import (
    MEMBER,
    clean_identifier,
    full_identifier,
    members_of,
    named_catalogues,
)
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import SHARED, BoundedReader, RawRecord, SourceType
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.vocabularies import normalise
from ckanext.harvest.model import HarvestObject

log = logging.getLogger(__name__)

MAX_LENGTH = 400
"""Maximum characters of a guid before its hash."""
ALIKE = 0.6
"""Minimum similarity of two titles (0 to 1, `difflib`) for one to count as a changed version of the
other."""
Read = Callable[[str], Record]
"""Reads the stored content of a record, as its source type does."""
_ALWAYS_TRIED = {NEW, REFUSED, WITHDRAWN}
"""States of records that are imported although they have not changed."""


class JobAbortedError(Exception):
    """The job was finished or aborted meanwhile."""


# --- identity of a record within its source ---


def guid_of(raw: RawRecord, read: Read) -> str:
    """Return the identity of a record within its source: its file identifier, else the best
    substitute.

    Without a file identifier, a record is identified by its resource identifier, else by its title
    and organisation; an unreadable one is identified by its content.

    Args:
        raw: the record.
        read: reads it.
    """
    own = clean_identifier(raw.identifier)
    if own:
        return _bounded(own)
    record = _read(raw.content, read)
    if record is None:
        return f"content:{raw.digest[:24]}"
    resource = _resource(record)
    if resource:
        return _bounded(f"resource:{resource}")
    return f"title:{_short_hash(_title(record))}"


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


def mark_of(content: str, read: Read) -> Mark:
    """Return what distinguishes a record from others with its identifier.

    A content hash if it cannot be read.
    """
    record = _read(content, read)
    if record is None:
        return Mark(_short_hash(content))
    return Mark(_resource(record), _title(record), record.title or "")


def second_guid(guid: str, mark: Mark) -> str:
    """Return the guid of a new record whose identifier another record of the source already has."""
    return f"{guid}{SHARED}{_short_hash(f'{mark.resource}|{mark.title}')}"


def renamed(missing: Mapping[str, Mark], newcomers: Sequence[Mark]) -> dict[int, str]:
    """Match new records with missing ones whose title has changed.

    Args:
        missing: records that the source no longer has under their titles, by guid.
        newcomers: those that have appeared under the same identifier.

    Returns:
        guids by index among the newcomers: most similar titles first, then the only pair left for a
            resource.
    """
    scores = []
    for guid, mark in missing.items():
        scores += [(-mark.likeness(new), place, guid) for place, new in enumerate(newcomers)]
    pairs: dict[int, str] = {}
    for score, place, guid in sorted(scores):
        if -score >= ALIKE and place not in pairs and guid not in pairs.values():
            pairs[place] = guid
    guids_of: dict[str, list[str]] = defaultdict(list)
    places_of: dict[str, list[int]] = defaultdict(list)
    for guid in missing.keys() - pairs.values():
        guids_of[missing[guid].resource].append(guid)
    for place in set(range(len(newcomers))) - pairs.keys():
        places_of[newcomers[place].resource].append(place)
    for resource, guids in guids_of.items():
        places = places_of[resource]
        if len(guids) == len(places) == 1:
            pairs[places[0]] = guids[0]
    return pairs


def _resource(record: Record) -> str:
    """Return the first usable identifier of the described resource, or ""."""
    return next(filter(None, map(full_identifier, record.identifiers)), "")


def _title(record: Record) -> str:
    """Return the normalised title, with the organisation of the first contact."""
    organisations = [contact.organisation or "" for contact in record.contacts[:1]]
    return "|".join(map(normalise, [record.title or "", *organisations]))


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…{_short_hash(text)}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _read(content: str, read: Read) -> Record | None:
    """Return a record, None if it cannot be read."""
    try:
        return read(content)
    except RecordError:
        return None
    except Exception:  # the import reports what is wrong with it
        log.warning("A record cannot be read", exc_info=True)
        return None


def named_records(content: str, read: Read) -> list[str]:
    """Return the members and feature catalogues that a record names, so that few are imported
    before them.

    Args:
        content: the stored record.
        read: reads it; called only for records that look like those of a series.
    """
    members: list[str] = []
    lower = content.lower()  # ten times as fast as a search that ignores case
    if any(association in lower for association in MEMBER):
        record = _read(content, read)
        if record:
            members = members_of(record)
    return [*members, *named_catalogues(content)]


# --- records that share an identifier ---


@dataclass(slots=True)
class _Group:
    """Records that share an identifier.

    Attributes:
        digests: guids by digest of the content when last seen.
        guids: their guids.
        is_known: whether some of them were known before this job.
        marks: guids by mark; None until needed.
    """

    digests: dict[str, str]
    guids: set[str]
    is_known: bool
    marks: dict[Mark, str] | None = None


class Namesakes:
    """The records of a source that share identifiers, during one reading.

    A record whose identifier is in `shared` is asked for with `find`. One that cannot be told yet
    from a known record with a new title is deferred: `newcomers` yields those, once all others have
    been seen.

    Args:
        job: the job.
        read: reads a stored record.
        pending: records of this reading that are not stored yet, by guid: the gatherer changes
            them, and this class only reads them.

    Attributes:
        shared: identifiers that several records of the source have, as far as they were read.
    """

    def __init__(self, job: Job, read: Read, pending: Mapping[str, RawRecord]):
        self.shared: set[str] = set()
        self._job = job
        self._read = read
        self._pending = pending
        self._groups: dict[str, _Group] = {}
        self._newcomers: dict[str, list[tuple[RawRecord, Mark]]] = defaultdict(list)

    def load(self) -> None:
        """Look up the identifiers shared by several known records of the source."""
        query = sa.select(SourceRecord.guid).where(
            SourceRecord.source_id == self._job.source_id, SourceRecord.guid.contains(SHARED)
        )
        self.shared = {guid.rpartition(SHARED)[0] for guid in model.Session.scalars(query)}

    def note_shared(self, named: Sequence[tuple[RawRecord, str]], stored: Collection[str]) -> None:
        """Note known identifiers that several records of a page share, before the first of them is
        identified.

        Args:
            named: the records of the page, each with its identifier.
            stored: those of the identifiers that the source had before.
        """
        digests: dict[str, set[str]] = defaultdict(set)
        for raw, identifier in named:
            digests[identifier].add(raw.digest)
            if len(digests[identifier]) > 1 and identifier in stored:
                self.shared.add(identifier)

    def find(self, raw: RawRecord, identifier: str) -> tuple[str | None, str]:
        """Find the guid of a record.

        Returns:
            its guid, None when it is deferred to the end of the reading; and its title, "" when it
            was not read.
        """
        if identifier not in self._groups:
            self._groups[identifier] = self._group(identifier)
        group = self._groups[identifier]
        if raw.digest in group.digests:
            return group.digests[raw.digest], ""
        mark = mark_of(raw.content, self._read)
        if group.marks is None:
            group.marks = {}
            for guid, last_mark in self._last_marks(sorted(group.guids)).items():
                group.marks[last_mark] = guid
        if mark not in group.marks and group.is_known:
            self._newcomers[identifier].append((raw, mark))
            return None, mark.name
        guid = group.marks.setdefault(mark, second_guid(identifier, mark))
        group.digests.setdefault(raw.digest, guid)
        return guid, mark.name

    def deferred(self, complete: bool) -> Iterator[tuple[RawRecord, str, str, str]]:
        """Yield the records that were deferred to the end of the reading.

        Args:
            complete: whether the source was read completely, so that records not seen are missing.

        Yields:
            the record, its identifier, its guid and its title.
        """
        for identifier, waiting in self._newcomers.items():
            missing = self._missing(identifier) if complete else {}
            pairs = renamed(missing, [mark for _raw, mark in waiting])
            for place, (raw, mark) in enumerate(waiting):
                guid = pairs.get(place) or second_guid(identifier, mark)
                yield raw, identifier, guid, mark.name
        self._newcomers.clear()

    def _missing(self, identifier: str) -> dict[str, Mark]:
        """Return the marks of the records with an identifier that this job has not seen,
        by guid.
        """
        query = sa.select(SourceRecord.guid).where(
            self._of_group(identifier),
            SourceRecord.seen_job.is_distinct_from(self._job.id),
            SourceRecord.state != WITHDRAWN,
        )
        guids = [guid for guid in model.Session.scalars(query) if guid not in self._pending]
        return self._last_marks(guids)

    def _group(self, identifier: str) -> _Group:
        """Return the stored and the pending records with an identifier."""
        query = sa.select(SourceRecord.guid, SourceRecord.seen_digest, SourceRecord.seen_job)
        group = _Group({}, set(), is_known=False)
        for guid, digest, job_id in model.Session.execute(query.where(self._of_group(identifier))):
            group.guids.add(guid)
            if digest:
                group.digests[digest] = guid
            if job_id != self._job.id:
                group.is_known = True
        if identifier in self._pending:
            group.guids.add(identifier)
            group.digests[self._pending[identifier].digest] = identifier
        return group

    def _of_group(self, identifier: str) -> Any:
        """Return the condition of the stored records with an identifier."""
        is_second = SourceRecord.guid.startswith(identifier + SHARED, autoescape=True)
        return sa.and_(
            SourceRecord.source_id == self._job.source_id,
            sa.or_(SourceRecord.guid == identifier, is_second),
        )

    def _last_marks(self, guids: Sequence[str]) -> dict[str, Mark]:
        """Return the marks of records from their last stored contents, for those that have one."""
        contents = last_contents(self._job.source_id, guids)
        for guid in guids:
            if guid in self._pending:
                contents[guid] = self._pending[guid].content
        return {guid: mark_of(content, self._read) for guid, content in contents.items()}


# --- gathering ---


@dataclass(slots=True)
class _Stored:
    """State of a record before this page.

    Attributes:
        package_id: its dataset, None also if it was purged.
        elsewhere: whether it is a duplicate of a record that another source publishes.
    """

    state: str
    digest: str | None
    seen_job: str | None
    seen_digest: str | None
    package_id: str | None
    elsewhere: bool


@dataclass(slots=True)
class _Gathered:
    """A record of a page, with its guid; with the id of its dataset if it is unchanged."""

    raw: RawRecord
    guid: str
    object_id: str = field(default_factory=lambda: str(uuid4()))
    package_id: str | None = None


# The id of a purged dataset stays in the record: the outer join returns NULL for it.
_STORED = sa.text("""
    SELECT record.guid, record.state, record.digest, record.seen_job, record.seen_digest,
        package.id,
        record.state = 'duplicate' AND EXISTS (
            SELECT FROM ecosphere_harvest_record AS publisher
            WHERE publisher.package_id = record.joined
                AND publisher.state IN ('published', 'kept')
        )
    FROM ecosphere_harvest_record AS record
    LEFT JOIN package ON package.id = record.package_id
    WHERE record.source_id = :source AND record.guid = ANY(:guids)
    """)


class Gatherer:
    """Gathers the records of a source for a job.

    Args:
        job: the job.
        source_type: type of the source.
        reader: reads the source.
        locks: locks held by this worker; it stops if they are lost.
        on_batch: called after each batch that was stored.
    """

    def __init__(
        self,
        job: Job,
        source_type: SourceType,
        reader: BoundedReader,
        locks: Locks,
        on_batch: Callable[[], None],
    ):
        self._job = job
        self._read = source_type.read
        self._reader = reader
        self._reading = reader.reading
        self._batch_size = config.batch_size()
        self._locks = locks
        self._on_batch = on_batch
        self._pending: list[_Gathered] = []
        """Records to import that are in no batch yet, and the same by guid."""
        self._pending_by_guid: dict[str, RawRecord] = {}
        self._namesakes = Namesakes(job, self._read, self._pending_by_guid)
        self._since_restart: set[tuple[str, str]] | None = None
        """Identifier and digest of the records read since the job was restarted; None for a job
        that was not interrupted."""

    def run(self) -> None:
        """Read the whole source.

        Raises:
            JobAbortedError: the job was aborted meanwhile.
        """
        model.Session.execute(sa.delete(NotTaken).where(NotTaken.job_id == self._job.id))
        self._namesakes.load()
        if self._was_interrupted():
            self._since_restart = set()
        pace = Pace(self._locks)
        for records in self._reader.pages():
            with pace.step():
                self._page(records)
        self._check_running()
        self._add_deferred()
        self._write([], is_last=True)

    def _check_running(self) -> None:
        if not is_running(self._job.id):
            raise JobAbortedError(self._job.id)

    def _was_interrupted(self) -> bool:
        """Tell whether this job has already read a part of the source before it was interrupted."""
        query = sa.select(SourceRecord.guid).where(
            SourceRecord.source_id == self._job.source_id, SourceRecord.seen_job == self._job.id
        )
        return is_any(query)

    def _page(self, records: list[RawRecord]) -> None:
        """Identify the records of a page, separate the unchanged ones, and commit them."""
        self._check_running()
        named = [(raw, guid_of(raw, self._read)) for raw in records]
        stored = self._stored({guid for _raw, guid in named})
        self._namesakes.note_shared(named, stored)
        unchanged: list[_Gathered] = []
        for raw, identifier in named:
            guid = self._identify(raw, identifier, stored)
            if guid is None:
                continue
            if self._since_restart is not None:
                self._since_restart.add((identifier, raw.digest))
            before = stored.get(guid)
            if before is None or not self._is_unchanged(raw, before):
                self._add(raw, guid)
                continue
            unchanged.append(_Gathered(raw, guid, package_id=before.package_id))
            # For a repetition on the same page; the row is updated with the page.
            before.seen_job = self._job.id
            before.seen_digest = raw.digest
        self._write(unchanged)

    def _add(self, raw: RawRecord, guid: str) -> None:
        """Add a record to those that are imported."""
        self._pending.append(_Gathered(raw, guid))
        self._pending_by_guid[guid] = raw

    # --- which record is it? ---

    def _identify(self, raw: RawRecord, identifier: str, stored: dict[str, _Stored]) -> str | None:
        """Return the guid of a record.

        None when it is a repetition, or is deferred to the end of the reading.
        """
        if identifier not in self._namesakes.shared:
            seen_digest = self._seen_digest(identifier, stored)
            if seen_digest is None:
                return identifier
            if seen_digest == raw.digest:
                self._not_taken(raw, identifier)
                return None
            self._namesakes.shared.add(identifier)
        guid, title = self._namesakes.find(raw, identifier)
        if guid is None:
            return None
        if guid not in stored:
            stored.update(self._stored({guid}))
        seen_digest = self._seen_digest(guid, stored)
        if seen_digest is None:
            return guid
        self._not_taken(raw, identifier, seen_digest, title)
        return None

    def _add_deferred(self) -> None:
        """Add the records that were deferred to the end of the reading."""
        for raw, identifier, guid, title in self._namesakes.deferred(self._reading.complete):
            same = self._pending_by_guid.get(guid)
            if same is None:
                self._add(raw, guid)
            else:
                self._not_taken(raw, identifier, same.digest, title)

    def _not_taken(
        self, raw: RawRecord, identifier: str, seen_digest: str | None = None, title: str = ""
    ) -> None:
        """Report a record that is not taken, unless this job read it before it was interrupted.

        Such a record is expected again, once.

        Args:
            raw: the record.
            identifier: its identifier.
            seen_digest: digest of the record with the same guid that is taken, None for the same
                one.
            title: its title, "" when it was not read.
        """
        key = (identifier, raw.digest)
        if seen_digest not in (None, raw.digest):
            self._reading.repeat(raw.position, identifier, "same-identifiers", title)
        elif self._since_restart is not None and key not in self._since_restart:
            self._since_restart.add(key)
        else:
            self._reading.repeat(raw.position, identifier)

    def _seen_digest(self, guid: str, stored: dict[str, _Stored]) -> str | None:
        """Return the digest with which this job has already seen a record, None if it has not."""
        if guid in self._pending_by_guid:
            return self._pending_by_guid[guid].digest
        before = stored.get(guid)
        if before is None or before.seen_job != self._job.id:
            return None
        return before.seen_digest

    def _stored(self, guids: set[str]) -> dict[str, _Stored]:
        """Return the states of the records that the source had before, by guid."""
        if not guids:
            return {}
        values = {"source": self._job.source_id, "guids": list(guids)}
        rows = model.Session.execute(_STORED, values)
        return {guid: _Stored(*values) for guid, *values in rows}

    def _is_unchanged(self, raw: RawRecord, before: _Stored) -> bool:
        """Tell whether nothing is to be done for a record:
        its content and settings are those last imported.
        """
        if self._job.force or before.state in _ALWAYS_TRIED:
            return False
        if before.package_id is None and not before.elsewhere and before.state != CATALOGUE:
            return False
        return before.digest == self._job.digest(raw.digest)

    # --- writing down ---

    def _write(self, unchanged: list[_Gathered], is_last: bool = False) -> None:
        """Commit a page: its unchanged records, and full batches of the others.

        At last, also the rest of them.
        """
        self._locks.check()
        if unchanged:
            moment = now()
            times = {"import_started": moment, "import_finished": moment}
            self._insert_objects(unchanged, "COMPLETE", report_status=UNCHANGED, **times)
            self._mark_seen(unchanged)
        batches: list[list[_Gathered]] = []
        while len(self._pending) >= self._batch_size or (is_last and self._pending):
            batch = self._pending[: self._batch_size]
            del self._pending[: self._batch_size]
            self._insert_batch(batch)
            batches.append(batch)
        self._insert_not_taken()
        update_state(
            self._job.id,
            announced=self._reading.announced,
            received=self._reading.received,
            waiting=JobState.waiting + sum(map(len, batches)),
            touched=now(),
        )
        model.Session.commit()
        for _batch in batches:
            self._on_batch()

    def _insert_batch(self, batch: list[_Gathered]) -> None:
        self._insert_objects(batch, "WAITING")
        self._upsert_records(batch)
        object_ids = [gathered.object_id for gathered in batch]
        model.Session.execute(sa.insert(Batch).values(job_id=self._job.id, object_ids=object_ids))
        for gathered in batch:
            del self._pending_by_guid[gathered.guid]

    def _insert_not_taken(self) -> None:
        """Move the account of the records not taken from memory into their table."""
        repeats = self._reading.repeats
        if repeats:
            rows = [{"job_id": self._job.id, **asdict(repeat)} for repeat in repeats]
            model.Session.execute(sa.insert(NotTaken), rows)
            repeats.clear()

    def _insert_objects(self, page: list[_Gathered], state: str, **values: Any) -> None:
        moment = now()
        common = {
            "current": False,
            "gathered": moment,
            "fetch_started": moment,
            "fetch_finished": moment,
            "retry_times": 0,
            "state": state,
            "harvest_job_id": self._job.id,
            "harvest_source_id": self._job.source_id,
            **values,
        }
        rows = []
        for gathered in page:
            row = {**common, "id": gathered.object_id, "guid": gathered.guid}
            row["package_id"] = gathered.package_id
            if state == "WAITING":
                row["content"] = gathered.raw.content
            rows.append(row)
        model.Session.execute(sa.insert(HarvestObject.__table__), rows)

    def _mark_seen(self, page: list[_Gathered]) -> None:
        """Mark unchanged records as seen by this job.

        One that was kept on the portal is published again.
        """
        statement = f"""
            UPDATE {SourceRecord.__tablename__} AS record
            SET seen_job = :job, seen_digest = page.digest, position = page.position, absences = 0,
                state = CASE record.state WHEN '{KEPT}' THEN '{PUBLISHED}' ELSE record.state END
            FROM unnest(CAST(:guids AS text[]), CAST(:digests AS text[]), CAST(:positions AS int[]))
                AS page(guid, digest, position)
            WHERE record.source_id = :source AND record.guid = page.guid
            """  # noqa: S608 - only constants of this code
        values = {
            "job": self._job.id,
            "source": self._job.source_id,
            "guids": [gathered.guid for gathered in page],
            "digests": [gathered.raw.digest for gathered in page],
            "positions": [gathered.raw.position for gathered in page],
        }
        model.Session.execute(sa.text(statement), values)

    def _upsert_records(self, batch: list[_Gathered]) -> None:
        """Store records as new ones; of those that the source had before, the state stays."""
        rows = [
            {
                "source_id": self._job.source_id,
                "guid": gathered.guid,
                "state": NEW,
                "position": gathered.raw.position,
                "seen_digest": gathered.raw.digest,
                "seen_job": self._job.id,
                "absences": 0,
                "members": named_records(gathered.raw.content, self._read),
            }
            for gathered in batch
        ]
        statement = insert(SourceRecord).values(rows)
        names = ("position", "seen_digest", "seen_job", "absences", "members")
        updated = {name: statement.excluded[name] for name in names}
        model.Session.execute(
            statement.on_conflict_do_update(index_elements=["source_id", "guid"], set_=updated)
        )
