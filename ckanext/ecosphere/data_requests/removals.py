"""Files that follow the database transaction: deleted on commit, or deleted on rollback if they were just added.

Files to delete are recorded in the transaction that deletes their rows, and deleted after the commit: a rollback loses
no file, and a failed deletion is tried again by the scheduled run. Added files are deleted on rollback, as without a
row they would never be deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import MOMENT

log = logging.getLogger(__name__)

AT_ONCE = 1000
_TO_REMOVE, _BROUGHT = f"{__name__}.to_remove", f"{__name__}.brought"
#: Delay after which `check` reports a file that is still there.
LATE = timedelta(days=1)


class Removal(tk.BaseModel):
    """A file to delete.

    Attributes:
        path: relative to the folder of the files of requests.
        asked: when its deletion was requested.
    """

    __tablename__ = "ecosphere_requests_removal"

    path: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    asked: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


def ask(paths: Iterable[Path]) -> None:
    """Delete files once the transaction is committed. Nothing is committed here."""
    folder = config.folder()
    if folder is None:
        return
    session: Any = model.Session()
    for each in paths:
        session.merge(Removal(path=str(each.relative_to(folder)), asked=clock.now()))
        session.info.setdefault(_TO_REMOVE, []).append(each)


def bring(path: Path, place: Path) -> None:
    """Move a file to its place; it is deleted if the transaction is rolled back."""
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    session: Any = model.Session()
    session.info.setdefault(_BROUGHT, []).append(place)


def listen() -> None:
    """Register listeners for commits and rollbacks; once for each process."""
    for name, function in (("after_commit", _committed), ("after_rollback", _undone)):
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def _committed(session: Any) -> None:
    session.info.pop(_BROUGHT, None)
    for each in session.info.pop(_TO_REMOVE, ()):
        _remove(each)


def _undone(session: Any) -> None:
    session.info.pop(_TO_REMOVE, None)
    for each in session.info.pop(_BROUGHT, ()):
        _remove(each)


def _remove(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        log.exception("A file of a data request cannot be removed; it is tried again: %s", path)
        return False
    return True


def finish() -> int:
    """Delete the recorded files that remain, and their records; return how many.

    Raises:
        OSError: some files could not be deleted; they stay recorded for the next run.
    """
    folder, done, left = config.folder(), 0, 0
    if folder is None:
        return 0
    seen = ""
    while rows := model.Session.scalars(
        sa.select(Removal).where(Removal.path > seen).order_by(Removal.path).limit(AT_ONCE)
    ).all():
        seen = rows[-1].path
        for row in rows:
            if _remove(folder / row.path):
                model.Session.delete(row)
                done += 1
            else:
                left += 1
        model.Session.commit()
    if left:
        raise OSError(f"{left} files of data requests cannot be removed from {folder}")
    return done


def late() -> int:
    """Return the number of files that should have been deleted more than a day ago."""
    query = sa.select(sa.func.count()).select_from(Removal).where(Removal.asked < clock.now() - LATE)
    return model.Session.scalar(query) or 0
