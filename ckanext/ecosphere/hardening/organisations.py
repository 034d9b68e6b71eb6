"""Defects 5, 9, 48 and 65: groups and organisations, and what belongs to them.

5 and 48: CKAN 2.12.0 returns the ids of all datasets, including private ones and drafts, to
everyone (`member_list`), and those of users to readers who may not list users. It moves a dataset
without reindexing it.

9 and 65: groups and organisations keep what CKAN's actions let their administrators break. CKAN
lets anyone who may edit an organisation set `is_organization`, `state` and `approval_status`,
accepts any role for a member, and accepts an organisation in actions on groups. Its page to change
many datasets of an organisation shows 500 of them, and saves as many before it answers.

Not yet accepted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, logic, model
from ckan.logic import auth_audit_exempt
from ckan.logic.validators import name_validator
from ckan.types import Context, DataDict
from flask import has_request_context

from ckanext.ecosphere.hardening import private_datasets, texts
from ckanext.ecosphere.shared import action_input

log = logging.getLogger(__name__)
#: Fields that only CKAN's own actions and sysadmins may set.
_OF_THE_SITE = ("state", "approval_status")
_FOR_GROUPS = ("group_delete", "group_purge", "group_patch")
MOST_ON_A_PAGE = 100
"""Datasets on a page of an organisation: those that follow have pages of their own."""
_PAGE = "organization.read"
_SECONDS_IN_A_PAGE = 0.5
"""Time after which a page that changes many datasets leaves the others to a background job."""
_BULK_UPDATES = ("bulk_update_private", "bulk_update_public", "bulk_update_delete")


def shorten_pages(app: Any) -> None:
    """Make CKAN show a bounded number of datasets of an organisation on a page.

    CKAN loads the module of its views anew for each application: its names are those of a
    registered view.
    """
    names: Any = app.view_functions[_PAGE].__globals__
    original = names["_read"]

    @wraps(original)
    def read(id_: str | None, limit: int, group_type: str) -> dict[str, Any]:
        tk.g.action = tk.get_endpoint()[1]  # without it, the next page is one of another view
        return original(id_, min(limit, MOST_ON_A_PAGE), group_type)

    names["_read"] = read


def _saved(
    is_organization: bool, original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Save a group or organisation without changing its kind,
    with clean texts and existing members.
    """
    data: DataDict = {**texts.cleaned(data_dict), "is_organization": is_organization}
    group = model.Group.get(str(data["id"])) if data.get("id") else None
    if group is not None and group.is_organization != is_organization:
        raise tk.ObjectNotFound(
            tk._("Group was not found.") if group.is_organization else tk._("Service not found")
        )
    if not (context.get("ignore_auth") or authz.is_sysadmin(context.get("user"))):
        _check_states(data, group)
    _check_members(data.get("users"))
    if group is None or data.get("name") not in (None, "", group.name):
        _check_name(data.get("name"), context)
    return original(context, data)


def _check_name(name: Any, context: Context) -> None:
    """Refuse a name reserved for a page: CKAN checks this when it creates a group,
    not when it renames one.
    """
    if not name:
        return
    try:
        name_validator(name, context)
    except tk.Invalid as error:
        raise tk.ValidationError({"name": [error.error]}) from error


def _check_states(data: DataDict, known: model.Group | None) -> None:
    usual = {"state": "active", "approval_status": "approved"}
    errors: Any = {
        name: [tk._("Only administrators of the site may change this.")]
        for name in _OF_THE_SITE
        if data.get(name) and data[name] != (getattr(known, name, None) or usual[name])
    }
    if errors:
        raise tk.ValidationError(errors)


def _check_members(users: Any) -> None:
    """Refuse unknown members: CKAN would remove all other members and add none."""
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        return
    names = {
        str(user.get("id") or user.get("name")) for user in users if user.get("state") != "deleted"
    }
    is_named = sa.or_(model.User.id.in_(names), model.User.name.in_(names))
    query = sa.select(model.User.id, model.User.name).where(is_named)
    existing = {value for row in model.Session.execute(query) for value in row}
    errors: Any = {
        "users": [
            tk._("There is no account “{name}”.").format(name=name)
            for name in sorted(names - existing)
        ]
    }
    if errors["users"]:
        raise tk.ValidationError(errors)
    for user in users:
        if user.get("capacity"):
            _check_role(user["capacity"], "users")


def _check_role(role: Any, field: str) -> None:
    roles = [option["value"] for option in authz.roles_list()]
    if role not in roles:
        raise tk.ValidationError(
            {field: [tk._("Give one of these: {values}.").format(values=", ".join(roles))]}
        )


def _of_a_group(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Refuse an organisation: CKAN's actions on organisations check whether it has datasets,
    those on groups do not.
    """
    group = model.Group.get(str(data_dict["id"])) if data_dict.get("id") else None
    if group is not None and group.is_organization:
        raise tk.ObjectNotFound(tk._("Group was not found."))
    return original(context, data_dict)


def _member_create(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Add a member with a valid role, serialising concurrent requests for the same group.

    CKAN checks whether the member exists before it creates one. Two concurrent calls would create
    duplicates, of which a later change of role or removal would find only one.
    """
    if data_dict.get("object_type") == "user" and data_dict.get("capacity"):
        _check_role(data_dict["capacity"], "capacity")
    if group := model.Group.get(str(data_dict.get("id"))):
        key = sa.func.hashtext(f"members {group.id}")
        model.Session.execute(
            sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("ecosphere"), key))
        )
    return original(context, data_dict)


def _user_invite(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Check the role before inviting a person: CKAN creates the account first."""
    if data_dict.get("role"):
        _check_role(data_dict["role"], "role")
    return original(context, data_dict)


def _bulk_update(
    name: str, original: Callable[..., Any], context: Context, data_dict: DataDict
) -> None:
    """Change datasets for a bounded time, and the others in a background job:
    each is a save of its own.
    """
    datasets = data_dict.get("datasets")
    if not isinstance(datasets, list):
        raise tk.ValidationError({"datasets": [tk._("Give a list of texts.")]})
    begun = time.monotonic()
    for number, dataset in enumerate(datasets):
        if number and time.monotonic() - begun > _SECONDS_IN_A_PAGE:
            later = [str(other) for other in datasets[number:]]
            _change_later(name, context.get("user"), str(data_dict.get("org_id")), later)
            return
        original(Context(**context), {**data_dict, "datasets": [str(dataset)]})


def _change_later(name: str, user: str | None, service: str, datasets: list[str]) -> None:
    """Queue a job for the datasets that a call has not changed, and say so on a page."""
    job = [name, user, service, datasets]
    tk.enqueue_job(change_datasets, job, title=f"{name} of {len(datasets)} datasets")
    if has_request_context() and not str(tk.request.endpoint).startswith("api."):
        message = tk._(
            "{number} datasets are still being changed: open this page again in a few minutes."
        )
        tk.h.flash_notice(message.format(number=len(datasets)))


def change_datasets(name: str, user: str | None, service: str, datasets: list[str]) -> None:
    """Change datasets of a service for a user (background job); one that fails stops no other.

    Args:
        name: one of CKAN's actions that change many datasets.
        user: name of the user who asked for it, whose rights are checked again.
        service: id of the organisation.
        datasets: their ids.
    """
    for dataset in datasets:
        context: Any = {"user": user}
        try:
            tk.get_action(name)(context, {"org_id": service, "datasets": [dataset]})
        except (tk.ValidationError, tk.NotAuthorized, tk.ObjectNotFound) as error:
            model.Session.rollback()
            log.warning("%s: dataset %s is left as it was: %s", name, dataset, error)


def _chained(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        tk.check_access(name.replace("_patch", "_update"), Context(**context), {**data_dict})
        return function(original, context, data_dict)

    action.__name__ = name
    action.__doc__ = f"Keep services whole, then do what `{name}` of CKAN does."
    return auth_audit_exempt(tk.chained_action(action))  # checked here, and by the original


def _functions() -> Iterable[tuple[str, Callable[..., Any]]]:
    for kind, is_organization in (("group", False), ("organization", True)):
        for verb in ("create", "update"):
            yield f"{kind}_{verb}", partial(_saved, is_organization)
    yield from ((name, _of_a_group) for name in _FOR_GROUPS)
    yield from ((name, partial(_bulk_update, name)) for name in _BULK_UPDATES)
    yield "member_create", _member_create
    yield "user_invite", _user_invite


# --- members ---


@tk.side_effect_free
@tk.chained_action
def member_list(original: Callable[..., Any], context: Context, data_dict: DataDict) -> list[Any]:
    """List the members of a group or service without what the reader may not see.

    Datasets that the reader may not see are left out, and users for readers who may not list users.

    Raises:
        ValidationError: the object type is not a text; CKAN would fail with an internal error.
    """
    if not isinstance(data_dict.get("object_type") or "", str):
        raise tk.ValidationError({"object_type": [tk._("Give one text here.")]})
    members = original(context, data_dict)
    if not (context.get("ignore_auth") or _may_list_people(context)):
        members = [member for member in members if member[1] != "user"]
    # CKAN translates the object type, so datasets are recognised by their ids.
    packages = _ids(model.Package.id.in_([id_ for id_, *_more in members]))
    if not packages or private_datasets.sees_all(context):
        return members
    hidden = packages - _ids(model.Package.id.in_(packages), private_datasets.readable(context))
    return [member for member in members if member[0] not in hidden]


@tk.chained_action
def package_owner_org_update(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> Any:
    """Move a dataset to a service and reindex it, since the index decides who finds private
    datasets.

    Not reindexed with `defer_commit` in the context: the enclosing save does it.
    """
    result = original(context, data_dict)
    package = None if context.get("defer_commit") else model.Package.get(data_dict["id"])
    if package is not None:
        logic.index_update_package(context, package.id)
    return result


def _may_list_people(context: Context) -> bool:
    try:
        return tk.check_access("user_list", Context(**context), {})
    except tk.NotAuthorized:
        return False


def _ids(*conditions: sa.ColumnElement[bool]) -> set[str]:
    return set(model.Session.scalars(sa.select(model.Package.id).where(*conditions)))


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    of_members = {
        function.__name__: function for function in (member_list, package_owner_org_update)
    }
    changing = {name: _chained(name, function) for name, function in _functions()}
    return {**changing, **action_input.checked(of_members)}
