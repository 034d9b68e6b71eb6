"""Auth functions, each named after its action. Studies are private by nature: sysadmins may delete
one, nothing else.

A study that is not shared with a person does not exist for them; nor does a collection or reuse
that is not public.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.shared import authorization
from ckanext.ecosphere.studies import frames, store
from ckanext.ecosphere.studies.publications import collections, reuses

Auth = Callable[..., AuthResult]
ALLOWED: AuthResult = {"success": True}
DENIED: AuthResult = {"success": False}
OWNERS = (store.OWNER,)
WRITERS = (store.OWNER, store.WRITE)
READERS = (store.OWNER, store.WRITE, store.READ)
#: Roles → last words of the names of the actions on a study that are for them.
ACTIONS = {
    READERS: ("show", "difference", "copy"),
    WRITERS: (
        "update",
        "run",
        "need_create",
        "need_update",
        "dataset_update",
        "request",
        "extract",
    ),
    OWNERS: ("member_add", "link_create", "offer"),
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


def _id(data_dict: DataDict | None) -> Any:
    return (data_dict or {}).get("id")


# --- studies --------------------------------------------------------------------------------------


def _of_roles(roles: tuple[str, ...]) -> Auth:
    """Return the auth function of an action on a study for people with these roles."""

    @tk.auth_sysadmins_check
    def allowed(context: Context, data_dict: DataDict | None = None) -> AuthResult:
        role = store.role(store.get(_id(data_dict)), person(context).id)
        if not role:
            raise tk.ObjectNotFound(store.unknown())
        if role in roles:
            return ALLOWED
        message = tk._("Only the owner of the study may do this.")
        if roles == WRITERS:
            message = tk._("You may read this study, not change it.")
        return {"success": False, "msg": message}

    return allowed


@tk.auth_sysadmins_check
def with_account(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everyone with an account: the action handles what is their own."""
    return {"success": authorization.person(context) is not None}


@tk.auth_allow_anonymous_access
def everyone(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everyone: frames are public."""
    return ALLOWED


def sysadmins(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow sysadmins only, whom CKAN lets pass."""
    return DENIED


@tk.auth_sysadmins_check
def ecosphere_study_delete(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow the owner, and sysadmins."""
    if person(context).sysadmin:
        store.get(_id(data_dict))  # raises NotFound
        return ALLOWED
    return _of_roles(OWNERS)(context, data_dict)


@tk.auth_sysadmins_check
def ecosphere_study_member_remove(
    context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Allow the owner, and members to leave."""
    data = data_dict or {}
    own = store.member_of(str(data.get("id")), person(context).id)
    if own is not None and own.id == data.get("member"):
        return ALLOWED
    return _of_roles(OWNERS)(context, data_dict)


def ecosphere_study_frame_save(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of a service a new frame, and whoever made a frame its next version.

    And sysadmins.
    """
    user = person(context)
    if not authz.has_user_permission_for_some_org(user.name, collections.RIGHT):
        return {"success": False, "msg": tk._("Only editors of a service may change frames.")}
    frame_id = str(_id(data_dict) or "")
    if not frame_id:
        return ALLOWED
    versions = frames.versions(frame_id)
    if versions and versions[-1].author_id == user.id:
        return ALLOWED
    return {"success": False, "msg": tk._("Only who made a frame may change it: copy it.")}


def ecosphere_study_dataset_stats(
    context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Allow the editors of the service."""
    service = str((data_dict or {}).get("organization") or "")
    name = person(context).name
    is_editor = authz.has_user_permission_for_group_or_org(service, name, "update_dataset")
    return {"success": bool(is_editor)}


# --- collections ----------------------------------------------------------------------------------


@tk.auth_allow_anonymous_access
def ecosphere_collection_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody the public collections; those that one may edit are asked of CKAN."""
    mine = (data_dict or {}).get("mine")
    return {"success": not mine or authorization.person(context) is not None}


@tk.auth_allow_anonymous_access
def ecosphere_collection_show(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody a public collection, and editors of its service the others."""
    collection = collections.get(_id(data_dict))
    if not collection.public and not collections.may_edit(context, collection.organization_id):
        raise tk.ObjectNotFound(collections.unknown())
    return ALLOWED


def ecosphere_collection_create(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of the service; of any service while none is given."""
    service = (data_dict or {}).get("organization")
    if service:
        return {"success": collections.may_edit(context, str(service))}
    name = person(context).name
    return {"success": authz.has_user_permission_for_some_org(name, collections.RIGHT)}


def ecosphere_collection_update(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of the service of the collection.

    To others who may not read it, it does not exist.
    """
    ecosphere_collection_show(context, data_dict)
    collection = collections.get(_id(data_dict))
    return {"success": collections.may_edit(context, collection.organization_id)}


def ecosphere_collection_add(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of the service of the collection, with datasets that they may read."""
    allowed = ecosphere_collection_update(context, data_dict)
    if allowed == ALLOWED:
        authorization.dataset_readable(context, (data_dict or {}).get("package_id"))
    return allowed


# --- reuses, opinions -----------------------------------------------------------------------------


@tk.auth_allow_anonymous_access
def ecosphere_reuse_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody the published ones, people their own, and sysadmins those that wait."""
    data = data_dict or {}
    user = authorization.person(context)
    if data.get("package_id"):
        authorization.dataset_readable(context, data["package_id"])
    match data.get("scope"):
        case "mine":
            return {"success": user is not None}
        case "held":
            return {"success": user is not None and bool(user.sysadmin)}
    return ALLOWED


def ecosphere_reuse_delete(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow the author; to others, one that is not public does not exist."""
    reuse = reuses.get(_id(data_dict))
    is_own = reuse.author_id == person(context).id
    if not is_own and reuse.state != reuses.PUBLISHED:
        raise tk.ObjectNotFound(reuses.unknown())
    return {"success": is_own}


def ecosphere_opinion_save(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow those with an account who may read the dataset."""
    return authorization.dataset_readable(context, (data_dict or {}).get("package_id"))


@tk.auth_allow_anonymous_access
def ecosphere_opinion_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow those who may read the dataset."""
    return ecosphere_opinion_save(context, data_dict)


#: Actions whose auth function serves several.
SHARED = {
    "ecosphere_study_create": with_account,
    "ecosphere_study_list": with_account,
    "ecosphere_study_link_open": with_account,
    "ecosphere_study_frame_list": everyone,
    "ecosphere_study_frame_show": everyone,
    "ecosphere_study_missing_stats": sysadmins,
    "ecosphere_collection_delete": ecosphere_collection_update,
    "ecosphere_reuse_create": with_account,
    "ecosphere_reuse_moderate": sysadmins,
}


def get_auth_functions() -> dict[str, Auth]:
    """Return the plugin's auth functions."""
    own = {name: value for name, value in globals().items() if name.startswith("ecosphere_")}
    for roles, names in ACTIONS.items():
        own |= {f"ecosphere_study_{name}": _of_roles(roles) for name in names}
    return authorization.deny_by_default(own | SHARED)
