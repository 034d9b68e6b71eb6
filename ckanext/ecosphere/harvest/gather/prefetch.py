"""Fetch the next page in a background thread while the current one is processed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()
_POLL_SECONDS = 0.2


def prefetched(items: Callable[[], Iterator[T]], depth: int = 1) -> Iterator[T]:
    """Yield the items of an iterator that runs in its own thread, `depth` items ahead.

    An exception of the iterator is raised here, in its place. The thread stops when the caller does.

    Args:
        items: creates the iterator; called in the thread.
        depth: items held in advance, beyond the one being processed on either side.
    """
    handed: queue.Queue[Any] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                handed.put(item, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        try:
            for item in items():
                if not put((item, None)):
                    return
        except BaseException as error:  # raised again in the other thread
            put((_END, error))
        else:
            put((_END, None))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            item, error = handed.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        thread.join(timeout=_POLL_SECONDS * 5)
