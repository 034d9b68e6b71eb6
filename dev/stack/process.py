"""Background processes of this checkout: started once, recognised later, stopped; no other is touched."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .settings import local, ports
from .shell import StackError, say, tail


def start_time(pid: int) -> str | None:
    """When a process was started (ticks since the boot), or None when there is none or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def port_is_taken(port: int) -> bool:
    """Whether anything on this machine listens on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Process:
    """A background process with a pid file and a log under `.local/`.

    Attributes:
        name: names the pid file and the log.
        command: the program and its arguments; a change of them is a reason to restart it.
        ready: says whether the service answers.
        port: key of `settings.PORTS` that it listens on, if any.
        env: variables added to the environment.
        version: what it was started from (code, configuration); a change of it is a reason to restart it too.
        cwd: folder to run in.
        stop_signal: asks it to end in good order.
        patience: seconds to wait for its start (a loaded machine is slow; a process that dies is seen at once), and
            for its end before it is killed.
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
        """File that receives all that it prints."""
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
        """Its process id while it runs; another process that later got the same number does not count."""
        note = self._note()
        if note and note["boot"] == _boot() and start_time(note["pid"]) == note["start"]:
            return note["pid"]
        return None

    def start(self, *, quietly: bool = False) -> bool:
        """Start it and wait until it answers.

        Returns:
            False when it already ran with this very command and version.

        Raises:
            StackError: when its port is taken, or it ends or stays mute.
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
        """Stop it, the hard way after `patience` seconds. Returns whether it ran."""
        pid = self.pid()
        if pid:
            if not quietly:
                say(f"  stopping {self.name}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self.stop_signal)
            deadline = time.monotonic() + self.patience
            while self.pid() and time.monotonic() < deadline:
                time.sleep(0.1)
            if self.pid():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # a child of another command is reaped by init
                os.waitpid(pid, 0)
        self._pid_file.unlink(missing_ok=True)
        return bool(pid)
