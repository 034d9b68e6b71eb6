"""Services stay services: what CKAN's actions on groups and organisations would let an administrator of one break.

CKAN 2.12.0 takes `is_organization`, `state` and `approval_status` of whoever may edit a service, any role of a member,
and a service where an action on groups wants a group; see `docs/upstream.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.logic import auth_audit_exempt
from ckan.logic.validators import name_validator
from ckan.types import Context, DataDict

from ckanext.ecosphere.core import texts

#: Set by CKAN's own actions and by administrators of the site.
_OF_THE_SITE = ("state", "approval_status")
_FOR_GROUPS = ("group_delete", "group_purge", "group_patch")


def _saved(
    is_organization: bool, original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Save a group or service as what it is, with clean texts and members that exist."""
    data: DataDict = {**texts.cleaned(data_dict), "is_organization": is_organization}
    known = model.Group.get(str(data["id"])) if data.get("id") else None
    if known is not None and known.is_organization != is_organization:
        raise tk.ObjectNotFound(tk._("Group was not found.") if known.is_organization else tk._("Service not found"))
    if not (context.get("ignore_auth") or authz.is_sysadmin(context.get("user"))):
        _check_states(data, known)
    _check_members(data.get("users"))
    if known is None or data.get("name") not in (None, "", known.name):
        _check_name(data.get("name"), context)
    return original(context, data)


def _check_name(name: Any, context: Context) -> None:
    """Refuse a name that is that of a page: CKAN looks for it when it makes a group, and not when it renames one."""
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
    """Refuse members of whom nobody knows: CKAN would take all others out of the service, and put nobody in."""
    if not isinstance(users, list) or not all(isinstance(each, dict) for each in users):
        return
    named = {str(each.get("id") or each.get("name")) for each in users if each.get("state") != "deleted"}
    is_named = sa.or_(model.User.id.in_(named), model.User.name.in_(named))
    known = sa.select(model.User.id, model.User.name).where(is_named)
    found = {value for row in model.Session.execute(known) for value in row}
    errors: Any = {"users": [tk._("There is no account “{name}”.").format(name=each) for each in sorted(named - found)]}
    if errors["users"]:
        raise tk.ValidationError(errors)
    for each in users:
        if each.get("capacity"):
            _check_role(each["capacity"], "users")


def _check_role(role: Any, field: str) -> None:
    roles = [each["value"] for each in authz.roles_list()]
    if role not in roles:
        raise tk.ValidationError({field: [tk._("Give one of these: {values}.").format(values=", ".join(roles))]})


def _of_a_group(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Do it with a group, never with a service: for those there are actions that look whether it has datasets."""
    group = model.Group.get(str(data_dict["id"])) if data_dict.get("id") else None
    if group is not None and group.is_organization:
        raise tk.ObjectNotFound(tk._("Group was not found."))
    return original(context, data_dict)


def _member_create(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Add a member, a person in a role that there is, and once: requests of one moment wait for each other.

    CKAN looks whether there is a member and then makes one; of two, a change of the role or a removal finds one only.
    """
    if data_dict.get("object_type") == "user" and data_dict.get("capacity"):
        _check_role(data_dict["capacity"], "capacity")
    if group := model.Group.get(str(data_dict.get("id"))):
        key = sa.func.hashtext(f"members {group.id}")
        model.Session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("ecosphere"), key)))
    return original(context, data_dict)


def _user_invite(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Invite a person, in a role that there is: CKAN makes the account before it looks."""
    if data_dict.get("role"):
        _check_role(data_dict["role"], "role")
    return original(context, data_dict)


def _chained(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        tk.check_access(name.replace("_patch", "_update"), Context(**context), {**data_dict})
        return function(original, context, data_dict)

    action.__name__ = name
    action.__doc__ = f"Keep services whole, then do what `{name}` of CKAN does."
    return auth_audit_exempt(tk.chained_action(action))  # asked here, and by the original


def _functions() -> Iterable[tuple[str, Callable[..., Any]]]:
    for kind, is_organization in (("group", False), ("organization", True)):
        for verb in ("create", "update"):
            yield f"{kind}_{verb}", partial(_saved, is_organization)
    yield from ((name, _of_a_group) for name in _FOR_GROUPS)
    yield "member_create", _member_create
    yield "user_invite", _user_invite


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    return {name: _chained(name, function) for name, function in _functions()}
