"""Conflicts between concurrent writes, reported as such over the API and on pages.

CKAN checks whether something exists before it creates it, and another request may create it in between. The database
then refuses the second one, which the API of CKAN 2.12.0 answers with an internal error. The same happens when a
vocabulary is deleted that still has tags.
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

from ckanext.ecosphere.shared.web_guard import busy_datasets

log = logging.getLogger(__name__)

ACTION = "api.action"
#: What SQLAlchemy raises when the database refuses a statement, or when a row was changed concurrently.
ERRORS = (DBAPIError, ObjectDeletedError, StaleDataError)
_CHANGED = (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure)


def conflict_message(error: Exception) -> str:
    """Return what the user is told about a conflict, in their language; "" when the error is not a conflict."""
    cause = getattr(error, "orig", None)
    if isinstance(cause, psycopg2.errors.UniqueViolation):
        return tk._("The same was saved a moment ago: look whether it is there, and try again if it is not.")
    if isinstance(cause, psycopg2.errors.ForeignKeyViolation):
        return tk._("Something still refers to it, or what it refers to is not there any more: look at both.")
    if isinstance(error, ObjectDeletedError | StaleDataError) or isinstance(cause, _CHANGED):
        return tk._("Somebody else changed or removed it at the same moment: look at it, and try again if need be.")
    return ""


def report_over_api(app: Flask) -> None:
    """Make the action API of an application answer conflicts with a message and the status 409, for every action.

    The first API call does this, once per application: CKAN registers its own views after those of plugins.
    """
    # CKAN loads views from their files: the module that answers is not always the one that `import` returns.
    names: Any = getattr(app.view_functions[ACTION], "__globals__", {})
    if not isinstance(names["get_action"], _Actions):
        names["get_action"] = _Actions(names["get_action"])


class _Actions:
    """CKAN's `get_action`, whose actions report conflicts."""

    def __init__(self, original: Callable[[str], Callable[..., Any]]) -> None:
        self._original = original

    def __call__(self, name: str) -> Callable[..., Any]:
        return _reporting_conflicts(busy_datasets.limited(name, self._original(name)))


def _reporting_conflicts(action: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(action)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return action(*args, **kwargs)
        except ERRORS as error:
            model.Session.rollback()
            if not (message := conflict_message(error)):
                raise
            log.warning("Conflict with a concurrent request: %s", str(error).strip().splitlines()[:1])
            raise tk.ValidationError({"message": [message]}) from error

    return wrapper
