"""Withdraw the datasets of records that have vanished from their source.

Only a complete reading can show that a record is absent. The first absences are only counted; after `withdraw_after`
complete readings in a row the dataset is deleted, in such a way that it returns with the same URL and ids if the record
does. When too many records have vanished at once, all of them are held until a person decides.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.deduplication.reconcile import delete_dataset, hand_over
from ckanext.ecosphere.harvest.model import (
    KEPT,
    PUBLISHED,
    WITHDRAWN,
    Hold,
    SourceRecord,
    now,
    update_record,
)
from ckanext.ecosphere.harvest.worker.transaction import one_transaction
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.harvest.model import HarvestObject

log = logging.getLogger(__name__)

WITHDRAW, KEEP, MOOT = "withdraw", "keep", "moot"
"""Decisions on a hold."""
_AT_ONCE = 100

Remark = tuple[str, dict[str, int]]
"""Message code and parameters of a remark in the report of a job."""


@dataclass(frozen=True)
class Absence:
    """Absences found by a complete reading.

    Attributes:
        known: published records of the source.
        absent: those that the reading did not see.
        limit: how many may be absent without asking a person.
        added: those due to be withdrawn whose datasets have files or links that were added on the portal.
    """

    known: int
    absent: int
    limit: int
    added: int = 0

    @property
    def suspicious(self) -> bool:
        """Whether so much has vanished that there may be another cause.

        A source that is suddenly empty is suspicious even when it was small.
        """
        return self.absent > self.limit or (self.absent == self.known and self.known > 1)

    @property
    def needs_person(self) -> bool:
        """Whether withdrawals must be held for a decision; local additions are never deleted without asking."""
        return self.suspicious or self.added > 0


_HAS_ADDITIONS = (
    local_edits.active_resources(model.Resource.id)
    .where(model.Resource.package_id == SourceRecord.package_id, local_edits.IS_ADDED)
    .correlate(SourceRecord)
    .exists()
)
"""SQL condition: the dataset of a record has resources that were added on the portal."""


def limit_for(known: int) -> int:
    """Return how many records of a source may be absent at once without asking a person."""
    return max(config.hold_records(), known * config.hold_percent() // 100)


def _published(source_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(SourceRecord.source_id == source_id, SourceRecord.state == PUBLISHED)


def _absent(source_id: str, job_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_published(source_id), SourceRecord.seen_job.is_distinct_from(job_id))


def missing(source_id: str) -> sa.ColumnElement[bool]:
    """Return the condition for records that no reading has seen since a complete one missed them."""
    return sa.and_(_published(source_id), SourceRecord.absences > 0)


def _number(*conditions: sa.ColumnElement[bool]) -> int:
    return model.Session.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()


# --- counting and holding ---


def count_absences(source_id: str, job_id: str) -> Absence:
    """Count one more absence for each record that a complete reading did not see; the caller commits."""
    absent = _absent(source_id, job_id)
    model.Session.execute(
        sa.update(SourceRecord).where(absent).values(absences=SourceRecord.absences + 1)
    )
    known = _number(_published(source_id))
    due = sa.and_(absent, SourceRecord.absences >= config.withdraw_after())
    return Absence(
        known=known,
        absent=_number(absent),
        limit=limit_for(known),
        added=_number(due, _HAS_ADDITIONS),
    )


def open_hold(source_id: str) -> Hold | None:
    """Return the held withdrawals of a source, None without any."""
    query = sa.select(Hold).where(Hold.source_id == source_id, Hold.decision.is_(None))
    return model.Session.scalar(query.order_by(Hold.id.desc()).limit(1))


def hold_or_release(source_id: str, job_id: str, absence: Absence) -> tuple[bool, list[Remark]]:
    """Hold the withdrawals of a source, or close a hold that is no longer needed; the caller commits.

    Returns:
        whether they are held, and remarks on what has changed since the last check.
    """
    hold = open_hold(source_id)
    remarks = _look_at(hold, absence) if hold else []
    if not absence.needs_person:
        return False, remarks
    if hold is None:
        hold = Hold(source_id=source_id)
        model.Session.add(hold)
    hold.job_id = job_id
    hold.records = absence.absent
    hold.known = absence.known
    hold.limit = absence.limit
    return True, remarks


def look_again(source_id: str) -> list[Remark]:
    """Remove from a hold the records that an incomplete reading has seen; the caller commits.

    Such a reading shows which records exist, but not which have vanished: it never adds to the hold.

    Returns:
        remarks on what has changed.
    """
    hold = open_hold(source_id)
    if hold is None:
        return []
    is_missing = missing(source_id)
    absence = Absence(
        known=hold.known,
        absent=_number(is_missing),
        limit=hold.limit,
        added=_number(is_missing, _HAS_ADDITIONS),
    )
    return _look_at(hold, absence)


def _look_at(hold: Hold, absence: Absence) -> list[Remark]:
    """Update a hold when records have come back: reduce it, or close it when no decision is needed any more."""
    before, hold.records = hold.records, absence.absent
    if absence.needs_person:
        if absence.absent >= before:
            return []
        return [("hold-fewer", {"absent": absence.absent, "before": before})]
    hold.decision = MOOT
    hold.decided = now()
    if not absence.absent:
        return [("hold-empty", {})]
    numbers = {"absent": absence.absent, "known": absence.known, "limit": absence.limit}
    return [("hold-below", numbers)]


def carry_out_decided(source_id: str) -> None:
    """Carry out decisions to withdraw; the caller holds the lock of the source."""
    query = sa.select(Hold.id, Hold.job_id).where(
        Hold.source_id == source_id, Hold.decision == WITHDRAW, Hold.done.is_(False)
    )
    for hold_id, job_id in model.Session.execute(query).all():
        withdraw_due(source_id, job_id, after=1)
        model.Session.execute(sa.update(Hold).where(Hold.id == hold_id).values(done=True))
        model.Session.commit()


def keep(source_id: str) -> None:
    """Keep the datasets of all missing records; the caller commits."""
    statement = sa.update(SourceRecord).where(missing(source_id))
    model.Session.execute(statement.values(state=KEPT, absences=0))


# --- withdrawing ---


def withdraw_due(source_id: str, job_id: str, after: int | None = None) -> int:
    """Withdraw the datasets of records that have been absent long enough.

    Args:
        source_id: the source.
        job_id: job of the complete reading that did not see them, under which it is reported.
        after: number of absences needed, in place of the setting.

    Returns:
        number of records processed, including those whose datasets were handed over or had been deleted by hand.
    """
    absences = config.withdraw_after() if after is None else after
    query = sa.select(SourceRecord.guid, SourceRecord.package_id).where(
        _absent(source_id, job_id), SourceRecord.absences >= absences
    )
    total = 0
    while True:
        due = dict(model.Session.execute(query.limit(_AT_ONCE)).tuples().all())
        model.Session.remove()
        if not due:
            return total
        total += len(due)
        for guid in hand_over(source_id, due):
            del due[guid]
        withdraw(source_id, due, job_id)


def withdraw(source_id: str, datasets: Mapping[str, str | None], job_id: str | None = None) -> None:
    """Withdraw the datasets of records.

    Args:
        source_id: the source.
        datasets: guid → dataset.
        job_id: job under which it is reported; None for no report.
    """
    # The index first: if the worker dies in between, the records are still due and this is repeated.
    solr.remove([package_id for package_id in datasets.values() if package_id])
    with one_transaction():
        for guid, package_id in datasets.items():
            package = model.Session.get(model.Package, package_id) if package_id else None
            if package is None:
                _set_state(source_id, guid, WITHDRAWN)
            elif package.state != "active":
                # Deleted by hand: nothing to withdraw, and it must not return with the record.
                _set_state(source_id, guid, KEPT)
            else:
                delete_dataset(package)
                if job_id is not None:
                    _report(source_id, job_id, guid, package.id)
                _set_state(source_id, guid, WITHDRAWN, package.name)
            model.Session.commit()


def _set_state(source_id: str, guid: str, state: str, name: str | None = None) -> None:
    update_record(source_id, guid, state=state, name=name, absences=0)


def _report(source_id: str, job_id: str, guid: str, package_id: str) -> None:
    """Report a withdrawal as ckanext-harvest expects it: a harvest object with status `deleted` that is not current."""
    moment = now()
    model.Session.execute(
        sa.insert(HarvestObject.__table__).values(
            id=str(uuid4()),
            guid=guid,
            current=False,
            gathered=moment,
            import_started=moment,
            import_finished=moment,
            state="COMPLETE",
            report_status="deleted",
            retry_times=0,
            harvest_job_id=job_id,
            harvest_source_id=source_id,
            package_id=package_id,
        )
    )
