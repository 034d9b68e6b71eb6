"""Which processes are killed, and when: drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.stack.process import Process
from dev.stack.settings import ports

#: Seconds between two kills; the shortest pause is shorter than the start-up of most processes.
SHORTEST, LONGEST = 2.0, 9.0


@dataclass(frozen=True)
class Kill:
    """A kill: seconds after the previous one, kind, and a number from 0 to 1 that selects the process."""

    pause: float
    kind: str
    choice: float


def kinds() -> dict[str, Callable[[Mapping[str, Process], float], bool]]:
    """Return the function for each kind of kill; it returns whether there was anything to kill."""
    return {
        "worker": lambda processes, choice: _kill_one(_named(processes, "worker"), choice),
        "work horse": lambda processes, choice: _kill_one(_children(_named(processes, "worker")), choice),
        "watch": lambda processes, choice: _kill_one(_named(processes, "watch"), choice),
        "web": lambda processes, choice: _kill_one(_named(processes, "web"), choice),
        "web process": lambda processes, choice: _kill_one(_children(_named(processes, "web")), choice),
        "solr": lambda processes, choice: _kill_one(_named(processes, "solr"), choice),
        "postgresql": lambda processes, choice: _kill_one(_named(processes, "postgres"), choice),
        "backend of postgresql": lambda processes, choice: _kill_one(_children(_named(processes, "postgres")), choice),
        "redis": lambda processes, choice: _kill_one(_named(processes, "redis"), choice),
        "flushall": lambda processes, choice: _flush_all(),
    }


def plan(seed: int, number: int, names: list[str]) -> list[Kill]:
    """Draw kills, with each kind equally often, in random order."""
    draw = random.Random(seed)
    drawn: list[str] = []
    while len(drawn) < number:
        drawn += draw.sample(names, len(names))
    return [Kill(draw.uniform(SHORTEST, LONGEST), kind, draw.random()) for kind in drawn[:number]]


def carry_out(kills: list[Kill], processes: Mapping[str, Process], tell: Callable[[str], None]) -> Counter[str]:
    """Carry out the kills in order; return the number done of each kind."""
    acts, done = kinds(), Counter[str]()
    for number, kill in enumerate(kills, 1):
        time.sleep(kill.pause)
        deadline = time.monotonic() + 30
        while not acts[kill.kind](processes, kill.choice):  # not running, or without children: try again
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
        with contextlib.suppress(OSError):
            found += [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
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
