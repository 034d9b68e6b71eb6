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
"""Responses per second above which the portal counts as being used; occasional bots stay below."""
_LONGEST = 30.0
"""Maximum rest, in seconds."""
_LONGEST_WAIT = 5 * _LONGEST
"""Seconds after which a worker continues without its turn, so that its harvest never counts as stuck."""
_POLL_SECONDS = 0.3
_GAP_SECONDS = 2 * _POLL_SECONDS
"""End of a rest in which others may take their turn; otherwise the resting worker would always be first."""


class Pace:
    """Lets the workers of all jobs take turns, and rest in proportion to their work and to the portal's page views.

    The share of time in which a harvest works decreases as page views increase: with ten responses per second and
    `ecosphere.harvest.give_way` at 2, a step with its rest takes twenty-one times the duration of the step. Fewer than
    one page in twenty then coincides with it.

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

    @contextmanager
    def step(self) -> Iterator[None]:
        """Wait for the turn, run the block, and rest; skip waiting and resting while the portal is not in use.

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
        self._pause(min(rest, _GAP_SECONDS))  # lets a waiting worker go first

    def _wait(self) -> bool:
        """Take the turn; return False if it is not needed, or others have had it for too long."""
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
    """Return the responses per second to give way to; 0 if there are too few, or throttling is disabled."""
    pages = visits.per_second() if config.give_way() else 0.0
    return pages if pages > _IN_USE else 0.0
