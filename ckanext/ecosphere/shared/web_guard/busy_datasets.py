"""Calls of the API that change one dataset at the same time: few, so that threads remain for everybody else.

CKAN locks the row of the dataset, so that such calls wait for each other, each in a thread of the web server. Whoever
finds no place is told to call again, before anything is written.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict
from flask import g

from ckanext.ecosphere.shared import authorization

MOST = 2
"""Calls of a process that may change one dataset at a time: one at work, and one that waits for it."""
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


def limited(name: str, action: Callable[..., Any]) -> Callable[..., Any]:
    """Return an action of CKAN, which is refused if too many calls are changing the same dataset."""
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
        if _changed[dataset_id] >= MOST:
            g.ecosphere_retry_after = RETRY_SECONDS
            message = tk._("This dataset is being saved by several people at once: nothing was changed. Try again.")
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
        return str(resource.package_id or "") if resource else ""
    named: Any = data_dict.get(OF_DATASET[name])
    if isinstance(named, Mapping):
        named = named.get("id") or named.get("name")
    elif name == "package_revise":
        named = data_dict.get("match__id") or data_dict.get("match__name")
    dataset = model.Package.get(str(named or ""))
    return dataset.id if dataset else ""
