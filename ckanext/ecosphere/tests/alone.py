"""Start a real CKAN with a few plugins and crawl it; a program of its own, since a process starts CKAN but once.

Reads a JSON object from standard input: `config` (options of every portal), `token` (of a sysadmin), `paths` (asked for
by the sysadmin in every portal), `compiled` (folder of compiled templates that all portals share) and `runs`, a list of
objects with these keys, all but the first two optional:

- `name` of the run, and `plugins` as `ckan.plugins` has them;
- `more`: further paths; `only`: paths that are asked for in the place of all others;
- `before` and `after`: SQL statements, the second of which undoes the first;
- `command`: words after `ckan -c FILE`, run in the place of the crawl.

Each run is a forked process in which no plugin was ever loaded. Writes a JSON object: name of the run → what was found.
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
#: What is left alone: it ends sessions, gives files, or is the same page in another language.
_SKIPPED = re.compile(r"^/(user/_?logout|user/logged|uploads|webassets|base|(en|fr)(/|$)|api/)")


class Memory(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep level and text, with the last line of the trace."""
        text = record.getMessage()
        if record.exc_info and isinstance(record.exc_info, tuple) and record.exc_info[1]:
            text += " | " + "".join(traceback.format_exception_only(record.exc_info[1])).strip()
        self.lines.append((record.levelname, text))


def start(config: dict[str, Any], compiled: str) -> Any:
    """Start CKAN, with a folder of compiled templates for all portals; returns its Flask application."""
    from ckan.config.middleware import make_app
    from jinja2 import FileSystemBytecodeCache

    made: Any = make_app(config)  # type: ignore[arg-type]
    made._wsgi_app.jinja_env.bytecode_cache = FileSystemBytecodeCache(compiled)
    return made._wsgi_app


def crawl(app: Any, token: str, paths: list[str], most: int) -> dict[str, int]:
    """Follow links from the home page as nobody, then ask for the given pages and our own as a sysadmin."""
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
            # A page with other parameters is the same page: one of them is enough.
            key = urlsplit(link).path
            if key not in seen and not _SKIPPED.match(key):
                seen.add(key)
                waiting.append(link)
    for path in dict.fromkeys([*paths, *own_pages(app)]):
        answer = app.test_client().get(path, headers={"Authorization": token})
        found[f"sysadmin {path}"] = answer.status_code
    return found


def own_pages(app: Any) -> list[str]:
    """Our own pages that need no argument."""
    return sorted(
        {
            rule.rule
            for rule in app.url_map.iter_rules()
            if not rule.arguments
            and "GET" in rule.methods
            and str(getattr(app.view_functions[rule.endpoint], "__module__", "")).startswith("ckanext.ecosphere")
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
    """Run a command of `ckan` with a configuration file; returns its exit code and what it prints."""
    from ckan.cli.cli import ckan
    from click.testing import CliRunner

    lines = [f"{name} = {str(value).replace('%', '%%')}" for name, value in config.items() if name[0] not in "_h"]
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
    """Start and crawl one portal, or run one command; what it refuses to start for is told as `refused`."""
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
    """Read what takes long and is the same for every portal, before the processes part: CKAN, libraries, languages.

    No module of a plugin: one that needs another's must not find it here.
    """
    for name in ("ckan.cli.cli", "ckan.tests.helpers", "owslib.iso", "pyproj", "rdflib", "shapely"):
        import_module(name)
    import ckan
    from babel import localedata

    for folder in (Path(ckan.__file__).parent / "i18n").iterdir():
        if localedata.exists(folder.name):
            localedata.load(folder.name)


def main() -> None:
    """Run what standard input asks for, two at a time."""
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
