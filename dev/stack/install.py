"""Installation of virtual environments from lock files; skipped if nothing has changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .packages import OLDEST_PYTHON, program, require
from .settings import DEV, ROOT, VENV, kept_bytecode
from .shell import StackError, run, say

UV = "uv>=0.5,<1"
#: Files that the project's editable install depends on, besides its lock file.
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


def setup() -> None:
    """Create `.venv` with the packages of the lock file and the project itself (editable).

    Raises:
        StackError: Python is too old, or a package cannot be installed.
    """
    require("venv", "libmagic", "pango", "bubblewrap")
    fill(VENV, DEV / "requirements.lock")
    stamp, digest = VENV / ".project", _digest([ROOT / name for name in PROJECT_FILES])
    if stamp.exists() and stamp.read_text() == digest:
        return
    # "compat" adds the project's folder to sys.path; the import hook of the default mode would hide
    # the other extensions of the namespace package `ckanext`.
    _install(VENV, "--no-deps", "--config-settings", "editable_mode=compat", "--editable", str(ROOT))
    # The confined process that reads files cannot write its bytecode.
    imports = "import ckanext.ecosphere.access.preview.reader, ckanext.ecosphere.access.take.making"
    run([VENV / "bin" / "python", "-c", imports], what="compile the reader of files", env=kept_bytecode())
    stamp.write_text(digest)


def fill(venv: Path, lock_file: Path) -> None:
    """Create a virtual environment with exactly the packages of a lock file, or recreate it if the
    file changed.

    Args:
        venv: folder of the virtual environment.
        lock_file: lists all packages; their dependencies are not resolved.

    Raises:
        StackError: Python is too old, or a package cannot be installed.
    """
    stamp, digest = venv / ".locked", _digest([lock_file])
    if stamp.exists() and stamp.read_text() == digest and _works(venv):
        return
    say(f"Installing Python packages into {venv.name}")
    shutil.rmtree(venv, ignore_errors=True)
    python = program("venv")
    run([python, "-m", "venv", venv], what=f"create {venv}")
    if not _works(venv):
        raise StackError(f"{python} is too old: Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed.")
    run([venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", UV], what="install uv")
    _install(venv, "--no-deps", "-r", str(lock_file))
    stamp.write_text(digest)


def _install(venv: Path, *arguments: str) -> None:
    command = [venv / "bin" / "uv", "pip", "install", "-q", "--python", venv / "bin" / "python", *arguments]
    run(command, what="install the Python packages", cwd=ROOT, env=_same_index_as_pip())


def _digest(inputs: Iterable[Path]) -> str:
    """Return a digest of the files and the checkout's path,
    since a virtual environment cannot be moved.
    """
    digest = hashlib.sha256(str(ROOT).encode())
    for path in inputs:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _works(venv: Path) -> bool:
    """Return whether the interpreter still runs (the system's Python may
    be gone) and is recent enough.
    """
    code = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON} or sys.prefix != sys.argv[1])"
    probe = [venv / "bin" / "python", "-c", code, venv]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _same_index_as_pip() -> dict[str, str]:
    """Return the variables that make uv use the same package index (e.g. a mirror) as pip."""
    env = {"UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "hardlink")}
    if index := os.environ.get("PIP_INDEX_URL"):
        env["UV_DEFAULT_INDEX"] = os.environ.get("UV_DEFAULT_INDEX", index)
    return env


#: Options of `uv pip compile`; the last two keep the index URL and uv's command line out of the
#: file.
LOCK_OPTIONS = "--quiet --upgrade --universal --python-version 3.10 --no-annotate --no-emit-index-url --no-header"


def lock() -> None:
    """Compile the lock files with the latest versions."""
    setup()
    compiler = [VENV / "bin" / "uv", "pip", "compile", *LOCK_OPTIONS.split()]
    project = ["--extra", "dev", "--override", "dev/overrides.in", "pyproject.toml", "dev/requirements.in"]
    for sources, target in (
        (project, "dev/requirements.lock"),
        (["dev/csw/requirements.in"], "dev/csw/requirements.lock"),
    ):
        run([*compiler, *sources, "-o", target], what=f"compile {target}", cwd=ROOT, env=_same_index_as_pip())


def venv_program(name: str) -> Path:
    """Return the path of a program in the project's virtual environment.

    Raises:
        StackError: `make setup` has not been run.
    """
    path = VENV / "bin" / name
    if not path.exists():
        raise StackError(f"{name} is not installed: run `make setup` first.")
    return path
