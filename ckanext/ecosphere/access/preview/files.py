"""Files of previews, map images and extracts, below CKAN's storage path; the oldest are removed.

Previews and extracts may be in an object storage instead (`shared.stored_files`), where it is its
rules that remove the oldest. Map images stay on each server.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.access import config
from ckanext.ecosphere.shared.config import MEGABYTE

#: Module that does the jobs in the confined process.
READER = "ckanext.ecosphere.access.preview.reader"
SAMPLES, IMAGES, EXTRACTS, WORK = "samples", "images", "extracts", "work"
DAY = 86_400


def folder(name: str) -> Path | None:
    """Return one of the folders, created if missing; None if ``ckan.storage_path`` is not set."""
    root = str(tk.config.get("ckan.storage_path") or "")
    if not root:
        return None
    path = Path(root) / "ecosphere_access" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def sample_file(resource_id: str) -> Path | None:
    """Return the path of a preview, which may not exist; None if there can be none."""
    parent = folder(SAMPLES)
    if parent is None:
        return None
    try:
        return parent / f"{uuid.UUID(resource_id)}.json"
    except ValueError:
        return None


@contextmanager
def working() -> Iterator[Path]:
    """Provide a working folder for a job, on the same file system; removed afterwards.

    Raises:
        RuntimeError: ``ckan.storage_path`` is not set.
    """
    parent = folder(WORK)
    if parent is None:
        raise RuntimeError("ckan.storage_path is not set")
    path = parent / uuid.uuid4().hex
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def prune() -> int:
    """Remove outdated files, and the oldest ones beyond the sizes configured.

    Return their number.
    """
    removed = 0
    for path in _in_folders(WORK, EXTRACTS, IMAGES):
        if _modified(path) >= time.time() - DAY:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed += 1
    removed += _prune_beyond(config.cache_megabytes(), SAMPLES, IMAGES)
    return removed + _prune_beyond(config.extract_megabytes(), EXTRACTS)


def _in_folders(*names: str) -> list[Path]:
    paths: list[Path] = []
    for parent in filter(None, map(folder, names)):
        paths += parent.iterdir()
    return paths


def _prune_beyond(megabytes: int, *names: str) -> int:
    """Remove the oldest files of some folders beyond a total size; return their number."""
    room, removed = megabytes * MEGABYTE, 0
    for path in sorted(_in_folders(*names), key=_modified, reverse=True):
        try:
            room -= path.stat().st_size
        except OSError:
            continue
        if room < 0 and path.is_file():
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
