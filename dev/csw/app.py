# pyright: reportMissingImports=false
"""WSGI application that serves the demonstration's catalogues over CSW 2.0.2: pycsw at /<name>/csw per `<name>.db`.

The environment variable CATALOGUES names their folder. A folder `<name>` beside `<name>.db` holds files that are not
well-formed XML. pycsw can only serve what it can parse, so these are sent byte for byte, as a broken server does.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from pycsw import server

CATALOGUES = Path(os.environ["CATALOGUES"])
OPTIONS = yaml.safe_load(Path(__file__).with_name("pycsw.yaml").read_text(encoding="utf-8"))
PAGE = b"""<?xml version="1.0" encoding="UTF-8"?>
<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" version="2.0.2">
<csw:SearchStatus timestamp="2026-06-30T00:00:00Z"/>
<csw:SearchResults numberOfRecordsMatched="%d" numberOfRecordsReturned="%d" nextRecord="%d" elementSet="full">
"""
PAGE_END = b"\n</csw:SearchResults></csw:GetRecordsResponse>\n"
DECLARATION = re.compile(rb"^(\xef\xbb\xbf)?\s*<\?xml[^>]*\?>")


def configuration(name: str, port: str) -> dict[str, dict[str, str]]:
    """Return the pycsw configuration of a catalogue."""
    title = f"Catalogue de démonstration : {name.removesuffix('-illisibles')}"
    options = {section: dict(values) for section, values in OPTIONS.items()}
    options["server"]["url"] = f"http://127.0.0.1:{port}/{name}/csw"
    options["metadata:main"]["identification_title"] = title
    options["repository"] = {"database": f"sqlite:///{CATALOGUES / name}.db", "table": "records"}
    return options


def application(env: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request as a WSGI application."""
    name, _, rest = env.get("PATH_INFO", "").strip("/").partition("/")
    if rest != "csw" or not re.fullmatch(r"[\w-]+", name) or not (CATALOGUES / f"{name}.db").exists():
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"No such catalogue.\n"]
    body = env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or 0))
    request = f"{env.get('QUERY_STRING', '')} {body.decode('utf-8', 'replace')}"
    broken = sorted((CATALOGUES / name).glob("*.xml"))
    if broken and re.search(r"GetRecords\b", request):
        return _answer(start_response, "200 OK", "application/xml; charset=UTF-8", broken_page(broken, request))
    env = {**env, "wsgi.input": io.BytesIO(body), "local.app_root": str(CATALOGUES)}
    status, answer = server.Csw(configuration(name, env["SERVER_PORT"]), env).dispatch_wsgi()
    return _answer(start_response, status, "application/xml; charset=UTF-8", answer)


def _answer(start_response: Callable[..., Any], status: str, kind: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def broken_page(files: list[Path], request: str) -> bytes:
    """Return a GetRecords page of files that are not XML; a file that is itself a whole answer is returned as it is.

    Args:
        files: all broken files of the catalogue.
        request: query string or body of GetRecords.
    """
    start, size = (_number(request, name, default) for name, default in (("startPosition", 1), ("maxRecords", 10)))
    chosen = [path.read_bytes() for path in files[start - 1 : start - 1 + size]]
    if "resultType=hits" in request or 'resultType="hits"' in request:
        chosen = []
    if len(chosen) == 1 and b"GetRecordsResponse" in chosen[0]:
        return chosen[0]
    after = start + len(chosen)
    head = PAGE % (len(files), len(chosen), after if after <= len(files) else 0)
    return head + b"\n".join(DECLARATION.sub(b"", content) for content in chosen) + PAGE_END


def _number(request: str, name: str, default: int) -> int:
    found = re.search(rf'{name}="?(\d+)', request, re.IGNORECASE)
    return int(found[1]) if found else default
