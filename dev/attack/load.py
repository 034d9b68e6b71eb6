"""What the portal's processes cost: processor time of an answer, memory of a worker.

An answer is measured by the clock. When that is over the limit, the time that runnable threads of the portal waited for
a processor is taken off (`run_delay` of `/proc/<pid>/task/*/schedstat`), so that other work on the machine does not
count; it never goes below the processor time that the portal itself spent.
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

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.25
KILOBYTE = 1024


class Spent(NamedTuple):
    """Seconds since the start: on a processor, and waiting for one."""

    processor: float
    waiting: float


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found.setdefault(parent, []).append(int(entry.name))
    return found


def tree(roots: Iterable[int]) -> list[int]:
    """Process ids of these processes and of all their descendants."""
    children, found = _children(), []
    todo = list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def spent(pids: Iterable[int]) -> dict[int, Spent]:
    """What each process has spent so far."""
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


def resident_bytes(pid: int) -> int:
    """Memory that a process holds at this moment."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * KILOBYTE
    return 0


@dataclass
class Measured:
    """Costs of an answer, in seconds.

    Attributes:
        wall: by the clock.
        processor: of the portal's processes.
        waiting: of runnable threads of the portal for a processor.
    """

    wall: float = 0.0
    processor: float = 0.0
    waiting: float = 0.0

    @property
    def cost(self) -> float:
        """Seconds that the answer would have taken on a machine without other work."""
        return min(self.wall, max(self.processor, self.wall - self.waiting))


class Load:
    """Watches the processes of a portal.

    Args:
        answering: gives the ids of the processes that take part in an answer (web server, Solr, PostgreSQL).
        working: gives those of the web server and of the background workers, whose memory is limited.
    """

    def __init__(self, answering: Callable[[], list[int]] = list, working: Callable[[], list[int]] = list) -> None:
        self._answering, self._working = answering, working
        self._pids: list[int] = []
        self._listed = float("-inf")
        self.peak = self.latest = 0
        self._ended = threading.Event()

    def _current(self) -> list[int]:
        if time.monotonic() - self._listed > 1:
            self._pids, self._listed = tree(self._answering()), time.monotonic()
        return self._pids

    @contextmanager
    def measure(self) -> Iterator[Measured]:
        """Measure what is done in the block."""
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
                # The attacker reads the answer on the same machine, and waits for a processor, too.
                for pid, now in spent(own).items():
                    measured.waiting += now.waiting - own[pid].waiting

    def begin(self) -> None:
        """Forget the peak so far."""
        self.peak = self.latest

    def watch(self) -> threading.Thread:
        """Keep looking at the memory of the workers until `stop`."""

        def look() -> None:
            while not self._ended.wait(SAMPLE_SECONDS):
                self.sample()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        return thread

    def sample(self) -> int:
        """The largest worker now; the peak is kept."""
        self.latest = max((resident_bytes(pid) for pid in tree(self._working())), default=0)
        self.peak = max(self.peak, self.latest)
        return self.latest

    def stop(self) -> None:
        """End the watch."""
        self._ended.set()
