"""What a whole piece of work may take from the network, over all its requests, and how it is stopped from outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class StoppedError(Exception):
    """The work may ask nothing further: a bound is reached, or somebody stopped it.

    No `FetchError`, so that whoever goes on after a failed request does not go on after this one.

    Attributes:
        code: the bound (`requests`, `bytes`, `seconds`), or what `Budget.stop` was told.
        limit: the value of the bound, 0 when there is none.
    """

    def __init__(self, code: str, limit: int = 0):
        super().__init__(code)
        self.code = code
        self.limit = limit


class Budget:
    """Requests, bytes and seconds that all sessions of a piece of work share; may be used by several threads.

    Args:
        requests: requests that may be sent, redirects and retries included; None for any number.
        size: bytes that may be received, counted after decompression.
        seconds: time from now on.
        clock: monotonic seconds.

    Attributes:
        spent: requests sent so far.
        received: bytes received so far.
    """

    def __init__(
        self,
        requests: int | None = None,
        size: int | None = None,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._requests, self._size, self._seconds = requests, size, seconds
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds
        self._stopped = threading.Event()
        self._reason: StoppedError | None = None
        self._cuts: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self.spent = 0
        self.received = 0

    @property
    def stopped(self) -> StoppedError | None:
        """Why nothing further may be asked, None as long as it may."""
        if self._reason is None and self._end is not None and self._clock() >= self._end:
            self.stop("seconds", round(self._seconds or 0))
        return self._reason

    @property
    def remaining(self) -> float:
        """Seconds left, infinite when there is no bound."""
        return float("inf") if self._end is None else max(0.0, self._end - self._clock())

    def stop(self, code: str, limit: int = 0) -> None:
        """Stop the work from any thread: waits end, and connections in use are cut."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = StoppedError(code, limit)
            cuts = list(self._cuts)
        self._stopped.set()
        for cut in cuts:
            cut()

    def check(self) -> None:
        """Raise when the work is stopped.

        Raises:
            StoppedError: it is.
        """
        if (reason := self.stopped) is not None:
            raise StoppedError(reason.code, reason.limit)

    def take_request(self) -> None:
        """Count a request that is about to be sent.

        Raises:
            StoppedError: it may not be.
        """
        self.check()
        if self._requests is not None and self.spent >= self._requests:
            self.stop("requests", self._requests)
            self.check()
        self.spent += 1

    def take_bytes(self, size: int) -> None:
        """Count bytes that were received.

        Raises:
            StoppedError: there were too many.
        """
        self.received += size
        if self._size is not None and self.received > self._size:
            self.stop("bytes", self._size)
        self.check()

    def wait(self, seconds: float) -> None:
        """Pause; ends at once when the work is stopped.

        Raises:
            StoppedError: it was.
        """
        self._stopped.wait(min(seconds, self.remaining))
        self.check()

    def cut_on_stop(self, cut: Callable[[], None]) -> None:
        """Have a function called when the work is stopped, from the thread that stops it."""
        with self._lock:
            self._cuts.add(cut)
            late = self._reason is not None
        if late:
            cut()

    def forget(self, cut: Callable[[], None]) -> None:
        """No longer call it."""
        with self._lock:
            self._cuts.discard(cut)
