"""Start the sandboxed process (`reader`), with limits enforced from outside as well."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import ckanext.ecosphere as package
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import ASKED, GIVEN, NONE
from ckanext.ecosphere.access.preview.large.ranges import Ranges
from ckanext.ecosphere.shared.http_guard import FetchError, StoppedError

log = logging.getLogger(__name__)

#: GDAL drivers that may be used; all others are disabled, including those with network access.
DRIVERS = (
    "ESRI Shapefile", "CSV", "GML", "LIBKML", "KML", "GeoJSON", "GPKG", "FlatGeobuf", "MVT", "PMTiles", "XLSX", "ODS",
    "TopoJSON", "MEM",
)  # fmt: skip
_OTHERS = Path(__file__).parents[1] / "data" / "gdal-drivers-off.txt"
LOWEST_SECONDS = 5


def environment() -> dict[str, str]:
    """Return the environment of the process: minimal, with GDAL's network drivers and file systems disabled.

    The cache of compiled modules is that of this process, since compiling them takes longer than reading most files.
    """
    compiled = {"PYTHONPYCACHEPREFIX": sys.pycache_prefix} if sys.pycache_prefix else {"PYTHONDONTWRITEBYTECODE": "1"}
    skipped = ",".join(line for line in _OTHERS.read_text().splitlines() if not line.startswith("#"))
    root = str(Path(next(iter(package.__path__))).parents[1])
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": root,
        **compiled,
        "GDAL_SKIP": skipped,  # with OGR_SKIP as well, GDAL would unload drivers twice and crash
        "GDAL_HTTP_PROXY": "http://127.0.0.1:1",
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
        "CPL_VSIL_CURL_USE_HEAD": "NO",
        "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
        "GDAL_CACHEMAX": "32",
        "GDAL_NUM_THREADS": "1",
        "GML_SKIP_RESOLVE_ELEMS": "ALL",
        "GML_ATTRIBUTES_TO_OGR_FIELDS": "NO",
        "GDAL_PAM_ENABLED": "NO",
        "OGR_GEOJSON_MAX_OBJ_SIZE": "50",
        "OGR_XLSX_HEADERS": "AUTO",
        "OGR_ODS_HEADERS": "AUTO",
        "SQLITE_LOAD_EXTENSION": "NO",
        "OGR_SQLITE_PRAGMA": "trusted_schema=OFF",  # untrusted views cannot call SQL functions with side effects
        "OGR_SQLITE_STATIC_VIRTUAL_OGR": "NO",  # virtual tables cannot open other files
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "PROJ_NETWORK": "OFF",
        "LC_ALL": "C.UTF-8",
    }


def run(job: dict[str, Any], seconds: int, memory_megabytes: int, ranges: Ranges | None = None) -> dict[str, Any]:
    """Run a job in the sandboxed process; return its facts.

    Args:
        job: the job of `reader`.
        seconds: limit of processor time; that of elapsed time is 1.5 times as long, 2.5 times with `ranges`.
        memory_megabytes: address space of the process.
        ranges: reader of a large file whose parts the process may request; its size is added to the job.

    Raises:
        PreviewError: the job failed.
        FetchError: a part of the file could not be fetched.
        StoppedError: the budget for parts of the file is exhausted.
    """
    seconds = max(LOWEST_SECONDS, seconds)
    with _given(ranges) as pipes:
        large = {"large": {"size": ranges.size, "pipes": pipes}} if ranges else {}
        told = json.dumps({**job, **large, "seconds": seconds, "memory": memory_megabytes})
        answer = _answer(told, Path(job["output"]).parent, seconds * (2.5 if ranges else 1.5), pipes)
        # Before the pipes are closed, since that aborts running requests and may set an error.
        if "error" in answer:
            raise (ranges and ranges.error) or PreviewError(answer["error"])
        return answer["facts"]


def _answer(told: str, folder: Path, seconds: float, pipes: tuple[int, ...]) -> dict[str, Any]:
    command = [sys.executable, "-m", "ckanext.ecosphere.access.preview.reader"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            input=told.encode(),
            capture_output=True,
            timeout=seconds,
            env=environment(),
            cwd=folder,
            check=False,
            start_new_session=True,
            pass_fds=pipes,
        )
    except subprocess.TimeoutExpired:
        return {"error": "too-slow"}
    try:
        return json.loads(done.stdout[-4_000_000:])
    except ValueError:
        log.warning(
            "The reader of files ended with %s: %s", done.returncode, done.stderr[-500:].decode(errors="replace")
        )
        return {"error": "too-complex"}  # killed, mostly because of its limits


@contextmanager
def _given(ranges: Ranges | None) -> Iterator[tuple[int, ...]]:
    """Serve parts of a file to the process; yield its ends of the pipes."""
    if ranges is None:
        yield ()
        return
    (given, give), (hear, asked) = os.pipe(), os.pipe()
    thread = threading.Thread(target=_give, args=(ranges, hear, give), daemon=True)
    try:
        thread.start()
        yield given, asked
    finally:
        os.close(given)
        os.close(asked)
        ranges.stop()
        thread.join()


def _give(ranges: Ranges, hear: int, give: int) -> None:
    """Serve requests until both the process and this one have closed the pipe."""
    with os.fdopen(hear, "rb") as questions, os.fdopen(give, "wb") as answers, suppress(BrokenPipeError):
        while len(asked := questions.read(ASKED.size)) == ASKED.size:
            try:
                part = ranges.read(*ASKED.unpack(asked))
                answers.write(GIVEN.pack(len(part)) + part)
            except (PreviewError, FetchError, StoppedError):  # kept in `ranges.error`
                answers.write(GIVEN.pack(NONE))
            answers.flush()
