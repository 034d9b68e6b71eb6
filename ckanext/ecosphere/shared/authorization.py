"""What anonymous people may do: nothing, unless an auth function says otherwise.

CKAN refuses anonymous people when the context of an action has no user object. CKAN 2.12 puts an object that stands
for nobody (`model.AnonymousUser`) there, which counts as one, so that every auth function that leaves them to CKAN lets
them in. Here each auth function of the suite says it itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult

AuthFunction = Callable[..., AuthResult]


class AnonymousUser(model.AnonymousUser):
    """Nobody, who is false as nobody was before CKAN 2.12: CKAN and other extensions then refuse anonymous people."""

    def __bool__(self) -> bool:
        return False


def person(context: Any) -> model.User | None:
    """Return the person behind the context of an action, None for anonymous people and accounts that are not active."""
    user = context.get("auth_user_obj")
    if not isinstance(user, model.User):
        user = model.User.get(context["user"]) if context.get("user") else None
    return user if user is not None and user.state == model.State.ACTIVE else None


def login_required(function: AuthFunction) -> AuthFunction:
    """Refuse anonymous people before an auth function, chained or not, is asked."""

    @wraps(function)
    def checked(*args: Any) -> AuthResult:
        context = args[-2]
        if person(context) is None:
            return {"success": False, "msg": tk._("Log in first: this is not for anonymous people.")}
        return function(*args)

    return checked


def deny_by_default(functions: Mapping[str, AuthFunction]) -> dict[str, AuthFunction]:
    """Return auth functions for a plugin to register: all but those marked for anonymous people ask for a log-in.

    Args:
        functions: name of the action → auth function; `toolkit.auth_allow_anonymous_access` marks the public ones.
    """
    return {
        name: function if getattr(function, "auth_allow_anonymous_access", False) else login_required(function)
        for name, function in functions.items()
    }


def dataset_readable(context: Any, key: Any) -> AuthResult:
    """Let whoever may read a dataset; for the others there is none, so that nobody learns what is private.

    Raises:
        NotFound: there is no such dataset, or the person may not read it.
    """
    if authz.is_authorized_boolean("package_show", same_person(context), {"id": _existing(key)}):
        return {"success": True}
    raise tk.ObjectNotFound(tk._("Dataset not found"))


def dataset_editable(context: Any, key: Any) -> AuthResult:
    """Let whoever may change a dataset; for those who may not read it there is none.

    Raises:
        NotFound: there is no such dataset, or the person may not read it.
    """
    dataset_readable(context, key)
    return authz.is_authorized("package_update", same_person(context), {"id": str(key)})


def same_person(context: Any) -> Any:
    """Return a context for the person of another one, without what an action keeps there (`package`, `ignore_auth`)."""
    return {key: context[key] for key in ("user", "auth_user_obj") if key in context}


def _existing(key: Any) -> str:
    package = model.Package.get(str(key or ""))
    if package is None:
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    return package.id
