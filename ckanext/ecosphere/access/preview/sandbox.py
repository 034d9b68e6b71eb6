"""Start the confined process (`reader`), and bound it from outside as well."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ckanext.ecosphere as package
from ckanext.ecosphere.access.preview.errors import PreviewError

log = logging.getLogger(__name__)

#: Formats that GDAL may read and write here; all its other drivers are left out, those that fetch among them.
DRIVERS = (
    "ESRI Shapefile", "CSV", "GML", "LIBKML", "KML", "GeoJSON", "GPKG", "FlatGeobuf", "MVT", "PMTiles", "XLSX", "ODS",
    "TopoJSON", "MEM",
)  # fmt: skip
_OTHERS = Path(__file__).parents[1] / "data" / "gdal-drivers-off.txt"
LOWEST_SECONDS = 5


def environment() -> dict[str, str]:
    """Return the environment of the process: nothing of ours, and GDAL without drivers and file systems that fetch."""
    skipped = ",".join(line for line in _OTHERS.read_text().splitlines() if not line.startswith("#"))
    root = str(Path(next(iter(package.__path__))).parents[1])
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": root,
        "PYTHONDONTWRITEBYTECODE": "1",
        "GDAL_SKIP": skipped,  # OGR_SKIP beside it would have GDAL unload drivers twice, and crash
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
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "PROJ_NETWORK": "OFF",
        "LC_ALL": "C.UTF-8",
    }


def run(job: dict[str, Any], seconds: int, memory_megabytes: int) -> dict[str, Any]:
    """Have a job done; return the facts that it tells.

    Args:
        job: what `reader` does.
        seconds: of processor time, and by the clock half as much more.
        memory_megabytes: address space of the process.

    Raises:
        PreviewError: it cannot be done.
    """
    seconds = max(LOWEST_SECONDS, seconds)
    told = json.dumps({**job, "seconds": seconds, "memory": memory_megabytes})
    command = [sys.executable, "-m", "ckanext.ecosphere.access.preview.reader"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            input=told.encode(),
            capture_output=True,
            timeout=seconds * 1.5,
            env=environment(),
            cwd=Path(job["output"]).parent,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise PreviewError("too-slow") from error
    try:
        answer = json.loads(done.stdout[-4_000_000:])
    except ValueError as error:
        log.warning(
            "The reader of files ended with %s: %s", done.returncode, done.stderr[-500:].decode(errors="replace")
        )
        raise PreviewError("too-complex") from error  # killed: by its limits, mostly
    if "error" in answer:
        raise PreviewError(answer["error"])
    return answer["facts"]
