"""API actions of the harvest."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.core import journal
from ckanext.ecosphere.harvest import (
    config,
    corrections,
    deduplication,
    letter,
    messages,
    objects,
    overview,
    preview,
    worker,
)
from ckanext.ecosphere.harvest.finish import closing, reports
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.job import RUNNING, open_job, source_lock
from ckanext.ecosphere.harvest.logic import schema, stock_actions
from ckanext.ecosphere.harvest.logic.auth import editable_organisations, source_id
from ckanext.ecosphere.harvest.model import JobState, SourceRecord, Undo, now
from ckanext.ecosphere.harvest.normalise import Context as RulesContext
from ckanext.ecosphere.harvest.normalise import RecordError, normalise
from ckanext.ecosphere.harvest.problems import sentence
from ckanext.ecosphere.harvest.sources import settings
from ckanext.ecosphere.harvest.sources.base import type_names
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.ecosphere.shared import action_input, authorization, language
from ckanext.ecosphere.shared.action_input import action
from ckanext.ecosphere.shared.locks import is_free
from ckanext.ecosphere.shared.parsing import local_name
from ckanext.harvest.logic import HarvestJobExists
from ckanext.harvest.model import HarvestJob, HarvestSource

ROWS_AT_ONCE, MOST_ROWS = 50, 1000
"""Rows per answer: by default, and at most."""
MAX_LISTED = 500
"""Maximum number of held withdrawals listed."""
CORRECTION = ("rule", "xpath", "today", "proposed", "content")
"""What the API shows of a correction."""


# --- jobs ---


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_job_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show the progress and results of a job.

    Args:
        context: the context.
        data_dict: `id` of the job.

    Returns:
        `stage` (gather, import, finish, done), `complete` (true, false, null while the source is
        read), `announced` and `received` records, `waiting` records handed over for import, `left`
        of them, `requests` sent, `facts` (with `counts` by outcome and `report` by reason once it
        is over), `started`, number of `held` withdrawals of the source; `set_aside`, one sentence
        for each record that was not taken although nothing is wrong with it (at most 500;
        `ecosphere_harvest_records_list` lists all), and `remarks` on the reading.
    """
    state = model.Session.get(JobState, data_dict["id"])
    if state is None:
        raise tk.ObjectNotFound(tk._("Nothing is known of this job."))
    query = sa.select(HarvestJob.gather_started).where(HarvestJob.id == state.job_id)
    hold = closing.open_hold(state.source_id)
    return {
        **state.dictize(),
        "started": _iso(model.Session.scalar(query)),
        "held": hold.records if hold else 0,
        "set_aside": reports.set_aside(state.job_id),
        "remarks": reports.remarks(state),
    }


@tk.side_effect_free
@action(schema.records_schema)
def ecosphere_harvest_records_list(context: Context, data_dict: DataDict) -> DataDict:
    """List the records that a job refused or set aside, and why. For editors of the job's source.

    Args:
        context: the context.
        data_dict: `id` of the job; `outcome`, `refused` or `set-aside`, to have only those; `limit`
            (50 by default, at most 1000) and `offset`.

    Returns:
        `count` of all records, and `results` in the order of the source: `position`, `identifier`,
        `outcome`, `reason` (its code), `text` (a sentence), and `record`, id of the harvest object
        with more details (None if there is none).
    """
    rows = reports.records_listed(data_dict["id"], data_dict.get("outcome") or "")
    limit, offset = _range(data_dict)
    return {"count": len(rows), "results": rows[offset : offset + limit]}


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_record_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show one record of a harvest: what became of it and why.

    For editors of its source, and of the dataset made of it.

    Args:
        context: the context.
        data_dict: `id` of the harvest object.

    Returns:
        `guid`, `position` in the source, `source`, `job_id`, `dataset` (None when there is none),
        `outcome`; `changes`: decisions of the rules (rule, field, before, after); `problems`,
        `errors`, `joined`: sentences; `unread`: content of the record that has no place in the
        dataset; `note`: why it was set aside; `content`: the record as received (None when it was
        not kept).
    """
    raw = objects.raw(data_dict["id"])
    return {**objects.show(data_dict["id"]), "content": raw[0] if raw else None}


@tk.side_effect_free
@action(schema.changes_schema)
def ecosphere_harvest_changes_list(context: Context, data_dict: DataDict) -> DataDict:
    """List the datasets that a job added, updated or withdrew. For editors of the job's source.

    Args:
        context: the context.
        data_dict: `id` of the job; `outcome`, `added`, `updated` or `deleted`, to have only those;
            `limit` (50 by default, at most 1000) and `offset`.

    Returns:
        `count` of all of them, and `results`: `outcome`, `identifier` of the record, `title` and
        name of the `dataset` (None once it is purged), `undo`, the code of what an undo did with
        it, with the `reason` as a sentence (None when it was not undone), and `record`, id of the
        harvest object. `undo` of the job: None if nobody has asked for it, else `asked`, `finished`
        (None while it waits or runs), `done` of `total` datasets, `counts` by code.
    """
    job_id, outcome = data_dict["id"], data_dict.get("outcome") or ""
    return {
        "count": reports.changes_count(job_id, outcome),
        "results": reports.changes_listed(job_id, outcome, *_range(data_dict)),
        "undo": reports.undo_of(job_id),
    }


@action(schema.id_schema)
def ecosphere_harvest_job_undo(context: Context, data_dict: DataDict) -> DataDict:
    """Undo a job in the background, and record it in the journal. For editors of the job's source.

    Datasets that it added are withdrawn, those that it updated get their former version back, and
    those that it withdrew return. What was changed since, by people or later harvests, is left as
    it is. The next harvest does again what was undone.

    Args:
        context: the context.
        data_dict: `id` of the job.

    Returns:
        the undo, as in `ecosphere_harvest_changes_list`.

    Raises:
        NotFound: no such job of one of our source types.
        ValidationError: the job is not over, changed nothing, or is undone already.
    """
    job_id = data_dict["id"]
    state = model.Session.get(JobState, job_id)
    if state is None:
        raise tk.ObjectNotFound(tk._("Nothing is known of this job."))
    if state.stage != "done":
        raise _refusal(tk._("This harvest is not over yet: wait for its end, or stop it first."))
    if model.Session.get(Undo, job_id) is not None:
        raise _refusal(tk._("This harvest is undone already."))
    if not reports.changes_count(job_id):
        raise _refusal(tk._("This harvest changed nothing."))
    user_id = _user_id(context)
    model.Session.add(Undo(job_id=job_id, source_id=state.source_id, user_id=user_id))
    _note_in_journal(context, "harvest:undo", state.source_id, job_id)
    model.Session.commit()
    worker.decisions_of(state.source_id).enqueue()
    return reports.undo_of(job_id) or {}


@tk.side_effect_free
@action(schema.reconciliation_schema)
def ecosphere_harvest_reconciliation_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show what a catalogue has, what the portal shows of it, and why the rest is not shown. For
    editors of the source.

    Everything comes from the last harvest that is over; the source is not asked.

    Args:
        context: the context.
        data_dict: `id` or name of the source; `reason`, to list its records, with `limit` (50 by
            default, at most 1000) and `offset`.

    Returns:
        `running`, whether a harvest of the source is running; `summary`, None then and before the
        first harvest: `announced` records of the catalogue, `records` shown, `datasets` of
        the source that are shown; `lines` with `reason` and `number`, which add up to `announced`
        with `records`; `more`, those which add up to `datasets` with `records`. `job_id`, and
        `results`, the records of the `reason` with `position`, `identifier`, `title`, name of the
        `dataset`, and `text`, a sentence.
    """
    id_ = _known_source(data_dict["id"])
    job, running = reports.last_job(id_), reports.is_running(id_)
    if job is None or running:
        return {"running": running, "job_id": None, "summary": None, "results": []}
    results = []
    if data_dict.get("reason"):
        results = reports.unshown_listed(job, data_dict["reason"], *_range(data_dict))
    return {
        "running": False,
        "job_id": job.job_id,
        "summary": reports.summary(job),
        "results": results,
    }


# --- sources ---


@tk.side_effect_free
@action(schema.overview_schema)
def ecosphere_harvest_overview(context: Context, data_dict: DataDict) -> list[DataDict]:
    """List the harvest sources that the user manages.

    Args:
        context: the context.
        data_dict: `organization`, id or name of a service, to have only its sources (all by
            default); `counted`, whether to count datasets and refused records (true by default).

    Returns:
        for each source: name, title, type, address, service, `state` (held, incomplete, errors,
        running, waiting, never, good, inactive), `last_complete`, `last_run`, `records`, number of
        its datasets on the portal according to the index (None while Solr is away), `refused`
        records, of the last harvest `errors`, `done` (added, updated, deleted) and `finished`,
        `held` withdrawals, `frequency`, `next_run`, `due` (when it is or was to be harvested, also
        for a source that never was), `can_go_first` (whether `ecosphere_harvest_source_run_first`
        applies: it is active, of a type of the suite, and not being harvested).
    """
    owners = _editable_services(context)
    if data_dict.get("organization"):
        service = model.Group.get(data_dict["organization"])
        services = {service.id} if service else set()
        owners = list(services if owners is None else services.intersection(owners))
    return overview.rows(owners, counted=data_dict["counted"])


@action(schema.id_schema)
def ecosphere_harvest_source_run_first(context: Context, data_dict: DataDict) -> DataDict:
    """Harvest a source with the next free worker, before all waiting harvests, and record it in the
    journal.

    A waiting harvest of the source moves to the front. Sysadmins only.

    Args:
        context: the context.
        data_dict: `id` or name of the source.

    Returns:
        `id` of the job.

    Raises:
        NotFound: no such source.
        ValidationError: the source is not active, is being harvested already, or is of a type of
            another extension.
    """
    source: Any = HarvestSource.get(_known_source(data_dict["id"]))
    if source.type not in type_names():
        raise _refusal(
            tk._("Sources of this type wait in a queue of their own: they cannot go first.")
        )
    if not source.active:
        raise _refusal(tk._("The source is not active."))
    job: Any = HarvestJob.get(open_job(source.id) or _new_job(context, source.id))
    if job.status == RUNNING and not is_free(source_lock(source.id)):
        raise _refusal(tk._("This source is being harvested already."))
    job.status = RUNNING
    _note_in_journal(context, "harvest:first", source.id, job.id)
    model.Session.commit()
    worker.send_first(job.id)
    return {"id": job.id}


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_withdrawals_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show the held withdrawals of a source.

    Args:
        context: the context.
        data_dict: `id` or name of the source.

    Raises:
        NotFound: no such source.

    Returns:
        `hold`, None without any, with `created` and `looked` (when the last complete harvest found
        the records missing); and `datasets`: name, title and guid of the datasets concerned (at
        most 500 of them).
    """
    id_ = _known_source(data_dict["id"])
    hold = closing.open_hold(id_)
    if hold is None:
        return {"hold": None, "datasets": []}
    query = sa.select(HarvestJob.finished).where(HarvestJob.id == hold.job_id)
    looked = _iso(model.Session.scalar(query))
    query = (
        sa.select(SourceRecord.guid, model.Package.name, model.Package.title)
        .join(model.Package, model.Package.id == SourceRecord.package_id)
        .where(closing.is_missing(hold.source_id))
    )
    rows = model.Session.execute(query.order_by(model.Package.title).limit(MAX_LISTED)).mappings()
    return {
        "hold": {**hold.dictize(), "looked": looked},
        "datasets": list(map(dict, rows)),
    }


@action(schema.decision_schema)
def ecosphere_harvest_withdrawals_decide(context: Context, data_dict: DataDict) -> DataDict:
    """Decide on the held withdrawals of a source.

    Args:
        context: the context.
        data_dict: `id` or name of the source; `decision`: `withdraw` to delete their datasets (in a
            background job), `keep` to leave them published although the source no longer has them.

    Returns:
        the decided hold.
    """
    id_ = _known_source(data_dict["id"])
    hold = closing.open_hold(id_)
    if hold is None:
        raise tk.ObjectNotFound(tk._("Nothing waits for a decision."))
    hold.decision = data_dict["decision"]
    hold.decided = now()
    hold.user_id = _user_id(context)
    if hold.decision == closing.KEEP:
        closing.keep_missing(id_)
    model.Session.commit()
    if hold.decision == closing.WITHDRAW:
        worker.decisions_of(id_).enqueue()
    return hold.dictize()


@tk.side_effect_free
@action(schema.corrections_schema)
def ecosphere_harvest_corrections_list(context: Context, data_dict: DataDict) -> DataDict:
    """List the values that can be corrected in the records of a source. For editors of the source.

    Args:
        context: the context.
        data_dict: `id` or name of the source; `offset`, the record to begin with (500 are
            examined).

    Returns:
        `count` of the records of the source, `next`, the offset for the following call (None at the
        end), and `results`: `record` (its identifier), `rule`, `xpath` below the root, `today` (the
        current value), `proposed`, and `content`, the new content of the element as XML.
    """
    id_, offset = _known_source(data_dict["id"]), data_dict["offset"]
    number = corrections.count(id_)
    following = offset + corrections.AT_ONCE
    results = []
    for record, proposals in corrections.of_source(id_, offset):
        for correction in proposals:
            values = {name: getattr(correction, name) for name in CORRECTION}
            results.append({"record": record, **values})
    return {
        "count": number,
        "next": following if following < number else None,
        "results": results,
    }


@action(schema.trial_schema)
def ecosphere_harvest_trial_start(context: Context, data_dict: DataDict) -> DataDict:
    """Start a preview of a source in the background: the beginning of the source is read, and
    nothing is saved.

    Args:
        context: the context.
        data_dict: `url`, `source_type` and `config` (JSON) of the source.

    Returns:
        `id` of the trial.

    Raises:
        ValidationError: something is missing, or too many trials of this user are waiting or
            running.
    """
    url, source_type = data_dict["url"], data_dict["source_type"]
    text = settings.trial_configuration(url, source_type, data_dict.get("config") or "", context)
    return {"id": preview.start_trial(url, source_type, text, context.get("user") or "")}


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_trial_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show the result of a trial, which is kept for an hour.

    Args:
        context: the context.
        data_dict: `id` of the trial.

    Returns:
        `state` (waiting, done, failed), `url`, and `found` or the `reason` of the failure.
    """
    trial = preview.show_trial(data_dict["id"])
    del trial["user"]
    if "found" in trial:
        trial["found"] = preview.in_words(trial["found"])
    return trial


@tk.side_effect_free
@action(schema.nothing_schema)
def ecosphere_harvest_letter_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show whether the user receives the letter about the sources that they manage.

    Args:
        context: the context.
        data_dict: nothing.

    Returns:
        `wanted`; `offered`, false where the portal sends none.
    """
    return {"wanted": letter.is_subscribed(_reader_id(context)), "offered": letter.are_offered()}


@action(schema.letter_schema)
def ecosphere_harvest_letter_update(context: Context, data_dict: DataDict) -> DataDict:
    """Subscribe the user to the letter about the sources that they manage, or unsubscribe them.

    It is written in the language of the subscription request.

    Args:
        context: the context.
        data_dict: `wanted`, true or false.

    Returns:
        `wanted`.
    """
    if data_dict["wanted"]:
        letter.subscribe(_reader_id(context), language.current())
    else:
        letter.unsubscribe(_reader_id(context))
    model.Session.commit()
    return {"wanted": data_dict["wanted"]}


# --- datasets ---


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_statements_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show what the source record of a harvested dataset states, field by field, and which of it
    was not taken over.

    The stored record is read again. Available to everyone who may see the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        `source` (title and url), `record` (URL of the original, None when it has none), and
        `fields`: for each field of the dataset (with the prefix `resource:` for those of a
        resource) `said`, `lost` (texts of the record that found no place: a loss of the portal) and
        `problems` (faults of the record, in sentences).

    Raises:
        NotFound: no such dataset, or it was not harvested by one of our source types.
    """
    statements = objects.statements_of(data_dict["id"])
    if statements is None:
        raise tk.ObjectNotFound(tk._("The dataset has no source record."))
    return statements


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_catalogues_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show the catalogues that have a dataset. Available to everyone who may see the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        `published_from`, the catalogue whose record the portal publishes (None when the dataset was
        not harvested), and `also`, the others in the order in which they would take over; each with
        `title` and `url` of the catalogue, `guid` of the record, and `record`, the URL of the
        original (None when it has none).
    """
    return deduplication.catalogues(_known_dataset(data_dict["id"]).id)


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_local_show(context: Context, data_dict: DataDict) -> DataDict:
    """Show which parts of a dataset can be changed permanently on the portal. For those who may
    edit the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        `catalogue` whose record the portal publishes, as in `ecosphere_harvest_catalogues_show`
        (None when no source that is still harvested has the dataset: then all of it can be
        changed); `fields`, names of the fields that a harvest leaves unchanged: those of
        `ecosphere.harvest.local_fields`, and local edits; `resources`, ids of those added on the
        portal; `edits`, as `ecosphere_harvest_edits_list`.
    """
    package = _known_dataset(data_dict["id"])
    if not local_edits.is_locked(package.id):
        return {"catalogue": None, "fields": [], "resources": [], "edits": []}
    edits = local_edits.list_edits(package, with_rows=True)
    edited = {edit["field"] for edit in edits if edit["resource"] is None}
    return {
        "catalogue": deduplication.catalogues(package.id)["published_from"],
        "fields": sorted(config.local_fields() | edited),
        "resources": local_edits.added_resources(package.id),
        "edits": edits,
    }


@tk.side_effect_free
@action(schema.id_schema)
def ecosphere_harvest_edits_list(context: Context, data_dict: DataDict) -> list[DataDict]:
    """List the local edits of a harvested dataset: fields changed on the portal, which harvests
    leave as they are.

    Available to everyone who may see the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        for each local edit: `resource` (id, None for a field of the dataset), `field`, `since`
        (date of the last change), and `source`, what the source says (None for nothing). Only those
        who may edit the dataset get values of the source that are rows, since these name people;
        for others, `withheld` is true. Empty when no source that is still harvested has the
        dataset.
    """
    package = _known_dataset(data_dict["id"])
    if not local_edits.edits_of(package) or not local_edits.is_locked(package.id):
        return []
    may_edit = context.get("ignore_auth") or authz.is_authorized_boolean(
        "ecosphere_harvest_edit_follow", authorization.same_person(context), {"id": package.id}
    )
    return local_edits.list_edits(package, with_rows=bool(may_edit))


@action(schema.edit_schema)
def ecosphere_harvest_edit_follow(context: Context, data_dict: DataDict) -> list[DataDict]:
    """Give up a local edit: the field takes the value of the source, and follows it at later
    harvests.

    For those who may edit the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset, `field`, and `resource`, the id of the resource that
            has the field.

    Returns:
        the local edits that remain, as `ecosphere_harvest_edits_list`.

    Raises:
        ValidationError: what the source says is not valid.
    """
    package = _known_dataset(data_dict["id"])
    local_edits.follow(
        package, data_dict.get("resource") or "", data_dict["field"], context.get("user") or ""
    )
    return local_edits.list_edits(package, with_rows=True)


@tk.side_effect_free
@action(schema.datasets_schema)
def ecosphere_harvest_governed_list(context: Context, data_dict: DataDict) -> DataDict:
    """List which of some datasets are harvested, so that a field changed on the portal becomes a
    local edit.

    Args:
        context: the context.
        data_dict: `ids` of the datasets (at most 1000); only those that the user may edit count.

    Returns:
        `datasets`: title of the harvest source by id of the dataset, for those that are harvested;
        `fields`: names of the fields that are the portal's in any case
        (`ecosphere.harvest.local_fields`).
    """
    owners = _editable_services(context)
    return {
        "datasets": local_edits.locked_datasets(data_dict["ids"], owners),
        "fields": sorted(config.local_fields()),
    }


@tk.side_effect_free
@action(schema.record_schema)
def ecosphere_harvest_read(context: Context, data_dict: DataDict) -> DataDict:
    """Read one ISO 19139 record as a harvest would, without saving anything.

    Args:
        context: the context.
        data_dict: `content`, the record as text.

    Returns:
        `dataset`, ready for `package_create` except for its name; `changes`, decisions of the
        rules; `problems`, sentences about faults of the record.
    """
    try:
        root = parse_xml(data_dict["content"].encode("utf-8"))
        element = next(records_in(root), None)
        if element is None:
            raise RecordError("not-iso", root=local_name(root)[:80])
        result = normalise(read_record(element), RulesContext(free_tags=True))
    except RecordError as error:
        raise tk.ValidationError({"content": [sentence(error, tk._)]}) from error
    return {
        "dataset": result.dataset,
        "changes": [messages.in_words(change.as_dict()) for change in result.log],
        "problems": [sentence(problem, tk._) for problem in result.problems],
    }


# --- shared ---


def _range(data_dict: DataDict) -> tuple[int, int]:
    """Return limit and offset of a list."""
    limit = min(data_dict.get("limit", ROWS_AT_ONCE), MOST_ROWS)
    return limit, data_dict.get("offset", 0)


def _refusal(sentence: str) -> tk.ValidationError:
    return tk.ValidationError({"id": [sentence]})


def _user_id(context: Context) -> str | None:
    person = authorization.person(context)
    return person.id if person else None


def _reader_id(context: Context) -> str:
    user_id = _user_id(context)
    if user_id is None:
        raise tk.NotAuthorized
    return user_id


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _editable_services(context: Context) -> list[str] | None:
    """Return the ids of the organisations whose datasets the user may edit; None for all."""
    user = context.get("user") or ""
    if context.get("ignore_auth") or authz.is_sysadmin(user):
        return None
    return editable_organisations(user)


def _note_in_journal(context: Context, area: str, source_id: str, job_id: str) -> None:
    if p.plugin_loaded("ecosphere"):
        journal.note(area, source_id, None, {"job": job_id}, _user_id(context))


def _known_source(id_or_name: str) -> str:
    """Return the id of a source.

    Also checks for sysadmins, who skip auth functions, that it exists.
    """
    id_ = source_id(id_or_name)
    if id_ is None:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    return id_


def _known_dataset(id_or_name: str) -> Any:
    """Return a dataset; also checks for sysadmins, who skip auth functions, that it exists.

    Raises:
        ObjectNotFound: there is none.
    """
    package = model.Package.get(id_or_name)
    if package is None:
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    return package


def _new_job(context: Context, id_: str) -> str:
    create = tk.get_action("harvest_job_create")
    try:
        return create(authorization.same_person(context), {"source_id": id_, "run": False})["id"]
    except HarvestJobExists as error:  # created concurrently
        raise _refusal(tk._("This source is being harvested already.")) from error


def get_actions() -> DataDict:
    """Return the actions of the plugin."""
    own = {
        name: function
        for name, function in globals().items()
        if name.startswith("ecosphere_harvest_")
    }
    actions = action_input.checked(own | stock_actions.get_actions())
    return actions | {"package_update": local_edits.package_update}
