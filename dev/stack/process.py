"""Background processes of this checkout: started once, recognised later, and stopped.

No others are touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .settings import local, ports
from .shell import StackError, say, tail


def start_time(pid: int) -> str | None:
    """Return the start time of a process in ticks since boot.

    None if it does not exist or is a zombie.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def family(roots: Iterable[int]) -> list[int]:
    """Return the ids of these processes and of all their descendants."""
    members = list(roots)
    for pid in members:
        members += children(pid)
    return members


def children(pid: int) -> list[int]:
    """Return the ids of the processes that a process, in any of its threads, has started."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def processor_seconds(roots: Iterable[int]) -> float:
    """Return the processor time of processes and their descendants, ended ones included."""
    ticks = 0
    for pid in family(roots):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


STOP_SECONDS = 60.0
"""A worker ends its job first, which may take an hour: jobs that are killed are done again."""


def _kill_session(leader: int) -> None:
    """Kill a process and all that it started: a worker's job runs in a process group of its own."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(ValueError, ProcessLookupError, PermissionError):
            if os.getsid(int(entry.name)) == leader:
                os.kill(int(entry.name), signal.SIGKILL)


def port_is_taken(port: int) -> bool:
    """Return whether anything listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def url_answers(url: str, timeout: float = 5, errors: Collection[int] = ()) -> bool:
    """Return whether a web server answers at a URL: with success,
    or with one of these errors (HTTP statuses).
    """
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            response.read()
    except urllib.error.HTTPError as error:
        return error.code in errors
    except OSError:
        return False
    return True


@dataclass
class Process:
    """A background process with a pid file and a log under `.local/`.

    Attributes:
        name: name of the pid file and the log.
        command: the program and its arguments; a change causes a restart.
        ready: returns whether the service answers.
        port: key of `settings.PORTS` of the port that it listens on, if any.
        env: variables added to the environment.
        version: version of code and configuration; a change causes a restart.
        cwd: working directory.
        stop_signal: signal for an orderly shutdown.
        patience: seconds to wait for its start (long, since a loaded machine is slow; a process
            that dies is noticed at once).
    """

    name: str
    command: Sequence[str] = ()
    ready: Callable[[], bool] = lambda: True
    port: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    cwd: Path | str = "/"
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 300

    @property
    def log(self) -> Path:
        """File that receives its output."""
        return local("log") / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return local("run") / f"{self.name}.json"

    def _note(self) -> dict:
        try:
            return json.loads(self._pid_file.read_text())
        except (OSError, ValueError):
            return {}

    def pid(self) -> int | None:
        """Return the process id while it is running.

        A later process with the same id is not mistaken for it.
        """
        note = self._note()
        if note and note["boot"] == _boot() and start_time(note["pid"]) == note["start"]:
            return note["pid"]
        return None

    def start(self, *, quietly: bool = False) -> bool:
        """Start the process and wait until it is ready; restart it if command or version changed.

        Returns:
            False if it was already running with this command and version.

        Raises:
            StackError: the port is taken, or the process ends or does not get ready.
        """
        if self.pid():
            if (self._note()["command"], self._note().get("version", "")) == (list(self.command), self.version):
                self._wait_until_ready()
                return False
            self.stop()
        if self.port and port_is_taken(ports()[self.port]):
            raise StackError(
                f"Port {ports()[self.port]}, wanted for {self.name}, is taken by another program. "
                f"Choose other ports, for instance: make demo PORT={ports()['web'] + 100}"
            )
        if not quietly:
            say(f"  starting {self.name}")
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        identity = {"pid": child.pid, "start": start_time(child.pid), "boot": _boot()}
        note = {**identity, "command": list(self.command), "version": self.version}
        self._pid_file.write_text(json.dumps(note))
        try:
            self._wait_until_ready(child)
        except BaseException:
            self.stop(quietly=quietly)
            raise
        return True

    def _wait_until_ready(self, child: subprocess.Popen | None = None) -> None:
        deadline = time.monotonic() + self.patience
        while not self.ready():
            if (child and child.poll() is not None) or not self.pid():
                raise StackError(f"{self.name} did not start. The end of {self.log}:\n{self._log_end()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} does not answer. The end of {self.log}:\n{self._log_end()}")
            time.sleep(0.2)

    def _log_end(self) -> str:
        return tail(self.log.read_text(errors="replace")[-20_000:])

    def stop(self, *, quietly: bool = False) -> bool:
        """Stop the process, with SIGKILL after `STOP_SECONDS`; return whether it was running."""
        pid = self.pid()
        if pid:
            if not quietly:
                say(f"  stopping {self.name}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self.stop_signal)
            deadline = time.monotonic() + STOP_SECONDS
            while self.pid() and time.monotonic() < deadline:
                time.sleep(0.1)
            if self.pid():
                _kill_session(pid)
            with contextlib.suppress(ChildProcessError):  # a child of another command is reaped by init
                os.waitpid(pid, 0)
        self._pid_file.unlink(missing_ok=True)
        return bool(pid)
