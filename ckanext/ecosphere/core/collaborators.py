"""Chained auth functions for dataset collaborators: CKAN's own fail for anonymous users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.shared import authorization

#: Auth functions of CKAN 2.12 that assert that user and dataset exist.
ASSERTING = ("package_collaborator_list", "package_collaborator_create", "package_collaborator_delete")


def _asked(original: Callable[..., AuthResult], context: Context, data_dict: DataDict | None) -> AuthResult:
    """Call CKAN's auth function once the user is logged in and may read the dataset."""
    data = data_dict or {}
    authorization.dataset_readable(context, data.get("id"))
    return original(context, data)


def get_auth_functions() -> dict[str, Any]:
    """Return the chained auth functions."""
    return authorization.deny_by_default({name: tk.chained_auth_function(_named(name)) for name in ASSERTING})


def _named(name: str) -> Callable[..., AuthResult]:
    def asked(original: Callable[..., AuthResult], context: Context, data_dict: DataDict | None) -> AuthResult:
        return _asked(original, context, data_dict)

    asked.__name__ = name
    asked.__doc__ = _asked.__doc__
    return asked
