"""Supervisor that restarts processes that have ended, as systemd or Docker does in production."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Sequence

from dev.stack.process import Process
from dev.stack.shell import StackError

LOOK_SECONDS = 0.3


class Supervisor:
    """Keeps processes running.

    Args:
        processes: the processes, in the order of their first start.
    """

    def __init__(self, processes: Sequence[Process]) -> None:
        self.processes = {process.name: process for process in processes}
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._keep, args=(process,), daemon=True) for process in processes]

    def __enter__(self) -> Supervisor:
        for process in self.processes.values():
            process.start(quietly=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(timeout=120)
        for process in reversed(self.processes.values()):
            process.stop(quietly=True)

    def _keep(self, process: Process) -> None:
        last = process.pid()
        while not self._end.wait(LOOK_SECONDS):
            if pid := process.pid():
                last = pid
                continue
            if last:
                # Kill the rest of the process group, as systemd does for a unit and Docker for a container.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(last, signal.SIGKILL)
            try:
                process.start(quietly=True)
            except StackError:  # its remains are not gone yet, or it was killed while starting
                time.sleep(LOOK_SECONDS)
