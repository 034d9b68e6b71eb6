"""How much one person, and one network address, may send: counted in Redis."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis
from flask import has_request_context

from ckanext.ecosphere.data_requests import config

DAY, HOUR = 86_400, 3_600


def request_made(user_id: str) -> None:
    """Count a new request.

    Raises:
        ValidationError: the person, or their address, has made too many today.
    """
    _count("request", user_id, config.requests_per_day(), DAY)


def written(user_id: str) -> None:
    """Count a comment, a transition or a file.

    Raises:
        ValidationError: the person, or their address, has sent too many within the hour.
    """
    _count("comment", user_id, config.comments_per_hour(), HOUR)


def _count(what: str, user_id: str, limit: int, period: int) -> None:
    counters = {f"person:{user_id}": limit}
    address = tk.request.remote_addr if has_request_context() else None
    if address:
        counters[f"address:{address}"] = limit * config.address_factor()
    connection = connect_to_redis()
    for name, most in counters.items():
        key = f"ecosphere:requests:{tk.config['ckan.site_id']}:{what}:{name}"
        with connection.pipeline() as pipe:
            pipe.set(key, 0, ex=period, nx=True)
            pipe.incr(key)
            pipe.ttl(key)
            _created, number, left = pipe.execute()
        if number > most:
            minutes = max(1, -(-left // 60))
            message = tk.ungettext(
                "You have sent too much in a short time. Try again in {number} minute.",
                "You have sent too much in a short time. Try again in {number} minutes.",
                minutes,
            )
            raise tk.ValidationError({"message": [message.format(number=minutes)]})
