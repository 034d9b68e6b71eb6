"""Crawl of a real CKAN with only some of the plugins, as a separate program, since a process can
start CKAN only once.

Reads a JSON object from standard input: `config` (options of every portal), `token` (of a
sysadmin), `paths` (requested as the sysadmin on every portal), `compiled` (folder of compiled
templates shared by all portals) and `runs`, a list of objects with these keys, all but the first
two optional:

- `name` of the run, and `plugins` as in `ckan.plugins`;
- `more`: further paths; `only`: paths requested instead of all others;
- `before` and `after`: SQL statements, the second of which undoes the first;
- `command`: arguments for `ckan -c FILE`, run instead of the crawl.

Each run is a forked process that has not loaded any plugin. Writes a JSON object: name of the run →
findings.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import tempfile
import time
import traceback
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MOST_PAGES = 12
AT_ONCE = 2
_LINK = re.compile(r'<a [^>]*?href="(/[^"#]*)')
#: Links that are not followed: they end the session, return files, or lead to the same page in
#: another language.
_SKIPPED = re.compile(r"^/(user/_?logout|user/logged|uploads|webassets|base|(en|fr)(/|$)|api/)")


class Memory(logging.Handler):
    """Log handler that keeps the messages."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep level and message, with the last line of the traceback."""
        text = record.getMessage()
        if record.exc_info and isinstance(record.exc_info, tuple) and record.exc_info[1]:
            text += " | " + "".join(traceback.format_exception_only(record.exc_info[1])).strip()
        self.lines.append((record.levelname, text))


def start(config: dict[str, Any], compiled: str) -> Any:
    """Start CKAN with the shared folder of compiled templates; return its Flask application."""
    from ckan.config.middleware import make_app
    from jinja2 import FileSystemBytecodeCache

    made: Any = make_app(config)  # type: ignore[arg-type]
    made._wsgi_app.jinja_env.bytecode_cache = FileSystemBytecodeCache(compiled)
    return made._wsgi_app


def crawl(app: Any, token: str, paths: list[str], most: int) -> dict[str, int]:
    """Follow links from the home page as an anonymous user,
    then request given and our own pages as the sysadmin.
    """
    found: dict[str, int] = {}
    client = app.test_client()
    waiting, seen = ["/"], {"/"}
    while waiting and len(found) < most:
        path = waiting.pop(0)
        answer = client.get(path)
        found[path] = answer.status_code
        if answer.mimetype != "text/html":
            continue
        for link in map(unescape, _LINK.findall(answer.get_data(as_text=True))):
            # Pages that differ only in query parameters are requested once.
            key = urlsplit(link).path
            if key not in seen and not _SKIPPED.match(key):
                seen.add(key)
                waiting.append(link)
    for path in dict.fromkeys([*paths, *own_pages(app)]):
        answer = app.test_client().get(path, headers={"Authorization": token})
        found[f"sysadmin {path}"] = answer.status_code
    return found


def own_pages(app: Any) -> list[str]:
    """Return the paths of our own pages without variable parts."""
    return sorted(
        {
            rule.rule
            for rule in app.url_map.iter_rules()
            if not rule.arguments
            and rule.rule != "/ecosphere/health/ready"  # 503, since no worker runs
            and "GET" in rule.methods
            and str(getattr(app.view_functions[rule.endpoint], "__module__", "")).startswith(
                "ckanext.ecosphere"
            )
        }
    )


def execute(config: dict[str, Any], statements: str) -> None:
    """Run SQL statements in a transaction of their own."""
    import sqlalchemy as sa

    engine = sa.create_engine(config["sqlalchemy.url"])
    with engine.begin() as connection:
        connection.execute(sa.text(statements))
    engine.dispose()


def command(config: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """Run a `ckan` command with a configuration file; return its exit code and output."""
    from ckan.cli.cli import ckan
    from click.testing import CliRunner

    lines = [
        f"{name} = {str(value).replace('%', '%%')}"
        for name, value in config.items()
        if name[0] not in "_h"
    ]
    with tempfile.TemporaryDirectory() as folder:
        ini = Path(folder) / "ckan.ini"
        ini.write_text("\n".join(["[app:main]", *lines, *LOGGING.splitlines(), ""]))
        done = CliRunner().invoke(ckan, ["-c", str(ini), *words])
    trace = "".join(traceback.format_exception(done.exception)) if done.exception else ""
    return {"code": done.exit_code, "output": done.output, "trace": trace}


LOGGING = """
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys =
[logger_root]
level = ERROR
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
"""


def one(run: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """Start and crawl one portal, or run one command.

    The reason of a failed start is returned as `refused`.
    """
    memory = Memory()
    logging.getLogger().handlers = [memory]
    config, result = {**told["config"], "ckan.plugins": run["plugins"]}, {}
    began = time.monotonic()
    if before := run.get("before"):
        execute(config, before)
    try:
        if words := run.get("command"):
            result = command(config, words)
        else:
            app = start(config, told["compiled"])
            paths = run.get("only") or told["paths"] + run.get("more", [])
            result["pages"] = crawl(app, told["token"], paths, 1 if run.get("only") else MOST_PAGES)
            if after := run.pop("after", ""):
                result["text"] = app.test_client().get("/").get_data(as_text=True)
                execute(config, after)
                time.sleep(run["pause"])
                result["after"] = app.test_client().get("/").status_code
    except Exception as error:
        result["refused"] = f"{type(error).__name__}: {error}"
    finally:
        if after := run.get("after"):
            execute(config, after)
    return {**result, "log": memory.lines, "seconds": round(time.monotonic() - began, 1)}


def read_what_is_the_same() -> None:
    """Import what is slow to load and common to all portals before forking: CKAN, libraries,
    languages.

    No module of a plugin is imported: a plugin that needs another one's module must not find it
    already loaded.
    """
    for name in ("ckan.cli.cli", "ckan.tests.helpers", "owslib.iso", "pyproj", "rdflib", "shapely"):
        import_module(name)
    import ckan
    from babel import localedata

    for folder in (Path(ckan.__file__).parent / "i18n").iterdir():
        if localedata.exists(folder.name):
            localedata.load(folder.name)


def main() -> None:
    """Run the runs given on standard input, two at a time."""
    read_what_is_the_same()
    told = json.load(sys.stdin)
    waiting, running, results = list(told["runs"]), {}, {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            run = waiting.pop(0)
            reading, writing = os.pipe()
            if pid := os.fork():
                os.close(writing)
                running[pid] = (run["name"], os.fdopen(reading))
                continue
            with os.fdopen(writing, "w") as out:
                json.dump(one(run, told), out)
            os._exit(0)
        pid, (name, out) = next(iter(running.items()))
        results[name] = json.loads(out.read() or "{}")
        os.waitpid(pid, 0)
        del running[pid]
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    from ckanext.ecosphere.tests.quick_loading import quickly

    with quickly():
        main()
