"""One attempt of a request, the timer that shuts down its sockets,
and what decompresses the answer.
"""

from __future__ import annotations

import contextvars
import os
import queue
import socket
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from ckanext.ecosphere.shared.http_guard.addresses import (
    Network,
    Service,
    is_own_service,
    permitted,
)
from ckanext.ecosphere.shared.http_guard.budget import Budget
from ckanext.ecosphere.shared.http_guard.errors import FetchError, FetchRefusedError


@dataclass(frozen=True)
class GuardSettings:
    """Settings of a session.

    Attributes:
        allowed_networks: private networks that may be reached.
        allowed_hosts: hosts that may be asked, in lower case, redirects included; empty for all.
        allowed_ports: ports that may be reached; empty for all.
        own_services: services that must not be reached even within the allowed networks.
        max_bytes: maximum size of an answer after decompression.
        total_seconds: timeout of an attempt, from name resolution to the last byte.
        connect_seconds: timeout of a connection.
        read_seconds: maximum silence of the server.
        max_redirects: maximum redirects of a request.
        attempts: maximum attempts of a request, the first included.
        backoff_seconds: pause before the second attempt; doubled for each further one.
        max_wait_seconds: longest pause; there is no retry if the server asks for more
            (Retry-After).
        user_agent: User-Agent header.
        ca_bundle: file of CA certificates instead of the system's.
    """

    allowed_networks: tuple[Network, ...] = ()
    allowed_hosts: frozenset[str] = frozenset()
    allowed_ports: frozenset[int] = frozenset()
    own_services: tuple[Service, ...] = ()
    max_bytes: int = 32 * 1024 * 1024
    total_seconds: float = 120.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    max_redirects: int = 5
    attempts: int = 4
    backoff_seconds: float = 1.0
    max_wait_seconds: float = 60.0
    user_agent: str = "ckanext-ecosphere"
    ca_bundle: str | None = None


@dataclass
class Attempt:
    """An attempt with a deadline, at which its sockets are shut down."""

    settings: GuardSettings
    resolver: Callable[..., list[Any]]
    budget: Budget = field(default_factory=Budget)
    expired: bool = False
    _end: float = 0.0
    _sockets: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Attempt:
        seconds = min(self.settings.total_seconds, self.budget.remaining)
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()
        self.budget.cut_on_stop(self._expire)
        self._token = _attempt.set(self)
        return self

    def __exit__(self, *_exc: object) -> None:
        _attempt.reset(self._token)
        self._timer.cancel()
        self.budget.forget(self._expire)
        for handle in self._sockets:
            handle.close()

    @property
    def remaining(self) -> float:
        """Return the seconds left."""
        return max(0.0, self._end - time.monotonic())

    def watch(self, sock: socket.socket) -> None:
        """Shut down this socket at the deadline.

        A duplicate of its descriptor is kept: it refers to the same connection, and stays open when
        TLS replaces the socket or the connection passes it to the response.
        """
        handle = socket.socket(fileno=os.dup(sock.fileno()))
        self._sockets.append(handle)
        if self.expired:
            self._cut(handle)

    def _expire(self) -> None:
        self.expired = True
        for sock in list(self._sockets):
            self._cut(sock)

    @staticmethod
    def _cut(sock: socket.socket) -> None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # already closed: nothing left to cut

    def resolve(self, host: str, port: int) -> list[Any]:
        """Resolve a host in a separate thread: the system's resolver has no timeout."""
        answers: queue.Queue[Any] = queue.Queue()

        def ask() -> None:
            try:
                answers.put(self.resolver(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=min(self.remaining, self.settings.connect_seconds))
        except queue.Empty:
            raise FetchError("timeout", seconds=round(self.settings.connect_seconds)) from None
        if isinstance(answer, Exception):
            raise FetchError("unknown-host", host=host)
        return answer

    def connect(self, host: str, port: int) -> socket.socket:
        """Open a socket to the first permitted address of the host that answers."""
        if self.settings.allowed_hosts and host.lower() not in self.settings.allowed_hosts:
            raise FetchRefusedError("host", host=host)
        if self.settings.allowed_ports and port not in self.settings.allowed_ports:
            raise FetchRefusedError("port", host=host, port=port)
        resolved = self.resolve(host, port)
        good = [info for info in resolved if permitted(info[4][0], self.settings.allowed_networks)]
        if not good:
            ip = resolved[0][4][0] if resolved else "?"
            raise FetchRefusedError("address", host=host, ip=ip)
        own = self.settings.own_services
        if any(is_own_service(info[4][0], port, own, socket.getaddrinfo) for info in good):
            raise FetchRefusedError("own-service", host=host)
        failure: OSError | None = None
        for family, kind, protocol, _name, address in good:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(max(0.001, min(self.remaining, self.settings.connect_seconds)))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
            except OSError as error:
                sock.close()
                failure = error
        if isinstance(failure, TimeoutError):
            raise FetchError("timeout", seconds=round(self.settings.connect_seconds))
        raise FetchError("connection", host=host, detail=reason(failure))


_attempt: contextvars.ContextVar[Attempt] = contextvars.ContextVar("ecosphere_http_attempt")


class _Guarded:
    """Mixin for both kinds of connection: connect through the attempt,
    which shuts them down at its deadline.
    """

    def _new_conn(self: Any) -> socket.socket:
        attempt = _attempt.get()
        sock = attempt.connect(self._dns_host, self.port)
        attempt.watch(sock)
        return sock

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # a connection kept alive
            _attempt.get().watch(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]


class GuardedHTTPConnection(_Guarded, HTTPConnection):
    """A plain HTTP connection to a checked address."""


class GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    """A TLS connection to a checked address; the certificate is verified against the host name."""


def reason(error: BaseException | None) -> str:
    """Return the short text of an error of the operating system or a library."""
    first = error.args[0] if error and error.args else None
    text = getattr(error, "strerror", None) or (first if isinstance(first, str) else str(error))
    return " ".join(text.split())[:200].rstrip(".")


# --- decompression: in small steps, up to a limit, so that a bomb is refused before it unfolds ---

_STEP = 64 * 1024
_AUTOMATIC = zlib.MAX_WBITS | 32  # zlib or gzip, detected from the header
_RAW = -zlib.MAX_WBITS  # what some servers send as "deflate"


class InflateError(ValueError):
    """The body does not match its Content-Encoding, or the encoding was not requested."""


class Inflater:
    """Incremental decompressor of a body.

    Args:
        encoding: value of the header Content-Encoding; empty or "identity" for none.
        limit: maximum number of bytes produced.
    """

    def __init__(self, encoding: str, limit: int):
        name = encoding.strip().lower()
        if name not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise InflateError(encoding)
        self._plain = name in {"", "identity"}
        self._left = limit
        self._stream: Any = None
        self._first = True

    def feed(self, data: bytes) -> bytes:
        """Decompress a piece.

        Raises:
            InflateError: it cannot be decompressed.
        """
        if self._plain:
            out = data[: self._left]
            self._left -= len(out)
            return out
        out = bytearray()
        more = True
        while more and self._left > 0:
            data, more = self._step(data, out)
        return bytes(out)

    def _step(self, data: bytes, out: bytearray) -> tuple[bytes, bool]:
        """Decompress one bounded step; return the rest of `data`, and whether to continue."""
        if self._stream is None:
            self._stream = zlib.decompressobj(_AUTOMATIC)
        room = min(_STEP, self._left)
        try:
            piece = self._stream.decompress(data, room)
        except zlib.error as error:
            if not self._first:
                raise InflateError(str(error)) from error
            self._stream = zlib.decompressobj(_RAW)
            self._first = False
            return data, True
        self._first = False
        out += piece
        self._left -= len(piece)
        if self._stream.eof:  # a gzip file may have several members
            rest = self._stream.unused_data.lstrip(b"\0")
            self._stream = None
            return rest, bool(rest)
        # A full step may leave output inside the decompressor although all input is consumed.
        tail = self._stream.unconsumed_tail
        return tail, bool(tail) or len(piece) == room
