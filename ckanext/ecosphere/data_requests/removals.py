"""Files go and come with the transaction that says so.

Those that are to be removed are written down in the transaction that forgets them, and removed once it is committed:
one that is undone loses no file, and a file that cannot be removed just now is tried again by the clock. Those that
are brought are removed when the transaction is undone: what no row knows would never be forgotten.
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
#: After this long a file that is still there is told by `check`.
LATE = timedelta(days=1)


class Removal(tk.BaseModel):
    """A file that is to be removed.

    Attributes:
        path: below the folder of the room.
        asked: moment when the people of the file were forgotten.
    """

    __tablename__ = "ecosphere_requests_removal"

    path: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    asked: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


def ask(paths: Iterable[Path]) -> None:
    """Have files of the room removed once the transaction is committed. Nothing is committed here."""
    folder = config.folder()
    if folder is None:
        return
    session: Any = model.Session()
    for each in paths:
        session.merge(Removal(path=str(each.relative_to(folder)), asked=clock.now()))
        session.info.setdefault(_TO_REMOVE, []).append(each)


def bring(path: Path, place: Path) -> None:
    """Move a file to its place in the folder of the room; it goes again when the transaction is undone."""
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    session: Any = model.Session()
    session.info.setdefault(_BROUGHT, []).append(place)


def listen() -> None:
    """Look at each commit and rollback; done once for the whole process."""
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
    """Remove what is still to be removed, and forget what is gone; return how many files that makes.

    Raises:
        OSError: files are still there; they stay written down, and are tried again the next time.
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
    """Return how many files should have been removed a day ago."""
    query = sa.select(sa.func.count()).select_from(Removal).where(Removal.asked < clock.now() - LATE)
    return model.Session.scalar(query) or 0
