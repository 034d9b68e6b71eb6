"""Run a job on untrusted files in a confined process.

The process is confined by bubblewrap, else by Landlock; without either, no job is run. It sees the
libraries, read-only, and its working folder; no other file, no network, no other process. Whether
that holds on this machine is tried out once per process of the portal, with a file and a port that
must not be reached. The process limits its memory, files and processor time itself (`confine`);
elapsed time is limited here.
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
from ckanext.ecosphere.shared.confinement.confine import BUBBLEWRAP, LANDLOCK, FileError

log = logging.getLogger(__name__)

#: Module that tries out what a confined process reaches.
PROBE = "ckanext.ecosphere.shared.confinement.process"
#: Seconds of processor time that each job has at least: the libraries take some to load.
LOWEST_SECONDS = 5
#: Elapsed seconds for each second of processor time that the process may take.
PATIENCE = 1.5
#: Most bytes of the answer of the process that are read.
MOST_ANSWER = 4_000_000
_PACKAGE = Path(next(iter(package.__path__)))
#: Limits of the probe: processor time, memory, and elapsed time.
_PROBE_SECONDS, _PROBE_MEGABYTES, _START_SECONDS = 10, 700, 30


def run(job: dict[str, Any], seconds: int, memory_megabytes: int) -> dict[str, Any]:
    """Run a job in the confined process; return the facts that it reports.

    Args:
        job: what to do, with files in one folder: `module` names the module that does it by calling
            `process.serve`, `output` the file that it writes. An `input` that is a link to a file
            elsewhere may be read, too.
        seconds: limit of processor time; that of elapsed time is `PATIENCE` times as long.
        memory_megabytes: address space of the process.

    Raises:
        FileError: the job failed, or this machine cannot confine the process.
    """
    seconds = max(LOWEST_SECONDS, seconds)
    output = Path(job["output"])
    job = {**job, "seconds": seconds, "memory": memory_megabytes}
    answer = _answer(job, output.parent, seconds * PATIENCE)
    if "error" in answer:
        raise FileError(answer["error"])
    # A process that was taken over may leave a link to a file of the portal as its result.
    if output.is_symlink() or not output.is_file():
        raise FileError("unreadable")
    return answer["facts"]


def _answer(job: dict[str, Any], folder: Path, seconds: float) -> dict[str, Any]:
    """Return the answer of the process: `facts`, or `error` with a code of `FileError`.

    Args:
        folder: the working folder.
        seconds: limit of elapsed time.
    """
    confinement = way()
    if not confinement:
        return {"error": "not-confined"}
    readable: list[Path] = []
    uploaded = Path(job.get("input", ""))
    if uploaded.is_symlink():
        readable.append(uploaded.resolve())
    # Files rather than pipes: the process may write files of a limited size only.
    with (
        tempfile.TemporaryFile(dir=folder) as output,
        tempfile.TemporaryFile(dir=folder) as errors,
    ):
        try:
            process = subprocess.run(  # noqa: S603 - our own module
                command(confinement, folder, readable, job["module"]),
                input=json.dumps({**job, **enclosed(confinement, folder, readable)}).encode(),
                stdout=output,
                stderr=errors,
                timeout=seconds,
                env=environment(),
                cwd=folder,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return {"error": "too-slow"}
        output.seek(0)
        errors.seek(0)
        try:
            return json.loads(output.read(MOST_ANSWER))
        except ValueError:
            reason = errors.read(MOST_ANSWER)[-500:].decode(errors="replace")
            log.warning("The reader of files ended with %s: %s", process.returncode, reason)
            return {"error": "too-complex"}  # it was killed, mostly because of its limits


# --- the walls ------------------------------------------------------------------------------------


def libraries() -> list[Path]:
    """Return the files and folders that the process reads: Python and the system's libraries."""
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    places = [Path(os.path.realpath(sys.executable)), *(Path(paths[name]) for name in names)]
    places += [_PACKAGE, _PACKAGE.parent / "__init__.py"]
    if sys.pycache_prefix:
        places.append(Path(sys.pycache_prefix))
    folder, name = sysconfig.get_config_vars("LIBDIR", "LDLIBRARY")
    if folder and name:
        places.append(Path(folder) / name)
    architecture = sysconfig.get_config_var("MULTIARCH")
    if architecture:
        # Not the whole of /usr/lib, in which CKAN's own Debian package is installed.
        places += [Path("/lib") / architecture, Path("/usr/lib") / architecture]
    places += [Path("/lib64"), Path("/usr/lib64"), Path("/etc/ld.so.cache")]
    return [path for path in dict.fromkeys(places) if path.exists()]


def environment() -> dict[str, str]:
    """Return the environment of the process: no secrets of the portal, and GDAL without network."""
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
    """Return where PROJ finds its data: in the package pyogrio, without importing it."""
    pyogrio = importlib.util.find_spec("pyogrio")
    if pyogrio is None:
        return ""
    places = pyogrio.submodule_search_locations or []
    return os.pathsep.join(str(Path(place) / "proj_data") for place in places)


def _packages() -> list[Path]:
    """Return the folders in which Python finds this package and those installed beside it."""
    paths = sysconfig.get_paths()
    return [_PACKAGE.parents[1], Path(paths["purelib"]), Path(paths["platlib"])]


def command(
    confinement: str, folder: Path, readable: Sequence[Path] = (), module: str = PROBE
) -> list[str]:
    """Return the command that starts the process.

    Args:
        confinement: `BUBBLEWRAP` or `LANDLOCK`.
        folder: the working folder, the only one that can be written to.
        readable: further files to read.
        module: module to start.
    """
    # Without `site`: its .pth files name folders that are not there.
    reader = [os.path.realpath(sys.executable), "-s", "-S", "-m", module]
    if confinement == LANDLOCK:
        return reader  # it gives up its rights itself (`confine.enclose`)
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    for path in [*libraries(), *readable]:
        walls += ["--ro-bind", str(path), str(path)]
    walls += ["--bind", str(folder), str(folder), "--remount-ro", "/", "--chdir", str(folder), "--"]
    return walls + reader


def enclosed(confinement: str, folder: Path, readable: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the part of a job that tells the process how to confine itself.

    Args:
        confinement, folder, readable: as of `command`.
    """
    paths = [str(path) for path in (*libraries(), *readable)]
    return {"way": confinement, "readable": paths, "folder": str(folder)}


@cache
def way() -> str:
    """Return how the process is confined on this machine, as tried out once.

    Returns:
        `BUBBLEWRAP`, `LANDLOCK`, or "" if they cannot be.
    """
    for candidate in (BUBBLEWRAP, LANDLOCK):
        if candidate == BUBBLEWRAP and not shutil.which("bwrap"):
            continue
        reached = _probed(candidate)
        if not reached:
            return candidate
        names = ", ".join(reached)
        log.warning("%s does not confine the reader of files: %s", candidate, names)
    return ""


def _probed(candidate: str) -> list[str]:
    """Return what a confined process reaches that it must not, or why it does not start."""
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as inside:
        canary = Path(outside) / "canary"
        canary.write_text("outside")
        with socket.create_server(("127.0.0.1", 0)) as listening:
            job = {
                "canary": str(canary),
                "port": listening.getsockname()[1],
                "seconds": _PROBE_SECONDS,
                "memory": _PROBE_MEGABYTES,
                **enclosed(candidate, Path(inside)),
            }
            answer = _answer_of_probe(command(candidate, Path(inside)), job, Path(inside))
    facts: dict[str, Any] = answer.get("facts", {})
    return facts.get("leaks", [str(answer.get("detail") or "it does not start")])


def _answer_of_probe(arguments: list[str], job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return `facts` about what the process reaches, or `detail` of why it does not start."""
    try:
        process = subprocess.run(  # noqa: S603 - our own module
            arguments,
            input=json.dumps(job).encode(),
            capture_output=True,
            timeout=_START_SECONDS,
            env=environment(),
            cwd=folder,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"detail": str(error)}
    try:
        return json.loads(process.stdout)
    except ValueError:
        return {"detail": process.stderr.decode(errors="replace")[-300:]}
