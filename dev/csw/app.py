# pyright: reportMissingImports=false
"""WSGI application that serves the demonstration's catalogues over CSW 2.0.2: pycsw at /<name>/csw
per `<name>.db`.

The environment variable CATALOGUES names their folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from pycsw import server

CATALOGUES = Path(os.environ["CATALOGUES"])
OPTIONS = yaml.safe_load(Path(__file__).with_name("pycsw.yaml").read_text(encoding="utf-8"))


def configuration(name: str, port: str) -> dict[str, dict[str, str]]:
    """Return the pycsw configuration of a catalogue."""
    options = {section: dict(values) for section, values in OPTIONS.items()}
    options["server"]["url"] = f"http://127.0.0.1:{port}/{name}/csw"
    options["metadata:main"]["identification_title"] = f"Catalogue de démonstration : {name}"
    options["repository"] = {"database": f"sqlite:///{CATALOGUES / name}.db", "table": "records"}
    return options


def application(env: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request as a WSGI application."""
    name, _, rest = env.get("PATH_INFO", "").strip("/").partition("/")
    if rest != "csw" or not re.fullmatch(r"[\w-]+", name) or not (CATALOGUES / f"{name}.db").exists():
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"No such catalogue.\n"]
    env = {**env, "local.app_root": str(CATALOGUES)}
    status, answer = server.Csw(configuration(name, env["SERVER_PORT"]), env).dispatch_wsgi()
    start_response(status, [("Content-Type", "application/xml; charset=UTF-8"), ("Content-Length", str(len(answer)))])
    return [answer]
