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
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.work.jobs import Job
from ckanext.ecosphere.work.steps import in_steps

NAME = "ecosphere-access-name"
AT_ONCE, SECONDS = 200, 120
#: How long a worker makes previews, or extracts, while others wait for it.
TURN_SECONDS = 30
_HERE = "ckanext.ecosphere.access.jobs"
READ = Job(
    name="ecosphere-access-read",
    function=f"{_HERE}.read_services",
    title="Access: services",
    queue=QUEUE,
    seconds=SECONDS * 5,
    has_work=storage.is_due,
    lock="access:reading",
)
# Only one preview and one extract are made at a time per portal, since each needs memory.
SAMPLE = Job(
    name="ecosphere-access-sample",
    function=f"{_HERE}.make_samples",
    title="Access: previews",
    queue=QUEUE,
    seconds=3600,
    has_work=samples.LINE.is_waiting,
    lock="access:sampling",
)
EXTRACT = Job(
    name="ecosphere-access-extract",
    function=f"{_HERE}.make_extracts",
    title="Access: extracts",
    queue=QUEUE,
    seconds=3600,
    has_work=extracts.LINE.is_waiting,
    lock="access:extracting",
)
JOBS = (READ, SAMPLE, EXTRACT)


def read_services() -> int:
    """Read a batch of services that are due (background job); return their number."""
    with Locks() as locks:
        if not locks.take(READ.lock):
            return 0  # the process that holds the lock reads them
        addresses = storage.due(AT_ONCE)
        model.Session.rollback()
        return reading.run(addresses, SECONDS)


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
    return _make(SAMPLE, samples.LINE, samples.make)


def make_extracts() -> int:
    """Make the extracts that are wanted, one after the other; return how many."""
    return _make(EXTRACT, extracts.LINE, extracts.make)


def _make(job: Job, line: Line, make: Callable[[str], None]) -> int:
    """Make what is wanted for some time; then let e-mails and the like have their turn, and go on."""
    number, end = 0, time.monotonic() + TURN_SECONDS
    with Locks() as locks:
        if not locks.take(job.lock):
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
        job.enqueue()
    return number


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
