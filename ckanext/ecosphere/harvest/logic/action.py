"""API actions of the harvest."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.harvest import objects, overview, preview, previews
from ckanext.ecosphere.harvest.deduplication import explain
from ckanext.ecosphere.harvest.finish import withdrawal
from ckanext.ecosphere.harvest.logic import administration, jobs, local, reading, schema, stock_actions
from ckanext.ecosphere.harvest.logic.auth import editable_organisations, source_id
from ckanext.ecosphere.harvest.model import JobState, SourceRecord, now
from ckanext.ecosphere.harvest.repair import listing
from ckanext.ecosphere.harvest.sources import reach
from ckanext.ecosphere.harvest.worker import queue
from ckanext.ecosphere.harvest.write import import_log, local_edits, origin
from ckanext.ecosphere.shared import action_input
from ckanext.harvest.model import HarvestJob

RECORDS_AT_ONCE, MOST_RECORDS = 50, 1000
"""Records per answer: by default, and at most."""
MAX_LISTED = 500
"""Maximum number of held withdrawals listed."""
CORRECTION = ("rule", "xpath", "today", "proposed", "content")
"""What the API shows of a correction."""


@tk.side_effect_free
@tk.validate_action_data(schema.job_schema)
def ecosphere_harvest_job_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show the progress and results of a job.

    Args:
        context: the context.
        data_dict: `id` of the job.

    Returns:
        `stage` (gather, import, finish, done), `complete` (true, false, null while the source is read), `announced` and
        `received` records, `waiting` records handed over for import, `left` of them, `requests` sent, `facts` (with
        `counts` by outcome and `report` by reason once it is over), `started`, number of `held` withdrawals of the
        source; `set_aside`, one sentence for each record that was not taken although nothing is wrong with it (at most
        500; `ecosphere_harvest_records_list` lists all), and `remarks` on the reading.
    """
    tk.check_access("ecosphere_harvest_job_show", context, data_dict)
    state = model.Session.get(JobState, data_dict["id"])
    if state is None:
        raise tk.ObjectNotFound(tk._("Nothing is known of this job."))
    started = model.Session.execute(sa.select(HarvestJob.gather_started).where(HarvestJob.id == state.job_id)).scalar()
    hold = withdrawal.open_hold(state.source_id)
    return {
        **state.dictize(),
        "started": started.isoformat() if started else None,
        "held": hold.records if hold else 0,
        "set_aside": import_log.set_aside(state.job_id),
        "remarks": import_log.remarks(state),
    }


@tk.side_effect_free
@tk.validate_action_data(schema.records_schema)
def ecosphere_harvest_records_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the records that a job refused or set aside, and why. For editors of the job's source.

    Args:
        context: the context.
        data_dict: `id` of the job; `outcome`, `refused` or `set-aside`, to have only those; `limit` (50 by default,
            at most 1000) and `offset`.

    Returns:
        `count` of all records, and `results` in the order of the source: `position`, `identifier`, `outcome`, `reason`
        (its code), `text` (a sentence), and `record`, id of the harvest object with more details (None if there is
        none).
    """
    tk.check_access("ecosphere_harvest_records_list", context, data_dict)
    found = import_log.listed(data_dict["id"], data_dict.get("outcome") or "")
    first, limit = data_dict.get("offset", 0), min(data_dict.get("limit", RECORDS_AT_ONCE), MOST_RECORDS)
    return {"count": len(found), "results": found[first : first + limit]}


@tk.side_effect_free
@tk.validate_action_data(schema.corrections_schema)
def ecosphere_harvest_corrections_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the values that can be corrected in the records of a source. For editors of the source.

    Args:
        context: the context.
        data_dict: `id` or name of the source; `offset`, the record to begin with (500 are examined).

    Returns:
        `count` of the records of the source, `next`, the offset for the following call (None at the end), and
        `results`: `record` (its identifier), `rule`, `xpath` below the root, `today` (the current value), `proposed`,
        and `content`, the new content of the element as XML.
    """
    tk.check_access("ecosphere_harvest_corrections_list", context, data_dict)
    source, first = _known_source(data_dict["id"]), data_dict["offset"]
    number = listing.count(source)
    after = first + listing.AT_ONCE
    results = [
        {"record": record, **{name: getattr(each, name) for name in CORRECTION}}
        for record, corrections in listing.found(source, first)
        for each in corrections
    ]
    return {"count": number, "next": after if after < number else None, "results": results}


@tk.side_effect_free
@tk.validate_action_data(schema.source_schema)
def ecosphere_harvest_withdrawals_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show the held withdrawals of a source.

    Args:
        context: the context.
        data_dict: `id` or name of the source.

    Raises:
        NotFound: no such source.

    Returns:
        `hold`, None without any, with `created` and `looked` (when the last complete harvest found the records
        missing); and `datasets`: name, title and guid of the datasets concerned (at most 500 of them).
    """
    tk.check_access("ecosphere_harvest_withdrawals_show", context, data_dict)
    id_ = _known_source(data_dict["id"])
    hold = withdrawal.open_hold(id_)
    if hold is None:
        return {"hold": None, "datasets": []}
    job_end = model.Session.execute(sa.select(HarvestJob.finished).where(HarvestJob.id == hold.job_id)).scalar()
    rows = model.Session.execute(
        sa.select(SourceRecord.guid, model.Package.name, model.Package.title)
        .join(model.Package, model.Package.id == SourceRecord.package_id)
        .where(withdrawal.missing(hold.source_id))
        .order_by(model.Package.title)
        .limit(MAX_LISTED)
    )
    return {
        "hold": {**hold.dictize(), "looked": job_end.isoformat() if job_end else None},
        "datasets": [{"guid": guid, "name": name, "title": title} for guid, name, title in rows],
    }


@tk.validate_action_data(schema.decision_schema)
def ecosphere_harvest_withdrawals_decide(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Decide on the held withdrawals of a source.

    Args:
        context: the context.
        data_dict: `id` or name of the source; `decision`: `withdraw` to delete their datasets (in a background job),
            `keep` to leave them published although the source no longer has them.

    Returns:
        the decided hold.
    """
    tk.check_access("ecosphere_harvest_withdrawals_decide", context, data_dict)
    id_ = _known_source(data_dict["id"])
    hold = withdrawal.open_hold(id_)
    if hold is None:
        raise tk.ObjectNotFound(tk._("Nothing waits for a decision."))
    user = model.User.get(context.get("user") or "")
    hold.decision, hold.decided, hold.user_id = data_dict["decision"], now(), user.id if user else None
    if hold.decision == withdrawal.KEEP:
        withdrawal.keep(id_)
    model.Session.commit()
    if hold.decision == withdrawal.WITHDRAW:
        queue.send_withdrawal(hold.id)
    return hold.dictize()


@tk.side_effect_free
@tk.validate_action_data(schema.source_schema)
def ecosphere_harvest_statements_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show what the source record of a harvested dataset states, field by field, and which of it was not taken over.

    The stored record is read again. Available to everyone who may see the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        `source` (title and url), `record` (URL of the original, None when it has none), and `fields`: for each field
        of the dataset (with the prefix `resource:` for those of a resource) `said`, `lost` (texts of the record that
        found no place: a loss of the portal) and `problems` (faults of the record, in sentences).

    Raises:
        NotFound: no such dataset, or it was not harvested by one of our source types.
    """
    tk.check_access("ecosphere_harvest_statements_show", context, data_dict)
    found = origin.of_dataset(data_dict["id"])
    if found is None:
        raise tk.ObjectNotFound(tk._("The dataset has no source record."))
    return found


@tk.side_effect_free
@tk.validate_action_data(schema.source_schema)
def ecosphere_harvest_catalogues_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show the catalogues that have a dataset. Available to everyone who may see the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        `published_from`, the catalogue whose record the portal publishes (None when the dataset was not harvested),
        and `also`, the others in the order in which they would take over; each with `title` and `url` of the
        catalogue, `guid` of the record, and `record`, the URL of the original (None when it has none).
    """
    tk.check_access("ecosphere_harvest_catalogues_show", context, data_dict)
    return explain.catalogues(local.known_dataset(data_dict["id"]).id)


@tk.side_effect_free
@tk.validate_action_data(schema.job_schema)
def ecosphere_harvest_record_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show one record of a harvest: what became of it and why.

    For editors of its source, and of the dataset made of it.

    Args:
        context: the context.
        data_dict: `id` of the harvest object.

    Returns:
        `guid`, `position` in the source, `source`, `job_id`, `dataset` (None when there is none), `outcome`;
        `changes`: decisions of the rules (rule, field, before, after); `problems`, `errors`, `joined`: sentences;
        `unread`: content of the record that has no place in the dataset; `note`: why it was set aside; `content`:
        the record as received (None when it was not kept).
    """
    tk.check_access("ecosphere_harvest_record_show", context, data_dict)
    kept = objects.raw(data_dict["id"])
    return {**objects.show(data_dict["id"]), "content": kept[0] if kept else None}


@tk.side_effect_free
@tk.validate_action_data(schema.record_schema)
def ecosphere_harvest_read(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Read one ISO 19139 record as a harvest would, without saving anything.

    Args:
        context: the context.
        data_dict: `content`, the record as text.

    Returns:
        `dataset`, ready for `package_create` except for its name; `changes`, decisions of the rules; `problems`,
        sentences about faults of the record.
    """
    tk.check_access("ecosphere_harvest_read", context, data_dict)
    return reading.read(data_dict["content"])


@tk.side_effect_free
@tk.validate_action_data(schema.overview_schema)
def ecosphere_harvest_overview(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the harvest sources that the user manages.

    Args:
        context: the context.
        data_dict: `organization`, id or name of a service, to have only its sources (all by default); `counted`,
            whether to count datasets and refused records (true by default).

    Returns:
        for each source: name, title, type, address, service, `state` (held, incomplete, errors, running, waiting,
        never, good, inactive), `last_complete`, `last_run`, `records`, number of its datasets on the portal according
        to the index (None while Solr is away), `refused` records, of the last harvest `errors`, `done` (added, updated,
        deleted) and `finished`, `held` withdrawals, `frequency`, `next_run`, `due` (when it is or was to be harvested,
        also for a source that never was), `can_go_first` (whether `ecosphere_harvest_source_run_first` applies: it is
        active, of a type of the suite, and not being harvested).
    """
    tk.check_access("ecosphere_harvest_overview", context, data_dict)
    user = context.get("user") or ""
    everything = context.get("ignore_auth") or authz.is_sysadmin(user)
    owners = None if everything else editable_organisations(user)
    if data_dict.get("organization"):
        service = model.Group.get(data_dict["organization"])
        owners = [service.id] if service and (owners is None or service.id in owners) else []
    return overview.rows(owners, counted=data_dict["counted"])


@tk.validate_action_data(schema.trial_schema)
def ecosphere_harvest_trial_start(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Start a preview of a source in the background: the beginning of the source is read, and nothing is saved.

    Args:
        context: the context.
        data_dict: `url`, `source_type` and `config` (JSON) of the source.

    Returns:
        `id` of the trial.

    Raises:
        ValidationError: something is missing, or too many trials of this user are waiting or running.
    """
    tk.check_access("ecosphere_harvest_trial_start", context, data_dict)
    url, source_type = data_dict["url"], data_dict["source_type"]
    config_ = reach.of_trial(url, source_type, data_dict.get("config") or "", context)
    return {"id": previews.start(url, source_type, config_, context.get("user") or "")}


@tk.side_effect_free
@tk.validate_action_data(schema.job_schema)
def ecosphere_harvest_trial_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show the result of a trial, which is kept for an hour.

    Args:
        context: the context.
        data_dict: `id` of the trial.

    Returns:
        `state` (waiting, done, failed), `url`, and `found` or the `reason` of the failure.
    """
    tk.check_access("ecosphere_harvest_trial_show", context, data_dict)
    shown = previews.show(data_dict["id"])
    if "found" in shown:
        shown["found"] = preview.in_words(shown["found"])
    return {key: value for key, value in shown.items() if key != "user"}


def _known_source(id_or_name: str) -> str:
    """Return the id of a source; also checks for sysadmins, who skip auth functions, that it exists."""
    id_ = source_id(id_or_name)
    if id_ is None:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    return id_


def get_actions() -> dict[str, Any]:
    """Return the actions of the plugin."""
    own = {name: each for name, each in globals().items() if name.startswith("ecosphere_harvest_")}
    others = administration.get_actions() | jobs.get_actions() | local.get_actions() | stock_actions.get_actions()
    return action_input.checked(own | others) | {"package_update": local_edits.package_update}
