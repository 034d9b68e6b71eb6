"""Authorization functions of the actions of `ecosphere_access`."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz
from ckan.types import AuthResult, Context

from ckanext.ecosphere.access.logic import resources
from ckanext.ecosphere.shared import authorization


@tk.auth_allow_anonymous_access
def ecosphere_access_service_show(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow users who may read the dataset of the resource."""
    resources.readable(context, (data_dict or {}).get("resource_id"))
    return {"success": True}


def ecosphere_access_service_read(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow users who may create datasets in any organisation."""
    user = authorization.person(context)
    if user is not None and authz.has_user_permission_for_some_org(user.name, "create_dataset"):
        return {"success": True}
    return {"success": False, "msg": tk._("Only people who describe datasets have services read.")}


@tk.auth_allow_anonymous_access
def ecosphere_access_extract_create(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow users who may read the dataset of the resource; the action limits the rate."""
    resources.readable(context, (data_dict or {}).get("resource_id"))
    return {"success": True}


@tk.auth_allow_anonymous_access
def ecosphere_access_extract_show(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow users who know the id of the extract and may read its dataset."""
    resources.extract(context, (data_dict or {}).get("id"))
    return {"success": True}


def ecosphere_access_use_show(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow users who may edit the dataset."""
    return authorization.dataset_editable(context, (data_dict or {}).get("id"))


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions that the plugin registers."""
    own = {name: each for name, each in globals().items() if name.startswith("ecosphere_access_")}
    return authorization.deny_by_default(own)
