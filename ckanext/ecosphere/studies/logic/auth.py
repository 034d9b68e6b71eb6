"""Auth functions of studies. Studies are private by nature: sysadmins may delete one, and nothing else.

A study that is not shared with a person does not exist for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz
from ckan.types import AuthResult, Context

from ckanext.ecosphere.shared import authorization
from ckanext.ecosphere.studies import editing, store

Auth = Callable[..., AuthResult]
READERS = (store.OWNER, store.WRITE, store.READ)
WRITERS = (store.OWNER, store.WRITE)


def _of_roles(*roles: str, action: str) -> Auth:
    """Return the auth function of an action on a study for people with these roles."""

    @tk.auth_sysadmins_check
    def allowed(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
        role = _role(context, data_dict)
        if not role:
            raise tk.ObjectNotFound(store.unknown())
        if role in roles:
            return {"success": True}
        if roles == WRITERS:
            return {"success": False, "msg": tk._("You may read this study, not change it.")}
        return {"success": False, "msg": tk._("Only the owner of the study may do this.")}

    allowed.__name__ = action
    return allowed


def _role(context: Any, data_dict: dict[str, Any] | None) -> str:
    person = authorization.person(context)
    if person is None:
        return ""
    return store.role(store.get((data_dict or {}).get("id")), person.id)


@tk.auth_sysadmins_check
def with_account(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow everyone with an account: the action handles what is their own."""
    return {"success": authorization.person(context) is not None}


@tk.auth_sysadmins_check
def ecosphere_study_delete(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow the owner, and sysadmins."""
    person = authorization.person(context)
    study = store.get((data_dict or {}).get("id"))
    if person is not None and person.sysadmin:
        return {"success": True}
    if person is None or not store.role(study, person.id):
        raise tk.ObjectNotFound(store.unknown())
    if study.owner_id == person.id:
        return {"success": True}
    return {"success": False, "msg": tk._("Only the owner of the study may do this.")}


@tk.auth_sysadmins_check
def ecosphere_study_member_remove(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow the owner, and members to leave."""
    data = data_dict or {}
    role = _role(context, data)
    if not role:
        raise tk.ObjectNotFound(store.unknown())
    person = authorization.person(context)
    own = None
    if person is not None:
        own = store.member_of(str(data.get("id")), person.id)
    if role == store.OWNER or (own is not None and own.id == data.get("member")):
        return {"success": True}
    return {"success": False, "msg": tk._("Only the owner of the study may do this.")}


@tk.auth_allow_anonymous_access
def everyone(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow everyone: frames are public."""
    return {"success": True}


def ecosphere_study_frame_save(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow editors of a service a new frame, and whoever made a frame its next version."""
    person = authorization.person(context)
    frame_id = str((data_dict or {}).get("id") or "")
    if person is None:
        return {"success": False}
    if person.sysadmin:
        return {"success": True}
    if not authz.has_user_permission_for_some_org(person.name, "create_dataset"):
        return {"success": False, "msg": tk._("Only editors of a service may change frames.")}
    if frame_id and not editing.may_change(frame_id, person):
        return {"success": False, "msg": tk._("Only who made a frame may change it: copy it.")}
    return {"success": True}


def ecosphere_study_missing_stats(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow sysadmins, which CKAN does before it asks."""
    return {"success": False, "msg": tk._("Only the ministry sees which data studies lack.")}


def ecosphere_study_dataset_stats(
    context: Context, data_dict: dict[str, Any] | None = None
) -> AuthResult:
    """Allow the editors of the service."""
    person = authorization.person(context)
    service = str((data_dict or {}).get("organization") or "")
    if person is None:
        return {"success": False}
    is_editor = authz.has_user_permission_for_group_or_org(service, person.name, "update_dataset")
    return {"success": bool(is_editor)}


_READING = ("show", "difference", "copy")
_WRITING = ("update", "run", "need_create", "need_update", "dataset_update", "request")
_OWNING = ("member_add", "link_create")
_OWN = ("create", "list", "link_open")


def get_auth_functions() -> dict[str, Auth]:
    """Return the plugin's auth functions."""
    functions: dict[str, Auth] = {
        "ecosphere_study_delete": ecosphere_study_delete,
        "ecosphere_study_member_remove": ecosphere_study_member_remove,
        "ecosphere_study_frame_save": ecosphere_study_frame_save,
        "ecosphere_study_missing_stats": ecosphere_study_missing_stats,
        "ecosphere_study_dataset_stats": ecosphere_study_dataset_stats,
        "ecosphere_study_frame_list": everyone,
        "ecosphere_study_frame_show": everyone,
    }
    for verbs, roles in ((_READING, READERS), (_WRITING, WRITERS), (_OWNING, (store.OWNER,))):
        for verb in verbs:
            name = f"ecosphere_study_{verb}"
            functions[name] = _of_roles(*roles, action=name)
    functions |= {f"ecosphere_study_{verb}": with_account for verb in _OWN}
    return authorization.deny_by_default(functions)
