"""Cache in Redis for the figures of the whole portal, whose computation takes time in proportion to the catalogue.

Pages never wait for them: outdated figures, and missing ones of a large catalogue, are computed in the background. The
cache is dropped at once when a dataset becomes private; one that was already private when they were computed is not
included, and can be saved without dropping it.
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
"""Expiry of cached figures, unless a worker refreshes them."""
_MINUTE = 60
_PRIVATE = "private"
"""Key suffix: ids of the datasets that were private at the last computation."""
_ASKED = "asked"
"""Key suffix: time at which a worker was first asked for missing figures."""


def show() -> dict[str, Any]:
    """Return the figures (see `overview.overview`) in the reader's language.

    If a worker is running, they are at most `config.overview_minutes` old.

    Raises:
        StillCounted: there are none yet, and there are many datasets.
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
    """Compute the figures and cache them for readers of a language."""
    # Do not cache the result if a dataset becomes private during the computation.
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
    """Compute the figures in the background."""
    with language.speaking(spoken):
        count(spoken)


def forget(private: str = "") -> None:
    """Drop the cached figures, since something in them is no longer public.

    Args:
        private: id of the dataset that is now private; the figures are kept if it already was when they were computed.
    """
    try:
        if not (private and connect_to_redis().sismember(_key(_PRIVATE), private)):
            connect_to_redis().incr(_key("generation"))
    except RedisError:
        return  # nothing is cached either


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
