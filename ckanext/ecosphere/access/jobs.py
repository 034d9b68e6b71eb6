"""Background work of the room: services that are due, previews and extracts that are wanted, what is old."""

from __future__ import annotations

import time
from collections.abc import Callable

from ckan import model

from ckanext.ecosphere.access.config import QUEUE
from ckanext.ecosphere.access.preview import files, samples
from ckanext.ecosphere.access.services import runs, storage
from ckanext.ecosphere.access.take import extracts
from ckanext.ecosphere.access.use import counting
from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits
from ckanext.ecosphere.shared.runs import in_steps

READ, SAMPLE, EXTRACT = "ecosphere-access-read", "ecosphere-access-sample", "ecosphere-access-extract"
#: Lock of whoever reads services.
READING = "access:reading"
#: Locks of whoever makes previews and extracts: one at a time on a portal, since each takes memory.
SAMPLING, EXTRACTING = "access:sampling", "access:extracting"
AT_ONCE, SECONDS = 200, 120
#: How long a worker makes previews, or extracts, while others wait for it.
TURN_SECONDS = 30


def read_services() -> int:
    """Read services that are due, some at a time; return how many."""
    with Locks() as locks:
        if not locks.take(READING):
            return 0  # whoever is at it takes these, too
        addresses = storage.due(AT_ONCE)
        model.Session.rollback()
        return runs.run(addresses, SECONDS)


def want_reading() -> None:
    """Have services read soon; without Redis the watch sends for it."""
    enqueue_once(read_services, job_id=READ, title="Access: services", queue=QUEUE, timeout=SECONDS * 5)


def make_samples() -> int:
    """Make the previews that are wanted, one after the other; return how many."""
    return _make(SAMPLING, samples.wanted, samples.make, want_samples)


def make_extracts() -> int:
    """Make the extracts that are wanted, one after the other; return how many."""
    return _make(EXTRACTING, extracts.wanted, extracts.make, want_extracts)


def _make(lock: str, wanted: Callable[[], list[str]], make: Callable[[str], None], go_on: Callable[[], None]) -> int:
    """Make what is wanted for some time; then let e-mails and the like have their turn, and go on."""
    number, end = 0, time.monotonic() + TURN_SECONDS
    with Locks() as locks:
        if not locks.take(lock):
            return 0  # whoever is at it makes these, too
        while ids := wanted():
            model.Session.rollback()
            if number and time.monotonic() >= end:
                break
            make(ids[0])
            number += 1
    if ids:
        go_on()
    return number


def want_samples() -> None:
    """Have previews made soon; without Redis the watch sends for it."""
    enqueue_once(make_samples, job_id=SAMPLE, title="Access: previews", queue=QUEUE, timeout=3600)


def want_extracts() -> None:
    """Have extracts made soon; without Redis the watch sends for it."""
    enqueue_once(make_extracts, job_id=EXTRACT, title="Access: extracts", queue=QUEUE, timeout=3600)


def tick(seconds: float = 3600) -> dict[str, int]:
    """Do all that is due; return how much of each, -1 for what failed.

    Args:
        seconds: after which no further service is asked.
    """
    steps = {
        "extracts deleted": extracts.purge,
        "counts deleted": counting.purge,
        "files deleted": files.prune,
        "services known": storage.note_all,
        "services read": lambda: _read_all(seconds),
    }
    return in_steps("Access", steps)


def _read_all(seconds: float) -> int:
    """Read what is due, as long as there is time."""
    total, left = 0, seconds
    while left > 0 and (number := read_services()):
        total, left = total + number, left - SECONDS
    return total


def recover() -> list[str]:
    """Have done what is due and what no job is going to do."""
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
    extracts.purge()
    return done
