"""The figures of the whole portal, kept in Redis for a few minutes: to count them costs what the catalogue is large.

A page never waits for them when figures are there: those that are too old are counted anew in the background. A
dataset that becomes private takes the figures away at once.
"""

from __future__ import annotations

import json
import time
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.reports import overview, presentation, progress
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.queue import enqueue_once

KEPT_SECONDS = 24 * 3600
"""Time after which figures are given up, should no worker count them anew."""
_MINUTE = 60


def show() -> dict[str, Any]:
    """Return the figures (see `overview.overview`) in the reader's language, `config.overview_minutes` old at most
    where a worker runs."""
    minutes = config.overview_minutes()
    if not minutes:
        return overview.overview()
    spoken = presentation.language()
    kept = _kept(spoken)
    if kept is None:
        return count(spoken)
    if time.time() - kept["counted"] > minutes * _MINUTE:
        enqueue_once(
            recount, [spoken], job_id=f"ecosphere-quality-overview-{spoken}", title="Quality: figures of the portal",
            queue=config.QUEUE,
        )  # fmt: skip
    return {**kept["overview"], "rescore": progress.running()}


def count(spoken: str) -> dict[str, Any]:
    """Count the figures and keep them for readers of a language."""
    # What is private from now on is not in what is kept, however long the counting takes.
    before = _generation()
    found = overview.overview()
    if before is not None and before == _generation():
        connect_to_redis().set(_key(spoken), json.dumps({"counted": time.time(), "overview": found}), ex=KEPT_SECONDS)
    return found


def recount(spoken: str) -> None:
    """Count the figures in the background."""
    with language.speaking(spoken):
        count(spoken)


def forget() -> None:
    """Give the figures up: something in them is no longer public."""
    try:
        connect_to_redis().incr(_key("generation"))
    except RedisError:
        return  # nothing is kept either


def _kept(spoken: str) -> dict[str, Any] | None:
    try:
        kept: Any = connect_to_redis().get(_key(spoken))
    except RedisError:
        return None
    return json.loads(kept) if kept else None


def _generation() -> int | None:
    try:
        kept: Any = connect_to_redis().get(_key("generation"))
    except RedisError:
        return None
    return int(kept or 0)


def _key(name: str) -> str:
    generation = "" if name == "generation" else f":{_generation()}"
    return f"ecosphere:quality:overview:{tk.config['ckan.site_id']}{generation}:{name}"
