"""Confined process that handles untrusted files: a job on stdin, facts on stdout.

A room starts a module of its own, which calls `serve`. The process gives up all other files, the
network and most memory before it opens a file (`confine` tells how), and the worker survives if it
crashes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from ckanext.ecosphere.shared.confinement import confine

UNPACKED_MEGABYTES = 400


def serve(carry_out: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Restrict the process, do the job on stdin, and write the result to stdout.

    Args:
        carry_out: does the job and returns facts about it; raises `confine.FileError` if it cannot.
    """
    job = json.load(sys.stdin)
    confine.limit(job["memory"], job["seconds"], UNPACKED_MEGABYTES)
    try:
        confine.enclose(job["way"], job["readable"], job["folder"])
        answer = {"facts": carry_out(job)}
    except confine.FileError as error:
        answer = {"error": error.code}
    except MemoryError:
        answer = {"error": "too-complex"}
    except Exception as error:  # libraries may fail in any way on crafted files
        detail = f"{type(error).__name__}: {error}"[:300]
        answer = {"error": "unreadable", "detail": detail}
    sys.stdout.write(json.dumps(answer))


def probe(job: dict[str, Any]) -> dict[str, Any]:
    """Return what of the outside the process can reach."""
    return {"leaks": confine.leaks(job["canary"], job["port"])}


if __name__ == "__main__":
    serve(probe)
