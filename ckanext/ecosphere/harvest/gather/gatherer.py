"""Gather stage: read the source, and separate unchanged records from those to import.

Unchanged records end here. The others are stored as harvest objects, in batches that any worker may take. Each page is
one transaction and marks its records as seen by this job, so that a job restarted after a crash skips them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from ckanext.ecosphere.harvest.gather import identity
from ckanext.ecosphere.harvest.model import (
    CATALOGUE,
    DUPLICATE,
    KEPT,
    NEW,
    PUBLISHED,
    REFUSED,
    WITHDRAWN,
    Batch,
    JobState,
    NotTaken,
    SourceRecord,
    now,
)
from ckanext.ecosphere.harvest.sources.base import RawRecord, Reading, SourceReader
from ckanext.ecosphere.harvest.worker.job import Job, is_running, update_state
from ckanext.ecosphere.harvest.worker.pace import Pace
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject

log = logging.getLogger(__name__)

_ALWAYS_TRIED = {NEW, REFUSED, WITHDRAWN}


class JobAbortedError(Exception):
    """The job was finished or aborted meanwhile."""


@dataclass(slots=True)
class _Known:
    """State of a record before this page."""

    state: str
    digest: str | None
    seen_job: str | None
    seen_digest: str | None
    package_id: str | None
    elsewhere: bool


@dataclass(slots=True)
class _Found:
    """A record of a page, with its guid."""

    raw: RawRecord
    guid: str
    object_id: str = field(default_factory=lambda: str(uuid4()))
    package_id: str | None = None


class Gatherer:
    """Gathers the records of a source for a job.

    Args:
        job: the job.
        reader: reads the source.
        batch_size: records per batch.
        locks: locks held by this worker; it stops if they are lost.
        on_batch: called after each batch that was stored.
        members: returns the identifiers of members and feature catalogues that a stored record names.
        read: reads a stored record.
    """

    def __init__(
        self,
        job: Job,
        reader: SourceReader,
        batch_size: int,
        locks: Locks,
        on_batch: Callable[[], None] = lambda: None,
        *,
        members: Callable[[str], list[str]] = lambda _content: [],
        read: identity.Read = identity.read_iso,
    ):
        self._job = job
        self._reader = reader
        self._batch_size = batch_size
        self._locks = locks
        self._on_batch = on_batch
        self._members = members
        self._read = read
        self._pending: list[_Found] = []
        self._pending_by_guid: dict[str, RawRecord] = {}
        self._namesakes = identity.Namesakes(job, read, self._pending_by_guid)
        self._filed: set[tuple[str, str]] | None = None

    def run(self) -> None:
        """Read the whole source.

        Raises:
            JobAbortedError: the job was aborted meanwhile.
        """
        model.Session.execute(sa.delete(NotTaken).where(NotTaken.job_id == self._job.id))
        self._namesakes.load()
        if self._was_begun():
            self._filed = set()
        pace = Pace(self._locks)
        for page in self._reader.pages():
            with pace.step():
                self._page(page.records)
        if not is_running(self._job.id):
            raise JobAbortedError(self._job.id)
        self._pending += self._file_newcomers()
        self._write([], last=True)

    def _page(self, records: list[RawRecord]) -> None:
        if not is_running(self._job.id):
            raise JobAbortedError(self._job.id)
        named = [(raw, identity.guid_of(raw, self._read)) for raw in records]
        known = self._known({guid for _raw, guid in named})
        unchanged: list[_Found] = []
        self._namesakes.look_at(named, known)
        for raw, guid in named:
            found = self._file(raw, guid, known)
            if found is None:
                continue
            if self._filed is not None:
                self._filed.add((guid, raw.digest))
            if self._is_unchanged(found, known.get(found.guid)):
                unchanged.append(found)
                known[found.guid].seen_job = self._job.id
                known[found.guid].seen_digest = raw.digest
            else:
                self._pending.append(found)
                self._pending_by_guid[found.guid] = raw
        self._write(unchanged)

    def _was_begun(self) -> bool:
        """Tell whether this job has already read a part of the source before it was interrupted."""
        mine = sa.and_(SourceRecord.source_id == self._job.source_id, SourceRecord.seen_job == self._job.id)
        return model.Session.execute(sa.select(SourceRecord.guid).where(mine).limit(1)).first() is not None

    # --- which record is it? ---

    def _file(self, raw: RawRecord, guid: str, known: dict[str, _Known]) -> _Found | None:
        """Identify a record; return None when it is a repetition, or is deferred to the end of the reading."""
        if guid not in self._namesakes.shared:
            seen = self._seen(guid, known)
            if seen is None:
                return _Found(raw, guid)
            if seen == raw.digest:
                self._not_taken(raw, guid)
                return None
            self._namesakes.shared.add(guid)
        name, title = self._namesakes.find(raw, guid)
        if name is None:
            return None
        known.update(self._known({name} - known.keys()))
        seen = self._seen(name, known)
        if seen is None:
            return _Found(raw, name)
        self._not_taken(raw, guid, seen, title)
        return None

    def _file_newcomers(self) -> list[_Found]:
        """Return the records that were deferred."""
        found = []
        for raw, guid, name, title in self._namesakes.newcomers(self._reader.reading.complete):
            if name in self._pending_by_guid:
                self._not_taken(raw, guid, self._pending_by_guid[name].digest, title)
            else:
                found.append(_Found(raw, name))
                self._pending_by_guid[name] = raw
        return found

    def _not_taken(self, raw: RawRecord, guid: str, seen: str | None = None, title: str = "") -> None:
        """Report a record that is not taken.

        A record that this job had already read before it was interrupted is not reported the first time: it is expected
        again.
        """
        is_copy = seen in (None, raw.digest)
        if is_copy and self._filed is not None and (guid, raw.digest) not in self._filed:
            self._filed.add((guid, raw.digest))
        elif is_copy:
            self._reader.reading.repeat(raw.position, guid)
        else:
            self._reader.reading.repeat(raw.position, guid, "same-identifiers", title)

    def _seen(self, guid: str, known: dict[str, _Known]) -> str | None:
        """Return the digest with which this job has already seen a record, None if it has not."""
        if guid in self._pending_by_guid:
            return self._pending_by_guid[guid].digest
        row = known.get(guid)
        return row.seen_digest if row and row.seen_job == self._job.id else None

    def _known(self, guids: set[str]) -> dict[str, _Known]:
        if not guids:
            return {}
        other = aliased(SourceRecord)
        elsewhere = sa.and_(
            SourceRecord.state == DUPLICATE,
            sa.exists().where(
                other.package_id == SourceRecord.joined,
                other.state.in_([PUBLISHED, KEPT]),
            ),
        )
        # The id of a purged dataset stays in the record: the outer join returns NULL for it.
        rows = model.Session.execute(
            sa.select(
                SourceRecord.guid,
                SourceRecord.state,
                SourceRecord.digest,
                SourceRecord.seen_job,
                SourceRecord.seen_digest,
                model.Package.id,
                elsewhere,
            )
            .outerjoin(model.Package, model.Package.id == SourceRecord.package_id)
            .where(SourceRecord.source_id == self._job.source_id, SourceRecord.guid.in_(guids))
        )
        return {guid: _Known(*rest) for guid, *rest in rows}

    def _is_unchanged(self, found: _Found, known: _Known | None) -> bool:
        if known is None or self._job.force or known.state in _ALWAYS_TRIED:
            return False
        if known.package_id is None and not known.elsewhere and known.state != CATALOGUE:
            return False
        found.package_id = known.package_id
        return known.digest == self._job.digest(found.raw.digest)

    # --- writing down ---

    def _write(self, unchanged: list[_Found], last: bool = False) -> None:
        """Commit a page: its unchanged records, and full batches of the others."""
        self._locks.check()
        batches = written = 0
        if unchanged:
            self._insert_objects([self._unchanged_row(found) for found in unchanged])
            self._mark_seen(unchanged)
        while len(self._pending) >= self._batch_size or (last and self._pending):
            batch, self._pending = self._pending[: self._batch_size], self._pending[self._batch_size :]
            self._insert_objects([self._waiting_row(found) for found in batch])
            self._upsert_records(batch)
            model.Session.execute(
                sa.insert(Batch).values(job_id=self._job.id, object_ids=[found.object_id for found in batch])
            )
            for found in batch:
                del self._pending_by_guid[found.guid]
            batches += 1
            written += len(batch)
        reading = self._reader.reading
        self._insert_not_taken(reading)
        update_state(
            self._job.id,
            announced=reading.announced,
            received=reading.received,
            waiting=JobState.waiting + written,
            touched=now(),
        )
        model.Session.commit()
        for _ in range(batches):
            self._on_batch()

    def _insert_not_taken(self, reading: Reading) -> None:
        repeats, reading.repeats = reading.repeats, []
        if repeats:
            model.Session.execute(sa.insert(NotTaken), [{"job_id": self._job.id, **asdict(each)} for each in repeats])

    def _base_row(self, found: _Found) -> dict[str, Any]:
        moment = now()
        return {
            "id": found.object_id,
            "guid": found.guid,
            "current": False,
            "gathered": moment,
            "fetch_started": moment,
            "fetch_finished": moment,
            "retry_times": 0,
            "harvest_job_id": self._job.id,
            "harvest_source_id": self._job.source_id,
        }

    def _unchanged_row(self, found: _Found) -> dict[str, Any]:
        moment = now()
        return {
            **self._base_row(found),
            "import_started": moment,
            "import_finished": moment,
            "state": "COMPLETE",
            "report_status": "not modified",
            "package_id": found.package_id,
        }

    def _waiting_row(self, found: _Found) -> dict[str, Any]:
        return {**self._base_row(found), "state": "WAITING", "content": found.raw.content}

    @staticmethod
    def _insert_objects(rows: list[dict[str, Any]]) -> None:
        model.Session.execute(sa.insert(HarvestObject.__table__), rows)

    def _mark_seen(self, found: list[_Found]) -> None:
        table = SourceRecord.__table__
        model.Session.execute(
            sa.text(
                f"""
                UPDATE {table.name} AS record
                SET seen_job = :job, seen_digest = page.digest, position = page.position, absences = 0,
                    state = CASE record.state WHEN '{KEPT}' THEN 'published' ELSE record.state END
                FROM unnest(CAST(:guids AS text[]), CAST(:digests AS text[]), CAST(:positions AS int[]))
                    AS page(guid, digest, position)
                WHERE record.source_id = :source AND record.guid = page.guid
                """  # noqa: S608 - only constants of this code
            ),
            {
                "job": self._job.id,
                "source": self._job.source_id,
                "guids": [each.guid for each in found],
                "digests": [each.raw.digest for each in found],
                "positions": [each.raw.position for each in found],
            },
        )

    def _upsert_records(self, found: list[_Found]) -> None:
        statement = insert(SourceRecord).values(
            [
                {
                    "source_id": self._job.source_id,
                    "guid": each.guid,
                    "state": NEW,
                    "position": each.raw.position,
                    "seen_digest": each.raw.digest,
                    "seen_job": self._job.id,
                    "absences": 0,
                    "members": self._members(each.raw.content),
                }
                for each in found
            ]
        )
        fresh = ("position", "seen_digest", "seen_job", "absences", "members")
        model.Session.execute(
            statement.on_conflict_do_update(
                index_elements=["source_id", "guid"],
                set_={name: statement.excluded[name] for name in fresh},
            )
        )
