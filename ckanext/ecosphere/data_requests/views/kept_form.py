"""What anonymous users typed in the form of a new request, stored until they log in.

It is in Redis, since cookies are small and can be read. Redis also holds jobs and sessions, so the number of forms is
limited by IP address and in total, as is their lifetime.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping

import ckan.plugins.toolkit as tk
import redis
from ckan.common import _, session
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.data_requests.domain import trust

TOKEN = "ecosphere_request_kept"  # noqa: S105 - key in the session
SECONDS = 2 * 3600
#: Size and number of stored forms: 30 MB of Redis at most.
MOST_BYTES = 60_000
MOST_FORMS = 500


def keep(values: Mapping[str, str]) -> None:
    """Store the fields of a form for the user's session, replacing an earlier one.

    Raises:
        ValidationError: nothing is stored: too many forms from this IP address or in total, a form too long, or Redis
            not available.
    """
    trust.count_form()
    written = json.dumps(dict(values))
    if len(written) > MOST_BYTES:
        message = _("The text is too long to be kept: log in first, then ask.")
        raise tk.ValidationError({"message": [message]})
    token = session.get(TOKEN) or secrets.token_urlsafe(24)
    all_forms = _all_kept()
    try:
        connection = connect_to_redis()
        connection.zremrangebyscore(all_forms, 0, time.time())
        is_new = connection.zscore(all_forms, token) is None
        if is_new and connection.zcard(all_forms) >= MOST_FORMS:
            raise tk.ValidationError({"message": [_not_now()]})
        pipeline = connection.pipeline()
        pipeline.zadd(all_forms, {token: time.time() + SECONDS})
        pipeline.expire(all_forms, SECONDS)
        pipeline.set(_key_of_kept(token), written, ex=SECONDS)
        pipeline.execute()
    except redis.RedisError:
        raise tk.ValidationError({"message": [_not_now()]}) from None
    session[TOKEN] = token


def get() -> dict[str, str]:
    """Return the form stored for the user, empty without one."""
    token = session.get(TOKEN)
    written = connect_to_redis().get(_key_of_kept(token)) if token else None
    if not written:
        return {}
    return json.loads(written)  # pyright: ignore[reportArgumentType]


def forget() -> None:
    """Delete the form stored for the user."""
    token = session.pop(TOKEN, None)
    if token:
        connect_to_redis().delete(_key_of_kept(token))
        connect_to_redis().zrem(_all_kept(), token)


def _not_now() -> str:
    return _("What you typed cannot be kept at the moment: log in first, then send the form again.")


def _key_of_kept(token: str) -> str:
    return f"ecosphere:requests:kept:{tk.config['ckan.site_id']}:{token}"


def _all_kept() -> str:
    """Return the key of a sorted set: token → time of expiry, in seconds since 1970."""
    return f"ecosphere:requests:{tk.config['ckan.site_id']}:kept"
