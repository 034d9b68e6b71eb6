"""Defects 11, 35, 36 and 38: starts of workers and web servers: jobs begin at once, registries and
assets are complete.

CKAN 2.12.0 fills its registries of actions, auth functions and validators on first use, entry by
entry, and other threads take a half-filled one for complete: the first requests found no auth
function (500), or core's function instead of a plugin's stricter one.

webassets 3 is not thread-safe: of two concurrent first requests on a new portal, one found the file
that the other was still writing, without its version, and answered 500. It also compares every file
with its bundle on every page, which took a tenth of the processor time of a page of results.

Not yet accepted by CKAN, nor by RQ (2.10).
"""

from __future__ import annotations

import threading
import time
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

import ckan.plugins.toolkit as tk
import rq
from ckan import authz
from ckan.lib import jobs
from rq import worker_registration
from webassets.bundle import Bundle


def keep_workers_registered() -> None:
    """Make workers register again after Redis was emptied: RQ 2 registers them only at start."""
    jobs.Worker.heartbeat = _heartbeat  # pyright: ignore[reportAttributeAccessIssue]


def start_jobs_at_once() -> None:
    """Let background jobs start without loading CKAN and all plugins a second time, which takes a
    second each.

    CKAN does so to get new database connections after the fork, but it closes all of them before it
    forks, and they open by themselves.
    """
    worker: Any = jobs.Worker
    worker.main_work_horse = rq.Worker.main_work_horse


def _heartbeat(worker: jobs.Worker, *args: Any, **named: Any) -> None:
    """Heartbeat of a worker, after each job and every few minutes while idle,
    that also restores its registration.
    """
    rq.Worker.heartbeat(worker, *args, **named)
    if worker.birth_date and not worker.connection.hexists(worker.key, "birth"):
        worker.connection.hset(worker.key, mapping=worker.serialize())
        worker.connection.expire(worker.key, worker.worker_ttl + 60)
        worker_registration.register(worker)


_LOCK = threading.RLock()
_SECONDS = 10
"""How long URLs are cached: files removed in the meantime are rebuilt after that."""
_cached_urls: WeakKeyDictionary[Bundle, tuple[float, list[str]]] = WeakKeyDictionary()


def fill_registries() -> None:
    """Fill CKAN's registries; filled ones stay as they are."""
    # Actions first: ckanext-harvest 1.6.3 collects both in one dictionary.
    tk.get_action("status_show")
    authz.auth_functions_list()
    tk.get_validator("ignore")


def build_assets_one_at_a_time() -> None:
    """Make `Bundle.urls`, which also builds missing files, run in one thread at a time."""
    original = Bundle.urls
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def urls(bundle: Bundle, *args: Any, **kwargs: Any) -> list[str]:
        lasting = not args and not kwargs and not bundle.env.debug
        read, cached = _cached_urls.get(bundle, (0.0, []))
        if lasting and cached and time.monotonic() - read < _SECONDS:
            return cached
        with _LOCK:
            addresses = original(bundle, *args, **kwargs)
            if lasting:
                _cached_urls[bundle] = (time.monotonic(), addresses)
            return addresses

    Bundle.urls = urls  # pyright: ignore[reportAttributeAccessIssue] (typed by its own signature)
