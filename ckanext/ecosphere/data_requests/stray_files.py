"""Removal of files without a row, left behind when a process is killed between moving a file and its commit.

Each run checks some folders of requests and the next run the following ones, which limits the time of a run.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.data_requests import attachments, config, deliveries
from ckanext.ecosphere.data_requests.deliveries import FILE
from ckanext.ecosphere.data_requests.model import Attachment, Delivery

log = logging.getLogger(__name__)

#: Minimum age of a stray file in seconds, longer than any upload.
OLD_SECONDS = 24 * 3600
#: Maximum numbers of folders of requests, and of temporary files, checked in a run.
MOST_FOLDERS, MOST_WAITING = 500, 1000


def remove() -> int:
    """Remove files without a row that are older than a day; return how many.

    Raises:
        RedisError: the position of the last run is unknown.
    """
    folder = config.folder()
    if folder is None or not folder.is_dir():
        return 0
    waiting, folders = _content(folder)
    chosen = _next(folders)
    strays = [
        *(path for path in waiting[:MOST_WAITING] if _is_old(path)),
        *_unknown(folder, chosen),
    ]
    return sum(_removed(path) for path in strays)


def _content(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the temporary files, and the names of the folders of requests."""
    waiting, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.name.startswith(attachments.WAITING) and entry.is_file(
                follow_symlinks=False
            ):
                waiting.append(Path(entry.path))
    return waiting, sorted(folders)


def _next(folders: list[str]) -> list[str]:
    """Return the folders after those of the last run, starting over at the end."""
    connection: Any = connect_to_redis()
    key = f"ecosphere:requests:{tk.config['ckan.site_id']}:stray-files"
    stored = connection.get(key) or b""
    last = stored.decode() if isinstance(stored, bytes) else stored
    chosen = [name for name in folders if name > last][:MOST_FOLDERS]
    is_end = not chosen or chosen[-1] == folders[-1]
    reached = "" if is_end else chosen[-1]
    connection.set(key, reached)
    return chosen


def _unknown(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield old files without a row in folders of requests."""
    old = [path for name in names for path in (folder / name).iterdir() if _is_old(path)]
    if not old:
        return
    requests = {path.parent.name for path in old}
    attached = sa.select(Attachment).where(Attachment.request_id.in_(requests))
    delivered = sa.select(Delivery).where(Delivery.request_id.in_(requests), Delivery.kind == FILE)
    paths = {attachments.path_of(row) for row in model.Session.scalars(attached)}
    paths |= {deliveries.path_of(row) for row in model.Session.scalars(delivered)}
    yield from (path for path in old if path not in paths)


def _is_old(path: Path) -> bool:
    try:
        return (
            path.is_file()
            and not path.is_symlink()
            and path.stat().st_mtime < time.time() - OLD_SECONDS
        )
    except FileNotFoundError:
        return False  # moved to its place, or removed, since


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        log.exception("A file that no data request knows cannot be removed: %s", path)
        return False
    log.info("A file that no data request knows is removed: %s", path)
    return True
