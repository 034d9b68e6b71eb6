"""The whole catalogue as a CSV file, prepared by a background job so that no request waits for it.

Up to :data:`MOST_LIVE` datasets are streamed within the request instead.
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
"""Maximum number of datasets streamed within a request."""
FRESH_SECONDS = 3_600
"""Age from which the file is regenerated; the old one is served meanwhile."""
JOB_SECONDS = 1_800
JOB = "ecosphere-schemas-catalogue"
QUEUE = "ecosphere:schemas"
PUBLIC = "+dataset_type:dataset +capacity:public"


def path() -> Path | None:
    """Return the path of the file, or None on a portal without ``ckan.storage_path``.

    It is beside the uploads, shared by web server and workers. The temporary folder is not used instead, since other
    users of the machine can write there.
    """
    root = str(tk.config.get("ckan.storage_path") or "")
    return Path(root) / "ecosphere" / f"catalogue-{tk.config['ckan.site_id']}.csv" if root else None


def lines(search: dict[str, Any]) -> Iterator[str]:
    """Yield the CSV lines of a search."""
    return table.lines(table.row(inheritance.completed(each), _page(each)) for each in found(search))


def count(search: dict[str, Any]) -> int:
    """Return the number of datasets of a search."""
    return tk.get_action("package_search")({}, {**search, "rows": 0, "facet": "false"})["count"]


def prepared() -> Path | None:
    """Return the file, or None if there is none yet; queue its (re)generation if it is missing or old.

    Raises:
        RuntimeError: ``ckan.storage_path`` is not set.
    """
    file = _place()
    age = time.time() - file.stat().st_mtime if file.exists() else None
    if age is None or age > FRESH_SECONDS:
        enqueue_once(prepare, job_id=JOB, title="Catalogue as CSV", queue=QUEUE, timeout=JOB_SECONDS)
    return file if age is not None else None


def prepare() -> None:
    """Write the file (background job) and replace the old one atomically."""
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
    """Remove the file; it is regenerated at the next request."""
    if file := path():
        file.unlink(missing_ok=True)


def _place() -> Path:
    file = path()
    if file is None:
        raise RuntimeError("ckan.storage_path is not set")
    return file


def _page(dataset: Any) -> str:
    return tk.url_for("dataset.read", id=dataset["name"], qualified=True, locale="default")
