"""Auth functions of the harvest actions. Most allow only those who may edit the source concerned.

Records name people and their addresses, even where the dataset does not: what shows them is not
public.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.harvest import objects, preview
from ckanext.ecosphere.harvest.model import SourceRecord, is_any
from ckanext.ecosphere.harvest.sources.base import type_names
from ckanext.ecosphere.shared import authorization
from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestSource

# --- for editors of the source ---


def _editor_of_job(context: Context, data_dict: DataDict) -> AuthResult:
    job: Any = HarvestJob.get(data_dict["id"])
    return _may_edit(context, job.source_id if job else None)


def _editor_of_source(context: Context, data_dict: DataDict) -> AuthResult:
    return _may_edit(context, source_id(data_dict["id"]))


def ecosphere_harvest_record_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of the source, and of the dataset made of it,
    to see a record with the decisions of the rules.
    """
    harvest_object: Any = HarvestObject.get(data_dict["id"])
    if harvest_object is None:
        raise tk.ObjectNotFound(tk._("Harvest object not found"))
    allowed = _may_edit(context, harvest_object.harvest_source_id)
    if not allowed.get("success") and harvest_object.package_id:
        dataset = {"id": harvest_object.package_id}
        return authz.is_authorized("package_update", authorization.same_person(context), dataset)
    return allowed


@tk.chained_auth_function
@tk.auth_allow_anonymous_access
def harvest_object_show(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Restrict records of our source types to their editors: ckanext-harvest shows all records to
    everyone.

    Look-up by `attr` is left to sysadmins, who skip auth functions: it accepts any column, and
    returns an arbitrary one of several matches.
    """
    data_dict = data_dict or {}
    if data_dict.get("attr"):
        return _denied(tk._("Only administrators of the portal may do this."))
    id_ = data_dict.get("id")
    if not id_ and data_dict.get("dataset_id"):
        package = model.Package.get(data_dict["dataset_id"])
        id_ = objects.current(package.id) if package else None
    harvest_object: Any = HarvestObject.get(id_) if id_ else None
    if harvest_object is None or harvest_object.source.type not in type_names():
        return original(context, data_dict)
    if authorization.person(context) is None:
        return _denied(tk._("Log in first: this is not for anonymous people."))
    return ecosphere_harvest_record_show(context, {"id": harvest_object.id})


@tk.chained_auth_function
def harvest_send_job_to_gather_queue(
    original: Any, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Allow those who may edit the source to run a job.

    The original expects `source_id`, which is not passed.
    """
    job: Any = HarvestJob.get(tk.get_or_bust(data_dict or {}, "id"))
    if job is None:
        raise tk.ObjectNotFound(tk._("Harvest job not found"))
    # The auth functions of ckanext-harvest need the model in the context.
    fresh: Any = {
        **authorization.same_person(context),
        "model": model,
        "session": model.Session,
    }
    return authz.is_authorized("harvest_source_update", fresh, {"id": job.source_id})


@tk.chained_auth_function
def harvest_source_clear(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow those who may edit a source to delete all its datasets,
    provided that all belong to their service.
    """
    id_ = tk.get_or_bust(data_dict or {}, "id")
    allowed = original(context, data_dict or {})
    source = model.Package.get(id_)
    if allowed["success"] and source is not None and _publishes_for_others(source):
        return _denied(
            tk._(
                "This source published for other services: only administrators of the site clear "
                "it."
            )
        )
    return allowed


def _publishes_for_others(source: model.Package) -> bool:
    query = (
        sa.select(SourceRecord.guid)
        .join(model.Package, model.Package.id == SourceRecord.package_id)
        .where(
            SourceRecord.source_id == source.id,
            model.Package.owner_org.is_distinct_from(source.owner_org),
        )
    )
    return is_any(query)


def _may_edit(context: Context, id_: str | None) -> AuthResult:
    if id_ is None:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    fresh: Any = {**authorization.same_person(context), "ignore_auth": False}
    try:
        tk.check_access("harvest_source_update", fresh, {"id": id_})
    except tk.NotAuthorized:
        return _denied(tk._("Only those who may edit a harvest source see and decide this."))
    return {"success": True}


# --- for readers and editors of the dataset ---


@tk.auth_allow_anonymous_access
def _reader_of_dataset(context: Context, data_dict: DataDict) -> AuthResult:
    return authorization.dataset_readable(context, data_dict["id"])


def _editor_of_dataset(context: Context, data_dict: DataDict) -> AuthResult:
    return authorization.dataset_editable(context, data_dict["id"])


# --- for editors of any service, and others ---


def _editor(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of any service; lists have only sources and datasets of their services."""
    user = context.get("user") or ""
    if user and authz.has_user_permission_for_some_org(user, "update_dataset"):
        return {"success": True}
    return _denied(tk._("Only editors of a service see and try harvest sources."))


def ecosphere_harvest_read(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may create datasets to read a record for the form."""
    return authz.is_authorized("package_create", context, {})


def ecosphere_harvest_source_run_first(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow sysadmins only to run a source first, since others then wait longer."""
    person = authorization.person(context)
    if person is not None and person.sysadmin:
        return {"success": True}
    return _denied(tk._("Only administrators of the portal may do this."))


def ecosphere_harvest_trial_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow the user who started a trial to see its result."""
    if preview.show_trial(data_dict["id"])["user"] == (context.get("user") or ""):
        return {"success": True}
    return _denied(tk._("This trial is another person’s."))


def _denied(message: str) -> AuthResult:
    return {"success": False, "msg": message}


def editable_organisations(user: str) -> list[str]:
    """Return the ids of the organisations whose datasets a user may edit."""
    context: Any = {"user": user}
    values = {"id": user, "permission": "update_dataset"}
    organisations = tk.get_action("organization_list_for_user")(context, values)
    return [organisation["id"] for organisation in organisations]


def source_id(id_or_name: str) -> str | None:
    """Return the id of a source, given by id or name; None if there is no such source."""
    package = model.Package.get(id_or_name)
    source: Any = HarvestSource.get(package.id) if package else None
    return source.id if source else None


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions of the plugin."""
    return authorization.deny_by_default(
        {
            "ecosphere_harvest_job_show": _editor_of_job,
            "ecosphere_harvest_records_list": _editor_of_job,
            "ecosphere_harvest_changes_list": _editor_of_job,
            "ecosphere_harvest_job_undo": _editor_of_job,
            "ecosphere_harvest_record_show": ecosphere_harvest_record_show,
            "ecosphere_harvest_corrections_list": _editor_of_source,
            "ecosphere_harvest_reconciliation_show": _editor_of_source,
            "ecosphere_harvest_withdrawals_show": _editor_of_source,
            "ecosphere_harvest_withdrawals_decide": _editor_of_source,
            "ecosphere_harvest_statements_show": _reader_of_dataset,
            "ecosphere_harvest_catalogues_show": _reader_of_dataset,
            "ecosphere_harvest_edits_list": _reader_of_dataset,
            "ecosphere_harvest_local_show": _editor_of_dataset,
            "ecosphere_harvest_edit_follow": _editor_of_dataset,
            "ecosphere_harvest_governed_list": _editor,
            "ecosphere_harvest_overview": _editor,
            "ecosphere_harvest_letter_show": _editor,
            "ecosphere_harvest_letter_update": _editor,
            "ecosphere_harvest_trial_start": _editor,
            "ecosphere_harvest_trial_show": ecosphere_harvest_trial_show,
            "ecosphere_harvest_source_run_first": ecosphere_harvest_source_run_first,
            "ecosphere_harvest_read": ecosphere_harvest_read,
            "harvest_object_show": harvest_object_show,
            "harvest_send_job_to_gather_queue": harvest_send_job_to_gather_queue,
            "harvest_source_clear": harvest_source_clear,
        }
    )
