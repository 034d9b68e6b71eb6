"""Canary server that must never be contacted: outside of the allowed networks,
it records every connection.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ADDRESS = "127.0.0.2"
"""A loopback address other than 127.0.0.1, which the tests allow."""


class Canary:
    """Records connections, and answers nothing.

    Attributes:
        heard: data received, one text for each connection.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server((ADDRESS, 0))
        self.port = self._socket.getsockname()[1]
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """URL of the server."""
        return f"http://{ADDRESS}:{self.port}"

    def _listen(self) -> None:
        while True:
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1)
                try:
                    self.heard.append(connection.recv(1000).decode("latin-1"))
                except OSError:
                    self.heard.append("")

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def canary() -> Iterator[Canary]:
    """Run a canary for the duration of the block."""
    bird = Canary()
    try:
        yield bird
    finally:
        bird.close()
