"""Hostile HTTP server on an allowed address, and canaries on forbidden ones.

The first two segments of a path select the behaviour of the hostile server. It limits itself, so
that no attack exhausts the machine: a behaviour stops after `BYTES` or `QUESTIONS`, and all of them
stop when a worker of the portal has grown beyond `ENOUGH_BYTES`. Any request to a canary shows that
the guard of outgoing requests was passed by.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import jinja2
from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from ckanext.ecosphere.tests.scripted_server import Exchange, ScriptedServer, serve

from dev.attack.load import Load
from dev.attack.tables import FOLDER, filled, repeated, table

#: A loopback address outside the networks that the demonstration allows.
FORBIDDEN = "127.66.6.6"
#: All loopback addresses on which canaries listen.
HOSTS = (FORBIDDEN, "127.0.0.1", "::1")
#: Attempts to find a port that is free on all of them.
TRIES = 20
_MARK = re.compile(r"canary-(\d+)")


class Canaries:
    """Servers on one port of several loopback addresses, which attribute each request to an
    attempt.

    Attributes:
        port: the port.
    """

    def __init__(self, servers: list[ScriptedServer]) -> None:
        self._servers, self._numbers = servers, itertools.count(1)
        self.port = servers[0].server_port

    def path(self) -> str:
        """Return a unique path for an attempt."""
        return f"canary-{next(self._numbers)}"

    def address(self, path: str) -> str:
        """Return the URL of a path on the forbidden address, in its plain spelling."""
        return f"http://{FORBIDDEN}:{self.port}/{path}"

    def asked(self, path: str) -> bool:
        """Return whether this path was requested."""
        number = _MARK.fullmatch(path)
        urls = [url for server in self._servers for _method, url, _body in list(server.seen)]
        marks = filter(None, map(_MARK.search, urls))
        return bool(number) and any(mark[1] == number[1] for mark in marks)


def _answer(exchange: Exchange) -> None:
    exchange.answer('{"@context": {}}', Content_Type="application/ld+json")


def _on_one_port(stack: ExitStack) -> list[ScriptedServer]:
    """Start a server on each host, all on the free port that the first one is given.

    Raises:
        OSError: the port is taken on another host, possibly by an outgoing connection.
    """
    servers: list[ScriptedServer] = []
    for host in HOSTS:
        port = servers[0].server_port if servers else 0
        servers.append(stack.enter_context(serve(_answer, host=host, port=port)))
    return servers


@contextmanager
def canaries() -> Iterator[Canaries]:
    """Run the canaries for the duration of the block.

    Raises:
        OSError: no port free on all hosts was found in `TRIES` attempts.
    """
    for left in reversed(range(TRIES)):
        with ExitStack() as stack:
            try:
                servers = _on_one_port(stack)
            except OSError:
                if not left:
                    raise
                continue
            yield Canaries(servers)
            return


BYTES = 400_000_000
QUESTIONS = 4_000
ENOUGH_BYTES = 700_000_000
PIECE = 1 << 16
#: First path segment of the udata API, whatever the source's URL.
UDATA = "api"


class Question:
    """A request to a behaviour.

    Attributes:
        exchange: the HTTP exchange, to answer it.
        url: URL of the behaviour.
        rest: path below the behaviour's URL.
        values: query parameters, with lower-case names.
        number: number of earlier requests to the behaviour.
        hostile: the server.
    """

    def __init__(self, exchange: Exchange, url: str, rest: str, number: int, hostile: Hostile) -> None:
        self.exchange, self.url, self.rest, self.number, self.hostile = exchange, url, rest, number, hostile
        query = parse_qs(urlsplit(exchange.path).query, keep_blank_values=True)
        self.values = {name.lower(): each[0] for name, each in query.items()}

    def answer(self, body: str | bytes, content_type: str, **headers: str) -> None:
        """Send a complete answer."""
        self.hostile.count(self.url, len(body))
        self.exchange.answer(body, 200, Content_Type=content_type, **headers)

    def redirect(self, address: str) -> None:
        """Send the client elsewhere."""
        self.hostile.count(self.url, 0)
        self.exchange.answer("", 302, Location=address)

    def stream(self, pieces: Iterator[bytes], content_type: str) -> None:
        """Send an answer piece by piece, without Content-Length, until the limits are reached."""
        exchange = self.exchange
        self.hostile.count(self.url, 0)
        exchange.send_response(200)
        exchange.send_header("Content-Type", content_type)
        exchange.send_header("Connection", "close")
        exchange.close_connection = True
        exchange.end_headers()
        for piece in pieces:
            if not self.hostile.count(self.url, len(piece), questions=0):
                return
            exchange.wfile.write(piece)
            exchange.wfile.flush()


Behaviour = Callable[[Question], None]


class Hostile:
    """The hostile server and its counters.

    Attributes:
        load: memory of the portal's workers.
        canaries: servers on forbidden addresses, targets of redirects and links.
        bytes: bytes sent, by URL of the behaviour.
        questions: requests received, by URL of the behaviour.
        paths: canary path, by name of the behaviour.
    """

    def __init__(self, load: Load, canaries: Canaries, behaviours: dict[str, Behaviour]) -> None:
        self.load, self.canaries, self._behaviours = load, canaries, dict(behaviours)
        self._numbers = itertools.count(1)
        self.bytes: Counter[str] = Counter()
        self.questions: Counter[str] = Counter()
        self.server: ScriptedServer | None = None
        self.paths: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return self.server.url if self.server else ""

    def place(self, text: str | bytes, content_type: str) -> str:
        """Serve a text and return its URL."""
        return self.behave(lambda question: question.answer(text, content_type))

    def lead(self, address: str) -> str:
        """Redirect to an address from a new URL, and return this one."""
        return self.behave(lambda question: question.redirect(address))

    def behave(self, behaviour: Behaviour) -> str:
        """Add a behaviour and return its URL."""
        name = f"placed/{next(self._numbers)}"
        self._behaviours[name] = behaviour
        return f"{self.url}/{name}"

    def canary(self, name: str) -> str:
        """Return the forbidden URL to which the behaviour of this name leads."""
        path = self.paths.setdefault(name, self.canaries.path())
        return self.canaries.address(path)

    def count(self, url: str, size: int, questions: int = 1) -> bool:
        """Count bytes sent and requests; return False when a limit is reached."""
        self.bytes[url] += size
        self.questions[url] += questions
        return not self.exhausted(url)

    def exhausted(self, url: str) -> bool:
        """Return whether a behaviour has reached its limits."""
        spent = self.bytes[url] > BYTES or self.questions[url] > QUESTIONS
        return spent or self.load.latest > ENOUGH_BYTES

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request with the behaviour that its path selects."""
        parts = urlsplit(exchange.path).path.strip("/").split("/")
        name, rest = "/".join(parts[:2]), "/".join(parts[2:])
        if parts[0] == UDATA:
            name = parse_qs(urlsplit(exchange.path).query).get("tag", [""])[0]
        url = f"{self.url}/{name}"
        behaviour = self._behaviours.get(name)
        if behaviour is None:
            exchange.answer("", 404)
        elif self.exhausted(url):
            exchange.answer("", 503)
        else:
            behaviour(Question(exchange, url, rest, self.questions[url], self))


def settings_for(source_type: str, url: str) -> str:
    """Return the settings of a source: for udata, which keeps only the host of a URL,
    the tag names the behaviour.
    """
    if not source_type.endswith("udata"):
        return ""
    return json.dumps({"tag": "/".join(urlsplit(url).path.strip("/").split("/")[:2])})


def slowly(text: bytes, pause: float) -> Iterator[bytes]:
    """Yield the text byte by byte, with a pause before each."""
    for position in range(len(text)):
        time.sleep(pause)
        yield text[position : position + 1]


def endless(begin: bytes, piece: bytes) -> Iterator[bytes]:
    """Yield a beginning, then repeat a piece endlessly."""
    yield begin
    block = piece * max(1, PIECE // len(piece))
    while True:
        yield block


@contextmanager
def hostile(load: Load, canaries: Canaries, behaviours: dict[str, Behaviour]) -> Iterator[Hostile]:
    """Run the server for the duration of the block."""
    script = Hostile(load, canaries, behaviours)
    with serve(script) as server:
        script.server = server
        yield script


XML, JSON, HTML = "application/xml", "application/json", "text/html"
CSW = (FOLDER / "csw.xml").read_text(encoding="utf-8")
BOMB_BYTES = 300_000_000
SLOW_SECONDS = 0.7
FILES_A_PAGE = 500

# --- templates ---


def _from_template(line: dict[str, Any], more: dict[str, Any] | None = None) -> Behaviour:
    """Make a behaviour that answers a line of the table of behaviours.

    Its templates may name more words.
    """
    parts = {name: jinja2.Template(line[name]) for name in ("text", "repeated", "redirect") if name in line}

    def give(question: Question) -> None:
        words = _words(question) | filled(more or {}, {})
        content = {name: template.render(words).strip() for name, template in parts.items()}
        if "redirect" in content:
            question.redirect(content["redirect"])
            return
        text = content["text"].encode(line.get("encoding", "utf-8"), "surrogatepass")
        if "repeated" in content:
            question.stream(endless(text, content["repeated"].encode()), line["type"])
        elif line.get("slow"):
            question.stream(slowly(text, SLOW_SECONDS), line["type"])
        else:
            question.answer(text, line["type"])

    return give


def _document(line: dict[str, Any]) -> Behaviour:
    """Make a behaviour that answers the document of a line of the sources:
    the template of one of its keys.
    """
    text = next(text for key, text in table("documents").items() if key in line)
    # Its valid record has a number of its own: duplicates across sources would be set aside.
    words = {"line": line, "own": zlib.crc32(line["name"].encode()) % 10_000_000}
    encoding = line.get("encoding", "utf-8")
    return _from_template({"type": line.get("content_type", XML), "encoding": encoding, "text": text}, words)


def _words(question: Question) -> dict[str, Any]:
    """Return what templates may name; see the head of the table."""
    return {
        **{name: getattr(question, name) for name in ("url", "rest", "number", "values")},
        "start": _number(question, "startposition", "startPosition") or 1,
        "canary": question.hostile.canary,
        "records": lambda first, number: [iso_record(first + n) for n in range(number)],
        "honest": lambda numbers: [iso_record(n, title=f"Zones honnêtes {n}") for n in numbers],
        "record": iso_record,
        "plain": _plain,
        "escaped": lambda text: escape(_plain(repeated(text))),
        "replaced": _replaced,
        "page": csw_page,
        "paged": lambda records: _paged(question, records),
        "once": lambda records, *numbers: _once(question, records, *numbers),
        "udata": _udata_dataset,
        "ogcapi": _ogcapi_record,
        "filled": filled,
        "tables": {name: table(name) for name in ("stac", "xss", "slow_texts")},
    }


def _number(question: Question, parameter: str, attribute: str) -> int:
    """Return a number of a CSW request, from its query or its XML body; 0 if there is none."""
    body = question.exchange.body.decode("utf-8", "replace")
    in_body = body.partition(f'{attribute}="')[2].partition('"')[0]
    given = question.values.get(parameter) or in_body
    return int(given) if given.isdigit() else 0


def csw_page(records: list[str], matched: object, following: object = 0) -> str:
    """Return a GetRecords response with these records and these numbers."""
    return CSW.format(matched=matched, returned=len(records), following=following, records="".join(records))


def _paged(question: Question, records: list[str]) -> str:
    """Return as many of the records as are asked for, from the position that is asked for."""
    first = max(0, _number(question, "startposition", "startPosition") - 1)
    end = first + (_number(question, "maxrecords", "maxRecords") or len(records))
    following = 0
    if end < len(records):
        following = end + 1
    return csw_page(records[first:end], len(records), following)


def _once(question: Question, records: list[str], matched: object, following: object = 0) -> str:
    """Return the records for the first page, and nothing for the others."""
    first = _number(question, "startposition", "startPosition") <= 1
    return csw_page(records if first else [], matched, following)


def _udata_dataset(number: int, **more: Any) -> dict[str, Any]:
    text = {"title": f"Zone udata {number}", "description": "Une zone.", "slug": f"zone-{number}"}
    return {"id": f"{number:024x}", **text, "resources": [], "tags": ["eau"], **more}


def _ogcapi_record(number: int, **more: Any) -> dict[str, Any]:
    properties = {"type": "dataset", "title": f"Zone OGC {number}", "description": "Une zone."}
    feature = {"id": f"ogc-{number}", "type": "Feature", "geometry": None, "links": []}
    return feature | {"properties": properties | more}


def _plain(text: str) -> str:
    """Remove the characters that XML does not allow."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")


def _replaced(text: str, places: dict[str, str] | None) -> str:
    """Replace parts of a text by others."""
    for old, new in (places or {}).items():
        text = text.replace(old, new)
    return text


# --- what no template says ---


def gzip_bomb(question: Question) -> None:
    """Answer a gzip bomb: 300 MB when decompressed."""
    question.answer(_bomb(), XML, Content_Encoding="gzip")


@cache
def _bomb() -> bytes:
    return gzip.compress(b"<a>" + b" " * BOMB_BYTES + b"</a>", 1)


def waf_stream(question: Question) -> None:
    """Stream an endless list of files."""

    def lines() -> Iterator[bytes]:
        yield b"<html><body><pre>"
        for first in itertools.count(0, FILES_A_PAGE):
            numbers = range(first, first + FILES_A_PAGE)
            yield b"".join(b'<a href="r%d.xml">r%d.xml</a>\n' % (n, n) for n in numbers)

    if question.rest.endswith(".xml"):
        question.answer(iso_record(1), XML)
    else:
        question.stream(lines(), HTML)


_FUNCTIONS: tuple[Behaviour, ...] = (gzip_bomb, waf_stream)
_LINES = [line for line in table("sources") if "type" in line and "path" not in line]
#: First two path segments → behaviour.
BEHAVIOURS: dict[str, Behaviour] = {
    **{f"do/{name}": _from_template(line) for name, line in table("behaviours").items()},
    **{f"do/{function.__name__}": function for function in _FUNCTIONS},
    **{f"doc/{line['name']}": _document(line) for line in _LINES},
}
