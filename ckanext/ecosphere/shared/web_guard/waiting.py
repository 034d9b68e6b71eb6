"""Threads of the web server that wait for servers of others: few, so that pages go on however slow those are.

A server that answers a byte at a time holds a thread for as long as the guarded way out lets it. A process has four
threads (`docs/installation.md`); whoever finds no place is told so at once, since whoever waits takes a thread, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

FOR_READERS, FOR_EDITORS = 2, 3
"""Threads of one process that may wait when anybody asks, and when somebody who describes datasets or logs in asks."""
RETRY_SECONDS = 1
_lock = Lock()
_waiting = 0


class NoPlaceError(Exception):
    """As many threads wait as may wait."""


@contextmanager
def place(most: int) -> Iterator[None]:
    """Let this thread wait for another server within the block.

    Args:
        most: threads of this process that may wait then, this one included.

    Raises:
        NoPlaceError: so many wait already.
    """
    global _waiting  # noqa: PLW0603 - of the process
    with _lock:
        if _waiting >= most:
            raise NoPlaceError
        _waiting += 1
    try:
        yield
    finally:
        with _lock:
            _waiting -= 1
