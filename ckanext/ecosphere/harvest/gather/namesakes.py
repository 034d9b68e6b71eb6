"""Which of the records that share an identifier is which: three tables under one identifier are three datasets.

They are told apart by their content as it was last seen, then by the identifier of the resource and the title
(`identity.Mark`). One that was here before may have got another title; the end of the reading knows which is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.gather import identity
from ckanext.ecosphere.harvest.model import WITHDRAWN, SourceRecord
from ckanext.ecosphere.harvest.sources.base import SECOND, RawRecord
from ckanext.ecosphere.harvest.worker.job import Job
from ckanext.harvest.model import HarvestObject


@dataclass(slots=True)
class _Group:
    """Records that share an identifier.

    Attributes:
        digests: guids by content, as it was when they were last seen.
        names: their guids.
        before: whether some of them were known before this job.
        marks: guids by what tells them apart; None until it is needed.
    """

    digests: dict[str, str]
    names: set[str]
    before: bool
    marks: dict[identity.Mark, str] | None = None


class Namesakes:
    """The records of a source that share identifiers, during one reading.

    Args:
        job: the job.
        read: reads a record as it is kept.
        pending: records of this reading that are not written down yet, by guid; read only.
    """

    def __init__(self, job: Job, read: identity.Read, pending: Mapping[str, RawRecord]):
        self.shared: set[str] = set()
        self._job = job
        self._read = read
        self._pending = pending
        self._groups: dict[str, _Group] = {}
        self._newcomers: dict[str, list[tuple[RawRecord, identity.Mark]]] = {}

    def load(self) -> None:
        """Look up the identifiers that several records of the source have had."""
        rows = model.Session.execute(
            sa.select(SourceRecord.guid).where(
                SourceRecord.source_id == self._job.source_id, SourceRecord.guid.contains(SECOND)
            )
        )
        self.shared = {guid.rpartition(SECOND)[0] for guid in rows.scalars()}

    def look_at(self, named: Sequence[tuple[RawRecord, str]], known: Collection[str]) -> None:
        """Note which known identifiers several records of a page have, before the first of them is filed."""
        digests: dict[str, set[str]] = defaultdict(set)
        for raw, guid in named:
            digests[guid].add(raw.digest)
        self.shared |= {guid for guid, found in digests.items() if len(found) > 1 and guid in known}

    def find(self, raw: RawRecord, guid: str) -> tuple[str | None, str]:
        """Find which record this is.

        Returns:
            its guid, None when it is put off to the end of the reading; and its title, "" when it was not looked at.
        """
        group = self._groups.get(guid) or self._groups.setdefault(guid, self._group(guid))
        if name := group.digests.get(raw.digest):
            return name, ""
        mark = identity.mark_of(raw.content, self._read)
        if group.marks is None:
            group.marks = {found: each for each in sorted(group.names) if (found := self._last_mark(each))}
        name = group.marks.get(mark)
        if name is None and group.before:
            self._newcomers.setdefault(guid, []).append((raw, mark))
            return None, mark.name
        name = group.marks.setdefault(mark, identity.second_guid(guid, mark))
        group.digests.setdefault(raw.digest, name)
        return name, mark.name

    def newcomers(self, complete: bool) -> Iterator[tuple[RawRecord, str, str, str]]:
        """The records that were put off.

        Args:
            complete: whether the source was read whole, so that what was not seen is missing.

        Yields:
            the record, its identifier, its guid and its title.
        """
        for guid, waiting in self._newcomers.items():
            missing = self._missing(guid) if complete else {}
            pairs = identity.renamed(missing, [mark for _raw, mark in waiting])
            for place, (raw, mark) in enumerate(waiting):
                yield raw, guid, pairs.get(place) or identity.second_guid(guid, mark), mark.name
        self._newcomers.clear()

    def _missing(self, guid: str) -> dict[str, identity.Mark]:
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

    def _last_mark(self, guid: str) -> identity.Mark | None:
        """What tells a record apart, as it was kept last; None when nothing of it is kept."""
        if guid in self._pending:
            return identity.mark_of(self._pending[guid].content, self._read)
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
        return identity.mark_of(content, self._read) if content else None
