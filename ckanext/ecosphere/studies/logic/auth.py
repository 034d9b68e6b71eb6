"""Auth functions of studies. Studies are private by nature: sysadmins may delete one, and nothing else.

A study that is not shared with a person does not exist for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult, Context

from ckanext.ecosphere.shared import authorization
from ckanext.ecosphere.studies import editing, store

Auth = Callable[..., AuthResult]
OWNERS = (store.OWNER,)
WRITERS = (store.OWNER, store.WRITE)
READERS = (store.OWNER, store.WRITE, store.READ)
#: Last words of the name of an action on a study → who may do it.
ROLES = {
    "show": READERS,
    "difference": READERS,
    "copy": READERS,
    "update": WRITERS,
    "run": WRITERS,
    "need_create": WRITERS,
    "need_update": WRITERS,
    "dataset_update": WRITERS,
    "request": WRITERS,
    "extract": WRITERS,
    "member_add": OWNERS,
    "link_create": OWNERS,
}


def person(context: Any) -> model.User:
    """Return the person who calls an action.

    Raises:
        NotAuthorized: they are anonymous, or their account is not active.
    """
    user = authorization.person(context)
    if user is None:
        raise tk.NotAuthorized
    return user


def _decide(context: Any, data_dict: dict[str, Any] | None, roles: tuple[str, ...]) -> AuthResult:
    role = store.role(store.get((data_dict or {}).get("id")), person(context).id)
    if not role:
        raise tk.ObjectNotFound(store.unknown())
    if role in roles:
        return {"success": True}
    if roles == WRITERS:
        return {"success": False, "msg": tk._("You may read this study, not change it.")}
    return {"success": False, "msg": tk._("Only the owner of the study may do this.")}


def _of_roles(roles: tuple[str, ...]) -> Auth:
    """Return the auth function of an action on a study for people with these roles."""

    @tk.auth_sysadmins_check
    def allowed(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
        return _decide(context, data_dict, roles)

    return allowed


@tk.auth_sysadmins_check
def with_account(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow everyone with an account: the action handles what is their own."""
    return {"success": authorization.person(context) is not None}


@tk.auth_sysadmins_check
def ecosphere_study_delete(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow the owner, and sysadmins."""
    if person(context).sysadmin:
        store.get((data_dict or {}).get("id"))  # raises NotFound
        return {"success": True}
    return _decide(context, data_dict, OWNERS)


@tk.auth_sysadmins_check
def ecosphere_study_member_remove(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow the owner, and members to leave."""
    data = data_dict or {}
    own = store.member_of(str(data.get("id")), person(context).id)
    if own is not None and own.id == data.get("member"):
        return {"success": True}
    return _decide(context, data_dict, OWNERS)


@tk.auth_allow_anonymous_access
def everyone(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow everyone: frames are public."""
    return {"success": True}


def ecosphere_study_frame_save(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow editors of a service a new frame, and whoever made a frame its next version; and sysadmins."""
    user = person(context)
    if not authz.has_user_permission_for_some_org(user.name, "create_dataset"):
        return {"success": False, "msg": tk._("Only editors of a service may change frames.")}
    frame_id = str((data_dict or {}).get("id") or "")
    if not frame_id:
        return {"success": True}
    versions = editing.versions(frame_id)
    if versions and versions[-1].author_id == user.id:
        return {"success": True}
    return {"success": False, "msg": tk._("Only who made a frame may change it: copy it.")}


def ecosphere_study_missing_stats(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow sysadmins, which CKAN does before it asks."""
    return {"success": False, "msg": tk._("Only the ministry sees which data studies lack.")}


def ecosphere_study_dataset_stats(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow the editors of the service."""
    service = str((data_dict or {}).get("organization") or "")
    name = person(context).name
    is_editor = authz.has_user_permission_for_group_or_org(service, name, "update_dataset")
    return {"success": bool(is_editor)}


def get_auth_functions() -> dict[str, Auth]:
    """Return the plugin's auth functions."""
    functions: dict[str, Auth] = {
        "ecosphere_study_create": with_account,
        "ecosphere_study_list": with_account,
        "ecosphere_study_link_open": with_account,
        "ecosphere_study_delete": ecosphere_study_delete,
        "ecosphere_study_member_remove": ecosphere_study_member_remove,
        "ecosphere_study_frame_list": everyone,
        "ecosphere_study_frame_show": everyone,
        "ecosphere_study_frame_save": ecosphere_study_frame_save,
        "ecosphere_study_missing_stats": ecosphere_study_missing_stats,
        "ecosphere_study_dataset_stats": ecosphere_study_dataset_stats,
    }
    functions |= {f"ecosphere_study_{verb}": _of_roles(roles) for verb, roles in ROLES.items()}
    return authorization.deny_by_default(functions)
