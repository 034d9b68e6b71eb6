"""Redis server private to this checkout."""

from __future__ import annotations

import socket

from .packages import program
from .process import Process
from .settings import local, ports


def _answers() -> bool:
    try:
        with socket.create_connection(("127.0.0.1", ports()["redis"]), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False


def process() -> Process:
    """Return the server as a background process; its data survives a restart."""
    options = ["--port", str(ports()["redis"]), "--bind", "127.0.0.1", "--save", "300 1", "--daemonize", "no"]
    return Process("redis", [str(program("redis")), *options], ready=_answers, port="redis", cwd=local("redis"))


def start() -> bool:
    """Start the server; return whether this call started it."""
    return process().start()
