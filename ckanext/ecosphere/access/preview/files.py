"""Files of previews, map images and extracts, below CKAN's storage path; the oldest are removed."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.access import config

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
    return parent / f"{uuid.UUID(resource_id)}.json" if parent and _is_uuid(resource_id) else None


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


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


def keep(made: Path, target: Path) -> None:
    """Move a finished file to its destination, atomically."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(made, target)  # noqa: PTH105 - atomic


def prune() -> int:
    """Remove outdated files, and the oldest ones beyond the sizes configured; return their number."""
    removed = 0
    for name, age in ((WORK, DAY), (EXTRACTS, DAY), (IMAGES, DAY)):
        parent = folder(name)
        for each in list(parent.iterdir()) if parent else []:
            if _modified(each) < time.time() - age:
                shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink(
                    missing_ok=True
                )
                removed += 1
    removed += _prune_beyond(config.cache_megabytes(), SAMPLES, IMAGES)
    return removed + _prune_beyond(config.extract_megabytes(), EXTRACTS)


def _prune_beyond(megabytes: int, *names: str) -> int:
    """Remove the oldest files of some folders beyond a total size; return their number."""
    parents = [parent for name in names if (parent := folder(name))]
    kept = [each for parent in parents for each in parent.iterdir() if each.is_file()]
    left, removed = megabytes * config.MEGABYTE, 0
    for each in sorted(kept, key=_modified, reverse=True):
        try:
            left -= each.stat().st_size
        except OSError:
            continue
        if left < 0:
            each.unlink(missing_ok=True)
            removed += 1
    return removed


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
