"""Restart work left undone by a killed process, an emptied queue or an outage.

`ckan ecosphere watch` runs it every few seconds while the portal is up; `ckan ecosphere recover`
runs it once, for cron. Each room names its jobs (`IEcosphereSetup.ecosphere_jobs`) and looks for
what is no job (`ecosphere_recover`); this module looks after the search index.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from ckan import model

from ckanext.ecosphere.fast_save.solr import IndexRepair
from ckanext.ecosphere.interfaces import IEcosphereSetup, each_setup

log = logging.getLogger(__name__)

EVERY_SECONDS = 10.0


class Recovery:
    """Repeated recovery; keeps state between runs, to act only on lasting differences."""

    def __init__(self) -> None:
        self._index = IndexRepair()

    def look(self) -> list[str]:
        """Restart undone work; a failing part does not prevent the others.

        Returns:
            what was restarted.
        """
        restarted: list[str] = []
        looks: dict[str, Callable[[], list[str]]] = {"search index": self._index.look}
        for plugin in each_setup():
            looks[plugin.name] = plugin.ecosphere_recover
            looks[f"jobs of {plugin.name}"] = partial(_recover_jobs, plugin)
        for name, look in looks.items():
            try:
                restarted += look()
            except Exception as error:  # mostly an outage: the next run will do
                log.warning(
                    "Recovery of %s: %s: %s", name, type(error).__name__, str(error).strip()[:200]
                )
            finally:
                _forget_session()
        for title in restarted:
            log.warning("Taken up again: %s", title)
        return restarted


def watch(every: float = EVERY_SECONDS, sleep: Callable[[float], None] = time.sleep) -> None:
    """Run the recovery every few seconds, endlessly.

    Args:
        every: seconds between runs.
        sleep: pauses between runs.
    """
    recovery = Recovery()
    while True:
        recovery.look()
        sleep(every)


def _recover_jobs(plugin: IEcosphereSetup) -> list[str]:
    """Queue the jobs of a plugin again that were lost; return their titles."""
    titles: list[str] = []
    for job in plugin.ecosphere_jobs():
        titles += job.recover()
    return titles


def _forget_session() -> None:
    try:
        model.Session.remove()
    except Exception:  # the connection is dead, and is dropped anyway
        log.debug("Session of the recovery", exc_info=True)
