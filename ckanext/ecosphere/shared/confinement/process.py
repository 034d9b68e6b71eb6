"""Confined process that handles untrusted files: a job on stdin, facts on stdout.

Started as `python -m …confinement.process`. It gives up all other files, the network and most memory before it opens a
file (`confine` tells how), and the worker survives if it crashes. The room's module that does the job is imported
afterwards: loading GDAL takes four times as long as reading a small table, and counts towards the process's memory.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from ckanext.ecosphere.shared.confinement import confine

UNPACKED_MEGABYTES = 400


def main() -> None:
    """Restrict the process, do the job on stdin, and write the result to stdout."""
    job = json.load(sys.stdin)
    confine.limit(job["memory"], job["seconds"], UNPACKED_MEGABYTES)
    try:
        confine.enclose(job["way"], job["readable"], job["folder"])
        answer = {"facts": _carried_out(job)}
    except confine.FileError as error:
        answer = {"error": error.code}
    except MemoryError:
        answer = {"error": "too-complex"}
    except Exception as error:  # libraries may fail in any way on crafted files
        detail = f"{type(error).__name__}: {error}"[:300]
        answer = {"error": "unreadable", "detail": detail}
    sys.stdout.write(json.dumps(answer))


def _carried_out(job: dict[str, Any]) -> dict[str, Any]:
    if job["task"] == "probe":
        return {"leaks": confine.leaks(job["canary"], job["port"])}
    return importlib.import_module(job["module"]).carry_out(job)


if __name__ == "__main__":
    main()
