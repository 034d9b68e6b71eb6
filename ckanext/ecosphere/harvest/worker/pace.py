"""Throttle harvests while people use the portal: only one worker works at a time, and rests after each step.

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
"""Answers a second from which the portal counts as being used: programs that look around now and then do not."""
_LONGEST = 30.0
"""Longest rest, in seconds."""
_LONGEST_WAIT = 5 * _LONGEST
"""Seconds after which a worker goes on out of its turn, so that a harvest is never taken for a dead one."""
_POLL_SECONDS = 0.3
_GAP_SECONDS = 2 * _POLL_SECONDS
"""End of a rest in which others may take their turn: who rested could not but be the first otherwise."""


class Pace:
    """Lets the workers of all jobs take turns, and rest the longer the more they did and the more pages people open.

    The share of the time in which a harvest works sinks as the pages grow in number: twenty-one times the length of a
    step is one step of work and its rest, with ten answers a second and `ecosphere.harvest.give_way` at 2. Fewer than
    one page in twenty then meets it.

    Args:
        locks: where this worker holds its locks.
        sleep: how to pause.
        clock: seconds of work, which only go forward.
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

    @contextmanager
    def step(self) -> Iterator[None]:
        """Wait for one's turn, work, and rest before the next one's; nobody waits while nobody uses the portal.

        Raises:
            LockLostError: the connection that holds this worker's locks is gone.
        """
        has_turn = self._wait()
        begun = self._clock()
        yield
        rest = self._rest(self._clock() - begun)
        self._pause(rest - _GAP_SECONDS)
        if has_turn:
            self._locks.release(TURN)
        self._pause(min(rest, _GAP_SECONDS))  # whoever waits comes next

    def _wait(self) -> bool:
        """Take the turn; False when it is not needed, or others have had it for too long."""
        waited = 0.0
        while _pages() and waited < _LONGEST_WAIT:
            if self._locks.take(TURN):
                return True
            self._sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        return False

    def _rest(self, worked: float) -> float:
        """Return how long to rest after so many seconds of work."""
        return min(worked * config.give_way() * _pages(), _LONGEST)

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)


def _pages() -> float:
    """Answers a second to give way to; 0 when there are too few, or harvests give way to nobody on this portal."""
    pages = visits.per_second() if config.give_way() else 0.0
    return pages if pages > _IN_USE else 0.0
