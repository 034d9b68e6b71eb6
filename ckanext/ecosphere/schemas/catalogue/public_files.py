"""Invalidate the cached files about public datasets (site map, table of the catalogue) when one is no longer public.

They are invalidated at once and again after the commit, since a request in between caches what is still public.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict
from sqlalchemy import event

from ckanext.ecosphere.schemas.catalogue import prepared_file, sitemap


def forget() -> None:
    """Invalidate the cached files, now and once the transaction is committed."""
    session: Any = model.Session()
    session.info[__name__] = True
    _forget()


@tk.chained_action
def dataset_purge(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Purge a dataset and invalidate the cached files: CKAN's action calls no plugin hook."""
    result = original(context, data_dict)
    _forget()
    return result


def listen() -> None:
    """Register the listeners of commits and rollbacks, once per process."""
    for name, function in (("after_commit", _committed), ("after_rollback", _undone)):
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def _committed(session: Any) -> None:
    if session.info.pop(__name__, None):
        _forget()


def _undone(session: Any) -> None:
    session.info.pop(__name__, None)


def _forget() -> None:
    prepared_file.forget()
    sitemap.forget()
