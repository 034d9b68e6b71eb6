"""TCP forwarder that makes a service unreachable for one test,
while the service itself keeps running.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 65_536


class Forwarder:
    """Forward connections to a service.

    Args:
        host: host of the service.
        port: port of the service.
    """

    def __init__(self, host: str, port: int) -> None:
        self._service = (host, port)
        self._connections: list[socket.socket] = []
        self._door = self._open(0)
        self.port = self._door.getsockname()[1]

    def _open(self, port: int) -> socket.socket:
        door = socket.create_server(("127.0.0.1", port), reuse_port=True)
        threading.Thread(target=self._receive, args=(door,), daemon=True).start()
        return door

    def _receive(self, door: socket.socket) -> None:
        with suppress(OSError):  # the listening socket was closed
            while True:
                client, _address = door.accept()
                service = socket.create_connection(self._service)
                self._connections += [client, service]
                for source, target in ((client, service), (service, client)):
                    threading.Thread(target=_carry, args=(source, target), daemon=True).start()

    def shut(self) -> None:
        """Close all connections and the listening socket."""
        for each in (self._door, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._connections.clear()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Make the service unreachable for the duration of the block."""
        self.shut()
        yield
        self._door = self._open(self.port)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
