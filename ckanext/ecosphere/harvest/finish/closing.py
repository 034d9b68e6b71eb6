"""Close a harvest job: withdrawals, counts, and what the pages of ckanext-harvest need."""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.finish import report, withdrawal
from ckanext.ecosphere.harvest.model import DUPLICATE, Batch, JobState, SourceRecord, now
from ckanext.ecosphere.harvest.worker.job import FINISHED, Job, load, update_state, user_name
from ckanext.ecosphere.harvest.worker.messages import say
from ckanext.harvest.model import HarvestGatherError, HarvestJob, HarvestObject, HarvestObjectError

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
        job.id, stage="done", facts={**state.facts, "counts": counts, "report": report.sum_up(job.id)}, touched=moment
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
