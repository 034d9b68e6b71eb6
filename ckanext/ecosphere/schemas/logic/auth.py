"""Who may do what."""

from __future__ import annotations

from typing import Any

from ckan import authz
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.schemas.bulk import actions as bulk
from ckanext.ecosphere.shared import authorization


def ecosphere_dataset_import(context: Context, data_dict: DataDict) -> AuthResult:
    """Read a description from elsewhere: those who may describe a dataset."""
    return authz.is_authorized("package_create", context, {})


def ecosphere_dataset_propose(context: Context, data_dict: DataDict) -> AuthResult:
    """Have a description proposed from addresses: those who may describe a dataset."""
    return authz.is_authorized("package_create", context, {})


def ecosphere_dataset_usual_values(context: Context, data_dict: DataDict) -> AuthResult:
    """What a service usually says: those who may describe a dataset of it."""
    return authz.is_authorized("package_create", context, {"owner_org": data_dict["id"]})


def ecosphere_dataset_unfinished(context: Context, data_dict: DataDict) -> AuthResult:
    """What was begun and left: those who may describe a dataset."""
    return authz.is_authorized("package_create", context, {})


def get_auth_functions() -> dict[str, Any]:
    """Return the functions by name."""
    own = {name: each for name, each in globals().items() if name.startswith("ecosphere_dataset_")}
    return authorization.deny_by_default(own | bulk.AUTH)
