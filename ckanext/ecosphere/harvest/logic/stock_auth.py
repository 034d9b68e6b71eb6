"""Chained auth functions of ckanext-harvest, with checks that the originals lack.

Those of ckanext-harvest 1.6.3 fail (KeyError, AttributeError) when a parameter is missing or nobody is logged in, let
everybody list all harvest objects, and look up a job under the wrong parameter name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.harvest.model import SourceRecord
from ckanext.ecosphere.shared import authorization
from ckanext.harvest.model import HarvestJob, HarvestSource

#: Auth function of ckanext-harvest → parameter that it requires.
NEEDED = {
    "harvest_job_create": "source_id",
    "harvest_job_list": "source_id",
    "harvest_job_show": "id",
    "harvest_source_delete": "id",
    "harvest_source_patch": "id",
    "harvest_source_reindex": "id",
    "harvest_source_show": "id",
    "harvest_source_show_status": "id",
    "harvest_source_update": "id",
}
PUBLIC = ("harvest_source_show", "harvest_source_show_status")


def harvest_send_job_to_gather_queue(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow those who may edit the source to run a job. The original expects `source_id`, which is not passed."""
    job: Any = HarvestJob.get(tk.get_or_bust(data_dict or {}, "id"))
    if job is None:
        raise tk.ObjectNotFound(tk._("Harvest job not found"))
    return authz.is_authorized("harvest_source_update", _context(context), {"id": job.source_id})


def harvest_object_list(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow those who may edit a source to list its objects; without a source, sysadmins only."""
    id_ = (data_dict or {}).get("source_id")
    if not id_:
        return _no_administrator()
    package = model.Package.get(id_)
    source: Any = HarvestSource.get(package.id) if package else None
    if source is None:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    return authz.is_authorized("harvest_source_update", _context(context), {"id": source.id})


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


def ecosphere_harvest_administer(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Deny to all but sysadmins, for whom CKAN skips auth functions."""
    return _no_administrator()


def _no_administrator() -> AuthResult:
    return {"success": False, "msg": tk._("Only administrators of the site may do this.")}


def _context(context: Context) -> Any:
    # The auth functions of ckanext-harvest need the model in the context.
    return {**authorization.same_person(context), "model": model, "session": model.Session}


def _needing(name: str, parameter: str) -> Callable[..., AuthResult]:
    def checked(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
        data = data_dict or {}
        if "package" not in context:
            tk.get_or_bust(data, parameter)
        return original(context, data)

    checked.__name__ = name
    checked.__doc__ = f"As ckanext-harvest has it, with a clear error when `{parameter}` is missing."
    return tk.auth_allow_anonymous_access(checked) if name in PUBLIC else checked


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions that replace those of ckanext-harvest, and those that it lacks."""
    chained = {name: _needing(name, parameter) for name, parameter in NEEDED.items()}
    for function in (harvest_send_job_to_gather_queue, harvest_object_list, harvest_source_clear):
        chained[function.__name__] = function
    functions = {name: tk.chained_auth_function(function) for name, function in chained.items()}
    return functions | {ecosphere_harvest_administer.__name__: ecosphere_harvest_administer}
