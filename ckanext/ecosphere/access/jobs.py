"""Background jobs that read services, and make previews and extracts.

The services of a saved dataset are recorded at the end of its transaction, which queues the job
that reads the new ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ckan import model

from ckanext.ecosphere.access import use
from ckanext.ecosphere.access.config import QUEUE
from ckanext.ecosphere.access.preview import files, samples
from ckanext.ecosphere.access.services import storage
from ckanext.ecosphere.access.take import extracts
from ckanext.ecosphere.access.turns import SLOW_SECONDS, Line, note_slow, note_turn
from ckanext.ecosphere.shared import once
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.work.jobs import Job, in_steps

#: Services of a batch, and seconds after which a batch asks no further service.
AT_ONCE, SECONDS = 200, 120
#: Seconds for which previews, or extracts, are made before other jobs have their turn.
TURN_SECONDS = 30
_HERE = "ckanext.ecosphere.access.jobs"


def _of_line(name: str, title: str, line: Line, lock: str) -> Job:
    """Return the job that makes what waits in a line: one at a time, since each needs memory."""
    return Job(
        name=f"ecosphere-access-{name}",
        function=f"{_HERE}.make_{name}s",
        title=title,
        queue=QUEUE,
        seconds=3600,
        has_work=line.is_waiting,
        lock=lock,
    )


READ = Job(
    name="ecosphere-access-read",
    function=f"{_HERE}.read_services",
    title="Access: services",
    queue=QUEUE,
    seconds=SECONDS * 5,
    has_work=storage.is_due,
    lock="access:reading",
)
SAMPLE = _of_line("sample", "Access: previews", samples.LINE, "access:sampling")
EXTRACT = _of_line("extract", "Access: extracts", extracts.LINE, "access:extracting")
JOBS = (READ, SAMPLE, EXTRACT)


def read_services() -> int:
    """Read a batch of services that are due; return their number."""
    with Locks() as locks:
        if not locks.take(READ.lock):
            return 0  # the process that holds the lock reads them
        addresses = storage.due(AT_ONCE)
        model.Session.rollback()
        return storage.run(addresses, SECONDS)


def make_samples() -> int:
    """Make the previews that people wait for, one after the other; return how many."""
    return _make(SAMPLE, samples.LINE, samples.make)


def make_extracts() -> int:
    """Make the extracts that people wait for, one after the other; return how many."""
    return _make(EXTRACT, extracts.LINE, extracts.make)


def _make(job: Job, line: Line, make: Callable[[str], None]) -> int:
    """Make what waits in a line; after `TURN_SECONDS`, queue the job again, behind the others."""
    number = 0
    end = time.monotonic() + TURN_SECONDS
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
    """Do all due work of the room; return how much of each step, -1 for what failed.

    Args:
        seconds: time after which no further service is asked.
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


# --- the services of saved datasets ---

# They are recorded in one go, just before the transaction is committed: a harvest saves many
# datasets per transaction, and recording their services one dataset at a time took 10 % of its
# time.

#: Keys of a session's `info`: id of each saved dataset → whether it is new; whether services that
#: were not known before have been recorded.
_SAVED, _NEW_SERVICES = f"{__name__}:saved", f"{__name__}:new"


def listen() -> None:
    """Listen for commits and rollbacks; idempotent."""
    once.listen(
        model.Session, before_commit=_note_services, after_commit=_enqueue, after_rollback=_forget
    )


def note_saved(package_id: str, *, new: bool) -> None:
    """Have a dataset's services recorded at the end of the current transaction.

    Args:
        package_id: id of the dataset.
        new: whether this save created it, see `storage.note`.
    """
    session: Any = model.Session()
    saved = session.info.setdefault(_SAVED, {})
    # Of several saves in one transaction, one that did not create the dataset is enough.
    saved[package_id] = new and saved.get(package_id, True)


def _note_services(session: Any) -> None:
    saved = session.info.pop(_SAVED, None)
    if not saved:
        return
    session.flush()
    for new in (True, False):
        ids = [package_id for package_id, is_new in saved.items() if is_new is new]
        if ids and storage.note(ids, new=new):
            session.info[_NEW_SERVICES] = True


def _enqueue(session: Any) -> None:
    if session.info.pop(_NEW_SERVICES, False):
        READ.enqueue()


def _forget(session: Any) -> None:
    session.info.pop(_SAVED, None)
    session.info.pop(_NEW_SERVICES, None)
