"""The figures of the whole portal, kept in Redis for a few minutes: to count them costs what the catalogue is large.

A page never waits for them: those that are too old, or those of a large catalogue of which none are there, are counted
in the background. A dataset that becomes private takes the figures away at once; one that was private when they were
counted is not in them and may be saved without.
"""

from __future__ import annotations

import json
import time
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.reports import overview, presentation, progress
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.queue import enqueue_once, have_come, wait_for_many

KEPT_SECONDS = 24 * 3600
"""Time after which figures are given up, should no worker count them anew."""
_MINUTE = 60
_PRIVATE = "private"
"""Part of the key of the ids of the datasets that were private when the figures were counted last."""
_ASKED = "asked"
"""Part of the key of the moment since which a worker has been asked for figures that are not there."""


def show() -> dict[str, Any]:
    """Return the figures (see `overview.overview`) in the reader's language, `config.overview_minutes` old at most
    where a worker runs.

    Raises:
        StillCounted: there are none yet, and many datasets.
    """
    minutes = config.overview_minutes()
    if not minutes:
        return overview.overview()
    spoken = presentation.language()
    kept = _kept(spoken)
    if kept is None:
        wait_for_many(_key(_ASKED), sa.select(QualityRow.package_id), lambda: _ask(spoken))
        return count(spoken)
    if time.time() - kept["counted"] > minutes * _MINUTE:
        _ask(spoken)
    return {**kept["overview"], "rescore": progress.running()}


def _ask(spoken: str) -> bool:
    return enqueue_once(
        recount, [spoken], job_id=f"ecosphere-quality-overview-{spoken}", title="Quality: figures of the portal",
        queue=config.QUEUE,
    )  # fmt: skip


def count(spoken: str) -> dict[str, Any]:
    """Count the figures and keep them for readers of a language."""
    # What is private from now on is not in what is kept, however long the counting takes.
    before, private = _generation(), _private()
    found = overview.overview()
    if before is not None and before == _generation():
        kept = connect_to_redis().pipeline()
        kept.set(_key(spoken), json.dumps({"counted": time.time(), "overview": found}), ex=KEPT_SECONDS)
        kept.delete(_key(_PRIVATE))
        if private:
            kept.sadd(_key(_PRIVATE), *private)
            kept.expire(_key(_PRIVATE), KEPT_SECONDS)
        kept.execute()
        have_come(_key(_ASKED))
    return found


def recount(spoken: str) -> None:
    """Count the figures in the background."""
    with language.speaking(spoken):
        count(spoken)


def forget(private: str = "") -> None:
    """Give the figures up: something in them is no longer public.

    Args:
        private: id of the dataset that is private by now; if it was so when the figures were counted, they stay.
    """
    try:
        if not (private and connect_to_redis().sismember(_key(_PRIVATE), private)):
            connect_to_redis().incr(_key("generation"))
    except RedisError:
        return  # nothing is kept either


def _private() -> list[str]:
    return list(model.Session.scalars(sa.select(model.Package.id).where(model.Package.private.is_(True))))


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
