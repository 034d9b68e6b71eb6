"""Whether this web server can serve people: a write, a search and a look at each service, bounded
in time.

Each process looks at most every `KEPT_SECONDS`, however often it is asked, and all checks at once.
What failed is told by the name of the check alone; why is in the log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta, timezone
from functools import cache
from tempfile import NamedTemporaryFile

import ckan.plugins.toolkit as tk
import rq
import sqlalchemy as sa
from ckan.lib import files, jobs
from ckan.lib.search.common import make_connection
from redis import Redis
from sqlalchemy.pool import NullPool

from ckanext.ecosphere.interfaces import each_setup
from ckanext.ecosphere.setup import migrations
from ckanext.ecosphere.shared import stored_files
from ckanext.ecosphere.shared.characters import without_credentials

log = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
CHECK_SECONDS = 3.0
SERVICE_SECONDS = 2
#: A worker writes its heartbeat at least every 405 seconds, the time that it waits for a job.
HEARTBEAT = timedelta(seconds=480)
#: Of the database: the server ends a statement, the system a connection to a machine that is gone.
CONNECTION = {
    "connect_timeout": SERVICE_SECONDS,
    "options": f"-c statement_timeout={SERVICE_SECONDS}s",
    "tcp_user_timeout": SERVICE_SECONDS * 1000,
}
#: A row of CKAN's own table, so that this plugin needs none.
WRITE = """
INSERT INTO system_info (key, value, state)
VALUES ('ecosphere.health', CAST(now() AS text), 'active')
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
"""
#: Written anew by each look.
HEALTH_FILE = "ecosphere-health"
HAS_DATASETS = "SELECT EXISTS (SELECT FROM package WHERE state = 'active' AND type = 'dataset')"


class NotReadyError(Exception):
    """A service answers, but not as it should."""


@cache
def _engine(url: str) -> sa.Engine:
    """Return an engine apart from CKAN's, whose connections may all be in use."""
    return sa.create_engine(url, poolclass=NullPool, connect_args=CONNECTION)


def engine() -> sa.Engine:
    """Return the engine with the time limits of the checks."""
    return _engine(tk.config["sqlalchemy.url"])


def queues() -> Redis:
    """Return a connection to Redis with the time limits of the checks."""
    return Redis.from_url(
        tk.config["ckan.redis.url"],
        socket_timeout=SERVICE_SECONDS,
        socket_connect_timeout=SERVICE_SECONDS,
    )


def database() -> None:
    """Write a row."""
    with engine().begin() as connection:
        connection.execute(sa.text(WRITE))


def tables() -> None:
    """Compare the revisions of the tables with those of the code."""
    missing = migrations.pending(migrations.needed(), engine())
    if missing:
        names = ", ".join(name or "CKAN" for name in missing)
        raise NotReadyError(f"tables of {names} are not up to date: run `ckan ecosphere init`")


def search() -> None:
    """Search all datasets; none is an error if the database has some."""
    here = f'site_id:"{tk.config["ckan.site_id"]}"'
    solr = make_connection()
    solr.timeout = SERVICE_SECONDS
    if solr.search("*:*", fq=[here, "entity_type:package"], rows=0).hits:
        return
    with engine().connect() as connection:
        if connection.execute(sa.text(HAS_DATASETS)).scalar():
            raise NotReadyError("the index is empty: run `ckan search-index rebuild`")


def redis() -> None:
    """Write a key."""
    queues().set(f"ecosphere:health:{tk.config['ckan.site_id']}", 1, ex=60)


def storage() -> None:
    """Write a file into the folder of the uploads, if there is one,
    and into the storage that all servers share.
    """
    folder = tk.config.get("ckan.storage_path")
    if folder:
        with NamedTemporaryFile(dir=folder, prefix=".ecosphere-health-") as file:
            file.write(b"health")
            file.flush()
    shared = stored_files.shared()
    if shared:
        data = shared.upload(files.Location(HEALTH_FILE), files.make_upload(b"health"))
        if not shared.exists(data):
            raise NotReadyError("what was written into the shared storage is not there")


def workers() -> None:
    """Look for a worker with a recent heartbeat for each queue."""
    alone = [queue for queue, number in workers_by_queue(queues()).items() if not number]
    if alone:
        raise NotReadyError(f"no worker listens to {', '.join(alone)}")


def workers_by_queue(connection: Redis) -> dict[str, int]:
    """Return the number of workers with a recent heartbeat for each queue that a plugin uses."""
    names = {jobs.DEFAULT_QUEUE_NAME}
    for plugin in each_setup():
        names.update(plugin.ecosphere_queues())
    numbers = dict.fromkeys(sorted(names), 0)
    begin = datetime.now(timezone.utc) - HEARTBEAT
    for worker in rq.Worker.all(connection=connection):
        beat = worker.last_heartbeat
        if beat is None or beat.replace(tzinfo=timezone.utc) < begin:
            continue
        heard = set(worker.queue_names())
        for queue in numbers:
            numbers[queue] += jobs.add_queue_name_prefix(queue) in heard
    return numbers


CHECKS: Mapping[str, Callable[[], None]] = {
    "database": database,
    "tables": tables,
    "search": search,
    "redis": redis,
    "storage": storage,
    "workers": workers,
}


class Health:
    """Results of the checks in this process.

    Args:
        checks: functions by name; one that raises, or takes longer than `CHECK_SECONDS`, has
            failed.
    """

    def __init__(self, checks: Mapping[str, Callable[[], None]] = CHECKS) -> None:
        self._checks = checks
        self._pool = ThreadPoolExecutor(len(checks), thread_name_prefix="ecosphere-health")
        self._running: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._failed: frozenset[str] = frozenset()
        self._next = 0.0

    def failed(self) -> frozenset[str]:
        """Return the names of the checks that failed.

        While another thread looks, those of the look before.
        """
        is_first = not self._next
        if self._lock.acquire(blocking=is_first):
            try:
                if time.monotonic() >= self._next:
                    self._failed = frozenset(self._look())
                    self._next = time.monotonic() + KEPT_SECONDS
            finally:
                self._lock.release()
        return self._failed

    def _look(self) -> Iterable[str]:
        """Run all checks at once, except one that still hangs since an earlier look.

        Yield those that failed.
        """
        for name, check in self._checks.items():
            if name not in self._running or self._running[name].done():
                self._running[name] = self._pool.submit(check)
        wait(self._running.values(), timeout=CHECK_SECONDS)
        for name, result in self._running.items():
            if not result.done():
                log.error("Not ready: %s: no answer within %s seconds", name, CHECK_SECONDS)
                yield name
            elif error := result.exception():
                reason = (str(error).strip().splitlines() or [""])[0]
                log.error(
                    "Not ready: %s: %s: %s", name, type(error).__name__, without_credentials(reason)
                )
                yield name


@cache
def of_this_process() -> Health:
    """Return the results of this process.

    Made at the first request, since threads do not survive a fork.
    """
    return Health()
