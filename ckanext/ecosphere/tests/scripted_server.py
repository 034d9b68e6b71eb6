"""A real HTTP server on a loopback address, with answers written by the test."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Exchange(BaseHTTPRequestHandler):
    """A request; the script answers with the methods below or writes to `wfile` itself."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    wbufsize = (
        1 << 16
    )  # headers and body in one packet, to avoid waiting for the client's delayed ACK
    body: bytes
    server: Any

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            self.server.seen.append((self.command, self.path, self.body))
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.script(self)

    def answer(self, body: bytes | str = b"", status: int = 200, **headers: str) -> None:
        """Send a complete answer; underscores in names of headers become hyphens."""
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", "text/plain; charset=utf-8")
        named["Content-Length"] = str(len(data))
        for name, value in named.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class ScriptedServer(ThreadingHTTPServer):
    """HTTP server that counts the requests."""

    daemon_threads = True

    def __init__(self, script: Callable[[Exchange], None], host: str = "127.0.0.1", port: int = 0):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Exchange)
        self.script = script
        self.seen: list[tuple[str, str, bytes]] = []
        self.lock = threading.Lock()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.server_address[0]}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection, which is part of these tests."""


@contextmanager
def serve(
    script: Callable[[Exchange], None],
    certificate: str | None = None,
    key: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[ScriptedServer]:
    """Run a server for the duration of the block."""
    server = ScriptedServer(script, host, port)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
