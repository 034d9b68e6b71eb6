"""Files that no row knows: a process that is killed between bringing a file and its commit leaves one behind.

Each run looks at some folders of requests, the next run at the following ones, so that many files cost each run the
same.
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

from ckanext.ecosphere.data_requests import attachments, config
from ckanext.ecosphere.data_requests.answers import deliveries
from ckanext.ecosphere.data_requests.answers.tables import FILE, Delivery
from ckanext.ecosphere.data_requests.model import Attachment

log = logging.getLogger(__name__)

#: Seconds for which a file may wait for its row: no upload takes as long.
OLD_SECONDS = 24 * 3600
#: Folders of requests, and files that wait for theirs, that a run looks at.
MOST_FOLDERS, MOST_WAITING = 500, 1000


def remove() -> int:
    """Remove files that are older than a day and that no row knows; return how many.

    Raises:
        RedisError: where the last run ended is not known.
    """
    folder = config.folder()
    if folder is None or not folder.is_dir():
        return 0
    waiting, folders = _content(folder)
    chosen = _next(folders)
    strays = [*(each for each in waiting[:MOST_WAITING] if _is_old(each)), *_unknown(folder, chosen)]
    return sum(_removed(each) for each in strays)


def _content(folder: Path) -> tuple[list[Path], list[str]]:
    """Files that wait for their place, and names of the folders of requests."""
    waiting, folders = [], []
    with os.scandir(folder) as entries:
        for each in entries:
            if each.is_dir(follow_symlinks=False):
                folders.append(each.name)
            elif each.name.startswith(attachments.WAITING) and each.is_file(follow_symlinks=False):
                waiting.append(Path(each.path))
    return waiting, sorted(folders)


def _next(folders: list[str]) -> list[str]:
    """Folders after those at which the last run looked; from the first one on when it came to the end."""
    connection: Any = connect_to_redis()
    key = f"ecosphere:requests:{tk.config['ckan.site_id']}:stray-files"
    kept = connection.get(key) or b""
    last = kept.decode() if isinstance(kept, bytes) else kept
    chosen = [each for each in folders if each > last][:MOST_FOLDERS]
    is_end = not chosen or chosen[-1] == folders[-1]
    connection.set(key, "" if is_end else chosen[-1])
    return chosen


def _unknown(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Old files in folders of requests that no row knows."""
    old = [each for name in names for each in (folder / name).iterdir() if _is_old(each)]
    if not old:
        return
    requests = {each.parent.name for each in old}
    kept = sa.select(Attachment).where(Attachment.request_id.in_(requests))
    given = sa.select(Delivery).where(Delivery.request_id.in_(requests), Delivery.kind == FILE)
    known = {attachments.path_of(each) for each in model.Session.scalars(kept)}
    known |= {deliveries.path_of(each) for each in model.Session.scalars(given)}
    yield from (each for each in old if each not in known)


def _is_old(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_mtime < time.time() - OLD_SECONDS
    except FileNotFoundError:
        return False  # it was brought to its place, or removed, meanwhile


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        log.exception("A file that no data request knows cannot be removed: %s", path)
        return False
    log.info("A file that no data request knows is removed: %s", path)
    return True
