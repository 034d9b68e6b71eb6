"""Watch a job while its source is read: was it aborted, and how much memory does the process use?

A separate thread watches, because the reading thread may be waiting for a server. It stops the budget of the reading:
waits end and connections are closed. An operating system limit on the data segment of the process is the last resort,
for what exhausts the memory between two checks.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa
from ckan import model
from sqlalchemy.exc import SQLAlchemyError

from ckanext.ecosphere.harvest.sources.base import CANCELLED, MEMORY
from ckanext.ecosphere.harvest.worker.job import RUNNING
from ckanext.ecosphere.shared.http_guard import Budget
from ckanext.harvest.model import HarvestJob, HarvestSource

try:
    import resource
except ImportError:  # no such limits on this system
    resource = None

log = logging.getLogger(__name__)

_STATUS = Path("/proc/self/status")
_LOOK_SECONDS, _ASK_SECONDS = 0.1, 1.0
_SLACK = 48 * 1024 * 1024
"""Margin between the memory at which the reading is stopped and the system limit, for thread stacks."""
_LEAST = 64 * 1024 * 1024
"""Memory that a reading may always use, however large the process already is."""


class Watch:
    """Context manager that watches during its block.

    Args:
        budget: the budget that it stops.
        memory: bytes that the process may use.
        job_id: job that may be aborted; None without one.
    """

    def __init__(self, budget: Budget, memory: int, job_id: str | None = None):
        self._budget = budget
        self._memory = max(memory, _measure("VmRSS") + _LEAST)
        self._job_id = job_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="harvest-watch")
        self._limits: tuple[int, int] | None = None

    def __enter__(self) -> Watch:
        self._thread.start()
        self._limit_data()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if resource is not None and self._limits is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._limits)
        self._over.set()
        self._budget.stop(CANCELLED)
        self._thread.join(timeout=5)

    def _limit_data(self) -> None:
        data, resident = _measure("VmData"), _measure("VmRSS")
        if resource is None or not data:
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = data + max(self._memory - resident, _LEAST) + _SLACK
        if any(limit != resource.RLIM_INFINITY and limit < wanted for limit in (soft, hard)):
            return  # a lower limit is already set
        self._limits = (soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))

    def _look(self) -> None:
        asked = time.monotonic()
        while not self._over.wait(_LOOK_SECONDS):
            if _measure("VmRSS") > self._memory:
                self._budget.stop(MEMORY, self._memory)
                return
            if self._job_id and time.monotonic() - asked >= _ASK_SECONDS:
                asked = time.monotonic()
                if not self._is_running(self._job_id):
                    self._budget.stop(CANCELLED)
                    return

    @staticmethod
    def _is_running(job_id: str) -> bool:
        """Tell whether the job was not aborted and its source not removed, on a separate connection."""
        query = (
            sa.select(HarvestJob.status, HarvestSource.__table__.c.active)
            .join(HarvestSource, HarvestSource.id == HarvestJob.source_id)
            .where(HarvestJob.id == job_id)
        )
        try:
            assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
            with model.meta.engine.connect() as connection:
                found = connection.execute(query).first()
        except SQLAlchemyError:
            log.debug("The state of harvest job %s cannot be read", job_id, exc_info=True)
            return True  # the database is away: the next write reports it
        return found is not None and found.status == RUNNING and found.active


def _measure(name: str) -> int:
    """Return a memory measurement of this process in bytes, 0 where the system does not provide it."""
    with suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
