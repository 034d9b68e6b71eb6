"""The whole catalogue as one CSV file, prepared by a background job: no page waits for it.

A catalogue of up to :data:`MOST_LIVE` datasets is written while it is read.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.schemas.catalogue import inheritance, table
from ckanext.ecosphere.schemas.catalogue.search_iter import found
from ckanext.ecosphere.shared.queue import enqueue_once

MOST_LIVE = 1_000
"""Datasets that are written within a request."""
FRESH_SECONDS = 3_600
"""Age from which on the file is made anew, while the former one is still given."""
JOB_SECONDS = 1_800
JOB = "ecosphere-schemas-catalogue"
QUEUE = "ecosphere:schemas"
PUBLIC = "+dataset_type:dataset +capacity:public"


def path() -> Path | None:
    """Where the file lies: beside the uploads, so that web server and workers see the same; None on a portal that
    stores no files, since others of the machine write where temporary files are."""
    root = str(tk.config.get("ckan.storage_path") or "")
    return Path(root) / "ecosphere" / f"catalogue-{tk.config['ckan.site_id']}.csv" if root else None


def lines(search: dict[str, Any]) -> Iterator[str]:
    """Yield the rows of a search."""
    return table.lines(table.row(inheritance.completed(each), _page(each)) for each in found(search))


def count(search: dict[str, Any]) -> int:
    """Number of datasets of a search."""
    return tk.get_action("package_search")({}, {**search, "rows": 0, "facet": "false"})["count"]


def prepared() -> Path | None:
    """Return the file, None when there is none yet; have it made (anew) when it is missing or old.

    Raises:
        RuntimeError: the portal stores no files.
    """
    file = _place()
    age = time.time() - file.stat().st_mtime if file.exists() else None
    if age is None or age > FRESH_SECONDS:
        enqueue_once(prepare, job_id=JOB, title="Catalogue as CSV", queue=QUEUE, timeout=JOB_SECONDS)
    return file if age is not None else None


def prepare() -> None:
    """Write the file, in one piece: who reads meanwhile gets the former one."""
    file = _place()
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.writelines(lines({"q": "", "fq": PUBLIC}))
        Path(name).chmod(0o644)
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)


def forget() -> None:
    """Remove the file; the next who asks for it has it made anew."""
    if file := path():
        file.unlink(missing_ok=True)


def _place() -> Path:
    file = path()
    if file is None:
        raise RuntimeError("ckan.storage_path is not set")
    return file


def _page(dataset: Any) -> str:
    return tk.url_for("dataset.read", id=dataset["name"], qualified=True, locale="default")
