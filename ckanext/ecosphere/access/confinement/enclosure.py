"""The walls around the process that reads untrusted files: bubblewrap, else Landlock; without either, GDAL is off.

The process sees the libraries, read-only, and its working folder; no other file, no network, no other process. Whether
that holds on this machine is tried out once per process of the portal, with a file and a port that must not be reached.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import ckanext.ecosphere as package
from ckanext.ecosphere.access.confinement.confine import BUBBLEWRAP, LANDLOCK

log = logging.getLogger(__name__)

READER = "ckanext.ecosphere.access.preview.reader"
_PACKAGE = Path(next(iter(package.__path__)))
_PROBE_SECONDS, _PROBE_MEGABYTES, _START_SECONDS = 10, 700, 30


def libraries() -> list[Path]:
    """Return the files and folders of Python, of its packages and of the system's libraries that the process reads."""
    paths = sysconfig.get_paths()
    places = [Path(os.path.realpath(sys.executable)), *(Path(paths[name]) for name in ("stdlib", "platstdlib"))]
    places += [Path(paths[name]) for name in ("purelib", "platlib")]
    places += [_PACKAGE, _PACKAGE.parent / "__init__.py"]
    if sys.pycache_prefix:
        places.append(Path(sys.pycache_prefix))
    folder, name = sysconfig.get_config_vars("LIBDIR", "LDLIBRARY")
    if folder and name:
        places.append(Path(folder) / name)
    several = sysconfig.get_config_var("MULTIARCH") or ""
    # Not the whole of /usr/lib, in which CKAN's own Debian package is installed.
    places += [Path("/lib") / several, Path("/usr/lib") / several] if several else []
    places += [Path("/lib64"), Path("/usr/lib64"), Path("/etc/ld.so.cache")]
    return [path for path in dict.fromkeys(places) if path.exists()]


def environment() -> dict[str, str]:
    """Return the environment of the process: nothing of the portal's, and GDAL without network."""
    compiled = {"PYTHONDONTWRITEBYTECODE": "1"}
    if sys.pycache_prefix:
        compiled = {"PYTHONPYCACHEPREFIX": sys.pycache_prefix}
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(map(str, _packages())),
        **compiled,
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
        "OGR_SQLITE_PRAGMA": "trusted_schema=OFF",
        "OGR_SQLITE_STATIC_VIRTUAL_OGR": "NO",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "PROJ_NETWORK": "OFF",
        "PROJ_DATA": _proj_data(),  # SpatiaLite looks in a folder of /tmp otherwise
        "LC_ALL": "C.UTF-8",
    }


def _proj_data() -> str:
    pyogrio = importlib.util.find_spec("pyogrio")
    places = (pyogrio and pyogrio.submodule_search_locations) or []
    return os.pathsep.join(str(Path(place) / "proj_data") for place in places)


def _packages() -> list[Path]:
    paths = sysconfig.get_paths()
    return [_PACKAGE.parents[1], Path(paths["purelib"]), Path(paths["platlib"])]


def command(way: str, folder: Path, readable: Sequence[Path] = ()) -> list[str]:
    """Return the command that starts the reader.

    Args:
        way: `BUBBLEWRAP` or `LANDLOCK`.
        folder: the working folder, the only one that can be written to.
        readable: further files to read.
    """
    # Without `site`: its .pth files name folders that are not there.
    reader = [os.path.realpath(sys.executable), "-s", "-S", "-m", READER]
    if way == LANDLOCK:
        return reader
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    for path in [*libraries(), *readable]:
        walls += ["--ro-bind", str(path), str(path)]
    walls += ["--bind", str(folder), str(folder), "--remount-ro", "/", "--chdir", str(folder), "--"]
    return walls + reader


@cache
def way() -> str:
    """Return how files of outsiders are confined on this machine: `BUBBLEWRAP`, `LANDLOCK`, or "" if they cannot be."""
    for candidate in (BUBBLEWRAP, LANDLOCK):
        if candidate == BUBBLEWRAP and not shutil.which("bwrap"):
            continue
        reached = _probed(candidate)
        if not reached:
            return candidate
        log.warning("%s does not confine the reader of files: %s", candidate, ", ".join(reached))
    return ""


def _probed(candidate: str) -> list[str]:
    """Return what a confined process reaches that it must not, or why it does not start."""
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as inside:
        canary = Path(outside) / "canary"
        canary.write_text("outside")
        with socket.create_server(("127.0.0.1", 0)) as listening:
            job = {
                "task": "probe",
                "canary": str(canary),
                "port": listening.getsockname()[1],
                "seconds": _PROBE_SECONDS,
                "memory": _PROBE_MEGABYTES,
                **enclosed(candidate, Path(inside)),
            }
            answer = _answer(command(candidate, Path(inside)), json.dumps(job), Path(inside))
    facts: dict[str, Any] = answer.get("facts", {})
    return facts.get("leaks", [str(answer.get("detail") or "it does not start")])


def enclosed(how: str, folder: Path, readable: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the part of a job that tells the reader how to confine itself."""
    return {"way": how, "readable": [str(path) for path in (*libraries(), *readable)], "folder": str(folder)}


def _answer(line: list[str], job: str, folder: Path) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            line,
            input=job.encode(),
            capture_output=True,
            timeout=_START_SECONDS,
            env=environment(),
            cwd=folder,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"detail": str(error)}
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"detail": done.stderr.decode(errors="replace")[-300:]}
