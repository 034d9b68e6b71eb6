"""Defects 1 and 2: anonymous users are refused where CKAN takes them for logged-in ones, or fails.

CKAN refuses anonymous users if the context of an action has no user object. CKAN 2.12.0 passes a
`model.AnonymousUser`, which counts as one; here it is falsy, as before. Each auth function of the
suite also checks for itself (`shared/authorization.py`). Auth functions of dataset collaborators
assert that user and dataset exist. Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import AuthResult, Context, DataDict
from flask import current_app

from ckanext.ecosphere.shared import authorization

ASSERTING = (
    "package_collaborator_list",
    "package_collaborator_create",
    "package_collaborator_delete",
)


class AnonymousUser(model.AnonymousUser):
    """An anonymous user that is falsy, as before CKAN 2.12,
    so that CKAN and other extensions refuse it.
    """

    def __bool__(self) -> bool:
        return False


def refuse(_sender: Any, **_more: Any) -> None:
    """At the start of a request, let the log-in manager use an anonymous user that is falsy."""
    application: Any = current_app
    application.login_manager.anonymous_user = AnonymousUser


def _asserting_nothing(name: str) -> Callable[..., AuthResult]:
    def asked(
        original: Callable[..., AuthResult], context: Context, data_dict: DataDict | None
    ) -> AuthResult:
        data = data_dict or {}
        authorization.dataset_readable(context, data.get("id"))
        return original(context, data)

    asked.__name__ = name
    asked.__doc__ = f"Call `{name}` of CKAN once the user is logged in and may read the dataset."
    return asked


def get_auth_functions() -> dict[str, Any]:
    """Return the chained auth functions."""
    chained = {name: tk.chained_auth_function(_asserting_nothing(name)) for name in ASSERTING}
    return authorization.deny_by_default(chained)
