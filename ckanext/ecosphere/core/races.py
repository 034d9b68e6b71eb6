"""Of two people who save the same at one moment, the one who comes second is told so, over the API as on pages.

CKAN looks whether something is there, and makes it when it is not; between the two somebody else may have made it. The
database refuses the second, of which the API of CKAN 2.12.0 makes an internal error. So it does of a vocabulary that is
deleted while it has terms.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import psycopg2.errors
from ckan import model
from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

log = logging.getLogger(__name__)

ACTION = "api.action"
#: What SQLAlchemy raises when a row changed under it, beside what the database says.
ERRORS = (DBAPIError, ObjectDeletedError, StaleDataError)
_CHANGED = (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure)


def sentence(error: Exception) -> str:
    """Say what happened to whoever came second, in the language of the reader; "" for any other error."""
    cause = getattr(error, "orig", None)
    if isinstance(cause, psycopg2.errors.UniqueViolation):
        return tk._("The same was saved a moment ago: look whether it is there, and try again if it is not.")
    if isinstance(cause, psycopg2.errors.ForeignKeyViolation):
        return tk._("Something still refers to it, or what it refers to is not there any more: look at both.")
    if isinstance(error, ObjectDeletedError | StaleDataError) or isinstance(cause, _CHANGED):
        return tk._("Somebody else changed or removed it at the same moment: look at it, and try again if need be.")
    return ""


def tell_over_api(app: Flask) -> None:
    """Have the action API of an application answer with a sentence, and the status 409, whatever the action.

    Done once for an application, by its first call: CKAN loads its own pages after those of plugins.
    """
    # It loads them by their files: the module that answers may not be the one that `import` gives.
    names: Any = getattr(app.view_functions[ACTION], "__globals__", {})
    if not isinstance(names["get_action"], _Actions):
        names["get_action"] = _Actions(names["get_action"])


class _Actions:
    """CKAN's `get_action`, whose actions say what happened to whoever came second."""

    def __init__(self, original: Callable[[str], Callable[..., Any]]) -> None:
        self._original = original

    def __call__(self, name: str) -> Callable[..., Any]:
        return _telling(self._original(name))


def _telling(action: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(action)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return action(*args, **kwargs)
        except ERRORS as error:
            model.Session.rollback()
            if not (told := sentence(error)):
                raise
            log.warning("At the same moment as somebody else: %s", str(error).strip().splitlines()[:1])
            raise tk.ValidationError({"message": [told]}) from error

    return wrapper
