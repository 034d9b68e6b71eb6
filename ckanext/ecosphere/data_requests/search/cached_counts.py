"""Redis cache of the facet counts of the unfiltered public list, whose cost grows with the number of all requests.

Counts are kept until a request changes, and for a minute at most, since changes made outside the ORM session (SQL, jobs
that anonymise) are not noticed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from sqlalchemy import event

from ckanext.ecosphere.data_requests.model import Request

SECONDS = 60
Counts = tuple[dict[str, dict[str, int]], int]
"""Facet → value → number, and the total number."""


def counts(count: Callable[[], Counts]) -> Counts:
    """Return the cached counts, or else compute them.

    Args:
        count: function that computes them.
    """
    try:
        connection: Any = connect_to_redis()
        generation = int(connection.get(_key("generation")) or 0)
        kept = connection.get(_key(generation))
    except RedisError:
        return count()
    if kept:
        by_facet, total = json.loads(kept)
        return by_facet, total
    found = count()
    with suppress(RedisError):
        # Should a request change meanwhile, nobody asks for this generation any more.
        connection.set(_key(generation), json.dumps(found), ex=SECONDS)
    return found


def listen() -> None:
    """Register listeners for committed changes of requests; once for each process."""
    for name, function in (("after_flush", _flushed), ("after_commit", _committed), ("after_rollback", _forgotten)):
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def _flushed(session: Any, _context: Any) -> None:
    if any(isinstance(each, Request) for each in (*session.new, *session.dirty, *session.deleted)):
        session.info[__name__] = True


def _committed(session: Any) -> None:
    if session.info.pop(__name__, False):
        forget()


def forget() -> None:
    """Invalidate the cached counts."""
    try:
        connect_to_redis().incr(_key("generation"))
    except RedisError:
        return  # nothing is cached either


def _forgotten(session: Any) -> None:
    session.info.pop(__name__, None)


def _key(name: str | int) -> str:
    return f"ecosphere:requests:{tk.config['ckan.site_id']}:counts:{name}"
