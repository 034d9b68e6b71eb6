"""Every answer: HEAD like GET, and the number of answers to people per second.

Many views, and CKAN's API, treat every method but GET as a change; and browsers let pages of other
sites send a HEAD. Each web server process counts its own answers and adds them up in Redis every
two seconds; no request is recorded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from flask import Flask, Response, request
from redis.exceptions import RedisError

_HEAD_INSTALLED = "ecosphere_head_requests"
_MARK = "ecosphere.asked_by_head"


def answer_head(app: Flask) -> Flask:
    """Wrap the application so that views see GET instead of HEAD.

    Args:
        app: CKAN's application, changed in place.
    """
    if _HEAD_INSTALLED not in app.extensions:  # by another plugin of the suite
        app.extensions[_HEAD_INSTALLED] = True
        app.wsgi_app = _HeadAsGet(app.wsgi_app)  # type: ignore[method-assign]
    return app


def asked_by_head() -> bool:
    """Return whether the current GET was a HEAD, so that its content is discarded."""
    return bool(request.environ.get(_MARK))


class _HeadAsGet:
    """WSGI wrapper that turns HEAD into GET."""

    def __init__(self, inner: Callable[..., Iterable[bytes]]) -> None:
        self._inner = inner

    def __call__(self, environ: DataDict, start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return self._inner(environ, start_response)
        as_get = {
            **environ,
            "REQUEST_METHOD": "GET",
            "CONTENT_LENGTH": "0",
            "wsgi.input": BytesIO(),
            _MARK: True,
        }
        content = self._inner(as_get, start_response)
        if close := getattr(content, "close", None):
            close()
        return []


SECONDS = 2
"""Length of the counting intervals, in seconds."""
_KEPT = 4 * SECONDS
_INSTALLED = "ecosphere_visits"
_STATIC = frozenset({"static", "webassets.index"})
#: Substrings in the user agents of crawlers and scripts.
_PROGRAMS = (
    "bot",
    "crawl",
    "spider",
    "slurp",
    "curl/",
    "python-requests",
    "wget",
    "headless",
    "monitor",
)


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
        """Count the current answer, unless it is a static file or for a program.

        Redis may be down.
        """
        if request.endpoint in _STATIC or is_program(request.user_agent.string):
            return
        span = int(time.time()) // SECONDS
        with self._lock:
            ended, number = self._span, self._number
            if ended == span:
                self._number += 1
                return
            self._span, self._number = span, 1
        # An interval is reported with the first answer of the next: soon enough when the portal is
        # busy.
        if number and span - ended == 1:
            _tell(span, number)


def per_second() -> float:
    """Return the web server's recent answers to people per second, static files aside.

    0 while Redis is down.
    """
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
