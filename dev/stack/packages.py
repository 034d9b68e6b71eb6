"""System programs that the stack needs: located, else installed with apt,
else requested from the user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .shell import StackError, run, say

OLDEST_JAVA = 17
OLDEST_PYTHON = (3, 10)


@dataclass(frozen=True)
class Need:
    """A required program.

    Attributes:
        package: Debian package that contains it.
        purpose: what it is needed for.
        find: returns its path, None if it is missing.
    """

    package: str
    purpose: str
    find: Callable[[], Path | None]


def _on_path(*names: str) -> Callable[[], Path | None]:
    def find() -> Path | None:
        paths = filter(None, map(shutil.which, names))
        return next(map(Path, paths), None)

    return find


def find_postgres() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    versions.sort(key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0)
    on_path = shutil.which("initdb")
    return versions[-1] if versions else Path(on_path).resolve().parent if on_path else None


def find_java() -> Path | None:
    """Return the home of a recent enough JDK (a JRE is not enough:
    Solr's launcher is run from source).
    """
    homes = [Path(home) for home in [os.environ.get("JAVA_HOME", "")] if home]
    if on_path := shutil.which("javac"):
        homes.append(Path(on_path).resolve().parent.parent)
    homes += sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    able = (home for home in homes if (home / "bin" / "javac").exists())
    return next((home for home in able if _java_version(home) >= OLDEST_JAVA), None)


def _java_version(home: Path) -> int:
    said = subprocess.run([home / "bin" / "javac", "-version"], capture_output=True, text=True, check=False)
    number = (said.stdout or said.stderr).strip().removeprefix("javac ").split(".")[0]
    return int(number) if number.isdigit() else 0


def find_python() -> Path | None:
    """Find the Python for virtual environments: that named by `PYTHON`, else the system's, else the
    one on the path.

    Debian builds its Python with profile-guided optimisation; one built from source by a version
    manager without it takes a sixth more time for the same tests. Debian packages `ensurepip`
    separately; without it, `-m venv` fails halfway.

    Raises:
        StackError: the Python of the variable cannot create virtual environments.
    """
    chosen = os.environ.get("PYTHON")
    candidates = [Path(chosen)] if chosen else [Path("/usr/bin/python3"), Path("python3")]
    able = [python for python in candidates if _runs(python, "import ensurepip, venv")]
    if chosen and not able:
        raise StackError(f"PYTHON={chosen} cannot make environments: name a Python that has venv and ensurepip.")
    recent = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    return next((python for python in able if _runs(python, recent)), next(iter(able), None))


def _runs(python: Path, code: str) -> bool:
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _library(name: str) -> Callable[[], Path | None]:
    return lambda: next((path for pattern in (f"*/{name}", name) for path in Path("/usr/lib").glob(pattern)), None)


NEEDS = {
    "venv": Need("python3-venv", "virtual environments", find_python),
    "libmagic": Need("libmagic1", "CKAN's file types", _library("libmagic.so.1")),
    "pango": Need("libpangoft2-1.0-0", "letters as PDF", _library("libpangoft2-1.0.so.0")),
    "bubblewrap": Need("bubblewrap", "previews of files", _on_path("bwrap")),
    "postgres": Need("postgresql", "the database", find_postgres),
    "redis": Need("redis-server", "the queues", _on_path("redis-server", "valkey-server")),
    "java": Need("openjdk-17-jdk-headless", f"Solr, which needs a JDK of version {OLDEST_JAVA} or more", find_java),
    "maven": Need("maven", "fetching Solr", _on_path("mvn")),
    "setpriv": Need("util-linux", "running PostgreSQL as another user than root", _on_path("setpriv")),
    "strace": Need("strace", "watching the reader of files", _on_path("strace")),
    # The headless shell takes half the processor time of Chromium, which is used if already
    # installed.
    "chromium": Need(
        "chromium-headless-shell",
        "the tests in a browser",
        _on_path("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
    ),
}


def require(*names: str) -> None:
    """Check that these programs are available, and install the missing ones if running as root.

    Raises:
        StackError: programs are missing; the message names the command that installs them.
    """
    missing = [NEEDS[name] for name in names if NEEDS[name].find() is None]
    if not missing:
        return
    packages = [need.package for need in missing]
    command = "apt-get install --no-install-recommends " + " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        reasons = "\n".join(f"    {need.package} ({need.purpose})" for need in missing)
        raise StackError(f"Missing on this machine:\n{reasons}\nInstall them first:\n    sudo {command}")
    say(f"Installing {', '.join(packages)}")
    _install(missing)
    for need in missing:
        if need.find() is None:
            raise StackError(f"{need.package} was installed, yet what it is for is not found: {need.purpose}.")


def program(name: str) -> Path:
    """Return the path of a program (or folder of programs) of `NEEDS`,
    which is installed if missing.
    """
    require(name)
    found = NEEDS[name].find()
    assert found is not None
    return found


def _install(needs: Iterable[Need]) -> None:
    """Install packages with apt, without starting services or creating a database cluster."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with without_services():
        run(["apt-get", "update", "-q"], what="read the list of packages", env=quiet)
        packages = [need.package for need in needs]
        command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
        run(command, what=f"install {' '.join(packages)}", env=quiet)


@contextmanager
def without_services() -> Iterator[None]:
    """Let packages be installed without starting services or creating a database cluster."""
    cluster = Path("/etc/postgresql-common/createcluster.d/ckanext-ecosphere.conf")
    with (
        _temporary_file(Path("/usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", 0o755),
        _temporary_file(cluster, "create_main_cluster = false\n", 0o644),
    ):
        yield


@contextmanager
def _temporary_file(path: Path, text: str, mode: int) -> Iterator[None]:
    """Create a file for the duration of the block; an existing one is left unchanged."""
    if path.exists():
        yield
        return
    created = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        for folder in created:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
