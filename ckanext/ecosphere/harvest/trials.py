"""Trials of sources in the background: what a worker found is kept for an hour, outside of the database."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.harvest.pipeline.queue import QUEUE

KEPT_SECONDS = 3600
LIMIT_SECONDS = 600
WAITING, DONE, FAILED = "waiting", "done", "failed"


def start(url: str, source_type: str, config: str, user: str) -> str:
    """Have a source tried by a worker; returns the id of the trial."""
    id_ = str(uuid4())
    _keep(id_, {"state": WAITING, "url": url, "user": user})
    tk.enqueue_job(
        run,
        [id_, url, source_type, config, user],
        title=f"harvest trial {url}"[:200],
        queue=QUEUE,
        rq_kwargs={"timeout": LIMIT_SECONDS},
    )
    return id_


def run(id_: str, url: str, source_type: str, config: str, user: str) -> None:
    """Try a source and keep what was found; runs in a worker."""
    from ckanext.ecosphere.harvest import trial

    base = {"url": url, "user": user}
    try:
        _keep(id_, {**base, "state": DONE, "found": trial.try_source(url, source_type, config)})
    except ValueError as error:
        _keep(id_, {**base, "state": FAILED, "reason": str(error)})
    except Exception:
        _keep(id_, {**base, "state": FAILED, "reason": ""})
        raise


def show(id_: str) -> dict[str, Any]:
    """What is known of a trial.

    Raises:
        ObjectNotFound: nothing, or no longer.
    """
    kept = connect_to_redis().get(_key(id_))
    if kept is None:
        raise tk.ObjectNotFound(tk._("This trial is over and no longer kept: start it again."))
    return json.loads(kept)


def _keep(id_: str, values: dict[str, Any]) -> None:
    connect_to_redis().set(_key(id_), json.dumps(values, ensure_ascii=False), ex=KEPT_SECONDS)


def _key(id_: str) -> str:
    return f"ckan:{tk.config['ckan.site_id']}:ecosphere:harvest:trial:{id_}"
