"""Background jobs: read services, make previews and extracts."""

from __future__ import annotations

from collections.abc import Callable

from ckan import model

from ckanext.ecosphere.access.config import QUEUE
from ckanext.ecosphere.access.preview import samples
from ckanext.ecosphere.access.services import runs, storage
from ckanext.ecosphere.access.take import extracts
from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits
from ckanext.ecosphere.shared.runs import in_steps

READ, SAMPLE, EXTRACT = "ecosphere-access-read", "ecosphere-access-sample", "ecosphere-access-extract"
#: Lock for reading services.
READING = "access:reading"
#: Locks for making previews and extracts: only one at a time per portal, since each needs memory.
SAMPLING, EXTRACTING = "access:sampling", "access:extracting"
AT_ONCE, SECONDS = 200, 120


def read_services() -> int:
    """Read a batch of services that are due (background job); return their number."""
    with Locks() as locks:
        if not locks.take(READING):
            return 0  # the process that holds the lock reads them
        addresses = storage.due(AT_ONCE)
        model.Session.rollback()
        return runs.run(addresses, SECONDS)


def want_reading() -> None:
    """Queue the reading of services; without Redis, `ckan ecosphere watch` does so later."""
    enqueue_once(read_services, job_id=READ, title="Access: services", queue=QUEUE, timeout=SECONDS * 5)


def make_samples() -> int:
    """Make the requested previews one by one (background job); return their number."""
    return _make(SAMPLING, samples.wanted, samples.make)


def make_extracts() -> int:
    """Make the requested extracts one by one (background job); return their number."""
    return _make(EXTRACTING, extracts.wanted, extracts.make)


def _make(lock: str, wanted: Callable[[], list[str]], make: Callable[[str], None]) -> int:
    number = 0
    with Locks() as locks:
        if not locks.take(lock):
            return 0  # the process that holds the lock makes them
        while ids := wanted():
            model.Session.rollback()
            for id_ in ids:
                make(id_)
                number += 1
    return number


def want_samples() -> None:
    """Queue the making of previews; without Redis, `ckan ecosphere watch` does so later."""
    enqueue_once(make_samples, job_id=SAMPLE, title="Access: previews", queue=QUEUE, timeout=3600)


def want_extracts() -> None:
    """Queue the making of extracts; without Redis, `ckan ecosphere watch` does so later."""
    enqueue_once(make_extracts, job_id=EXTRACT, title="Access: extracts", queue=QUEUE, timeout=3600)


def tick(seconds: float = 3600) -> dict[str, int]:
    """Record all services and read those that are due; return the number per step, -1 for a failed step."""
    return in_steps("Access", {"services known": storage.note_all, "services read": lambda: _read_all(seconds)})


def _read_all(seconds: float) -> int:
    """Read services that are due until the time is used up."""
    total, left = 0, seconds
    while left > 0 and (number := read_services()):
        total, left = total + number, left - SECONDS
    return total


def recover() -> list[str]:
    """Queue pending work for which there is neither a waiting nor a running job; return descriptions of it."""
    done = []
    if storage.is_due() and not waits(READ, QUEUE) and is_free(READING):
        want_reading()
        done.append("services that are due")
    if samples.wanted() and not waits(SAMPLE, QUEUE) and is_free(SAMPLING):
        want_samples()
        done.append("previews that are wanted")
    if extracts.wanted() and not waits(EXTRACT, QUEUE) and is_free(EXTRACTING):
        want_extracts()
        done.append("extracts that are wanted")
    model.Session.rollback()
    return done
