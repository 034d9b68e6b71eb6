"""First stage: read the source, and sort its records into unchanged ones and those to import.

Unchanged records end here. The others are written down as harvest objects, in batches that any worker may take.
Each page is one transaction: whatever is committed is marked as seen by this job, so that a job which starts
anew after a crash passes over it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    KEPT,
    NEW,
    PUBLISHED,
    REFUSED,
    WITHDRAWN,
    Batch,
    JobState,
    SourceRecord,
    now,
)
from ckanext.ecosphere.harvest.pipeline import identity
from ckanext.ecosphere.harvest.pipeline.ahead import ahead
from ckanext.ecosphere.harvest.pipeline.job import Job, is_running, update_state
from ckanext.ecosphere.harvest.sources.base import RawRecord, SourceReader
from ckanext.harvest.model import HarvestObject

log = logging.getLogger(__name__)

_ALWAYS_TRIED = {NEW, REFUSED, WITHDRAWN}


class JobAbortedError(Exception):
    """Somebody finished or aborted the job."""


@dataclass(slots=True)
class _Known:
    """What is known of a record before this page."""

    state: str
    digest: str | None
    seen_job: str | None
    seen_digest: str | None
    package_id: str | None
    elsewhere: bool


@dataclass(slots=True)
class _Found:
    """A record of a page, with the identity under which it is filed."""

    raw: RawRecord
    guid: str
    object_id: str = field(default_factory=lambda: str(uuid4()))
    package_id: str | None = None


class Gatherer:
    """Reads a source for a job.

    Args:
        job: the job.
        reader: reads the source.
        batch_size: records per batch.
        on_batch: called after each batch that was written down.
        check: called before each commit; raises when this worker must not go on.
        members: identifiers of the records that a record, as it is kept, says it holds.
    """

    def __init__(
        self,
        job: Job,
        reader: SourceReader,
        batch_size: int,
        on_batch: Callable[[], None] = lambda: None,
        check: Callable[[], None] = lambda: None,
        *,
        members: Callable[[str], list[str]] = lambda _content: [],
    ):
        self._job = job
        self._reader = reader
        self._batch_size = batch_size
        self._on_batch = on_batch
        self._check = check
        self._members = members
        self._pending: list[_Found] = []
        self._pending_by_guid: dict[str, RawRecord] = {}
        self._shared: set[str] = set()
        self._filed: set[str] | None = None

    def run(self) -> None:
        """Read the source to its end.

        Raises:
            JobAbortedError: the job was aborted meanwhile.
        """
        self._shared = self._shared_identifiers()
        if self._was_begun():
            self._filed = set()
        for page in ahead(self._reader.pages):
            self._page(page.records)
        if not is_running(self._job.id):
            raise JobAbortedError(self._job.id)
        self._write([], last=True)

    def _page(self, records: list[RawRecord]) -> None:
        if not is_running(self._job.id):
            raise JobAbortedError(self._job.id)
        named = [(raw, identity.guid_of(raw)) for raw in records]
        known = self._known({guid for _raw, guid in named})
        unchanged: list[_Found] = []
        for raw, guid in named:
            found = self._file(raw, guid, known)
            if found is None:
                # What this job had filed before it was cut off comes again, which is no fault of the source.
                if self._filed is None or guid in self._filed:
                    self._reader.reading.repeat(raw.position, guid)
                else:
                    self._filed.add(guid)
                continue
            if self._filed is not None:
                self._filed.add(guid)
            if self._is_unchanged(found, known.get(found.guid)):
                unchanged.append(found)
                known[found.guid].seen_job = self._job.id
                known[found.guid].seen_digest = raw.digest
            else:
                self._pending.append(found)
                self._pending_by_guid[found.guid] = raw
        self._write(unchanged)

    def _was_begun(self) -> bool:
        """Whether this job has already read a part of the source, and was cut off."""
        mine = sa.and_(SourceRecord.source_id == self._job.source_id, SourceRecord.seen_job == self._job.id)
        return model.Session.execute(sa.select(SourceRecord.guid).where(mine).limit(1)).first() is not None

    # --- which record is it? ---

    def _file(self, raw: RawRecord, guid: str, known: dict[str, _Known]) -> _Found | None:
        """Find the identity for a record; None when this very record was already filed by this job."""
        if guid in self._shared and (guid not in known or known[guid].seen_digest != raw.digest):
            # Not the one that has the identifier alone: perhaps one that was told apart from it before.
            second = self._look_up_second(raw, guid, known)
            if second in known:
                return None if self._seen(second, known) else _Found(raw, second)
        seen = self._seen(guid, known)
        if seen is None:
            return _Found(raw, guid)
        if seen == raw.digest or not self._is_another(raw, guid):
            return None
        second = self._look_up_second(raw, guid, known)
        return None if self._seen(second, known) else _Found(raw, second)

    def _look_up_second(self, raw: RawRecord, guid: str, known: dict[str, _Known]) -> str:
        second = identity.second_guid(guid, raw.content)
        known.update(self._known({second} - known.keys()))
        return second

    def _shared_identifiers(self) -> set[str]:
        """Identifiers that several records of the source have had."""
        rows = model.Session.execute(
            sa.select(SourceRecord.guid).where(
                SourceRecord.source_id == self._job.source_id, SourceRecord.guid.contains(identity.SECOND)
            )
        )
        return {guid.rpartition(identity.SECOND)[0] for guid in rows.scalars()}

    def _seen(self, guid: str, known: dict[str, _Known]) -> str | None:
        """Digest with which this job has already seen a record, None when it has not."""
        if guid in self._pending_by_guid:
            return self._pending_by_guid[guid].digest
        row = known.get(guid)
        return row.seen_digest if row and row.seen_job == self._job.id else None

    def _is_another(self, raw: RawRecord, guid: str) -> bool:
        """Whether two records with one identifier describe two resources, rather than one that just changed."""
        if guid in self._pending_by_guid:
            first = self._pending_by_guid[guid].content
        else:
            first = model.Session.execute(
                sa.select(HarvestObject.content)
                .where(
                    HarvestObject.harvest_source_id == self._job.source_id,
                    HarvestObject.guid == guid,
                    HarvestObject.content.is_not(None),
                )
                .order_by(HarvestObject.gathered.desc())
                .limit(1)
            ).scalar()
        return identity.mark(first or "") != identity.mark(raw.content)

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
        # A dataset that was purged leaves its id behind: the outer join shows it as missing.
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
        if known.package_id is None and not known.elsewhere:
            return False
        found.package_id = known.package_id
        return known.digest == self._job.digest(found.raw.digest)

    # --- writing down ---

    def _write(self, unchanged: list[_Found], last: bool = False) -> None:
        """Commit a page: its unchanged records, and full batches of the others."""
        self._check()
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
