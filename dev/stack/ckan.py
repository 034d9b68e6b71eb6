"""The CKAN portal: configuration, tables, web server and background workers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from configparser import RawConfigParser
from functools import partial
from pathlib import Path

from .install import venv_program
from .process import Process, port_is_taken, url_answers
from .settings import DEV, LOCAL, ROOT, local, ports, postgres_url, redis_url, secret, solr_url
from .shell import StackError, run, say, write_private

INI = LOCAL / "ckan.ini"
OPTIONS = DEV / "stack" / "options.ini"
#: Queues of the first worker, the most urgent first; it runs no harvests, which may take hours.
QUICK_ROOMS = ("requests", "search", "schemas", "quality", "access", "studies")
QUICK_QUEUES = ("default", *(f"ecosphere:{room}" for room in QUICK_ROOMS))
#: Niceness of the other workers, so that the web server takes precedence over harvests.
NICENESS = 10
#: Queues of the other workers: harvests first, then what the first worker has no time for.
QUEUES = ("ecosphere:harvest", *QUICK_QUEUES)
WORKERS = max(2, int(os.environ.get("WORKERS") or "3"))
#: Optional plugins, with spaces between their names.
PLUGINS = os.environ.get("PLUGINS", "")
#: Pause between two looks at due dates.
TICK_SECONDS = 600
#: Processes of the web server, and threads of each.
WEB_PROCESSES, WEB_THREADS = 2, 4


def site_url() -> str:
    """Return the URL of the portal."""
    return f"http://127.0.0.1:{ports()['web']}"


def write_ini(more: Mapping[str, str] | None = None, path: Path = INI, purpose: str = "demo") -> None:
    """Write a configuration file, based on `dev/portal.ini`, with this checkout's URLs and secrets.

    Args:
        more: further options.
        path: the file, in `.local`.
        purpose: whose database, Solr core and Redis database are used.
    """
    values = {
        "portal": os.path.relpath(DEV / "portal.ini", LOCAL),
        "site_url": site_url(),
        "secret": secret("ckan"),
        "postgres_url": postgres_url(purpose),
        "redis_url": redis_url(purpose),
        "solr_url": solr_url(purpose),
        "storage": local("storage"),
        "smtp_port": ports()["smtp"],
        "ogc_url": ogc_url(),
    }
    template = OPTIONS.read_text(encoding="utf-8").format_map(values)
    options = dict(line.split(" = ", 1) for line in template.splitlines() if not line.startswith("#"))
    if PLUGINS:
        options["ckan.plugins"] = f"{PLUGINS} {portal_plugins()}"
    options |= more or {}
    lines = [f"{name} = {value.replace('%', '%%')}" for name, value in options.items()]
    text = "\n".join(["# Written by `make demo`.", "[app:main]", *lines, ""])
    if not path.exists() or path.read_text() != text:
        write_private(path, text)


def portal_plugins() -> str:
    """Return the plugins of `dev/portal.ini` on one line."""
    portal = RawConfigParser()
    portal.read(DEV / "portal.ini", encoding="utf-8")
    return " ".join(portal["app:main"]["ckan.plugins"].split())


def command(*arguments: str, ini: Path = INI) -> str:
    """Run a `ckan` command on the portal of a configuration file and return its output."""
    words = " ".join(arguments[:3])
    return run([venv_program("ckan"), "-c", ini, *arguments], what=f"run `ckan {words}`", cwd=LOCAL)


def initialise(more: Mapping[str, str] | None = None) -> None:
    """Create or migrate the tables and set up every room.

    Args:
        more: further options of the configuration.
    """
    write_ini(more)
    say("Preparing the database, the search index and the organisations")
    command("db", "upgrade")
    command("ecosphere", "init", "--yes")


def _version() -> str:
    """Return a digest of code and configuration, so that `make demo` restarts
    processes that run an older version.
    """
    digest = hashlib.sha256(INI.read_bytes())
    for path in [DEV / "portal.ini", DEV / "requirements.lock", *sorted((ROOT / "ckanext").rglob("*"))]:
        if path.is_file() and "tests" not in path.parts and path.suffix != ".pyc":
            digest.update(f"{path} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def gunicorn(port: int) -> list[str]:
    """Return the command of a web server of the portal of `CKAN_INI` on a port."""
    options = {"workers": WEB_PROCESSES, "threads": WEB_THREADS, "timeout": 120, "bind": f"127.0.0.1:{port}"}
    options["forwarder-headers"] = ""  # else clients could choose the portal's apparent URL
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [str(venv_program("python")), "-m", "gunicorn", "dev.stack.wsgi:application", *flags]


def processes(servers: Mapping[str, int] | None = None) -> Iterator[Process]:
    """Yield the web server, the workers, the watch and the clock as background processes.

    Args:
        servers: names and ports of web servers, if there are several.
    """
    version, env = _version(), {"CKAN_INI": str(INI), "MALLOC_ARENA_MAX": "2"}
    for name, number in (servers or {"web": ports()["web"]}).items():
        command = [*gunicorn(number), "--chdir", str(ROOT)]
        ready = partial(answers, f"http://127.0.0.1:{number}")
        port = "web" if name == "web" else None
        yield Process(name, command, ready=ready, port=port, env=env, version=version, cwd=ROOT)
    for number in range(1, WORKERS + 1):
        # One scheduler is enough; RQ would have the others compete for its lock.
        flags = [] if number == 1 else ["--no-scheduler"]
        queues = QUICK_QUEUES if number == 1 else QUEUES
        behind_pages = [] if number == 1 else ["nice", "-n", str(NICENESS)]
        worker = [*behind_pages, str(venv_program("ckan")), "-c", str(INI), "jobs", "worker", *flags, *queues]
        yield Process(f"worker-{number}", worker, env=env, version=version, cwd=LOCAL)
    watch = [str(venv_program("ckan")), "-c", str(INI), "ecosphere", "watch"]
    yield Process("watch", watch, env=env, version=version, cwd=LOCAL)
    tick = f"while sleep {TICK_SECONDS}; do '{venv_program('ckan')}' -c '{INI}' ecosphere requests tick; done"
    yield Process("clock", ["sh", "-c", tick], env=env, version=version, cwd=LOCAL)  # stands for cron


def post_office(kept: int = 500) -> Process:
    """Return the process that receives the portal's e-mails and shows them.

    Args:
        kept: number of the latest e-mails to keep.
    """
    numbers = [str(number) for number in (ports()["smtp"], ports()["mail"], kept)]
    program = [str(venv_program("python")), "-m", "dev.stack.mailbox", str(local("mail")), *numbers]
    return Process("mail", program, ready=lambda: port_is_taken(ports()["mail"]), port="mail", cwd=ROOT)


def ogc_server() -> Process:
    """Return the process of the OGC server that the demonstration previews."""
    program = [str(venv_program("python")), "-m", "dev.ogc", str(ports()["ogc"])]
    return Process("ogc", program, ready=lambda: port_is_taken(ports()["ogc"]), port="ogc", cwd=ROOT)


def ogc_url() -> str:
    """Return the URL of the demonstration's OGC server."""
    return f"http://127.0.0.1:{ports()['ogc']}"


def mail_url() -> str:
    """Return the URL of the page that shows the e-mails."""
    return f"http://127.0.0.1:{ports()['mail']}"


def answers(url: str = "") -> bool:
    """Return whether the portal's API answers, or that of one of its web servers."""
    return url_answers(f"{url or site_url()}/api/3/action/status_show", timeout=30)


def check_workers() -> None:
    """Check that the workers are running.

    Raises:
        StackError: a worker has ended; the message names its log.
    """
    for process in processes():
        if process.name.startswith("worker") and not process.pid():
            raise StackError(f"{process.name} has ended; see why in {process.log}")
