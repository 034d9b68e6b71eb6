"""Chained actions of ckanext-harvest, which run our source types through our pipeline and forget
what is cleared.

They also spread the next runs of sources over their period, so that they do not all start at once:
ckanext-harvest sets the next run one period after the last, and sources registered together, by the
hundred, would stay due together.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import logic, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.harvest import overview, worker
from ckanext.ecosphere.harvest.job import RUNNING
from ckanext.ecosphere.harvest.logic.auth import source_id
from ckanext.ecosphere.harvest.model import (
    forget,
    forget_lost_jobs,
    leave_to_others,
    now,
    read_anew,
)
from ckanext.ecosphere.harvest.sources.base import type_names
from ckanext.harvest.logic.dictization import harvest_job_dictize
from ckanext.harvest.model import HarvestJob, HarvestSource

PERIODS = {
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
    "BIWEEKLY": timedelta(weeks=2),
    "MONTHLY": timedelta(days=30),
}
"""Frequency → period; sources harvested manually or always have none."""
_ORIGIN = datetime(2024, 1, 1)  # a Monday


def next_run(source_id: str, frequency: str, moment: datetime) -> datetime | None:
    """Return the next run of a source: its fixed time within the period, at least half a period
    from now.

    Args:
        source_id: seed of its time.
        frequency: as named by ckanext-harvest.
        moment: now, in UTC.

    Returns:
        between half and one and a half periods from now; None for a frequency without a period.
    """
    period = PERIODS.get(frequency)
    if period is None:
        return None
    drawn = int.from_bytes(hashlib.sha256(source_id.encode()).digest()[:8], "big") / 2**64
    slot = _ORIGIN + period * drawn
    earliest = moment + period / 2
    return slot + period * -((slot - earliest) // period)


def spread() -> int:
    """Reschedule the next runs of sources of our types that have just been started.

    Returns:
        number of next runs that were changed.
    """
    moment, changed = now(), 0
    query = sa.select(HarvestSource).where(
        HarvestSource.type.in_(type_names()),
        HarvestSource.frequency.in_(list(PERIODS)),
        HarvestSource.next_run > moment,
    )
    sources: list[Any] = list(model.Session.scalars(query))
    for source in sources:
        slot = next_run(source.id, source.frequency, moment)
        # A source that already has its own time keeps it, even in the second half of its period.
        if slot and (source.next_run - slot) % PERIODS[source.frequency] != timedelta(0):
            source.next_run = slot
            changed += 1
    model.Session.commit()
    return changed


@tk.chained_action
def harvest_send_job_to_gather_queue(
    original: Any, context: Context, data_dict: DataDict
) -> DataDict:
    """Run a job: for our source types as a CKAN background job, for others with the original
    action.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `id` of the job.

    Returns:
        the job.
    """
    id_ = tk.get_or_bust(data_dict, "id")
    tk.check_access("harvest_send_job_to_gather_queue", context, {"id": id_})
    job: Any = HarvestJob.get(id_)
    if job is None:
        raise tk.ObjectNotFound(tk._("Harvest job not found"))
    if job.source.type not in type_names():
        return original(context, data_dict)
    if not job.source.active:
        raise tk.ValidationError({"source": [tk._("The source is not active.")]})
    job.status = RUNNING
    job.save()
    worker.send(job.id)
    return harvest_job_dictize(job, {"model": model, "session": model.Session})


@tk.chained_action
def harvest_jobs_run(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Start due jobs with the original action, then spread next runs over their period and requeue
    stuck jobs of ours.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `source_id` to check one source only.
    """
    tk.check_access("harvest_jobs_run", context, data_dict)
    result = original(context, data_dict)
    spread()
    worker.revive()
    return result


@tk.chained_action
def harvest_source_clear(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Clear a source with the original action, and delete what is stored about its records.

    ckanext-harvest 1.6.3 purges every dataset ever made of one of its records, even those that
    another source now publishes; these are kept here.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `id` or name of the source.
    """
    tk.check_access("harvest_source_clear", context, data_dict)
    by_id = _by_id(data_dict)
    leave_to_others(by_id["id"])
    result = original(context, by_id)
    forget(result["id"])
    model.Session.commit()
    return result


@tk.side_effect_free
@tk.chained_action
def harvest_source_show_status(original: Any, context: Context, data_dict: DataDict) -> DataDict:
    """Show the status of a source, with public datasets counted by Solr.

    To count them, ckanext-harvest 1.6.3 joins all datasets to all records ever read, on each page
    of a source.

    Args:
        original: ckanext-harvest's action; called for sources without a job, and while Solr is
            away.
        context: the context.
        data_dict: `id` or name of the source.

    Returns:
        `job_count`, `last_job` (None without one) and `total_datasets`.
    """
    tk.check_access("harvest_source_show_status", context, data_dict)
    source = model.Package.get(tk.get_or_bust(data_dict, "id"))
    if source is None:
        return original(context, data_dict)
    jobs = model.Session.query(HarvestJob).filter(HarvestJob.source_id == source.id)
    last = jobs.order_by(HarvestJob.created.desc()).first()
    number = overview.public_datasets(source.id) if last else None
    if number is None:
        return original(context, data_dict)
    return {
        "job_count": jobs.count(),
        "last_job": harvest_job_dictize(last, context),
        "total_datasets": number,
    }


@logic.auth_audit_exempt  # like the original, it checks `harvest_source_clear`
@tk.chained_action
def harvest_source_job_history_clear(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Clear the jobs of a source with the original action, and what is stored about those jobs; its
    datasets are kept.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `id` or name of the source.
    """
    tk.check_access("harvest_source_clear", context, data_dict)
    result = original(context, _by_id(data_dict))
    forget_lost_jobs(result["id"])
    read_anew(result["id"])
    model.Session.commit()
    return result


def _by_id(data_dict: DataDict) -> DataDict:
    """Replace the name of the source by its id: ckanext-harvest clears no source given by name."""
    id_ = tk.get_or_bust(data_dict, "id")
    return {**data_dict, "id": source_id(id_) or id_}


@tk.side_effect_free
@tk.chained_action
def harvest_source_reindex(original: Any, context: Context, data_dict: DataDict) -> bool:
    """Index a source in its current state.

    On CKAN 2.12, ckanext-harvest 1.6.3 indexes a source without extracting type, frequency and
    configuration from its extras; its pages then show none of them, and its form refuses to save.

    Args:
        original: ckanext-harvest's action, not called.
        context: `defer_commit` leaves the commit to the caller.
        data_dict: `id` or name of the source.
    """
    id_ = tk.get_or_bust(data_dict, "id")
    tk.check_access("harvest_source_reindex", context, {"id": id_})
    fresh: Any = {"ignore_auth": True, "user": context.get("user")}
    logic.index_update_package(fresh, id_, context.get("defer_commit", False))
    return True


def get_actions() -> DataDict:
    """Return the chained actions."""
    chained = (
        harvest_send_job_to_gather_queue,
        harvest_jobs_run,
        harvest_source_show_status,
        harvest_source_clear,
        harvest_source_job_history_clear,
        harvest_source_reindex,
    )
    return {action.__name__: action for action in chained}
