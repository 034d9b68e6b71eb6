"""Background jobs: read services, make previews and extracts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ckan import model

from ckanext.ecosphere.access import use
from ckanext.ecosphere.access.config import QUEUE
from ckanext.ecosphere.access.preview import files, samples
from ckanext.ecosphere.access.services import naming, reading, storage
from ckanext.ecosphere.access.take import extracts
from ckanext.ecosphere.access.turns import SLOW_SECONDS, Line, note_slow, note_turn
from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits
from ckanext.ecosphere.shared.runs import in_steps

READ, SAMPLE, EXTRACT = (
    "ecosphere-access-read",
    "ecosphere-access-sample",
    "ecosphere-access-extract",
)
NAME = "ecosphere-access-name"
#: Lock for reading services.
READING = "access:reading"
#: Locks for making previews and extracts: only one at a time per portal, since each needs memory.
SAMPLING, EXTRACTING = "access:sampling", "access:extracting"
AT_ONCE, SECONDS = 200, 120
#: How long a worker makes previews, or extracts, while others wait for it.
TURN_SECONDS = 30


def read_services() -> int:
    """Read a batch of services that are due (background job); return their number."""
    with Locks() as locks:
        if not locks.take(READING):
            return 0  # the process that holds the lock reads them
        addresses = storage.due(AT_ONCE)
        model.Session.rollback()
        return reading.run(addresses, SECONDS)


def want_reading() -> None:
    """Queue the reading of services; without Redis, `ckan ecosphere watch` does so later."""
    enqueue_once(
        read_services, job_id=READ, title="Access: services", queue=QUEUE, timeout=SECONDS * 5
    )


def name_resources(package_id: str) -> int:
    """Name the resources of a dataset by their services, once these are read (background job); return their number."""
    read_services()
    return naming.give(package_id)


def want_names(package_id: str) -> None:
    """Queue the naming of a dataset's resources."""
    job_id = f"{NAME}-{package_id}"
    enqueue_once(
        name_resources,
        [package_id],
        job_id=job_id,
        title="Access: names",
        queue=QUEUE,
        timeout=SECONDS * 5,
    )


def make_samples() -> int:
    """Make the previews that are wanted, one after the other; return how many."""
    return _make(SAMPLING, samples.LINE, samples.make, want_samples)


def make_extracts() -> int:
    """Make the extracts that are wanted, one after the other; return how many."""
    return _make(EXTRACTING, extracts.LINE, extracts.make, want_extracts)


def _make(lock: str, line: Line, make: Callable[[str], None], go_on: Callable[[], None]) -> int:
    """Make what is wanted for some time; then let e-mails and the like have their turn, and go on."""
    number, end = 0, time.monotonic() + TURN_SECONDS
    with Locks() as locks:
        if not locks.take(lock):
            return 0  # the process that holds the lock makes them
        while waiting := line.next():
            model.Session.rollback()
            begin = time.monotonic()
            if number and begin >= end:
                break
            key, host, asker = waiting[0][:3]
            note_turn(host, asker)
            make(key)
            if host and time.monotonic() - begin >= SLOW_SECONDS:
                note_slow(host)
            number += 1
    if waiting:
        go_on()
    return number


def want_samples() -> None:
    """Queue the making of previews; without Redis, `ckan ecosphere watch` does so later."""
    enqueue_once(make_samples, job_id=SAMPLE, title="Access: previews", queue=QUEUE, timeout=3600)


def want_extracts() -> None:
    """Queue the making of extracts; without Redis, `ckan ecosphere watch` does so later."""
    enqueue_once(make_extracts, job_id=EXTRACT, title="Access: extracts", queue=QUEUE, timeout=3600)


def tick(seconds: float = 3600) -> dict[str, int]:
    """Do all that is due; return how much of each, -1 for what failed.

    Args:
        seconds: after which no further service is asked.
    """
    steps = {
        "extracts deleted": extracts.purge,
        "counts deleted": use.purge,
        "files deleted": files.prune,
        "services known": storage.note_all,
        "services read": lambda: _read_all(seconds),
    }
    return in_steps("Access", steps)


def _read_all(seconds: float) -> int:
    """Read services that are due until the time is used up; return their number."""
    total = 0
    for _batch in range(math.ceil(seconds / SECONDS)):
        number = read_services()
        if not number:
            break
        total += number
    return total


def recover() -> list[str]:
    """Queue pending work for which there is neither a waiting nor a running job; return descriptions of it."""
    queued = []
    if storage.is_due() and not waits(READ, QUEUE) and is_free(READING):
        want_reading()
        queued.append("services that are due")
    if samples.LINE.next() and not waits(SAMPLE, QUEUE) and is_free(SAMPLING):
        want_samples()
        queued.append("previews that are wanted")
    if extracts.LINE.next() and not waits(EXTRACT, QUEUE) and is_free(EXTRACTING):
        want_extracts()
        queued.append("extracts that are wanted")
    model.Session.rollback()
    extracts.purge()
    return queued
