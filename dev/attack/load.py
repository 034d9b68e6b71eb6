"""Cost of the portal's processes: time of an answer, memory of a worker.

The time of an answer is wall-clock time. For answers of more than a second, the time that runnable
threads of the portal waited for a processor is subtracted (`run_delay` of
`/proc/<pid>/task/*/schedstat`), so that other work on the machine does not count; the result is
never below the processor time that the portal itself spent.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dev.stack.process import family, resident_bytes

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.25


class Spent(NamedTuple):
    """Seconds since the start of a process: on a processor, and waiting for one."""

    processor: float
    waiting: float


def spent(pids: Iterable[int]) -> dict[int, Spent]:
    """Return the time that each process has spent so far."""
    found = {}
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            waiting = 0.0
            for task in Path(f"/proc/{pid}/task").iterdir():
                with suppress(OSError, ValueError, IndexError):
                    waiting += int((task / "schedstat").read_text().split()[1]) / 1e9
            found[pid] = Spent((int(fields[11]) + int(fields[12])) / TICKS, waiting)
    return found


@dataclass
class Measured:
    """Cost of an answer, in seconds.

    Attributes:
        wall: wall-clock time.
        processor: processor time of the portal's processes.
        waiting: time that runnable threads of the portal waited for a processor.
    """

    wall: float = 0.0
    processor: float = 0.0
    waiting: float = 0.0

    @property
    def cost(self) -> float:
        """Seconds that the answer would have taken on an otherwise idle machine."""
        return min(self.wall, max(self.processor, self.wall - self.waiting))


class Load:
    """Monitor of the processes of a portal.

    Args:
        answering: returns the ids of the processes that take part in an answer (web server, Solr,
            PostgreSQL).
        working: returns those of the web server and the background workers, whose memory is
            limited.
    """

    def __init__(self, answering: Callable[[], list[int]] = list, working: Callable[[], list[int]] = list) -> None:
        self._answering, self._working = answering, working
        self._pids: list[int] = []
        self._listed = float("-inf")
        self.peak = self.latest = 0
        self._preparing = False
        self._ended = threading.Event()

    def _current(self) -> list[int]:
        if time.monotonic() - self._listed > 1:
            self._pids, self._listed = family(self._answering()), time.monotonic()
        return self._pids

    @contextmanager
    def measure(self) -> Iterator[Measured]:
        """Measure the cost of the block."""
        measured = Measured()
        before, begin, own = spent(self._current()), time.monotonic(), spent([os.getpid()])
        try:
            yield measured
        finally:
            measured.wall = time.monotonic() - begin
            if measured.wall > 1:
                after = spent(self._current())
                for pid, now in after.items():
                    then = before.get(pid, Spent(0, 0))
                    measured.processor += now.processor - then.processor
                    measured.waiting += now.waiting - then.waiting
                # The client runs on the same machine, and waits for a processor too.
                for pid, now in spent(own).items():
                    measured.waiting += now.waiting - own[pid].waiting

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Leave the memory that the block takes out of the peak: it is no attack,
        but prepares one.
        """
        self._preparing = True
        try:
            yield
        finally:
            self._preparing = False
            self.sample()

    def begin(self) -> None:
        """Reset the peak to the latest sample."""
        self.peak = self.latest

    def watch(self) -> threading.Thread:
        """Sample the memory of the workers in a thread until `stop`."""

        def look() -> None:
            while not self._ended.wait(SAMPLE_SECONDS):
                self.sample()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        return thread

    def sample(self) -> int:
        """Return the memory of the largest process now, and update the peak."""
        self.latest = max((resident_bytes(pid) for pid in family(self._working())), default=0)
        if not self._preparing:
            self.peak = max(self.peak, self.latest)
        return self.latest

    def stop(self) -> None:
        """Stop sampling."""
        self._ended.set()
