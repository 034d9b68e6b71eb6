"""API actions on what a job changed: list it, undo it; and on what of a source is shown."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.core.lists import journal
from ckanext.ecosphere.harvest.finish import changes, reconciliation
from ckanext.ecosphere.harvest.logic import schema
from ckanext.ecosphere.harvest.logic.auth import source_id
from ckanext.ecosphere.harvest.model import JobState, Undo
from ckanext.ecosphere.harvest.worker import queue
from ckanext.ecosphere.shared import authorization

CHANGES_AT_ONCE, MOST_CHANGES = 50, 1000
"""Datasets per answer: by default, and at most."""
AREA = "harvest:undo"
"""Area of the journal for jobs that were undone."""


@tk.side_effect_free
@tk.validate_action_data(schema.changes_schema)
def ecosphere_harvest_changes_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the datasets that a job added, updated or withdrew. For editors of the job's source.

    Args:
        context: the context.
        data_dict: `id` of the job; `outcome`, `added`, `updated` or `deleted`, to have only those; `limit` (50 by
            default, at most 1000) and `offset`.

    Returns:
        `count` of all of them, and `results`: `outcome`, `identifier` of the record, `title` and name of the `dataset`
        (None once it is purged), `undo`, the code of what an undo did with it, with the `reason` as a sentence (None
        when it was not undone), and `record`, id of the harvest object. `undo` of the job: None if nobody has asked for
        it, else `asked`, `finished` (None while it waits or runs), `done` of `total` datasets, `counts` by code.
    """
    tk.check_access("ecosphere_harvest_changes_list", context, data_dict)
    job_id, outcome = data_dict["id"], data_dict.get("outcome") or ""
    limit = min(data_dict.get("limit", CHANGES_AT_ONCE), MOST_CHANGES)
    rows = changes.listed(job_id, outcome, limit, data_dict.get("offset", 0))
    return {"count": changes.count(job_id, outcome), "results": rows, "undo": changes.undo_of(job_id)}


@tk.validate_action_data(schema.job_schema)
def ecosphere_harvest_job_undo(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Undo a job in the background, and record it in the journal. For editors of the job's source.

    Datasets that it added are withdrawn, those that it updated get their former version back, and those that it
    withdrew return. What was changed since, by people or later harvests, is left as it is. The next harvest does again
    what was undone.

    Args:
        context: the context.
        data_dict: `id` of the job.

    Returns:
        the undo, as in `ecosphere_harvest_changes_list`.

    Raises:
        NotFound: no such job of one of our source types.
        ValidationError: the job is not over, changed nothing, or is undone already.
    """
    tk.check_access("ecosphere_harvest_job_undo", context, data_dict)
    job_id = data_dict["id"]
    state = model.Session.get(JobState, job_id)
    if state is None:
        raise tk.ObjectNotFound(tk._("Nothing is known of this job."))
    if state.stage != "done":
        raise tk.ValidationError({"id": [tk._("This harvest is not over yet: wait for its end, or stop it first.")]})
    if model.Session.get(Undo, job_id) is not None:
        raise tk.ValidationError({"id": [tk._("This harvest is undone already.")]})
    if not changes.count(job_id):
        raise tk.ValidationError({"id": [tk._("This harvest changed nothing.")]})
    person = authorization.person(context)
    person_id = person.id if person else None
    model.Session.add(Undo(job_id=job_id, source_id=state.source_id, user_id=person_id))
    if p.plugin_loaded("ecosphere"):
        journal.note(AREA, state.source_id, None, {"job": job_id}, person_id)
    model.Session.commit()
    queue.send_undo(job_id)
    return changes.undo_of(job_id) or {}


@tk.side_effect_free
@tk.validate_action_data(schema.reconciliation_schema)
def ecosphere_harvest_reconciliation_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show what a catalogue has, what the portal shows of it, and why the rest is not shown. For editors of the source.

    Everything comes from the last harvest that is over; the source is not asked.

    Args:
        context: the context.
        data_dict: `id` or name of the source; `reason`, to list its records, with `limit` (50 by default, at most 1000)
            and `offset`.

    Returns:
        `running`, whether a harvest of the source is running; `summary`, None then and before the first harvest:
        `announced` records of the catalogue, `records` shown, `datasets` of
        the source that are shown; `lines` with `reason` and `number`, which add up to `announced` with `records`;
        `more`, those which add up to `datasets` with `records`. `job_id`, and `results`, the records of the `reason`
        with `position`, `identifier`, `title`, name of the `dataset`, and `text`, a sentence.
    """
    tk.check_access("ecosphere_harvest_reconciliation_show", context, data_dict)
    id_ = source_id(data_dict["id"])
    if id_ is None:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    job, running = reconciliation.last_job(id_), reconciliation.is_running(id_)
    if job is None or running:
        return {"running": running, "job_id": None, "summary": None, "results": []}
    limit = min(data_dict.get("limit", CHANGES_AT_ONCE), MOST_CHANGES)
    reason = data_dict.get("reason")
    results = reconciliation.listed(job, reason, limit, data_dict.get("offset", 0)) if reason else []
    return {"running": False, "job_id": job.job_id, "summary": reconciliation.summary(job), "results": results}


def get_actions() -> dict[str, Any]:
    """Return the actions of this module."""
    return {name: each for name, each in globals().items() if name.startswith("ecosphere_harvest_")}
