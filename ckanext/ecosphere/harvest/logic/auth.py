"""Auth functions of the harvest actions. Most allow only those who may edit the source concerned."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.harvest import objects
from ckanext.ecosphere.harvest.model import SourceRecord
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.shared import authorization
from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestSource


def ecosphere_harvest_job_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to see progress and results of a job."""
    job: Any = HarvestJob.get(data_dict["id"])
    return _may_edit(context, job.source_id if job else None)


def ecosphere_harvest_records_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to list the records that a job refused or set aside."""
    return ecosphere_harvest_job_show(context, data_dict)


def ecosphere_harvest_changes_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to list the datasets that a job changed."""
    return ecosphere_harvest_job_show(context, data_dict)


def ecosphere_harvest_job_undo(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to undo a job: what it wrote was theirs to write."""
    return ecosphere_harvest_job_show(context, data_dict)


def ecosphere_harvest_corrections_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to list corrections for its records; not public, since records name people."""
    return _may_edit(context, source_id(data_dict["id"]))


def ecosphere_harvest_reconciliation_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to see which of its records are not shown; records name people."""
    return _may_edit(context, source_id(data_dict["id"]))


def ecosphere_harvest_withdrawals_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to see its held withdrawals."""
    return _may_edit(context, source_id(data_dict["id"]))


def ecosphere_harvest_withdrawals_decide(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source to decide on its held withdrawals."""
    return _may_edit(context, source_id(data_dict["id"]))


@tk.auth_allow_anonymous_access
def ecosphere_harvest_statements_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow everyone who may see a dataset to see what its source record states."""
    return authorization.dataset_readable(context, data_dict["id"])


@tk.auth_allow_anonymous_access
def ecosphere_harvest_catalogues_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow everyone who may see a dataset to see which catalogues have it."""
    return authorization.dataset_readable(context, data_dict["id"])


def ecosphere_harvest_local_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may edit a dataset to see which parts of it can be changed permanently."""
    return authorization.dataset_editable(context, data_dict["id"])


@tk.auth_allow_anonymous_access
def ecosphere_harvest_edits_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow everyone who may see a dataset to see what was changed on the portal."""
    return authorization.dataset_readable(context, data_dict["id"])


def ecosphere_harvest_edit_follow(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may edit a dataset to have its fields follow the source again."""
    return authorization.dataset_editable(context, data_dict["id"])


def ecosphere_harvest_governed_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of any service; only datasets of their services are returned."""
    return _may_manage(context)


def ecosphere_harvest_record_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source, and of the dataset made of it, to see a record with the decisions of the rules.

    Records name people and their addresses, even where the dataset does not.
    """
    found: Any = HarvestObject.get(data_dict["id"])
    if found is None:
        raise tk.ObjectNotFound(tk._("Harvest object not found"))
    allowed = _may_edit(context, found.harvest_source_id)
    if not allowed.get("success") and found.package_id:
        fresh: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj")}
        return authz.is_authorized("package_update", fresh, {"id": found.package_id})
    return allowed


@tk.chained_auth_function
@tk.auth_allow_anonymous_access
def harvest_object_show(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Restrict records of our source types to their editors: ckanext-harvest shows all records to everyone.

    Look-up by `attr` is left to sysadmins, who skip auth functions: it accepts any column, and returns an arbitrary one
    of several matches.
    """
    data_dict = data_dict or {}
    if data_dict.get("attr"):
        return {"success": False, "msg": tk._("Only administrators of the portal may do this.")}
    id_ = data_dict.get("id")
    if not id_ and data_dict.get("dataset_id"):
        package = model.Package.get(data_dict["dataset_id"])
        id_ = objects.current(package.id) if package else None
    found: Any = HarvestObject.get(id_) if id_ else None
    if found is None or found.source.type not in type_names():
        return original(context, data_dict)
    if authorization.person(context) is None:
        return {"success": False, "msg": tk._("Log in first: this is not for anonymous people.")}
    return ecosphere_harvest_record_show(context, {"id": found.id})


def harvest_send_job_to_gather_queue(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow those who may edit the source to run a job. The original expects `source_id`, which is not passed."""
    job: Any = HarvestJob.get(tk.get_or_bust(data_dict or {}, "id"))
    if job is None:
        raise tk.ObjectNotFound(tk._("Harvest job not found"))
    # The auth functions of ckanext-harvest need the model in the context.
    fresh: Any = {**authorization.same_person(context), "model": model, "session": model.Session}
    return authz.is_authorized("harvest_source_update", fresh, {"id": job.source_id})


def harvest_source_clear(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow those who may edit a source to delete all its datasets, provided that all belong to their service."""
    id_ = tk.get_or_bust(data_dict or {}, "id")
    allowed = original(context, data_dict or {})
    source = model.Package.get(id_)
    if allowed["success"] and source is not None and _publishes_for_others(source):
        message = tk._("This source published for other services: only administrators of the site clear it.")
        return {"success": False, "msg": message}
    return allowed


def _publishes_for_others(source: model.Package) -> bool:
    query = (
        sa.select(SourceRecord.guid)
        .join(model.Package, model.Package.id == SourceRecord.package_id)
        .where(SourceRecord.source_id == source.id, model.Package.owner_org.is_distinct_from(source.owner_org))
    )
    return model.Session.execute(query.limit(1)).first() is not None


def ecosphere_harvest_read(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may create datasets to read a record for the form."""
    return authz.is_authorized("package_create", context, {})


def ecosphere_harvest_overview(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of any service; only sources of their services are returned."""
    return _may_manage(context)


def ecosphere_harvest_source_run_first(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow sysadmins only to run a source first, since others then wait longer."""
    return _administrators_only(context)


def ecosphere_harvest_letter_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may see the overview to see whether they receive the letter."""
    return _may_manage(context)


def ecosphere_harvest_letter_update(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may see the overview to change their own subscription to the letter."""
    return _may_manage(context)


def ecosphere_harvest_trial_start(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of any service to preview a source: the portal then sends requests to a URL of their choice."""
    return _may_manage(context)


def ecosphere_harvest_trial_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow the user who started a trial to see its result."""
    from ckanext.ecosphere.harvest import preview

    mine = preview.show_trial(data_dict["id"])["user"] == (context.get("user") or "")
    return {"success": True} if mine else {"success": False, "msg": tk._("This trial is another person’s.")}


def editable_organisations(user: str) -> list[str]:
    """Return the ids of the organisations whose datasets a user may edit."""
    context: Any = {"user": user}
    found = tk.get_action("organization_list_for_user")(context, {"id": user, "permission": "update_dataset"})
    return [organisation["id"] for organisation in found]


def _may_manage(context: Context) -> AuthResult:
    user = context.get("user") or ""
    if user and authz.has_user_permission_for_some_org(user, "update_dataset"):
        return {"success": True}
    return {"success": False, "msg": tk._("Only editors of a service see and try harvest sources.")}


def _administrators_only(context: Context) -> AuthResult:
    person = authorization.person(context)
    if person is not None and person.sysadmin:
        return {"success": True}
    return {"success": False, "msg": tk._("Only administrators of the portal may do this.")}


def source_id(id_or_name: str) -> str | None:
    """Return the id of a source, given by id or name; None if there is no such source."""
    from ckan import model

    package = model.Package.get(id_or_name)
    source: Any = HarvestSource.get(package.id) if package else None
    return source.id if source else None


def _may_edit(context: Context, id_: str | None) -> AuthResult:
    if id_ is None:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    fresh: Any = {"user": context.get("user"), "ignore_auth": False}
    if (user := context.get("auth_user_obj")) is not None:
        fresh["auth_user_obj"] = user
    try:
        tk.check_access("harvest_source_update", fresh, {"id": id_})
    except tk.NotAuthorized:
        return {"success": False, "msg": tk._("Only those who may edit a harvest source see and decide this.")}
    return {"success": True}


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions of the plugin."""
    own = {name: each for name, each in globals().items() if name.startswith("ecosphere_harvest_")}
    own["harvest_object_show"] = harvest_object_show
    for function in (harvest_send_job_to_gather_queue, harvest_source_clear):
        own[function.__name__] = tk.chained_auth_function(function)
    return authorization.deny_by_default(own)
