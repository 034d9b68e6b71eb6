"""What somebody who is not logged in typed waits for their log-in, on the server: cookies are small and may be read.

It waits in Redis, which holds jobs and sessions as well: so many from one address, so many in all, and not for long.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping

import ckan.plugins.toolkit as tk
import redis
from ckan.common import session
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.data_requests import throttle

TOKEN = "ecosphere_request_kept"  # noqa: S105 - where the session has it
SECONDS = 2 * 3600
#: With the next one, 30 MB of Redis at most.
MOST_BYTES = 60_000
MOST_FORMS = 500


def keep(values: Mapping[str, str]) -> None:
    """Keep the fields of a form for the reader's session; what was kept for it before is replaced.

    Raises:
        ValidationError: nothing is kept: too many forms came from this address, too many wait, this one is too long,
            or Redis is away.
    """
    throttle.form_kept()
    written = json.dumps(dict(values))
    if len(written) > MOST_BYTES:
        raise tk.ValidationError({"message": [tk._("The text is too long to be kept: log in first, then ask.")]})
    token = session.get(TOKEN) or secrets.token_urlsafe(24)
    try:
        connection = connect_to_redis()
        connection.zremrangebyscore(_all(), 0, time.time())
        if connection.zcard(_all()) >= MOST_FORMS and connection.zscore(_all(), token) is None:
            raise tk.ValidationError({"message": [_not_now()]})
        pipeline = connection.pipeline()
        pipeline.zadd(_all(), {token: time.time() + SECONDS})
        pipeline.expire(_all(), SECONDS)
        pipeline.set(_key(token), written, ex=SECONDS)
        pipeline.execute()
    except redis.RedisError:
        raise tk.ValidationError({"message": [_not_now()]}) from None
    session[TOKEN] = token


def kept() -> dict[str, str]:
    """Return what the reader typed before the log-in, nothing when they did not."""
    token = session.get(TOKEN)
    written = connect_to_redis().get(_key(token)) if token else None
    return json.loads(written) if written else {}  # pyright: ignore[reportArgumentType]


def forget() -> None:
    """Forget what was kept for the reader."""
    token = session.pop(TOKEN, None)
    if token:
        connect_to_redis().delete(_key(token))
        connect_to_redis().zrem(_all(), token)


def _not_now() -> str:
    return tk._("What you typed cannot be kept at the moment: log in first, then send the form again.")


def _key(token: str) -> str:
    return f"ecosphere:requests:kept:{tk.config['ckan.site_id']}:{token}"


def _all() -> str:
    """A sorted set: token → when it expires, in seconds since 1970."""
    return f"ecosphere:requests:{tk.config['ckan.site_id']}:kept"
