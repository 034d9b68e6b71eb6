"""Throttle harvests while people use the portal: workers rest between two steps, and work one at a time.

A step is a page of a source or a batch. A harvest shares PostgreSQL and Solr with the pages; lowering the priority of
its own process (`nice`) would not reduce the load on those two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.worker.locks import TURN
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.web_guard import visits

_IN_USE = 1.0
"""Responses to people per second above which the portal counts as being used."""
_LONGEST = 30.0
"""Maximum pause, in seconds."""
_PARTS, _RESTING = 8, 6
"""Parts of a pause, and in how many of them the turn is left to others; then it is taken once it is free."""


class Pace:
    """Lets a worker pause between two steps, in proportion to the time that the last one took.

    A pause ends when nobody uses the portal any more, and at the latest after `ecosphere.harvest.give_way` times the
    duration of the step, however many pages are requested: at 2, a harvest takes at most three times as long. Waiting
    for the turn is part of the pause: when it is over, the worker continues even if another one is working.

    Args:
        locks: locks held by this worker.
        sleep: pause function.
        clock: monotonic clock, in seconds.
    """

    def __init__(
        self,
        locks: Locks,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._locks = locks
        self._sleep = sleep
        self._clock = clock
        self._worked = 0.0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Pause, then run the block; without a pause while the portal is not in use.

        Raises:
            LockLostError: the connection that holds this worker's locks is gone.
        """
        has_turn = self._pause()
        begun = self._clock()
        yield
        self._worked = self._clock() - begun
        if has_turn:
            self._locks.release(TURN)

    def _pause(self) -> bool:
        """Rest, then wait for the turn; return whether it was taken."""
        pause = min(self._worked * config.give_way(), _LONGEST)
        for part in range(_PARTS):
            if not _in_use():
                return False
            if part >= _RESTING and self._locks.take(TURN):
                return True
            self._sleep(pause / _PARTS)
        return False


def _in_use() -> bool:
    """Tell whether people use the portal, and harvests have to give way to them."""
    return config.give_way() > 0 and visits.per_second() > _IN_USE
