"""Take up by itself what was left undone when a process was killed, a queue emptied or a service away.

`ckan ecosphere watch` does it every few seconds, for as long as the portal runs; `ckan ecosphere recover` does it once,
for cron. Each room looks after its own work (`IEcosphereSetup.ecosphere_recover`), this module after the search index.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ckan import model

from ckanext.ecosphere.fast_save.repair import IndexRepair
from ckanext.ecosphere.interfaces import each_setup

log = logging.getLogger(__name__)

EVERY_SECONDS = 10.0


class Recovery:
    """Looks again and again; remembers between two looks what only lasting differences are worth."""

    def __init__(self) -> None:
        self._index = IndexRepair()

    def look(self) -> list[str]:
        """Take up what is undone; a part that fails does not keep the others from being looked at.

        Returns:
            what was taken up.
        """
        done: list[str] = []
        looks: dict[str, Callable[[], list[str]]] = {"search index": self._index.look}
        looks |= {plugin.name: plugin.ecosphere_recover for plugin in each_setup()}
        for name, look in looks.items():
            try:
                done += look()
            except Exception as error:  # a service is away, mostly: the next look will do
                log.warning("Recovery of %s: %s: %s", name, type(error).__name__, str(error).strip()[:200])
            finally:
                _forget_session()
        for each in done:
            log.warning("Taken up again: %s", each)
        return done


def watch(every: float = EVERY_SECONDS, sleep: Callable[[float], None] = time.sleep) -> None:
    """Look every few seconds, without end.

    Args:
        every: seconds between two looks.
        sleep: how to pause.
    """
    recovery = Recovery()
    while True:
        recovery.look()
        sleep(every)


def _forget_session() -> None:
    try:
        model.Session.remove()
    except Exception:  # the connection is dead, and is dropped all the same
        log.debug("Session of the recovery", exc_info=True)
