"""Defects 53, 55 and 56: actions of ckanext-harvest with the access checks and the answers that
they lack.

ckanext-harvest 1.6.3 lists all sources to everybody, lets everybody abort jobs and list harvest
objects, checks an auth function that does not exist, and fails (KeyError, AttributeError) when a
parameter is missing or nobody is logged in. Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import authz, logic, model
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.shared import action_input, authorization
from ckanext.harvest.logic import HarvestJobExists, HarvestSourceInactiveError

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
HARVEST = "harvest"
PUBLIC = ("harvest_source_show", "harvest_source_show_status")
LONGEST_DAYS = 5
"""Maximum digits of a number of days."""


def harvest_object_list(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow those who may edit a source to list its objects; without a source, sysadmins only."""
    id_ = (data_dict or {}).get("source_id")
    if not id_:
        return _no_administrator()
    source = model.Package.get(id_)
    if source is None or source.type != HARVEST:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    # The auth functions of ckanext-harvest need the model in the context.
    fresh: Any = {**authorization.same_person(context), "model": model, "session": model.Session}
    return authz.is_authorized("harvest_source_update", fresh, {"id": source.id})


def _no_administrator() -> AuthResult:
    return {"success": False, "msg": _for_administrators()}


def _for_administrators() -> str:
    return tk._("Only administrators of the site may do this.")


def _check_administrator(context: Context) -> None:
    """Raise NotAuthorized for all but sysadmins: no auth function of ckanext-harvest does."""
    if not (context.get("ignore_auth") or authz.is_sysadmin(context.get("user"))):
        raise tk.NotAuthorized(_for_administrators())


def _needing(name: str, parameter: str) -> Callable[..., AuthResult]:
    def checked(original: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
        data = data_dict or {}
        if "package" not in context:
            tk.get_or_bust(data, parameter)
        return original(context, data)

    checked.__name__ = name
    checked.__doc__ = (
        f"As ckanext-harvest has it, with a clear error when `{parameter}` is missing."
    )
    if name in PUBLIC:
        return tk.auth_allow_anonymous_access(checked)
    return checked


def get_auth_functions() -> dict[str, Any]:
    """Return the chained auth functions; none without ckanext-harvest."""
    if not p.plugin_loaded(HARVEST):
        return {}
    functions = {name: _needing(name, parameter) for name, parameter in NEEDED.items()}
    functions[harvest_object_list.__name__] = harvest_object_list
    chained = {name: tk.chained_auth_function(function) for name, function in functions.items()}
    return authorization.deny_by_default(chained)


@tk.chained_action
def harvest_job_create(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Create a job with the original action; over the API, report its exceptions as validation
    errors.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `source_id`, and `run` (true by default).

    Raises:
        ValidationError: a job of the source waits or runs, or the source is not active.
    """
    tk.check_access("harvest_job_create", context, data_dict)
    try:
        return original(context, data_dict)
    except (HarvestJobExists, HarvestSourceInactiveError) as error:
        if "api_version" not in context:
            raise  # pages and commands of ckanext-harvest handle these errors
        message = tk._("The source is not active.")
        if isinstance(error, HarvestJobExists):
            message = tk._("A harvest of this source waits or runs already.")
        raise tk.ValidationError({"source_id": [message]}) from error


@logic.auth_audit_exempt  # checked here: the auth function of ckanext-harvest allows everyone
@tk.side_effect_free
@tk.chained_action
def harvest_source_list(original: Any, context: Context, data_dict: DataDict) -> Any:
    """List the sources, for sysadmins only: ckanext-harvest 1.6.3 returns even private ones to
    anonymous users.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `organization_id`, `only_active`, `only_to_run`, `return_last_job_status`.
    """
    _check_administrator(context)
    return original(context, data_dict)


@logic.auth_audit_exempt  # checked here: ckanext-harvest has no auth function of this name
@tk.chained_action
def harvest_abort_failed_jobs(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Abort jobs that have run for too long, for sysadmins only: ckanext-harvest 1.6.3 allows
    everyone.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `life_span` in days (7 by default), `include` or `exclude` ids of sources.
    """
    _check_administrator(context)
    days = {"life_span": 7, **data_dict}["life_span"]
    if not str(days).isdecimal() or len(str(days)) > LONGEST_DAYS:
        raise tk.ValidationError({"life_span": [tk._("Write a number of days.")]})
    return original(context, {**data_dict, "life_span": int(days)})


@logic.auth_audit_exempt  # likewise
@tk.side_effect_free
@tk.chained_action
def harvest_log_list(original: Any, context: Context, data_dict: DataDict) -> Any:
    """List the harvest log, for sysadmins only: ckanext-harvest 1.6.3 checks an auth function that
    does not exist.

    Args:
        original: ckanext-harvest's action.
        context: the context.
        data_dict: `limit`, `per_page`, `offset` and `level`.
    """
    _check_administrator(context)
    numbers = {
        name: data_dict[name] for name in ("limit", "per_page", "offset") if name in data_dict
    }
    wrong = [
        name
        for name, value in numbers.items()
        if not str(value).isascii() or not str(value).isdigit()
    ]
    if wrong:
        raise tk.ValidationError({name: [tk._("Must be a natural number")] for name in wrong})
    allowed: Any = {**context, "ignore_auth": True}
    return original(allowed, data_dict)


def get_actions() -> dict[str, Any]:
    """Return the chained actions; none without ckanext-harvest."""
    if not p.plugin_loaded(HARVEST):
        return {}
    functions = (
        harvest_job_create,
        harvest_source_list,
        harvest_abort_failed_jobs,
        harvest_log_list,
    )
    return action_input.checked({function.__name__: function for function in functions})
