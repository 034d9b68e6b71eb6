"""Turn database errors caused by concurrent writes into HTTP 409 answers with a readable message.

CKAN checks whether a row exists before it inserts one. If another request inserts it in between, PostgreSQL refuses the
second insert, and the API of CKAN 2.12.0 answers with an internal error. The same happens when a vocabulary that still
has tags is deleted.
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
#: Errors of the database, and those that SQLAlchemy raises itself when a row has changed or gone.
ERRORS = (DBAPIError, ObjectDeletedError, StaleDataError)
_CHANGED = (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure)


def sentence(error: Exception) -> str:
    """Return a message for the user whose write lost the race, in the current language; "" for any other error."""
    cause = getattr(error, "orig", None)
    if isinstance(cause, psycopg2.errors.UniqueViolation):
        return tk._("The same was saved a moment ago: look whether it is there, and try again if it is not.")
    if isinstance(cause, psycopg2.errors.ForeignKeyViolation):
        return tk._("Something still refers to it, or what it refers to is not there any more: look at both.")
    if isinstance(error, ObjectDeletedError | StaleDataError) or isinstance(cause, _CHANGED):
        return tk._("Somebody else changed or removed it at the same moment: look at it, and try again if need be.")
    return ""


def tell_over_api(app: Flask) -> None:
    """Make the action API answer such errors with a message and status 409, whatever the action.

    Applied on the first API call of each application, because CKAN registers its own views after those of plugins.
    """
    # CKAN loads its views from their files: the module that answers may not be the one that `import` returns.
    names: Any = getattr(app.view_functions[ACTION], "__globals__", {})
    if not isinstance(names["get_action"], _Actions):
        names["get_action"] = _Actions(names["get_action"])


class _Actions:
    """Wrapper of CKAN's `get_action` whose actions raise readable errors on concurrent writes."""

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
