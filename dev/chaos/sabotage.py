"""Which processes are killed, and when, drawn from a seed, so that a run can be repeated; and who restarts them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dev.stack.process import Process, children
from dev.stack.settings import ports
from dev.stack.shell import StackError

#: Seconds between two kills; the shortest pause is shorter than the start-up of most processes.
SHORTEST, LONGEST = 2.0, 9.0
LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Kill:
    """A kill: seconds after the previous one, kind, and a number from 0 to 1 that selects the process."""

    pause: float
    kind: str
    choice: float


#: Kind of kill → name of a process of the stack, and whether one of its children is killed instead.
_KINDS = {
    "worker": ("worker", False),
    "work horse": ("worker", True),
    "watch": ("watch", False),
    "web": ("web", False),
    "web process": ("web", True),
    "solr": ("solr", False),
    "postgresql": ("postgres", False),
    "backend of postgresql": ("postgres", True),
    "redis": ("redis", False),
}
FLUSH = "flushall"


def kinds() -> list[str]:
    """Return the kinds of kills."""
    return [*_KINDS, FLUSH]


def carry_out_one(kind: str, processes: Mapping[str, Process], choice: float) -> bool:
    """Kill one process, or empty Redis; return whether there was anything to kill."""
    if kind == FLUSH:
        return _flush_all()
    name, of_children = _KINDS[kind]
    pids = _named(processes, name)
    return _kill_one(_children(pids) if of_children else pids, choice)


def plan(seed: int, number: int, names: list[str]) -> list[Kill]:
    """Draw kills, with each kind equally often, in random order."""
    draw = random.Random(seed)
    drawn: list[str] = []
    while len(drawn) < number:
        drawn += draw.sample(names, len(names))
    return [Kill(draw.uniform(SHORTEST, LONGEST), kind, draw.random()) for kind in drawn[:number]]


def carry_out(kills: list[Kill], processes: Mapping[str, Process], tell: Callable[[str], None]) -> Counter[str]:
    """Carry out the kills in order; return the number done of each kind."""
    done = Counter[str]()
    for number, kill in enumerate(kills, 1):
        time.sleep(kill.pause)
        deadline = time.monotonic() + 30
        while not carry_out_one(kill.kind, processes, kill.choice):  # not running, or without children: try again
            if time.monotonic() > deadline:
                tell(f"  {number:>3}. {kill.kind}: there was none")
                break
            time.sleep(0.1)
        else:
            done[kill.kind] += 1
            tell(f"  {number:>3}. {kill.kind}")
    return done


def _named(processes: Mapping[str, Process], beginning: str) -> list[int]:
    pids = [process.pid() for name, process in processes.items() if name.partition("-")[0] == beginning]
    return [pid for pid in pids if pid]


def _children(pids: list[int]) -> list[int]:
    found: list[int] = []
    for pid in pids:
        found += children(pid)
    return found


def _kill_one(pids: list[int], choice: float) -> bool:
    if not pids:
        return False
    try:
        os.kill(pids[int(choice * len(pids))], signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _flush_all() -> bool:
    try:
        with socket.create_connection(("127.0.0.1", ports()["redis"]), timeout=2) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            return connection.recv(5) == b"+OK\r\n"
    except OSError:
        return False


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
