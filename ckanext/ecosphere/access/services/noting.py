"""The services of saved datasets are noted just before a transaction is committed, once for all that it saves.

A harvest saves many datasets in a transaction: to note those of each for itself took a tenth of its time.
"""

from __future__ import annotations

from typing import Any

from ckan import model
from sqlalchemy import event

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.services import storage

_SAVED, _NEW_SERVICES = f"{__name__}:saved", f"{__name__}:new"


def listen() -> None:
    """Look at each commit and rollback; done once for the whole process."""
    moments = (("before_commit", _note), ("after_commit", _have_read), ("after_rollback", _forget))
    for name, function in moments:
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def saved(package_id: str, *, new: bool) -> None:
    """Have the services of a dataset noted in the transaction in progress.

    Args:
        package_id: the dataset.
        new: whether it is new, so that nothing is noted of it yet.
    """
    session: Any = model.Session()
    waiting = session.info.setdefault(_SAVED, {})
    waiting[package_id] = new and waiting.get(package_id, True)


def _note(session: Any) -> None:
    waiting = session.info.pop(_SAVED, None)
    if not waiting:
        return
    session.flush()
    for new in (True, False):
        ids = [package_id for package_id, is_new in waiting.items() if is_new is new]
        if ids and storage.note(ids, new=new):
            session.info[_NEW_SERVICES] = True


def _have_read(session: Any) -> None:
    if session.info.pop(_NEW_SERVICES, False):
        jobs.want_reading()


def _forget(session: Any) -> None:
    session.info.pop(_SAVED, None)
    session.info.pop(_NEW_SERVICES, None)
