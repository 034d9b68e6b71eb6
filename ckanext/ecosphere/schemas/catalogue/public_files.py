"""Invalidate cached files of the public datasets (sitemap, CSV catalogue) when a dataset is no longer public.

They are discarded at once and again after the commit, since a request in between would cache the old state again.
"""

from __future__ import annotations

from typing import Any

from ckan import model
from sqlalchemy import event

from ckanext.ecosphere.schemas.catalogue import prepared_file, sitemap


def forget() -> None:
    """Discard the cached files, now and after the commit of the current transaction."""
    session: Any = model.Session()
    session.info[__name__] = True
    _forget()


def listen() -> None:
    """Listen for commits and rollbacks; idempotent."""
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
