"""Close a harvest job: what remains to be done once its records are imported.

- Renamed records (`keep_datasets`): records whose file identifier has changed keep their dataset;
  they are recognised by the identifier of their resource. A catalogue that is reinstalled or copied
  gives its records new identifiers: each would become a second dataset, and the first one would be
  withdrawn together with its address.
- The end of a job (`finish`): counts and a report, for our pages and those of ckanext-harvest.
- Withdrawals: the datasets of records that have vanished from their source.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish import reports
from ckanext.ecosphere.harvest.job import (
    FINISHED,
    Job,
    load,
    one_transaction,
    site_context,
    update_state,
)
from ckanext.ecosphere.harvest.messages import say
from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    KEPT,
    PUBLISHED,
    WITHDRAWN,
    Batch,
    Condition,
    Hold,
    JobState,
    SourceRecord,
    is_any,
    now,
    update_record,
)
from ckanext.ecosphere.harvest.reconcile import (
    delete_dataset,
    give_up_dataset,
    hand_over,
    import_kept,
)
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.harvest.model import HarvestGatherError, HarvestJob, HarvestObject, HarvestObjectExtra

log = logging.getLogger(__name__)

KEPT_REPORTS = 5
"""Number of recent jobs of a source whose objects for unchanged records are kept."""
RENAMED = "renamed"
"""Code of the remark that reports records with another identifier than before."""
_RENAMED_AT_ONCE = 100
"""Maximum number of renamed records per transaction."""
_MANY_RECORDS = 500
"""Number of imported records from which the tables are analysed: after fewer, autovacuum does it in
time."""
_TABLES = (
    model.package_table,
    model.resource_table,
    model.member_table,
    model.package_tag_table,
    SourceRecord.__table__,
    HarvestObject.__table__,
    HarvestObjectExtra.__table__,
)


def renew_statistics(job_id: str) -> None:
    """Have PostgreSQL analyse the tables that a job filled, if it imported many records.

    Otherwise queries are planned as for the former contents. Tables that autovacuum is analysing
    are skipped, and so are those that belong to another role (PostgreSQL warns).
    """
    query = sa.select(JobState.waiting).where(JobState.job_id == job_id)
    if (model.Session.scalar(query) or 0) < _MANY_RECORDS:
        return
    names = ", ".join(table.name for table in _TABLES)
    model.Session.execute(sa.text(f"ANALYZE (SKIP_LOCKED) {names}"))
    model.Session.commit()


# --- renamed records ---


@dataclass(frozen=True, slots=True)
class _Pair:
    """A record that the source no longer has, and the new record of the same resource.

    Attributes:
        before: guid of the former record.
        after: guid of the new record.
        package_id: dataset of the former record, which the new one takes over.
        second_id: dataset that the job has made of the new record.
    """

    before: str
    after: str
    package_id: str
    second_id: str


def keep_datasets(source_id: str, job_id: str) -> None:
    """Assign the datasets of vanished records to the new records of the same resources.

    Call it after a complete reading only: absences mean nothing otherwise.
    """
    pairs = _renamed_pairs(source_id, job_id)
    for start in range(0, len(pairs), _RENAMED_AT_ONCE):
        batch = pairs[start : start + _RENAMED_AT_ONCE]
        solr.remove([pair.second_id for pair in batch])
        with one_transaction():
            for pair in batch:
                _hand_dataset_on(source_id, job_id, pair)
            _note_renamed(job_id, len(batch))
            model.Session.commit()
        import_kept((source_id, pair.after) for pair in batch)


_RENAMED_PAIRS = sa.text("""
    WITH live AS (
        SELECT record.guid, record.package_id, key,
            record.seen_job IS NOT DISTINCT FROM :job AS is_seen
        FROM ecosphere_harvest_record AS record
        CROSS JOIN LATERAL (
            SELECT FROM package
            WHERE id = record.package_id AND state || '' = 'active' LIMIT 1
        ) AS dataset
        CROSS JOIN unnest(record.keys) AS key
        WHERE record.source_id = :source AND record.state IN ('published', 'kept')
            AND NOT record.apart AND left(key, 1) NOT IN ('f', 'F')
    ), pair AS (
        SELECT min(guid) FILTER (WHERE NOT is_seen) AS before,
            min(guid) FILTER (WHERE is_seen) AS after,
            min(package_id) FILTER (WHERE NOT is_seen) AS package_id,
            min(package_id) FILTER (WHERE is_seen) AS second_id
        FROM live GROUP BY key
        HAVING count(*) = 2 AND count(*) FILTER (WHERE is_seen) = 1
    )
    SELECT DISTINCT pair.before, pair.after, pair.package_id, pair.second_id
    FROM pair
    JOIN harvest_object AS made ON made.guid = pair.after AND made.package_id = pair.second_id
    WHERE made.harvest_job_id || '' = :job AND made.report_status = 'added'
    ORDER BY pair.before, pair.after
    """)
"""Pairs of records of a source that share a key of a resource with no other record: the job has not
seen the one, and has made a dataset of the other.

Keys that begin with "f" are those of records, see `deduplication`. `|| ''` keeps PostgreSQL from
using the index of states or jobs, whatever it expects before it has statistics: datasets and
objects are looked up one by one."""


def _renamed_pairs(source_id: str, job_id: str) -> list[_Pair]:
    """Return the pairs of records of which neither is in another pair."""
    rows = model.Session.execute(_RENAMED_PAIRS, {"source": source_id, "job": job_id})
    pairs = [_Pair(*row) for row in rows]
    model.Session.remove()
    times = Counter([pair.before for pair in pairs])
    times.update(pair.after for pair in pairs)
    return [pair for pair in pairs if times[pair.before] == times[pair.after] == 1]


def _hand_dataset_on(source_id: str, job_id: str, pair: _Pair) -> None:
    """Give the dataset of the former record to the new one, whose own is deleted."""
    give_up_dataset(pair.second_id)
    # The new record is imported again, into the dataset that existed before: that is an update.
    is_object = sa.and_(HarvestObject.harvest_job_id == job_id, HarvestObject.guid == pair.after)
    model.Session.execute(sa.update(HarvestObject).where(is_object).values(report_status="updated"))
    update_record(source_id, pair.before, state=WITHDRAWN, package_id=None, name=None, absences=0)
    update_record(source_id, pair.after, state=PUBLISHED, package_id=pair.package_id, digest=None)


def _note_renamed(job_id: str, number: int) -> None:
    """Add a number to the remark about renamed records."""
    state = model.Session.get(JobState, job_id, populate_existing=True)
    facts = dict(state.facts) if state else {}
    notes = []
    for code, params in facts.get("notes", []):
        if code == RENAMED:
            number += params["number"]
        else:
            notes.append((code, params))
    facts["notes"] = [*notes, (RENAMED, {"number": number})]
    update_state(job_id, facts=facts)


# --- the end of a job ---


def finish(job: Job) -> None:
    """Finish a job whose records are imported; safe to call again after a crash at any point."""
    state = model.Session.get(JobState, job.id, populate_existing=True)
    if state is None or state.stage == "done":
        return
    if state.stage == "import":
        _judge_absences(job, state)
    if state.complete and not state.facts.get("held"):
        withdraw_due(job.source_id, job.id)
    _close(job)


def _judge_absences(job: Job, state: JobState) -> None:
    """Count absences, and decide whether withdrawals must be held until a person decides."""
    facts = dict(state.facts)
    if state.complete:
        absence = count_absences(job.source_id, job.id)
        facts["absent"] = absence.absent
        facts["held"], remarks = hold_or_release(job.source_id, job.id, absence)
        if facts["held"]:
            message = say(
                "held" if absence.suspicious else "held-additions",
                absent=absence.absent,
                known=absence.known,
                limit=absence.limit,
                added=absence.added,
            )
            model.Session.add(HarvestGatherError(message=message, harvest_job_id=job.id))
    else:
        remarks = reduce_hold(job.source_id)
    # The counts and the stage are committed together, so that absences are counted only once.
    facts["notes"] = [*facts.get("notes", []), *remarks]
    state.facts = facts
    state.stage = "finish"
    model.Session.commit()


def _close(job: Job) -> None:
    """Store counts and report of a job, and mark it as finished."""
    counts = _counts(job)
    if counts.get("added") or counts.get("updated"):
        solr.commit()
    state = model.Session.get(JobState, job.id, populate_existing=True)
    assert state is not None  # noqa: S101 - `finish` read it
    moment = now()
    facts = {**state.facts, "counts": counts, "report": reports.sum_up(job.id)}
    update_state(job.id, stage="done", facts=facts, touched=moment)
    # ckanext-harvest itself closes any job whose gathering has finished and whose objects are done.
    # `gather_finished` is therefore set only now, after the withdrawals.
    model.Session.execute(
        sa.update(HarvestJob)
        .where(HarvestJob.id == job.id)
        .values(status=FINISHED, gather_finished=moment, finished=moment)
    )
    model.Session.commit()
    _drop_old_unchanged(job.source_id)
    _renew_page(job, counts)


def _counts(job: Job) -> dict[str, int]:
    """Return outcome → number of records of a job."""
    query = sa.select(HarvestObject.report_status, sa.func.count())
    query = query.where(HarvestObject.harvest_job_id == job.id)
    rows = model.Session.execute(query.group_by(HarvestObject.report_status))
    counts = {status or "?": number for status, number in rows}
    counts["duplicate"] = _count_records(
        SourceRecord.source_id == job.source_id,
        SourceRecord.state == DUPLICATE,
        SourceRecord.seen_job == job.id,
    )
    return counts


_OLD_UNCHANGED = """
    harvest_object WHERE harvest_source_id = :source AND report_status = 'not modified'
        AND current IS NOT TRUE AND content IS NULL AND harvest_job_id NOT IN (
            SELECT id FROM harvest_job WHERE source_id = :source
            ORDER BY created DESC LIMIT :kept
        )
    """
"""SQL: objects of older jobs of a source that only say that a record had not changed."""


def _drop_old_unchanged(source_id: str) -> None:
    values = {"source": source_id, "kept": KEPT_REPORTS}
    extras = (
        "harvest_object_extra WHERE harvest_object_id IN"  # noqa: S608
        f" (SELECT id FROM {_OLD_UNCHANGED})"
    )
    for rows in (extras, _OLD_UNCHANGED):
        model.Session.execute(sa.text(f"DELETE FROM {rows}"), values)  # noqa: S608
    model.Session.commit()


def _renew_page(job: Job, counts: dict[str, int]) -> None:
    """Reindex the source for its page, if the job changed datasets, had errors or is the first."""
    has_changed = any(counts.get(name) for name in ("added", "updated", "deleted"))
    try:
        if has_changed or _has_errors(job.id) or _is_first(job):
            tk.get_action("harvest_source_reindex")(site_context(), {"id": job.source_id})
    except Exception:  # the harvest is done: an outdated page must not undo it
        log.exception("After harvest job %s", job.id)
        model.Session.rollback()


_HAS_ERRORS = sa.text("""
    SELECT EXISTS (SELECT FROM harvest_gather_error WHERE harvest_job_id = :job) OR EXISTS (
        SELECT FROM harvest_object_error AS error
        JOIN harvest_object AS object ON object.id = error.harvest_object_id
        WHERE object.harvest_job_id = :job
    )
    """)


def _has_errors(job_id: str) -> bool:
    return model.Session.execute(_HAS_ERRORS, {"job": job_id}).scalar_one()


def _is_first(job: Job) -> bool:
    query = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == job.source_id,
        HarvestJob.status == FINISHED,
        HarvestJob.id != job.id,
    )
    return not is_any(query)


def clean_up_aborted(job_id: str) -> None:
    """Remove what is left of a job that was aborted or whose source was removed."""
    model.Session.rollback()
    model.Session.execute(sa.delete(Batch).where(Batch.job_id == job_id))
    # A reading that did not reach its end is incomplete.
    complete = sa.func.coalesce(JobState.complete, sa.false())
    update_state(job_id, stage="done", complete=complete, touched=now())
    model.Session.execute(
        sa.update(HarvestObject)
        .where(HarvestObject.harvest_job_id == job_id, HarvestObject.state == "WAITING")
        .values(state="ERROR", report_status="errored")
    )
    model.Session.execute(
        sa.update(HarvestJob)
        .where(HarvestJob.id == job_id, HarvestJob.finished.is_(None))
        .values(status=FINISHED, finished=now(), gather_finished=now())
    )
    model.Session.commit()


def give_up(job_id: str, error: Exception) -> None:
    """End a job that failed through a fault of this extension, and report it on its page.

    It is not retried: that would fail again.
    """
    detail = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    message = say("job-fault", detail=detail)
    model.Session.add(HarvestGatherError(message=message, harvest_job_id=job_id))
    state = model.Session.get(JobState, job_id, populate_existing=True)
    if state is not None:
        state.facts = {**state.facts, "failed": state.facts.get("failed", 0) + 1}
    model.Session.commit()
    clean_up_aborted(job_id)
    job = load(job_id)
    _renew_page(job, _counts(job))


# --- withdrawals ---
#
# Withdraw the datasets of records that have vanished from their source.
#
# Only a complete reading can show that a record is absent. The first absences are only counted;
# after `withdraw_after` complete readings in a row the dataset is deleted, in such a way that it
# returns with the same URL and ids if the record does. When too many records have vanished at once,
# all of them are held until a person decides.

WITHDRAW, KEEP, MOOT = "withdraw", "keep", "moot"
"""Decisions on a hold; one is moot when so many records have come back that nobody need decide."""
_WITHDRAWN_AT_ONCE = 100
"""Maximum number of datasets withdrawn per transaction."""

Remark = tuple[str, dict[str, int]]
"""Message code and parameters of a remark in the report of a job."""


@dataclass(frozen=True)
class Absence:
    """Absences found by a complete reading.

    Attributes:
        known: published records of the source.
        absent: how many of them the reading did not see.
        limit: how many may be absent without asking a person.
        added: how many of those due to be withdrawn have datasets with local additions: files or
            links that were added on the portal.
    """

    known: int
    absent: int
    limit: int
    added: int = 0

    @property
    def suspicious(self) -> bool:
        """Whether so many are absent that the cause may be a fault of the source.

        A source that is suddenly empty is suspicious even when it was small.
        """
        return self.absent > self.limit or (self.absent == self.known and self.known > 1)

    @property
    def needs_person(self) -> bool:
        """Whether withdrawals must be held for a decision.

        Local additions are never deleted without asking.
        """
        return self.suspicious or self.added > 0


_HAS_ADDITIONS: Any = sa.text(
    f"EXISTS (SELECT FROM {local_edits.ADDED}"
    " AND resource.package_id = ecosphere_harvest_record.package_id)"
)
"""SQL condition: the dataset of a record has resources that were added on the portal."""


def limit_for(known: int) -> int:
    """Return how many records of a source may be absent at once without asking a person."""
    return max(config.hold_records(), known * config.hold_percent() // 100)


def _is_published(source_id: str) -> Condition:
    return sa.and_(SourceRecord.source_id == source_id, SourceRecord.state == PUBLISHED)


def _is_absent(source_id: str, job_id: str) -> Condition:
    return sa.and_(_is_published(source_id), SourceRecord.seen_job.is_distinct_from(job_id))


def is_missing(source_id: str) -> Condition:
    """Return the condition for records not seen since a complete reading missed them."""
    return sa.and_(_is_published(source_id), SourceRecord.absences > 0)


def _count_records(*conditions: Condition) -> int:
    return model.Session.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()


# --- counting and holding ---


def count_absences(source_id: str, job_id: str) -> Absence:
    """Count one more absence for each record that a complete reading did not see.

    The caller commits.
    """
    is_absent = _is_absent(source_id, job_id)
    model.Session.execute(
        sa.update(SourceRecord).where(is_absent).values(absences=SourceRecord.absences + 1)
    )
    known = _count_records(_is_published(source_id))
    is_due = sa.and_(is_absent, SourceRecord.absences >= config.withdraw_after())
    return Absence(
        known=known,
        absent=_count_records(is_absent),
        limit=limit_for(known),
        added=_count_records(is_due, _HAS_ADDITIONS),
    )


def open_hold(source_id: str) -> Hold | None:
    """Return the hold of a source that waits for a decision; None without any."""
    query = sa.select(Hold).where(Hold.source_id == source_id, Hold.decision.is_(None))
    return model.Session.scalar(query.order_by(Hold.id.desc()).limit(1))


def hold_or_release(source_id: str, job_id: str, absence: Absence) -> tuple[bool, list[Remark]]:
    """Hold the withdrawals of a source, or close a hold that is no longer needed.

    The caller commits.

    Returns:
        whether they are held, and remarks on what has changed since the last check.
    """
    hold = open_hold(source_id)
    remarks = _update_hold(hold, absence) if hold else []
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


def reduce_hold(source_id: str) -> list[Remark]:
    """Remove from a hold the records that an incomplete reading has seen; the caller commits.

    Such a reading shows which records exist, but not which have vanished: it never adds to the
    hold.

    Returns:
        remarks on what has changed.
    """
    hold = open_hold(source_id)
    if hold is None:
        return []
    condition = is_missing(source_id)
    absence = Absence(
        known=hold.known,
        absent=_count_records(condition),
        limit=hold.limit,
        added=_count_records(condition, _HAS_ADDITIONS),
    )
    return _update_hold(hold, absence)


def _update_hold(hold: Hold, absence: Absence) -> list[Remark]:
    """Reduce a hold when records have come back; close it when no decision is needed any more."""
    before = hold.records
    hold.records = absence.absent
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
    """Withdraw datasets as persons have decided; the caller holds the lock of the source."""
    query = sa.select(Hold.id, Hold.job_id).where(
        Hold.source_id == source_id, Hold.decision == WITHDRAW, Hold.done.is_(False)
    )
    for hold_id, job_id in model.Session.execute(query).all():
        withdraw_due(source_id, job_id, after=1)
        model.Session.execute(sa.update(Hold).where(Hold.id == hold_id).values(done=True))
        model.Session.commit()


def keep_missing(source_id: str) -> None:
    """Keep the datasets of all missing records; the caller commits."""
    statement = sa.update(SourceRecord).where(is_missing(source_id))
    model.Session.execute(statement.values(state=KEPT, absences=0))


# --- withdrawing ---


def withdraw_due(source_id: str, job_id: str, after: int | None = None) -> None:
    """Withdraw the datasets of records that have been absent long enough.

    Args:
        source_id: the source.
        job_id: job of the complete reading that did not see them, under which it is reported.
        after: number of absences needed, in place of the setting.
    """
    absences = config.withdraw_after() if after is None else after
    query = sa.select(SourceRecord.guid, SourceRecord.package_id).where(
        _is_absent(source_id, job_id), SourceRecord.absences >= absences
    )
    while True:
        due = dict(model.Session.execute(query.limit(_WITHDRAWN_AT_ONCE)).tuples().all())
        model.Session.remove()
        if not due:
            return
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
    # The index comes first: if the worker dies in between, the records are still due, and this is
    # done again.
    solr.remove([package_id for package_id in datasets.values() if package_id])
    with one_transaction():
        for guid, package_id in datasets.items():
            package = model.Session.get(model.Package, package_id) if package_id else None
            values: dict[str, Any] = {"state": WITHDRAWN, "name": None}
            if package is not None and package.state != "active":
                # Somebody has deleted it: it must not return when the record does.
                values["state"] = KEPT
            elif package is not None:
                values["name"] = package.name
                delete_dataset(package)
                if job_id is not None:
                    _report(source_id, job_id, guid, package.id)
            update_record(source_id, guid, absences=0, **values)
            model.Session.commit()


def _report(source_id: str, job_id: str, guid: str, package_id: str) -> None:
    """Report a withdrawal as ckanext-harvest does: by an object with the status `deleted`."""
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
