"""Give way to people: a worker rests between two pages of a source, and two batches, while the portal is being used.

A harvest shares PostgreSQL and Solr with the pages. Lowering the priority of its own process (`nice`) does nothing for
what those two have to do for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.shared.web_guard import visits

_IN_USE = 1.0
"""Answers a second from which the portal counts as being used: programs that look around now and then do not."""
_LONGEST = 30.0
"""Seconds after which a worker goes on in any case, so that a harvest is never taken for a dead one."""


class Pace:
    """Lets a worker rest in proportion to what it has done.

    Args:
        sleep: how to pause.
        clock: seconds that only go forward.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic):
        self._sleep = sleep
        self._clock = clock
        self._begun = clock()

    def rest(self) -> float:
        """Rest after a page or a batch, if people use the portal.

        Returns:
            for how many seconds.
        """
        worked = self._clock() - self._begun
        wanted = min(worked * config.give_way(), _LONGEST)
        rested = wanted if wanted > 0 and visits.per_second() > _IN_USE else 0.0
        if rested:
            self._sleep(rested)
        self._begun = self._clock()
        return rested
