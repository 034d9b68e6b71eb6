"""Runners of the tests and of the linters."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence

from . import packages, pycsw, services
from .install import fill, setup, venv_program
from .settings import DEV, INSTALLED, ROOT, TEST_PROCESSES, kept_bytecode, test_environment

#: Options for the whole suite: several processes, keeping the tests of a file, which share
#: fixtures, in one.
IN_PARALLEL = ("-n", str(len(set(TEST_PROCESSES.values()))), "--dist", "loadfile", "--no-loadscope-reorder")

#: What is left to `make test-all`.
WITHOUT_SLOW = ("-m", "not slow")

#: What needs no service: pure code.
WITHOUT_SERVICES = ("-m", "not slow and not service")

#: CKAN asks for a database when it starts, whatever the tests need: this one is empty, and in
#: memory.
NO_DATABASE = "sqlite://"

#: udata's own virtual environment, since its pinned dependencies conflict with CKAN's, and the test
#: that runs it.
UDATA, READ_BY_UDATA = INSTALLED / "udata-venv", "ckanext/ecosphere/schemas/tests/test_read_by_udata.py"

#: For a short-lived Solr: less compilation and no concurrent garbage collection halve the time it
#: takes.
SHORT_LIVED_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def environment() -> None:
    """Print the variables needed to run pytest by hand, for `eval`."""
    for name, value in test_environment().items():
        print(f"export {name}={shlex.quote(value)}")


def test(arguments: Sequence[str]) -> int:
    """Run pytest on the real services; those that are not running are started, and stopped at the
    end.

    Args:
        arguments: arguments for pytest; without any, all but the slow tests run in several
            processes.

    Returns:
        pytest's exit code.
    """
    return _pytest(arguments or (*IN_PARALLEL, *WITHOUT_SLOW))


def test_fast(arguments: Sequence[str]) -> int:
    """Run the tests of pure code, which need no service, with further arguments for pytest.

    Return its exit code.
    """
    setup()
    return _run(
        (*IN_PARALLEL, *WITHOUT_SERVICES, *arguments),
        {"CKAN_SQLALCHEMY_URL": NO_DATABASE, "CKAN__PLUGINS": "", **kept_bytecode()},
    )


def test_all(arguments: Sequence[str]) -> int:
    """Run the whole suite in several processes, with further arguments for pytest.

    Return its exit code.
    """
    return _pytest((*IN_PARALLEL, *arguments))


def federation() -> int:
    """Let udata's own harvester read the portal, and print what became of each dataset.

    Return the exit code.
    """
    fill(UDATA, DEV / "federation" / "requirements.lock")
    return test([READ_BY_UDATA, "-q", "-s"])


def _pytest(arguments: Sequence[str]) -> int:
    packages.require("chromium")
    os.environ.setdefault("JDK_JAVA_OPTIONS", SHORT_LIVED_JAVA)
    started = services.up()
    try:
        pycsw.setup()
        if pycsw.start():
            started.add("pycsw")
        return _run(arguments, test_environment())
    finally:
        services.stop(started, quietly=True)  # quietly, so that pytest's summary comes last


def _run(arguments: Sequence[str], environment: dict[str, str]) -> int:
    command = [str(venv_program("pytest")), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False).returncode


def lint() -> int:
    """Run ruff and pyright."""
    setup()
    checks = (["ruff", "check"], ["ruff", "format", "--check"], ["pyright"])
    codes = [subprocess.run([venv_program(name), *rest], cwd=ROOT, check=False).returncode for name, *rest in checks]
    return max(codes)
