"""Canary servers on forbidden addresses: any request to them shows that the SSRF guard was bypassed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ckanext.ecosphere.tests.scripted_server import Exchange, ScriptedServer, serve

#: A loopback address outside the networks that the demonstration allows.
FORBIDDEN = "127.66.6.6"
#: All loopback addresses on which canaries listen.
HOSTS = (FORBIDDEN, "127.0.0.1", "::1")
#: Attempts to find a port that is free on all of them.
TRIES = 20
_MARK = re.compile(r"canary-(\d+)")


class Canaries:
    """Servers on one port of several loopback addresses, which attribute each request to an attempt.

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
        seen = (_MARK.search(url) for server in self._servers for _method, url, _body in list(server.seen))
        return any(match and number and match[1] == number[1] for match in seen)


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
