"""Authorization functions of the actions on descriptions."""

from __future__ import annotations

from ckan import authz
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.schemas.logic import bulk
from ckanext.ecosphere.shared import authorization


def may_describe(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users who may create datasets."""
    return authz.is_authorized("package_create", context, {})


def may_describe_for_service(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users who may create datasets of a service."""
    return authz.is_authorized("package_create", context, {"owner_org": data_dict["id"]})


def get_auth_functions() -> DataDict:
    """Return the authorization functions by name."""
    own = {
        "ecosphere_dataset_import": may_describe,
        "ecosphere_dataset_propose": may_describe,
        "ecosphere_dataset_usual_values": may_describe_for_service,
        "ecosphere_dataset_unfinished": may_describe,
    }
    return authorization.deny_by_default(own | bulk.AUTH)
