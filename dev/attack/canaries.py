"""Servers that nobody may ask: whoever does has been led around the guard."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ckanext.ecosphere.tests.scripted_server import Exchange, ScriptedServer, serve

#: A loopback address outside the networks that the demonstration allows.
FORBIDDEN = "127.66.6.6"
#: The same, as it is spelled to deceive; `{port}` and `{path}` are filled in.
HOSTS = (FORBIDDEN, "127.0.0.1", "::1")
_MARK = re.compile(r"canary-(\d+)")


class Canaries:
    """Listens on one port of several loopback addresses, and knows which attempt a question came from.

    Attributes:
        port: the port.
    """

    def __init__(self, servers: list[ScriptedServer]) -> None:
        self._servers, self._numbers = servers, itertools.count(1)
        self.port = servers[0].server_port

    def path(self) -> str:
        """A path of its own for an attempt."""
        return f"canary-{next(self._numbers)}"

    def address(self, path: str) -> str:
        """The plain address of a path on the forbidden address."""
        return f"http://{FORBIDDEN}:{self.port}/{path}"

    def asked(self, path: str) -> bool:
        """Whether anyone came for this path."""
        number = _MARK.fullmatch(path)
        seen = (_MARK.search(url) for server in self._servers for _method, url, _body in list(server.seen))
        return any(match and number and match[1] == number[1] for match in seen)


def _answer(exchange: Exchange) -> None:
    exchange.answer('{"@context": {}}', Content_Type="application/ld+json")


@contextmanager
def canaries() -> Iterator[Canaries]:
    """Run the servers for the time of the block."""
    with ExitStack() as stack:
        servers: list[ScriptedServer] = []
        for host in HOSTS:
            port = servers[0].server_port if servers else 0
            servers.append(stack.enter_context(serve(_answer, host=host, port=port)))
        yield Canaries(servers)
