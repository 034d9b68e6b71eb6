"""Progress of a background rescore, stored in Redis."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis

KEPT_SECONDS = 7 * 24 * 3600
AT_WORK = ("queued", "scoring", "indexing")
SILENT = timedelta(hours=1)  # a run without an update for this long has been stopped


def _key() -> str:
    return f"ecosphere:quality:progress:{tk.config['ckan.site_id']}"


def note(stage: str, done: int, total: int) -> None:
    """Record that `done` of `total` datasets have passed `stage` (queued, scoring, indexing, finished, failed)."""
    state = {"stage": stage, "done": done, "total": total, "at": datetime.now(timezone.utc).isoformat()}
    connect_to_redis().set(_key(), json.dumps(state), ex=KEPT_SECONDS)


def read() -> dict[str, Any] | None:
    """Return the last recorded state, None if there was no rescore for a week."""
    kept: Any = connect_to_redis().get(_key())
    return json.loads(kept) if kept else None


def running() -> dict[str, Any] | None:
    """Return the progress of a rescore in progress, None if there is none.

    Returns:
        `stage` (queued, scoring, indexing), `percent` and `at`; no numbers of datasets, which include private ones.
    """
    state = read()
    if not state or state["stage"] not in AT_WORK:
        return None
    silent = datetime.now(timezone.utc) - datetime.fromisoformat(state["at"])
    if silent > SILENT:
        return None
    percent = 100 * state["done"] // state["total"] if state["total"] else 0
    return {"stage": state["stage"], "percent": percent, "at": state["at"]}
