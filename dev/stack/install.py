"""Virtual environments filled from lock files; nothing is done when nothing changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from .packages import require
from .settings import DEV, ROOT, VENV
from .shell import StackError, run, say

UV = "uv>=0.5,<1"
#: What the editable install of the project depends on, besides its lock file.
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


def setup() -> None:
    """Create `.venv` with the project (editable) and everything it needs, as locked."""
    require("venv", "libmagic")
    inputs = [DEV / "requirements.lock", *(ROOT / name for name in PROJECT_FILES)]
    # "compat" puts the project on sys.path as a folder: the import hook of the default mode hides the other
    # extensions, which share the namespace `ckanext`.
    project = ["--no-deps", "--config-settings", "editable_mode=compat", "--editable", str(ROOT)]
    fill(VENV, inputs, [["-r", str(DEV / "requirements.lock")], project])


def fill(venv: Path, inputs: Iterable[Path], installs: Sequence[Sequence[str]]) -> None:
    """Create a virtual environment and run `uv pip install` in it, unless `inputs` are as last time.

    Args:
        venv: its folder.
        inputs: files that decide what gets installed.
        installs: arguments of each `uv pip install`, in order.

    Raises:
        StackError: when Python is too old or a package cannot be had.
    """
    stamp, digest = venv / ".stamp", _digest(inputs)
    if stamp.exists() and stamp.read_text() == digest and _works(venv):
        return
    say(f"Installing Python packages into {venv.name}")
    if not _works(venv):
        shutil.rmtree(venv, ignore_errors=True)
        run(["python3", "-m", "venv", venv], what=f"create {venv}")
    stamp.unlink(missing_ok=True)
    python = venv / "bin" / "python"
    if not (venv / "bin" / "uv").exists():
        run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", UV], what="install uv")
    for arguments in installs:
        command = [venv / "bin" / "uv", "pip", "install", "-q", "--python", python, *arguments]
        run(command, what="install the Python packages", cwd=ROOT, env=_same_index_as_pip())
    stamp.write_text(digest)


def _digest(inputs: Iterable[Path]) -> str:
    """Depends on the files and on where the checkout is: a virtual environment cannot be moved."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in inputs:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _works(venv: Path) -> bool:
    """Whether its interpreter still runs (the system's Python may have gone) and is recent enough."""
    probe = [
        venv / "bin" / "python",
        "-c",
        "import sys; sys.exit(sys.version_info < (3, 10) or sys.prefix != sys.argv[1])",
    ]
    try:
        return subprocess.run([*probe, venv], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _same_index_as_pip() -> dict[str, str]:
    """Have uv use the package index (a mirror, say) that the environment tells pip to use."""
    env = {"UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "hardlink")}
    if index := os.environ.get("PIP_INDEX_URL"):
        env["UV_DEFAULT_INDEX"] = os.environ.get("UV_DEFAULT_INDEX", index)
    return env


def lock() -> None:
    """Compile the lock file again; without an argument of `uv` that would write an address in it."""
    setup()
    uv = VENV / "bin" / "uv"
    common = [
        "--universal",
        "--python-version",
        "3.10",
        "--no-header",
        "--no-annotate",
        "--no-emit-index-url",
    ]
    sources = ["--extra", "dev", "pyproject.toml", "dev/requirements.in"]
    run(
        [uv, "pip", "compile", "-q", *common, *sources, "-o", "dev/requirements.lock", "--upgrade"],
        what="compile the lock file",
        cwd=ROOT,
        env=_same_index_as_pip(),
    )


def venv_program(name: str) -> Path:
    """A program of the project's virtual environment.

    Raises:
        StackError: when `make setup` has not been run.
    """
    path = VENV / "bin" / name
    if not path.exists():
        raise StackError(f"{name} is not installed: run `make setup` first.")
    return path
