"""Every request: its id, its line in the log, and how many of each class of pages took how long.

This is the outermost layer of the portal, so that health is told, and requests are counted,
whatever is down. Counts are kept by Redis for all web processes of all servers: each process adds
its own at most once a second. Time is counted until an answer begins.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Flask, request, request_started
from redis.exceptions import RedisError
from werkzeug.wrappers import Request, Response

from ckanext.ecosphere.operations import health, logs
from ckanext.ecosphere.shared import log_ids

log = logging.getLogger(__name__)

METRICS_TOKEN = "ecosphere.metrics.token"  # noqa: S105 (the name of an option)
#: Upper bounds of the histogram, in seconds; the last one is infinite.
BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf")
_LIMITS = [float(bound) for bound in BOUNDS]
#: Beginning of a route → class of pages; the first that fits counts.
PAGES = (
    ("/api/", "api"),
    ("/dataset/<", "dataset"),
    ("/dataset/", "search"),
    ("/demandes", "requests"),
    ("/etudes", "studies"),
    ("/bouquets", "collections"),
    ("/harvest", "harvest"),
    ("/organization", "organisations"),
    ("/user", "accounts"),
    ("/compte", "accounts"),
    ("/webassets", "assets"),
    ("/base", "assets"),
    ("/<path:", "assets"),
)
OTHER, NONE = "other", "none"
FLUSH_SECONDS, RETRY_SECONDS = 1.0, 10.0
_ROUTE = "ecosphere.route"


def metrics_token() -> str:
    """Return the token of the metrics; empty while there are none."""
    return str(tk.config[METRICS_TOKEN] or "").strip()


def page_class(route: str) -> str:
    """Return the class of a route; `NONE` for a request that reached none."""
    if not route:
        return NONE
    return next((page for beginning, page in PAGES if route.startswith(beginning)), OTHER)


class Counts:
    """Counted requests of this process that Redis does not have yet.

    Keys are (class, status, bound or "sum").
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: defaultdict[tuple[str, str, str], float] = defaultdict(float)
        self._next = 0.0

    def add(self, page: str, status: str, seconds: float) -> None:
        """Count an answer, and hand the counts to Redis if it is time."""
        with self._lock:
            self._new[page, status, BOUNDS[bisect_left(_LIMITS, seconds)]] += 1
            self._new[page, status, "sum"] += seconds
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        """Hand the counts to Redis.

        While it is down they are kept, and tried again after `RETRY_SECONDS`.
        """
        with self._lock:
            self._next = time.monotonic() + RETRY_SECONDS
            taken, self._new = self._new, defaultdict(float)
        try:
            with health.queues() as connection, connection.pipeline() as pipeline:
                for key, number in taken.items():
                    pipeline.hincrbyfloat(_key(), "|".join(key), number)
                pipeline.execute()
        except RedisError:
            with self._lock:
                for key, number in taken.items():
                    self._new[key] += number
            return
        self._next = time.monotonic() + FLUSH_SECONDS


COUNTS = Counts()


def counted() -> dict[tuple[str, ...], float]:
    """Return the counts of all processes.

    Raises:
        RedisError: Redis is down.
    """
    COUNTS.flush()
    with health.queues() as connection:
        stored: Any = connection.hgetall(_key())
    return {tuple(key.decode().split("|")): float(number) for key, number in stored.items()}


def _key() -> str:
    return f"ecosphere:requests:{tk.config['ckan.site_id']}"


class Outermost:
    """WSGI layer around the portal.

    Args:
        app: CKAN's application.
        views: pages that are answered here, by path.
    """

    def __init__(self, app: Flask, views: Mapping[str, Callable[[Request], Response]]) -> None:
        self._app, self._inner, self._views = app, app.wsgi_app, views
        request_started.connect(_note_route, app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        view = self._views.get(environ["PATH_INFO"])
        if view and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            with self._app.app_context():
                return view(Request(environ))(environ, start_response)
        return self._counted(environ, start_response)

    def _counted(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        id_ = log_ids.request_id(environ.get("HTTP_X_REQUEST_ID"))
        begin = time.monotonic()
        status = "500"

        def answer(line: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, [*headers, (log_ids.REQUEST_HEADER, id_)], *error)

        with log_ids.about(request=id_):
            try:
                return self._inner(environ, answer)
            finally:
                _ended(environ, status, time.monotonic() - begin)


def _note_route(_app: Flask) -> None:
    """Note the route: a path may hold a name or a token, its pattern does not."""
    request.environ[_ROUTE] = str(request.url_rule or "")


def _ended(environ: Mapping[str, Any], status: str, seconds: float) -> None:
    route = environ.get(_ROUTE, "")
    method = environ["REQUEST_METHOD"]
    page = page_class(route)
    if metrics_token():
        COUNTS.add(page, f"{status[0]}xx", seconds)
    if logs.are_json():
        facts = {"method": method, "route": route, "page": page, "status": int(status)}
        facts["seconds"] = round(seconds, 3)
        log.info("%s %s %s", method, route or "-", status, extra={"facts": facts})
