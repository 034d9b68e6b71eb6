"""Code of the confined process: reads the files that stdin names, each in a process of its own.

Sent to the process as text, since it sees the product only. `READY` marks in the log of strace
where it begins.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

READY = "fuzzing-begins"
KILLED_AFTER = 15


def main() -> None:
    """Confine this process, then read one job a line and answer with one line each."""
    first = json.loads(sys.stdin.readline())
    from ckanext.ecosphere.access.preview import reader
    from ckanext.ecosphere.shared.confinement import confine

    readers = ("geo", "tables", "documentation")
    for name in (*(f"access.preview.{kind}" for kind in readers), "shared.confinement.geopackage"):
        importlib.import_module(f"ckanext.ecosphere.{name}")  # once, before the processes part
    confine.enclose(first["way"], first["readable"], first["folder"])
    confine.restrict_drivers()
    Path(READY).touch()
    for line in sys.stdin:
        print(json.dumps(_apart(json.loads(line), reader)), flush=True)


def _apart(job: dict[str, Any], reader: Any) -> dict[str, Any]:
    """Read a file in a child.

    Return how it ended, its seconds (processor time), and its megabytes.
    """
    begun = time.monotonic()
    child = os.fork()
    if not child:
        _read(job, reader)
    signal.signal(signal.SIGALRM, lambda *_signal: os.kill(child, signal.SIGKILL))
    signal.alarm(KILLED_AFTER)
    _pid, status, used = os.wait4(child, 0)
    signal.alarm(0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": used.ru_utime + used.ru_stime,
        "elapsed": time.monotonic() - begun,
        "megabytes": used.ru_maxrss / 1024,
    }


def _read(job: dict[str, Any], reader: Any) -> None:
    """Read one file with the limits of the portal, and leave."""
    resource.setrlimit(resource.RLIMIT_AS, (job["memory"] << 20, job["memory"] << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (job["seconds"], job["seconds"]))
    sys.stdout = open(os.devnull, "w") if os.path.exists(os.devnull) else sys.stderr  # noqa: PTH110, PTH123, SIM115
    try:
        reader.sample(job)
        ended = 0
    except reader.PreviewError:
        ended = 1
    except MemoryError:
        ended = 2
    except Exception:
        ended = 3  # told to people as "unreadable"
    os._exit(ended)


if __name__ == "__main__":
    main()
