"""Paths, ports, databases and secrets of this checkout's stack."""

from __future__ import annotations

import json
import os
import secrets
from functools import cache
from pathlib import Path

from .shell import StackError, write_private

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "dev"
#: Folder of what is installed once for all stacks of this checkout.
INSTALLED = ROOT / ".local"
#: Name of a second stack beside the usual one, with its own services, data and ports; empty for the
#: usual one.
STACK = os.environ.get("ECOSPHERE_STACK", "")
LOCAL = INSTALLED / STACK if STACK else INSTALLED
VENV = ROOT / ".venv"
STATE = LOCAL / "stack.json"

#: Service → (environment variable of its port, offset from PORT if it is not set).
PORTS = {
    "web": ("PORT", 0),
    "postgres": ("POSTGRES_PORT", 10001),
    "redis": ("REDIS_PORT", 10002),
    "solr": ("SOLR_PORT", 10003),
    "pycsw": ("PYCSW_PORT", 10004),
    "smtp": ("SMTP_PORT", 10005),
    "mail": ("MAIL_PORT", 10006),
    "ogc": ("OGC_PORT", 10007),
}
DEFAULT_PORT = 5000
#: Records in all catalogues of the demonstration together.
DEFAULT_COUNT = 360
#: Offset of the ports of a second stack.
SECOND_STACK = 50
#: Purpose → database, Solr core or Redis database: for the portal, and for each of two test
#: processes. A third test process gained nothing on two processors.
DATABASES = {"demo": "ckan_default", "test": "ckan_test", "test_2": "ckan_test_2"}
CORES = {"demo": "ckan", "test": "ckan_test", "test_2": "ckan_test_2"}
REDIS_NUMBERS = {"demo": 0, "test": 1, "test_2": 2}
#: pytest-xdist's name of a test process → purpose.
TEST_PROCESSES = {"": "test", "gw0": "test", "gw1": "test_2"}


def local(*parts: str) -> Path:
    """Return a folder of the stack under `.local/`, created if missing."""
    folder = LOCAL.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _number(variable: str, text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise StackError(f"{variable}={text} is no port: give a number from 1 to 65535.")
    return int(text)


def _remembered(state: Path | None = None) -> dict[str, int]:
    try:
        return json.loads((state or STATE).read_text())["ports"]
    except (OSError, ValueError, KeyError):
        return {}


def _second_stack() -> dict[str, int]:
    """Return the ports of a second stack, at a fixed offset from those of the usual one,
    running or not.
    """
    usual = os.environ.get("PORT", "")
    web = _number("PORT", usual) if usual else _remembered(INSTALLED / "stack.json").get("web", DEFAULT_PORT)
    return {name: web + distance + SECOND_STACK for name, (_, distance) in PORTS.items()}


@cache
def ports() -> dict[str, int]:
    """Return the port of each service: from the environment, else as chosen last time,
    else the default.
    """
    if STACK:
        return _second_stack()
    given = {name: os.environ.get(variable, "") for name, (variable, _) in PORTS.items()}
    known = {} if given["web"] else _remembered()
    web = _number("PORT", given["web"]) if given["web"] else known.get("web", DEFAULT_PORT)
    chosen = {}
    for name, (variable, distance) in PORTS.items():
        derived = known.get(name, web + distance)
        chosen[name] = _number(variable, given[name] or str(derived))
    if chosen != _remembered():
        local()
        STATE.write_text(json.dumps({"ports": chosen}, indent=2) + "\n")
    return chosen


@cache
def secret(name: str) -> str:
    """Return a random secret of this checkout, generated on first use and kept in a
    file readable only by its owner.
    """
    path = local("secrets") / name
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def postgres_url(purpose: str) -> str:
    """Return the SQLAlchemy URL of the database for a purpose of `DATABASES`."""
    return f"postgresql://ckan:{secret('postgres')}@127.0.0.1:{ports()['postgres']}/{DATABASES[purpose]}"


def redis_url(purpose: str) -> str:
    """Return the URL of the Redis database for a purpose of `REDIS_NUMBERS`."""
    return f"redis://127.0.0.1:{ports()['redis']}/{REDIS_NUMBERS[purpose]}"


def solr_url(purpose: str) -> str:
    """Return the URL of the Solr core for a purpose of `CORES`."""
    return f"http://127.0.0.1:{ports()['solr']}/solr/{CORES[purpose]}"


def forget_ckan_variables() -> None:
    """Remove CKAN's variables from the environment, since they override the stack's configuration
    files.

    In a shell prepared for pytest (`make env`), the demonstration would otherwise be set up in the
    test database.
    """
    for name in [name for name in os.environ if name.startswith("CKAN_")]:
        del os.environ[name]


def kept_bytecode() -> dict[str, str]:
    """Return variables that make Python cache bytecode in `.local/`, even if
    PYTHONDONTWRITEBYTECODE is set.

    Compiling CKAN and its libraries takes longer than starting it, and the tests start dozens of
    processes.
    """
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(INSTALLED / "bytecode")}


def test_environment(process: str = "") -> dict[str, str]:
    """Return the variables that give CKAN's tests their own database, Solr core, queue and storage.

    Args:
        process: pytest-xdist's name of the test process; empty if there is only one.
    """
    purpose = TEST_PROCESSES[process]
    return {
        "CKAN_SQLALCHEMY_URL": postgres_url(purpose),
        "CKAN_REDIS_URL": redis_url(purpose),
        "CKAN_SOLR_URL": solr_url(purpose),
        "CKAN_STORAGE_PATH": str(local(purpose, "storage")),
        **kept_bytecode(),
    }
