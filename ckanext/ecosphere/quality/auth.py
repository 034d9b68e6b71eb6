"""Auth functions of the quality room."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.shared import authorization


@tk.auth_allow_anonymous_access
def ecosphere_quality_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow anyone who may see the dataset."""
    return authorization.dataset_readable(context, data_dict.get("id"))


@tk.auth_allow_anonymous_access
def ecosphere_quality_overview(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow everyone: only public datasets count in it."""
    return {"success": True}


def ecosphere_quality_dashboard(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow members of the organisation, since it lists private datasets."""
    group = model.Group.get(data_dict.get("id"))
    if group is None or not group.is_organization:
        raise tk.ObjectNotFound(tk._("Organization not found"))
    allowed = authz.has_user_permission_for_group_or_org(group.id, context.get("user", ""), "read")
    return {"success": allowed}


def ecosphere_quality_preview(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may edit the dataset; for a new one, those who may create datasets."""
    if data_dict.get("id"):
        return authorization.dataset_editable(context, data_dict["id"])
    return authz.is_authorized("package_create", context, {})


@tk.auth_allow_anonymous_access
def ecosphere_quality_links(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow anyone who may see the dataset."""
    return authorization.dataset_readable(context, data_dict.get("id"))


def ecosphere_quality_recheck(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow those who may edit the dataset."""
    return authorization.dataset_editable(context, data_dict.get("id"))


def get_auth_functions() -> DataDict:
    """Return the plugin's auth functions."""
    own = {
        name: function
        for name, function in globals().items()
        if name.startswith("ecosphere_quality_")
    }
    return authorization.deny_by_default(own)
