"""Start, stop and status of all services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import install, packages, postgres, redis, solr
from .process import Process
from .settings import LOCAL, ports
from .shell import say

#: In start order.
BACKENDS = {"postgres": postgres.start, "redis": redis.start, "solr": solr.start}
#: In start order; stopped in reverse.
NAMES = ("postgres", "redis", "solr", "mail", "ogc", "pycsw", "web", "worker", "watch", "clock")


@contextmanager
def stopped_on_failure(started: set[str] | None = None) -> Iterator[set[str]]:
    """Yield a set for the names of processes started.

    If the block fails, these are stopped again.
    """
    started = set() if started is None else started
    try:
        yield started
    except BaseException:
        stop(started)
        raise


def up(started: set[str] | None = None) -> set[str]:
    """Start PostgreSQL, Redis and Solr.

    Args:
        started: set that receives the names of the services that this call starts.

    Returns:
        The same set.
    """
    packages.require("venv", "libmagic", "postgres", "redis", "java", "maven")
    install.setup()
    with stopped_on_failure(started) as noted:
        for name, start in BACKENDS.items():
            if start():
                noted.add(name)
    return noted


def running() -> dict[str, Process]:
    """Return the running processes of this checkout, by name."""
    known = [Process(path.stem) for path in sorted((LOCAL / "run").glob("*.json"))]
    order = {name: rank for rank, name in enumerate(NAMES)}
    known.sort(key=lambda process: order.get(process.name.split("-")[0], len(order)))
    return {process.name: process for process in known if process.pid()}


def stop(names: set[str] | None = None, *, quietly: bool = False) -> None:
    """Stop all processes of this checkout, or only the named ones."""
    for name, process in reversed(running().items()):
        if names is None or name in names:
            process.stop(quietly=quietly)


def status() -> None:
    """Print the running processes and their ports."""
    alive = running()
    for name, process in alive.items():
        port = ports().get(name)
        print(f"{name:10} pid {process.pid():<8} {f'port {port}' if port else ''}")
    if not alive:
        say("Nothing of this checkout is running.")
