"""Continuous harvests: when a harvest of a catalogue ends, some records change and it is harvested again."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

from .catalogues import Catalogue, Served
from .client import DONE, REFUSED, Client

OWNER = "administration-centrale-ou-ministere_172120"
_OVER = ("Finished", "Aborted")


class Harvests(threading.Thread):
    """Thread that starts harvests of all catalogues through the API, as a sysadmin.

    Args:
        client: client with the token of a sysadmin.
        catalogues: catalogues to harvest.
        served: server of the catalogues.
        seed: seed of the choice of records to change.

    Attributes:
        jobs: catalogue → id of its last known job.
        finished: catalogue → number of harvests that ended.
        longest: duration of the longest harvest, in seconds.
        wrong: errors.
    """

    def __init__(self, client: Client, catalogues: list[Catalogue], served: Served, seed: int) -> None:
        super().__init__(daemon=True)
        self._client, self._served = client, served
        self._draw = random.Random(f"harvests {seed}")
        self.catalogues = {catalogue.name: catalogue for catalogue in catalogues}
        self.jobs: dict[str, str] = {}
        self.finished = dict.fromkeys(self.catalogues, 0)
        self.longest = 0.0
        self.wrong: list[str] = []
        self._begun: dict[str, float] = {}
        self._unread: set[str] = set()
        self._sources: dict[str, str] = {}
        self._no_more = threading.Event()
        self._end = threading.Event()

    def prepare(self) -> None:
        """Create the sources and start their first harvests."""
        for catalogue in self.catalogues.values():
            answer = self._client.call(
                "harvest_source_create",
                name=catalogue.name,
                title=f"Catalogue {catalogue.name}",
                url=self._served.url(catalogue),
                source_type=catalogue.source_type,
                owner_org=OWNER,
                frequency="MANUAL",
                config=catalogue.config,
            )
            if answer.outcome != DONE:
                raise RuntimeError(f"the source {catalogue.name} cannot be made: {answer.text[:300]}")
            self._sources[catalogue.name] = answer.result["id"]
            self._start(catalogue.name)

    def no_more(self) -> None:
        """Start no more harvests; let the running ones finish."""
        self._no_more.set()

    def stop(self) -> None:
        """Stop this thread, not the harvests."""
        self._end.set()
        self.join(timeout=60)

    def run(self) -> None:
        """Monitor and restart harvests until `stop`."""
        while not self._end.is_set():
            for name in self.catalogues:
                try:
                    self._look(name)
                except Exception as error:
                    self.wrong.append(f"harvest of {name}: {type(error).__name__}: {error}")
            time.sleep(0.5)

    def all_over(self) -> bool:
        """Return whether no harvest is running any more."""
        return all(self._status(name) in _OVER for name in self.catalogues)

    def read_the_rest(self) -> None:
        """Start a harvest of the catalogues that changed while the portal was unavailable to start one."""
        for name in sorted(self._unread):
            self._start(name)

    def _status(self, name: str) -> str | None:
        """Return the status of a source's last job; None if the portal gives none."""
        answer = self._client.call("harvest_source_show_status", id=self._sources[name])
        if answer.outcome != DONE or not answer.result.get("last_job"):
            return None
        last: dict[str, Any] = answer.result["last_job"]
        self.jobs[name] = last["id"]
        return last["status"]

    def _look(self, name: str) -> None:
        if self._status(name) not in _OVER:
            return
        if name in self._begun:
            self.finished[name] += 1
            self.longest = max(self.longest, time.monotonic() - self._begun.pop(name))
        if not self._no_more.is_set():
            catalogue = self.catalogues[name]
            numbers = self._draw.sample(sorted(catalogue.versions), max(1, catalogue.size * 3 // 4))
            self._unread.add(name)
            catalogue.change(numbers)
            self._start(name)

    def _start(self, name: str) -> None:
        answer = self._client.call("harvest_job_create", source_id=self._sources[name], run=True)
        if answer.outcome == DONE:
            self._begun[name] = time.monotonic()
            self._unread.discard(name)
        if answer.outcome == REFUSED and "unfinished" not in answer.text and "already" not in answer.text:
            self.wrong.append(f"harvest of {name} refused: {answer.text[:200]}")
