"""Deny anonymous access by default in the suite's auth functions.

CKAN refuses anonymous users if the context of an action has no user object. CKAN 2.12 passes a
`model.AnonymousUser`, which counts as a user object, so every auth function that leaves this check
to CKAN lets them in. Here each auth function of the suite checks it itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.common import _
from ckan.types import AuthResult
from flask import has_request_context, request

AuthFunction = Callable[..., AuthResult]
LOG_IN_PAGE = "user.login"


def person(context: Any) -> model.User | None:
    """Return the user of an action's context, None for anonymous users and inactive accounts."""
    user = context.get("auth_user_obj")
    if not isinstance(user, model.User):
        user = model.User.get(context["user"]) if context.get("user") else None
    if user is not None and user.state == model.State.ACTIVE:
        return user
    return None


def login_required(function: AuthFunction) -> AuthFunction:
    """Refuse anonymous users before calling an auth function, chained or not."""

    @wraps(function)
    def checked(*args: Any) -> AuthResult:
        context = args[-2]
        if person(context) is None:
            return {
                "success": False,
                "msg": _("Log in first: this is not for anonymous people."),
            }
        return function(*args)

    return checked


def deny_by_default(functions: Mapping[str, AuthFunction]) -> dict[str, AuthFunction]:
    """Return auth functions that require a log-in, except those marked for anonymous access.

    Args:
        functions: action → auth function; `toolkit.auth_allow_anonymous_access` marks public ones.
    """
    return {name: _denying(function) for name, function in functions.items()}


def _denying(function: AuthFunction) -> AuthFunction:
    if getattr(function, "auth_allow_anonymous_access", False):
        return function
    return login_required(function)


def dataset_readable(context: Any, key: Any) -> AuthResult:
    """Allow those who may read a dataset; raise for others, so that private datasets are not
    revealed.

    Raises:
        NotFound: there is no such dataset, or the person may not read it.
    """
    if authz.is_authorized_boolean("package_show", same_person(context), {"id": _existing(key)}):
        return {"success": True}
    raise tk.ObjectNotFound(_("Dataset not found"))


def dataset_editable(context: Any, key: Any) -> AuthResult:
    """Allow those who may edit a dataset; raise for those who may not read it.

    Raises:
        NotFound: there is no such dataset, or the person may not read it.
    """
    dataset_readable(context, key)
    return authz.is_authorized("package_update", same_person(context), {"id": str(key)})


def of_page() -> Any:
    """Return the context in which a page calls actions: that of its person."""
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user}


def same_person(context: Any) -> Any:
    """Return a fresh context for the same user, without an action's own
    keys (`package`, `ignore_auth`).
    """
    return {key: context[key] for key in ("user", "auth_user_obj") if key in context}


def same_caller(context: Any) -> Any:
    """Return a fresh context for the same user, or the same trusted code (`ignore_auth`)."""
    return {key: context[key] for key in ("user", "auth_user_obj", "ignore_auth") if key in context}


def is_recovered(user: model.User) -> bool:
    """Tell whether somebody sets a password who is not logged in to the account: by a link in an
    e-mail, mostly.

    Whoever was there before may have made the account with the address of somebody else, or have
    stolen its password: every way in that they left behind must end. To be called before the row is
    written. A log-in with the right password may write its hash anew, when CKAN makes longer ones:
    that is no new password.
    """
    state: Any = sa.inspect(user)
    if not state.attrs._password.history.has_changes():
        return False
    if not has_request_context():
        return True
    is_own = tk.current_user.is_authenticated and tk.current_user.id == user.id
    return not is_own and request.endpoint != LOG_IN_PAGE


def _existing(key: Any) -> str:
    package = model.Package.get(str(key or ""))
    if package is None:
        raise tk.ObjectNotFound(_("Dataset not found"))
    return package.id
