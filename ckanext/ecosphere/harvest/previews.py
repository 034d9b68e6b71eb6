"""Run source previews in background jobs, and keep their results in Redis for an hour.

Previews share the queue of the harvests, so each user may have only a few of them waiting or running. Their ids are
kept in a sorted set per user, each with the time at which it stops counting, whatever happened to its worker.
"""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.harvest import config as options
from ckanext.ecosphere.harvest.worker.queue import QUEUE

KEPT_SECONDS = 3600
SLACK_SECONDS = 60
"""Time allowed to a worker beyond the reading, to start and to describe the result."""
LONGEST_FORM = 100_000
"""Maximum length of a form that is kept, in characters."""
WAITING, DONE, FAILED = "waiting", "done", "failed"


def start(url: str, source_type: str, config: str, user: str) -> str:
    """Enqueue the preview of a source and return its id.

    Raises:
        ValidationError: too many previews of this user are waiting or running.
    """
    id_ = str(uuid4())
    if not _admit(id_, user):
        message = tk._("Several of your tests of sources are waiting or running: wait until one of them is over.")
        raise tk.ValidationError({"url": [message]})
    _keep(id_, {"state": WAITING, "url": url, "user": user})
    tk.enqueue_job(
        run,
        [id_, url, source_type, config, user],
        title=f"harvest trial {url}"[:200],
        queue=QUEUE,
        rq_kwargs={"timeout": _limit_seconds()},
    )
    return id_


def run(id_: str, url: str, source_type: str, config: str, user: str) -> None:
    """Preview a source and store the result; runs in a worker.

    A preview that waited until it expired is dropped, since its result is no longer expected.
    """
    from ckanext.ecosphere.harvest import preview

    redis = connect_to_redis()
    if not redis.exists(_key(id_)):
        return
    redis.zadd(_of(user), {id_: time.time() + _limit_seconds()}, xx=True)
    base = {"url": url, "user": user}
    try:
        _keep(id_, {**base, "state": DONE, "found": preview.try_source(url, source_type, config)})
    except ValueError as error:
        _keep(id_, {**base, "state": FAILED, "reason": str(error)})
    except Exception:
        _keep(id_, {**base, "state": FAILED, "reason": ""})
        raise
    finally:
        _leave(id_, user)


def keep_form(id_: str, form: dict[str, str]) -> None:
    """Keep the form of a new source as long as its preview, to save it afterwards; drop one that is too long."""
    text = json.dumps(form, ensure_ascii=False)
    if len(text) <= LONGEST_FORM:
        connect_to_redis().set(f"{_key(id_)}:form", text, ex=KEPT_SECONDS)


def form_of(id_: str) -> dict[str, str]:
    """Return the form of the source of a preview; empty if none was kept."""
    return json.loads(connect_to_redis().get(f"{_key(id_)}:form") or "{}")


def show(id_: str) -> dict[str, Any]:
    """Return the state of a preview.

    Raises:
        ObjectNotFound: there is none, or it has expired.
    """
    kept = connect_to_redis().get(_key(id_))
    if kept is None:
        raise tk.ObjectNotFound(tk._("This trial is over and no longer kept: start it again."))
    return json.loads(kept)


def _admit(id_: str, user: str) -> bool:
    """Register a preview of a user, unless they have too many; of two concurrent ones, both may be refused."""
    key, moment = _of(user), time.time()
    with connect_to_redis().pipeline() as batch:
        batch.zremrangebyscore(key, "-inf", moment)
        batch.zadd(key, {id_: moment + KEPT_SECONDS})
        batch.zcard(key)
        batch.expire(key, 2 * KEPT_SECONDS)
        number = batch.execute()[2]
    if number > options.previews_per_person():
        _leave(id_, user)
        return False
    return True


def _leave(id_: str, user: str) -> None:
    connect_to_redis().zrem(_of(user), id_)


def _limit_seconds() -> int:
    return options.preview_bounds().seconds + SLACK_SECONDS


def _of(user: str) -> str:
    return f"ckan:{tk.config['ckan.site_id']}:ecosphere:harvest:trials-of:{user}"


def _keep(id_: str, values: dict[str, Any]) -> None:
    connect_to_redis().set(_key(id_), json.dumps(values, ensure_ascii=False), ex=KEPT_SECONDS)


def _key(id_: str) -> str:
    return f"ckan:{tk.config['ckan.site_id']}:ecosphere:harvest:trial:{id_}"
