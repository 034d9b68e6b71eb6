"""Defects 10 and 41: concurrent writes are reported as conflicts, and saves of one dataset leave
threads for others.

CKAN checks whether something exists before it creates it, and another request may create it in
between. The database then refuses the second one, which the API of CKAN 2.12.0 answers with an
internal error. The same happens when a vocabulary is deleted that still has tags.

CKAN also locks the row of a dataset that is saved, so that calls which change it wait for each
other, each in a thread of the web server. Whoever finds no place is told to call again, before
anything is written. Not yet accepted.
"""

from __future__ import annotations

import functools
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import ckan.plugins.toolkit as tk
import psycopg2.errors
from ckan import model
from ckan.types import Context, DataDict
from flask import Flask, g
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from ckanext.ecosphere.shared import authorization

log = logging.getLogger(__name__)

ACTION = "api.action"
#: What SQLAlchemy raises when the database refuses a statement, or when a row was changed
#: concurrently.
ERRORS = (DBAPIError, ObjectDeletedError, StaleDataError)
_CHANGED_MEANWHILE = (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure)

MOST_SAVES = 2
"""Calls of a process that may change one dataset at a time: one at work, and one that waits for it.
"""
RETRY_SECONDS = 1
#: Action → its parameter that names the dataset.
OF_DATASET = {
    "package_update": "id",
    "package_patch": "id",
    "package_revise": "match",
    "package_resource_reorder": "id",
    "resource_create": "package_id",
}
OF_RESOURCE = frozenset(["resource_update", "resource_patch", "resource_delete"])
_lock = Lock()
_changed: Counter[str] = Counter()


def conflict_message(error: Exception) -> str:
    """Return what the user is told about a conflict, in their language;
    "" when the error is not a conflict.
    """
    cause = getattr(error, "orig", None)
    if isinstance(cause, psycopg2.errors.UniqueViolation):
        return tk._(
            "The same was saved a moment ago: look whether it is there, and try again if it is not."
        )
    if isinstance(cause, psycopg2.errors.ForeignKeyViolation):
        return tk._(
            "Something still refers to it, or what it refers to is not there any more: look at "
            "both."
        )
    if isinstance(error, ObjectDeletedError | StaleDataError) or isinstance(
        cause, _CHANGED_MEANWHILE
    ):
        return tk._(
            "Somebody else changed or removed it at the same moment: look at it, and try again if "
            "need be."
        )
    return ""


def report_over_api(app: Flask) -> None:
    """Make the action API of an application answer conflicts with a message and the status 409, for
    every action.

    The first API call does this, once per application: CKAN registers its own views after those of
    plugins.
    """
    # CKAN loads views from their files: the module that answers is not always the one that `import`
    # returns.
    names: Any = getattr(app.view_functions[ACTION], "__globals__", {})
    if not isinstance(names["get_action"], _Actions):
        names["get_action"] = _Actions(names["get_action"])


class _Actions:
    """CKAN's `get_action`, whose actions report conflicts."""

    def __init__(self, original: Callable[[str], Callable[..., Any]]) -> None:
        self._original = original

    def __call__(self, name: str) -> Callable[..., Any]:
        return _reporting_conflicts(limited_by_dataset(name, self._original(name)))


def _reporting_conflicts(action: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(action)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return action(*args, **kwargs)
        except ERRORS as error:
            model.Session.rollback()
            if not (message := conflict_message(error)):
                raise
            log.warning(
                "Conflict with a concurrent request: %s", str(error).strip().splitlines()[:1]
            )
            raise tk.ValidationError({"message": [message]}) from error

    return wrapper


def limited_by_dataset(name: str, action: Callable[..., Any]) -> Callable[..., Any]:
    """Return an action of CKAN, which is refused if too many calls
    are changing the same dataset.
    """
    if name not in OF_DATASET and name not in OF_RESOURCE:
        return action

    @functools.wraps(action)
    def wrapper(context: Context, data_dict: DataDict) -> Any:
        dataset_id = _dataset(name, data_dict)
        if not dataset_id or not _may_change(context, dataset_id):
            return action(context, data_dict)  # which refuses it; nobody's place is taken
        with _place(dataset_id):
            return action(context, data_dict)

    return wrapper


def _may_change(context: Context, dataset_id: str) -> bool:
    try:
        return bool(authorization.dataset_editable(context, dataset_id).get("success"))
    except tk.ObjectNotFound:
        return False


@contextmanager
def _place(dataset_id: str) -> Iterator[None]:
    with _lock:
        if _changed[dataset_id] >= MOST_SAVES:
            g.ecosphere_retry_after = RETRY_SECONDS
            message = tk._(
                "This dataset is being saved by several people at once: nothing was changed. Try "
                "again."
            )
            raise tk.ValidationError({"message": [message]})
        _changed[dataset_id] += 1
    try:
        yield
    finally:
        with _lock:
            _changed[dataset_id] -= 1
            if not _changed[dataset_id]:
                del _changed[dataset_id]


def _dataset(name: str, data_dict: DataDict) -> str:
    """Return the id of the dataset that a call changes, "" if there is none."""
    if name in OF_RESOURCE:
        resource = model.Resource.get(str(data_dict.get("id") or ""))
        if resource:
            return str(resource.package_id or "")
        return ""
    key: Any = data_dict.get(OF_DATASET[name])
    if isinstance(key, Mapping):
        key = key.get("id") or key.get("name")
    elif name == "package_revise":
        key = data_dict.get("match__id") or data_dict.get("match__name")
    dataset = model.Package.get(str(key or ""))
    if dataset:
        return dataset.id
    return ""
