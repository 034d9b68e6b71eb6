"""Defects 5, 9, 48 and 65: groups and organisations, and what belongs to them.

5: CKAN 2.12.0 returns the ids of all datasets, including private ones and drafts, to everyone
(`member_list`), and those of users to readers who may not list users.

9: CKAN lets administrators break an organisation: whoever may edit it may set `is_organization`,
`state` and `approval_status`. CKAN also accepts any role for a member, and an organisation in
actions on groups.

48: CKAN moves a dataset to another organisation without reindexing it.

65: CKAN's page to change many datasets of an organisation shows 500 of them, and saves as many
before it answers.

Not yet accepted by CKAN.
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

# --- 9: what administrators may change ---

#: Fields that only CKAN's own actions and sysadmins may set.
_OF_THE_SITE = ("state", "approval_status")
#: Actions on groups in which CKAN accepts an organisation, besides those that save.
_ON_GROUPS = ("group_delete", "group_purge", "group_patch")


def _save(
    is_organization: bool, original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Save a group or organisation without changing its kind, with clean texts and real members."""
    data: DataDict = {**texts.cleaned(data_dict), "is_organization": is_organization}
    group = model.Group.get(str(data["id"])) if data.get("id") else None
    if group is not None and group.is_organization != is_organization:
        message = tk._("Service not found")
        if group.is_organization:
            message = tk._("Group was not found.")
        raise tk.ObjectNotFound(message)
    if not (context.get("ignore_auth") or authz.is_sysadmin(context.get("user"))):
        _check_states(data, group)
    _check_members(data.get("users"))
    if group is None or data.get("name") not in (None, "", group.name):
        _check_name(data.get("name"), context)
    return original(context, data)


def _check_name(name: Any, context: Context) -> None:
    """Refuse a name reserved for a page; CKAN does so for new groups, not for renamed ones."""
    if not name:
        return
    try:
        name_validator(name, context)
    except tk.Invalid as error:
        raise tk.ValidationError({"name": [error.error]}) from error


def _check_states(data: DataDict, group: model.Group | None) -> None:
    """Refuse to change a field of `_OF_THE_SITE`, or to create a group with other values of it."""
    defaults = {"state": "active", "approval_status": "approved"}
    errors: Any = {
        name: [tk._("Only administrators of the site may change this.")]
        for name in _OF_THE_SITE
        if data.get(name) and data[name] != (getattr(group, name, None) or defaults[name])
    }
    if errors:
        raise tk.ValidationError(errors)


def _check_members(users: Any) -> None:
    """Refuse unknown members: CKAN would remove all other members and add none."""
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        return
    names = {
        str(user.get("id") or user.get("name") or "")
        for user in users
        if user.get("state") != "deleted"
    }
    if "" in names:
        raise tk.ValidationError({"users": [tk._("Give the id or the name of each member.")]})
    is_named = sa.or_(model.User.id.in_(names), model.User.name.in_(names))
    query = sa.select(model.User.id, model.User.name).where(is_named)
    unknown = names.difference(*model.Session.execute(query))  # rows of id and name
    if unknown:
        message = tk._("There is no account “{name}”.")
        errors: Any = [message.format(name=name) for name in sorted(unknown)]
        raise tk.ValidationError({"users": errors})
    for user in users:
        if user.get("capacity"):
            _check_role(user["capacity"], "users")


def _check_role(role: Any, field: str) -> None:
    """Refuse an unknown role, with an error on this field."""
    roles = [option["value"] for option in authz.roles_list()]
    if role not in roles:
        message = tk._("Give one of these: {values}.").format(values=", ".join(roles))
        raise tk.ValidationError({field: [message]})


def _group_only(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Act on a group, but not on an organisation.

    CKAN checks whether an organisation has datasets only in its actions on organisations.
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
    """Invite a person with a valid role; CKAN creates the account before it checks the role."""
    if data_dict.get("role"):
        _check_role(data_dict["role"], "role")
    return original(context, data_dict)


# --- 65: many datasets of an organisation ---

MOST_ON_A_PAGE = 100
"""Maximum number of datasets on a page of an organisation; the others follow on further pages."""
_PAGE = "organization.read"
_SECONDS_IN_A_PAGE = 0.5
"""Time after which an action that changes many datasets leaves the others to a background job."""
_BULK_UPDATES = ("bulk_update_private", "bulk_update_public", "bulk_update_delete")


def shorten_pages(app: Any) -> None:
    """Make CKAN show at most `MOST_ON_A_PAGE` datasets of an organisation on a page."""
    # CKAN loads the module of its views anew for each application: a registered view leads to the
    # one in use.
    names: Any = app.view_functions[_PAGE].__globals__
    original = names["_read"]

    @wraps(original)
    def read(id_: str | None, limit: int, group_type: str) -> dict[str, Any]:
        tk.g.action = tk.get_endpoint()[1]  # without it, links to further pages lead elsewhere
        return original(id_, min(limit, MOST_ON_A_PAGE), group_type)

    names["_read"] = read


def _bulk_update(
    name: str, original: Callable[..., Any], context: Context, data_dict: DataDict
) -> None:
    """Change datasets one by one for `_SECONDS_IN_A_PAGE`, and the others in a background job."""
    datasets = data_dict.get("datasets")
    if not isinstance(datasets, list):
        raise tk.ValidationError({"datasets": [tk._("Give a list of texts.")]})
    start = time.monotonic()
    for number, dataset in enumerate(datasets):
        if number and time.monotonic() - start > _SECONDS_IN_A_PAGE:
            others = [str(other) for other in datasets[number:]]
            _change_later(name, context.get("user"), str(data_dict.get("org_id")), others)
            return
        original(Context(**context), {**data_dict, "datasets": [str(dataset)]})


def _change_later(name: str, user: str | None, service: str, datasets: list[str]) -> None:
    """Queue a job for the datasets that a call has not changed; pages tell their reader so."""
    arguments = [name, user, service, datasets]
    tk.enqueue_job(change_datasets, arguments, title=f"{name} of {len(datasets)} datasets")
    if has_request_context() and not str(tk.request.endpoint).startswith("api."):
        message = tk._(
            "{number} datasets are still being changed: open this page again in a few minutes."
        )
        tk.h.flash_notice(message.format(number=len(datasets)))


def change_datasets(name: str, user: str | None, service: str, datasets: list[str]) -> None:
    """Change datasets of a service for a user (background job), each whether or not others fail.

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


# --- 5, 48: members, and datasets that change their organisation ---


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
    """Move a dataset to a service and reindex it: the index decides who finds private datasets."""
    result = original(context, data_dict)
    if not context.get("defer_commit"):  # else this is part of a save, which reindexes
        package = model.Package.get(data_dict["id"])
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


# --- the chained actions ---


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    chained = {name: _chained(name, function) for name, function in _functions()}
    others = {function.__name__: function for function in (member_list, package_owner_org_update)}
    return {**chained, **action_input.checked(others)}


def _chained(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the chained action of this name, which checks access and calls a function."""

    def action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        tk.check_access(name.replace("_patch", "_update"), Context(**context), {**data_dict})
        return function(original, context, data_dict)

    action.__name__ = name
    action.__doc__ = f"Check what `{name}` of CKAN does not, then call it."
    return auth_audit_exempt(tk.chained_action(action))  # checked here, and by the original


def _functions() -> Iterable[tuple[str, Callable[..., Any]]]:
    """Yield the functions of `_chained` by the names of their actions."""
    for kind, is_organization in (("group", False), ("organization", True)):
        for verb in ("create", "update"):
            yield f"{kind}_{verb}", partial(_save, is_organization)
    yield from ((name, _group_only) for name in _ON_GROUPS)
    yield from ((name, partial(_bulk_update, name)) for name in _BULK_UPDATES)
    yield "member_create", _member_create
    yield "user_invite", _user_invite
