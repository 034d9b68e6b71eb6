"""Count the portal's answers to people per second, so that background work can yield to those waiting for a page.

Each web server process counts its own answers and adds them up in Redis every two seconds; no request is recorded.
"""

from __future__ import annotations

import threading
import time
from functools import cache

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis
from flask import Flask, Response, request
from redis.exceptions import RedisError

SECONDS = 2
"""Length of the counting intervals, in seconds."""
_KEPT = 4 * SECONDS
_INSTALLED = "ecosphere_visits"
_STATIC = frozenset({"static", "webassets.index"})
#: Substrings in the user agents of crawlers and scripts.
_PROGRAMS = ("bot", "crawl", "spider", "slurp", "curl/", "python-requests", "wget", "headless", "monitor")


def is_program(agent: str) -> bool:
    """Return whether a user agent is empty or that of a crawler or script."""
    lower = agent.lower()
    return not lower or any(word in lower for word in _PROGRAMS)


def count_in(app: Flask) -> Flask:
    """Count the answers of an application, changed in place; repeated calls have no effect."""
    if _INSTALLED not in app.extensions:  # by another plugin of the suite
        app.extensions[_INSTALLED] = True
        app.after_request(_counted)
    return app


def _counted(response: Response) -> Response:
    of_this_process().count()
    return response


class Visits:
    """Counter of the answers of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._span = 0
        self._number = 0

    def count(self) -> None:
        """Count the current answer, unless it is a static file or for a program; Redis may be down."""
        if request.endpoint in _STATIC or is_program(request.user_agent.string):
            return
        span = int(time.time()) // SECONDS
        with self._lock:
            ended, number = self._span, self._number
            if ended == span:
                self._number += 1
                return
            self._span, self._number = span, 1
        # An interval is reported with the first answer of the next: soon enough when the portal is busy.
        if number and span - ended == 1:
            _tell(span, number)


def per_second() -> float:
    """Return the web server's recent answers to people per second, static files aside; 0 while Redis is down."""
    span = int(time.time()) // SECONDS
    try:
        counted = connect_to_redis().mget(_key(span), _key(span - 1))
    except RedisError:
        return 0.0
    return max(int(number or 0) for number in counted) / SECONDS


@cache
def of_this_process() -> Visits:
    """Return the counter of this process."""
    return Visits()


def _tell(span: int, number: int) -> None:
    try:
        with connect_to_redis().pipeline() as pipeline:
            pipeline.incrby(_key(span), number)
            pipeline.expire(_key(span), _KEPT)
            pipeline.execute()
    except RedisError:
        return


def _key(span: int) -> str:
    return f"ecosphere:visits:{tk.config['ckan.site_id']}:{span}"
