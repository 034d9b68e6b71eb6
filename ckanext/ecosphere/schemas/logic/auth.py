"""Authorization functions of the actions on descriptions."""

from __future__ import annotations

from ckan import authz
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.schemas.logic import bulk
from ckanext.ecosphere.shared import authorization


def ecosphere_dataset_import(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users who may create datasets to import a description."""
    return authz.is_authorized("package_create", context, {})


def ecosphere_dataset_propose(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users who may create datasets to get a description proposed from URLs."""
    return authz.is_authorized("package_create", context, {})


def ecosphere_dataset_usual_values(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users who may create datasets of a service to get its usual values."""
    return authz.is_authorized("package_create", context, {"owner_org": data_dict["id"]})


def ecosphere_dataset_unfinished(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users who may create datasets to list unfinished ones."""
    return authz.is_authorized("package_create", context, {})


def get_auth_functions() -> DataDict:
    """Return the authorization functions by name."""
    own = {
        name: function
        for name, function in globals().items()
        if name.startswith("ecosphere_dataset_")
    }
    return authorization.deny_by_default(own | bulk.AUTH)
