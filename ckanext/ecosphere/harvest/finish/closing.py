"""Statistics of PostgreSQL after a large import, so that what follows is planned for the rows that are there."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.deduplication.groups import is_file
from ckanext.ecosphere.harvest.deduplication.reconcile import give_up_dataset
from ckanext.ecosphere.harvest.finish import reports, withdrawal
from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    KEPT,
    PUBLISHED,
    WITHDRAWN,
    Batch,
    JobState,
    SourceRecord,
    now,
    one_of,
)
from ckanext.ecosphere.harvest.worker.job import FINISHED, Job, load, update_state, user_name
from ckanext.ecosphere.harvest.worker.messages import say
from ckanext.ecosphere.harvest.worker.transaction import one_transaction
from ckanext.ecosphere.harvest.write.reimport import import_kept
from ckanext.harvest.model import HarvestGatherError, HarvestJob, HarvestObject, HarvestObjectError, HarvestObjectExtra

_MANY = 500
"""Records from which the tables are analysed at once; below, autovacuum does it in time."""
_TABLES = (
    model.package_table,
    model.resource_table,
    model.member_table,
    model.package_tag_table,
    SourceRecord.__table__,
    HarvestObject.__table__,
    HarvestObjectExtra.__table__,
)


def renew_statistics(job_id: str) -> bool:
    """Analyse the tables that a job filled, if it imported many records.

    A table that autovacuum is analysing is skipped, and so is one that belongs to another role (PostgreSQL warns).

    Returns:
        whether it did.
    """
    waiting = model.Session.execute(sa.select(JobState.waiting).where(JobState.job_id == job_id)).scalar()
    if (waiting or 0) < _MANY:
        return False
    names = ", ".join(table.name for table in _TABLES)
    model.Session.execute(sa.text(f"ANALYZE (SKIP_LOCKED) {names}"))
    model.Session.commit()
    return True


RENAMED = "renamed"
"""Code of the remark that reports them."""
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Pair:
    """A record that the source no longer has, and the new record of the same resource."""

    before: str
    after: str
    package_id: str
    second_id: str


def keep_datasets(source_id: str, job_id: str) -> int:
    """Assign the datasets of vanished records to the new records of the same resources.

    Call it after a complete reading only: absences mean nothing otherwise. The identifier of a resource counts when no
    other record of the source has it.

    Returns:
        number of datasets that have kept their URL.
    """
    pairs = _pairs(source_id, job_id)
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        solr.remove([pair.second_id for pair in some])
        with one_transaction():
            for pair in some:
                _hand_on(source_id, job_id, pair)
            _note_renamed(job_id, len(some))
            model.Session.commit()
        import_kept((source_id, pair.after) for pair in some)
    return len(pairs)


@dataclass(frozen=True, slots=True)
class _Live:
    """A record with an active dataset; `is_there` when the job has seen it, `is_new` when it has made its dataset."""

    guid: str
    package_id: str
    is_there: bool
    is_new: bool


def _pairs(source_id: str, job_id: str) -> list[_Pair]:
    by_key: dict[str, list[_Live]] = defaultdict(list)
    if made := _made(job_id):
        for record, keys in _live(source_id, job_id, made):
            for key in keys:
                by_key[key].append(record)
    model.Session.remove()
    pairs = dict.fromkeys(filter(None, map(_pair, by_key.values())))
    times = Counter(name for pair in pairs for name in (pair.before, pair.after))
    return [pair for pair in pairs if times[pair.before] == times[pair.after] == 1]


def _pair(records: list[_Live]) -> _Pair | None:
    """Return the pair that the records with one key are, if they are one."""
    if len(records) != 2:  # noqa: PLR2004 - a pair
        return None
    before, after = sorted(records, key=lambda record: record.is_there)
    if before.is_there or not after.is_new:
        return None
    return _Pair(before.guid, after.guid, before.package_id, after.package_id)


def _made(job_id: str) -> dict[str, str | None]:
    """Return guid → dataset of the records for which a job has made a dataset."""
    query = sa.select(HarvestObject.guid, HarvestObject.package_id).where(
        HarvestObject.harvest_job_id == job_id, HarvestObject.report_status == "added"
    )
    return dict(model.Session.execute(query).tuples().all())


def _live(source_id: str, job_id: str, made: dict[str, str | None]) -> list[tuple[_Live, set[str]]]:
    """Return the records of a source that have an active dataset, with the keys of their resources.

    Without records that the job has not seen there are no pairs, and none are returned.
    """
    query = sa.select(SourceRecord.guid, SourceRecord.package_id, SourceRecord.keys, SourceRecord.seen_job).where(
        SourceRecord.source_id == source_id,
        SourceRecord.state.in_([PUBLISHED, KEPT]),
        SourceRecord.apart.is_(False),
        SourceRecord.package_id.is_not(None),
    )
    rows = model.Session.execute(query).all()
    if all(seen_job == job_id for _guid, _package_id, _keys, seen_job in rows):
        return []
    package_ids = [package_id for _guid, package_id, _keys, _seen_job in rows]
    is_active = sa.and_(one_of(model.Package.id, package_ids), model.Package.state == "active")
    active = set(model.Session.scalars(sa.select(model.Package.id).where(is_active)))
    live = []
    for guid, package_id, keys, seen_job in rows:
        if package_id in active:
            is_new = guid in made and made[guid] == package_id
            resource_keys = {key for key in keys if not is_file(key)}
            live.append((_Live(guid, package_id, seen_job == job_id, is_new), resource_keys))
    return live


def _hand_on(source_id: str, job_id: str, pair: _Pair) -> None:
    give_up_dataset(pair.second_id)
    # It is imported again, into the dataset that existed before: that is an update.
    of_job = sa.and_(HarvestObject.harvest_job_id == job_id, HarvestObject.guid == pair.after)
    model.Session.execute(sa.update(HarvestObject).where(of_job).values(report_status="updated"))
    for guid, values in (
        (pair.before, {"state": WITHDRAWN, "package_id": None, "name": None, "absences": 0}),
        (pair.after, {"state": PUBLISHED, "package_id": pair.package_id, "digest": None}),
    ):
        is_record = sa.and_(SourceRecord.source_id == source_id, SourceRecord.guid == guid)
        model.Session.execute(sa.update(SourceRecord).where(is_record).values(**values))


def _note_renamed(job_id: str, number: int) -> None:
    state = model.Session.get(JobState, job_id, populate_existing=True)
    facts = dict(state.facts) if state else {}
    notes = [(code, params) for code, params in facts.get("notes", []) if code != RENAMED]
    before = sum(params["number"] for code, params in facts.get("notes", []) if code == RENAMED)
    update_state(job_id, facts={**facts, "notes": [*notes, (RENAMED, {"number": before + number})]})


log = logging.getLogger(__name__)

KEPT_REPORTS = 5
"""Number of recent jobs of a source whose objects for unchanged records are kept."""


def finish(job: Job) -> None:
    """Finish a job; safe to call again after a crash at any point."""
    state = model.Session.get(JobState, job.id, populate_existing=True)
    if state is None or state.stage == "done":
        return
    if state.stage == "import":
        _judge_absences(job, state)
    if state.complete and not state.facts.get("held"):
        withdrawal.withdraw_due(job.source_id, job.id)
    _close(job)


def _judge_absences(job: Job, state: JobState) -> None:
    """Count absences once, and decide whether withdrawals must be held for a decision."""
    facts = dict(state.facts)
    if state.complete:
        absence = withdrawal.count_absences(job.source_id, job.id)
        facts["absent"] = absence.absent
        facts["held"], remarks = withdrawal.hold_or_release(job.source_id, job.id, absence)
        if facts["held"]:
            code = "held" if absence.suspicious else "held-additions"
            message = say(code, absent=absence.absent, known=absence.known, limit=absence.limit, added=absence.added)
            model.Session.add(HarvestGatherError(message=message, harvest_job_id=job.id))
    else:
        remarks = withdrawal.look_again(job.source_id)
    facts["notes"] = [*facts.get("notes", []), *remarks]
    state.facts = facts
    state.stage = "finish"
    model.Session.commit()


def _close(job: Job) -> None:
    counts = _counts(job)
    if counts.get("added") or counts.get("updated"):
        solr.commit()
    state = model.Session.get(JobState, job.id, populate_existing=True)
    assert state is not None  # noqa: S101 - `finish` read it
    moment = now()
    update_state(
        job.id, stage="done", facts={**state.facts, "counts": counts, "report": reports.sum_up(job.id)}, touched=moment
    )
    # ckanext-harvest itself closes any job whose gathering has finished and whose objects are done. `gather_finished`
    # is therefore set only now, after the withdrawals.
    model.Session.execute(
        sa.update(HarvestJob)
        .where(HarvestJob.id == job.id)
        .values(status=FINISHED, gather_finished=moment, finished=moment)
    )
    model.Session.commit()
    _drop_old_unchanged(job.source_id)
    _tell(job, counts)


def _counts(job: Job) -> dict[str, int]:
    rows = model.Session.execute(
        sa.select(HarvestObject.report_status, sa.func.count())
        .where(HarvestObject.harvest_job_id == job.id)
        .group_by(HarvestObject.report_status)
    )
    counts = {status or "?": number for status, number in rows}
    counts["duplicate"] = model.Session.execute(
        sa.select(sa.func.count()).where(
            SourceRecord.source_id == job.source_id,
            SourceRecord.state == DUPLICATE,
            SourceRecord.seen_job == job.id,
        )
    ).scalar_one()
    return counts


def _drop_old_unchanged(source_id: str) -> None:
    """Delete the objects of older jobs that only record an unchanged record."""
    recent = (
        sa.select(HarvestJob.id)
        .where(HarvestJob.source_id == source_id)
        .order_by(HarvestJob.created.desc())
        .limit(KEPT_REPORTS)
    )
    extras = sa.text(
        "DELETE FROM harvest_object_extra WHERE harvest_object_id IN (SELECT id FROM harvest_object"
        " WHERE harvest_source_id = :source AND report_status = 'not modified' AND current IS NOT TRUE"
        " AND content IS NULL AND harvest_job_id NOT IN (SELECT id FROM harvest_job WHERE source_id = :source"
        " ORDER BY created DESC LIMIT :kept))"
    )
    model.Session.execute(extras, {"source": source_id, "kept": KEPT_REPORTS})
    model.Session.execute(
        sa.delete(HarvestObject).where(
            HarvestObject.harvest_source_id == source_id,
            HarvestObject.report_status == "not modified",
            HarvestObject.current.is_not(True),
            HarvestObject.content.is_(None),
            HarvestObject.harvest_job_id.not_in(recent),
        )
    )
    model.Session.commit()


def _tell(job: Job, counts: dict[str, int]) -> None:
    """Update the page of the source; the letter about the sources names the errors (`letter`)."""
    errors = _error_count(job.id)
    written = counts.get("added", 0) + counts.get("updated", 0) + counts.get("deleted", 0)
    context: Any = {"model": model, "session": model.Session, "ignore_auth": True, "user": user_name()}
    try:
        if written or errors or not _earlier(job):
            tk.get_action("harvest_source_reindex")(context, {"id": job.source_id})
    except Exception:  # the harvest is done: an outdated page must not undo it
        log.exception("After harvest job %s", job.id)
        model.Session.rollback()


def _error_count(job_id: str) -> int:
    gather = sa.select(sa.func.count()).where(HarvestGatherError.harvest_job_id == job_id)
    objects = (
        sa.select(sa.func.count(sa.distinct(HarvestObjectError.harvest_object_id)))
        .join(HarvestObject, HarvestObject.id == HarvestObjectError.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job_id)
    )
    return model.Session.execute(gather).scalar_one() + model.Session.execute(objects).scalar_one()


def _earlier(job: Job) -> bool:
    query = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == job.source_id, HarvestJob.status == FINISHED, HarvestJob.id != job.id
    )
    return model.Session.execute(query.limit(1)).first() is not None


def clean_up_aborted(job_id: str) -> None:
    """Remove what is left of a job that was aborted or whose source was removed."""
    model.Session.rollback()
    model.Session.execute(sa.delete(Batch).where(Batch.job_id == job_id))
    # A reading that did not reach its end is incomplete.
    update_state(job_id, stage="done", complete=sa.func.coalesce(JobState.complete, sa.false()), touched=now())
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
    """End a job that failed because of a fault of ours, and report it on its page: retrying would fail again."""
    detail = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    model.Session.add(HarvestGatherError(message=say("job-fault", detail=detail), harvest_job_id=job_id))
    if (state := model.Session.get(JobState, job_id, populate_existing=True)) is not None:
        state.facts = {**state.facts, "failed": state.facts.get("failed", 0) + 1}
    model.Session.commit()
    clean_up_aborted(job_id)
    job = load(job_id)
    _tell(job, _counts(job))
