"""Restrictions that the process which reads untrusted files puts on itself before it opens one. No CKAN imports."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.confinement import landlock

MEGABYTE = 1024 * 1024
#: Most open files, and most processes and threads of the user (in a namespace: of this process).
MOST_FILES, MOST_PROCESSES = 128, 32
#: Ways of confinement, the better one first.
BUBBLEWRAP, LANDLOCK = "bubblewrap", "landlock"


def limit(memory_megabytes: int, seconds: int, file_megabytes: int) -> None:
    """Limit address space, processor time, file size and open files; disable core dumps; lower the priority."""
    for what, most in (
        (resource.RLIMIT_AS, memory_megabytes * MEGABYTE),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file_megabytes * MEGABYTE),
        (resource.RLIMIT_NOFILE, MOST_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(10)


def enclose(way: str, readable: list[str], writable: str) -> None:
    """Give up all files but those named, the network, and other processes.

    Args:
        way: `BUBBLEWRAP`, which has done so already, save for the number of processes; or `LANDLOCK`.
        readable: files and folders to read: the libraries.
        writable: the working folder.

    Raises:
        OSError: the kernel refuses.
    """
    if way == BUBBLEWRAP:
        resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))
        return
    landlock.restrict([Path(path) for path in readable], [Path(writable)])


def leaks(canary: str, port: int) -> list[str]:
    """Return what of the outside this process can still reach, nothing if it is confined.

    Args:
        canary: a file outside of the working folder.
        port: a port of this machine on which somebody listens.
    """
    reached = []
    attempts: list[tuple[str, Any]] = [
        ("file", lambda: Path(canary).read_bytes()),
        ("folder", lambda: list(Path(canary).parent.iterdir())),
        ("writing", lambda: Path(f"{canary}.written").write_bytes(b"")),
        ("network", lambda: socket.create_connection(("127.0.0.1", port), timeout=2)),
    ]
    for name, attempt in attempts:
        try:
            attempt()
        except OSError:
            continue
        reached.append(name)
    return reached
