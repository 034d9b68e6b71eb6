"""Close a harvest job: renamed records, withdrawals, counts, and what the pages of ckanext-harvest need.

Records whose file identifier changed keep their dataset; the identifier of their resource recognises them. A catalogue
that is reinstalled or copied assigns new identifiers to its records: without this, each record would become a second
dataset, and the first one would be withdrawn together with its address.
"""

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
    update_record,
)
from ckanext.ecosphere.harvest.worker.job import FINISHED, Job, load, update_state, user_name
from ckanext.ecosphere.harvest.worker.messages import say
from ckanext.ecosphere.harvest.worker.transaction import one_transaction
from ckanext.ecosphere.harvest.write.reimport import import_kept
from ckanext.harvest.model import (
    HarvestGatherError,
    HarvestJob,
    HarvestObject,
    HarvestObjectError,
    HarvestObjectExtra,
)

log = logging.getLogger(__name__)

KEPT_REPORTS = 5
"""Number of recent jobs of a source whose objects for unchanged records are kept."""
RENAMED = "renamed"
"""Code of the remark that reports records with another identifier than before."""
_AT_ONCE = 100
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
    """Analyse the tables that a job filled, if it imported many records, so that queries are planned for them.

    A table that autovacuum is analysing is skipped, and so is one that belongs to another role (PostgreSQL warns).

    Returns:
        whether it did.
    """
    query = sa.select(JobState.waiting).where(JobState.job_id == job_id)
    if (model.Session.scalar(query) or 0) < _MANY:
        return False
    names = ", ".join(table.name for table in _TABLES)
    model.Session.execute(sa.text(f"ANALYZE (SKIP_LOCKED) {names}"))
    model.Session.commit()
    return True


# --- renamed records ---


@dataclass(frozen=True, slots=True)
class _Pair:
    """A record that the source no longer has, and the new record of the same resource."""

    before: str
    after: str
    package_id: str
    second_id: str


@dataclass(frozen=True, slots=True)
class _Live:
    """A record with an active dataset.

    Attributes:
        is_seen: whether the job has seen it.
        is_new: whether the job has made its dataset.
    """

    guid: str
    package_id: str
    is_seen: bool
    is_new: bool


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


def _pairs(source_id: str, job_id: str) -> list[_Pair]:
    query = sa.select(HarvestObject.guid, HarvestObject.package_id).where(
        HarvestObject.harvest_job_id == job_id, HarvestObject.report_status == "added"
    )
    made: dict[str, str] = dict(model.Session.execute(query).tuples().all())
    by_key: dict[str, list[_Live]] = defaultdict(list)
    if made:
        for record, keys in _live(source_id, job_id, made):
            for key in keys:
                by_key[key].append(record)
    model.Session.remove()
    pairs = dict.fromkeys(pair for pair in map(_pair, by_key.values()) if pair)
    times: Counter[str] = Counter()
    for pair in pairs:
        times.update((pair.before, pair.after))
    return [pair for pair in pairs if times[pair.before] == times[pair.after] == 1]


def _pair(records: list[_Live]) -> _Pair | None:
    """Return the pair that the records with one key are, if they are one."""
    if len(records) != 2:  # noqa: PLR2004 - a pair
        return None
    before, after = sorted(records, key=lambda record: record.is_seen)
    if before.is_seen or not after.is_new:
        return None
    return _Pair(before.guid, after.guid, before.package_id, after.package_id)


def _live(source_id: str, job_id: str, made: dict[str, str]) -> list[tuple[_Live, set[str]]]:
    """Return the records of a source that have an active dataset, with the keys of their resources.

    Without records that the job has not seen there are no pairs, and none are returned.

    Args:
        source_id: the source.
        job_id: the job.
        made: guid → dataset of the records for which the job has made a dataset.
    """
    columns = (
        SourceRecord.guid,
        SourceRecord.package_id,
        SourceRecord.keys,
        SourceRecord.seen_job,
    )
    query = sa.select(*columns).where(
        SourceRecord.source_id == source_id,
        SourceRecord.state.in_([PUBLISHED, KEPT]),
        SourceRecord.apart.is_(False),
        SourceRecord.package_id.is_not(None),
    )
    rows = model.Session.execute(query).all()
    if all(row.seen_job == job_id for row in rows):
        return []
    package_ids = [row.package_id for row in rows]
    query = sa.select(model.Package.id).where(
        one_of(model.Package.id, package_ids), model.Package.state == "active"
    )
    active = set(model.Session.scalars(query))
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
            message = say(
                "held" if absence.suspicious else "held-additions",
                absent=absence.absent,
                known=absence.known,
                limit=absence.limit,
                added=absence.added,
            )
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
    facts = {**state.facts, "counts": counts, "report": reports.sum_up(job.id)}
    update_state(job.id, stage="done", facts=facts, touched=moment)
    # ckanext-harvest itself closes any job whose gathering has finished and whose objects are done. `gather_finished`
    # is therefore set only now, after the withdrawals.
    model.Session.execute(
        sa.update(HarvestJob)
        .where(HarvestJob.id == job.id)
        .values(status=FINISHED, gather_finished=moment, finished=moment)
    )
    model.Session.commit()
    _drop_old_unchanged(job.source_id)
    _renew_page(job, counts)


def _counts(job: Job) -> dict[str, int]:
    query = sa.select(HarvestObject.report_status, sa.func.count())
    query = query.where(HarvestObject.harvest_job_id == job.id)
    rows = model.Session.execute(query.group_by(HarvestObject.report_status))
    counts = {status or "?": number for status, number in rows}
    counts["duplicate"] = _number(
        SourceRecord.source_id == job.source_id,
        SourceRecord.state == DUPLICATE,
        SourceRecord.seen_job == job.id,
    )
    return counts


def _number(*conditions: Any) -> int:
    return model.Session.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()


def _drop_old_unchanged(source_id: str) -> None:
    """Delete the objects of older jobs that only record an unchanged record."""
    recent = (
        sa.select(HarvestJob.id)
        .where(HarvestJob.source_id == source_id)
        .order_by(HarvestJob.created.desc())
        .limit(KEPT_REPORTS)
    )
    is_old = sa.and_(
        HarvestObject.harvest_source_id == source_id,
        HarvestObject.report_status == "not modified",
        HarvestObject.current.is_not(True),
        HarvestObject.content.is_(None),
        HarvestObject.harvest_job_id.not_in(recent),
    )
    old = sa.select(HarvestObject.id).where(is_old)
    extras = sa.delete(HarvestObjectExtra).where(HarvestObjectExtra.harvest_object_id.in_(old))
    for statement in (extras, sa.delete(HarvestObject).where(is_old)):
        model.Session.execute(statement.execution_options(synchronize_session=False))
    model.Session.commit()


def _renew_page(job: Job, counts: dict[str, int]) -> None:
    """Update the page of the source; the letter about the sources names the errors (`letter`)."""
    has_changed = any(counts.get(name) for name in ("added", "updated", "deleted"))
    context: Any = {
        "model": model,
        "session": model.Session,
        "ignore_auth": True,
        "user": user_name(),
    }
    try:
        if has_changed or _has_errors(job.id) or _is_first(job):
            tk.get_action("harvest_source_reindex")(context, {"id": job.source_id})
    except Exception:  # the harvest is done: an outdated page must not undo it
        log.exception("After harvest job %s", job.id)
        model.Session.rollback()


def _has_errors(job_id: str) -> bool:
    of_gathering = sa.select(HarvestGatherError.id).where(
        HarvestGatherError.harvest_job_id == job_id
    )
    of_objects = (
        sa.select(HarvestObjectError.id)
        .join(HarvestObject, HarvestObject.id == HarvestObjectError.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job_id)
    )
    query = sa.select(sa.or_(of_gathering.exists(), of_objects.exists()))
    return bool(model.Session.scalar(query))


def _is_first(job: Job) -> bool:
    query = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == job.source_id,
        HarvestJob.status == FINISHED,
        HarvestJob.id != job.id,
    )
    return model.Session.execute(query.limit(1)).first() is None


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
    """End a job that failed because of a fault of ours, and report it on its page: retrying would fail again."""
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
