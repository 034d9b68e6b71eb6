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
#: How often a port is looked for that is free on all of them.
TRIES = 20
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


def _on_one_port(stack: ExitStack) -> list[ScriptedServer]:
    """Start a server on each host, all on a port that the first one finds free.

    Raises:
        OSError: another host uses this port, for a connection of its own perhaps.
    """
    servers: list[ScriptedServer] = []
    for host in HOSTS:
        port = servers[0].server_port if servers else 0
        servers.append(stack.enter_context(serve(_answer, host=host, port=port)))
    return servers


@contextmanager
def canaries() -> Iterator[Canaries]:
    """Run the servers for the time of the block.

    Raises:
        OSError: no port was free on all hosts, `TRIES` times.
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
