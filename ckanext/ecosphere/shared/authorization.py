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
from ckan import model
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
