"""Limits on the network use of a whole task, across all its requests,
and a way to stop it from another thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class StoppedError(Exception):
    """The task may send no further requests: a limit is reached, or it was stopped.

    Not a `FetchError`, so that code which continues after a failed request does not continue after
    this.

    Attributes:
        code: the limit (`requests`, `bytes`, `seconds`), or the code given to `Budget.stop`.
        limit: the value of the limit, 0 if there is none.
    """

    def __init__(self, code: str, limit: int = 0):
        super().__init__(code)
        self.code = code
        self.limit = limit


class Budget:
    """Requests, bytes and seconds shared by all sessions of a task; thread-safe.

    Args:
        requests: maximum number of requests, redirects and retries included; None for no limit.
        size: maximum bytes received, after decompression; None for no limit.
        seconds: maximum time from now; None for no limit.
        clock: monotonic clock, in seconds.

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
        """Return why the task is stopped, None if it is not."""
        if self._reason is None and self._end is not None and self._clock() >= self._end:
            self.stop("seconds", round(self._seconds or 0))
        return self._reason

    @property
    def remaining(self) -> float:
        """Return the seconds left, infinite without a limit."""
        if self._end is None:
            return float("inf")
        return max(0.0, self._end - self._clock())

    def stop(self, code: str, limit: int = 0) -> None:
        """Stop the task from any thread: pauses end, and connections in use are shut down."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = StoppedError(code, limit)
            cuts = list(self._cuts)
        self._stopped.set()
        for cut in cuts:
            cut()

    def check(self) -> None:
        """Raise if the task is stopped.

        Raises:
            StoppedError: the task is stopped.
        """
        if (reason := self.stopped) is not None:
            raise StoppedError(reason.code, reason.limit)

    def take_request(self) -> None:
        """Count a request that is about to be sent.

        Raises:
            StoppedError: the limit is reached.
        """
        self.check()
        if self._requests is not None and self.spent >= self._requests:
            self.stop("requests", self._requests)
            self.check()
        self.spent += 1

    def take_bytes(self, size: int) -> None:
        """Count received bytes.

        Raises:
            StoppedError: the limit is exceeded.
        """
        self.received += size
        if self._size is not None and self.received > self._size:
            self.stop("bytes", self._size)
        self.check()

    def wait(self, seconds: float) -> None:
        """Pause; returns early when the task is stopped.

        Raises:
            StoppedError: the task was stopped.
        """
        self._stopped.wait(min(seconds, self.remaining))
        self.check()

    def cut_on_stop(self, cut: Callable[[], None]) -> None:
        """Register a function to call, in the stopping thread, when the task is stopped."""
        with self._lock:
            self._cuts.add(cut)
            late = self._reason is not None
        if late:
            cut()

    def forget(self, cut: Callable[[], None]) -> None:
        """Unregister a function."""
        with self._lock:
            self._cuts.discard(cut)
