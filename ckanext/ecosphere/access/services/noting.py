"""Record the services of saved datasets in one go, just before the transaction is committed.

A harvest saves many datasets per transaction; recording their services one dataset at a time took 10 % of its time.
"""

from __future__ import annotations

from typing import Any

from ckan import model
from sqlalchemy import event

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.services import naming, storage

_SAVED, _NEW_SERVICES, _NAMELESS = f"{__name__}:saved", f"{__name__}:new", f"{__name__}:nameless"


def listen() -> None:
    """Listen for commits and rollbacks; idempotent."""
    moments = (("before_commit", _note), ("after_commit", _have_read), ("after_rollback", _forget))
    for name, function in moments:
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def saved(package_id: str, *, new: bool) -> None:
    """Schedule the recording of a dataset's services at the end of the current transaction.

    Args:
        package_id: id of the dataset.
        new: whether it is new, see `storage.note`.
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
    [package_id, *others] = waiting
    if not others and naming.nameless(
        package_id
    ):  # several at once: a harvest, which names its own
        session.info[_NAMELESS] = package_id


def _have_read(session: Any) -> None:
    if session.info.pop(_NEW_SERVICES, False):
        jobs.READ.enqueue()
    if package_id := session.info.pop(_NAMELESS, ""):
        jobs.want_names(package_id)


def _forget(session: Any) -> None:
    session.info.pop(_SAVED, None)
    session.info.pop(_NEW_SERVICES, None)
    session.info.pop(_NAMELESS, None)
