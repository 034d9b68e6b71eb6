"""Background jobs of the room, on CKAN's own workers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.search import matching
from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits

log = logging.getLogger(__name__)

#: Lock of whoever compares datasets with requests.
MATCHING = "requests:matching"


def deliver() -> None:
    """Send the e-mails that are due."""
    log.info("Data requests: %s e-mails sent", delivery.deliver())


def enqueue_delivery() -> None:
    """Have the e-mails that wait sent; without Redis they wait for the next `ckan ecosphere requests tick`."""
    _enqueue(deliver, "Data requests: e-mails")


def match_saved() -> int:
    """Compare the datasets that were saved with the requests; flag those that a dataset no longer answers."""
    looked_at = 0
    with Locks() as locks:
        if not locks.take(MATCHING):
            return 0  # whoever is at it takes these, too
        for some in matching.saved():
            matching.compare(some)
            model.Session.commit()
            looked_at += len(some)
    return looked_at


def enqueue_matching() -> None:
    """Have the datasets that were saved compared with the requests."""
    _enqueue(match_saved, "Data requests: compare datasets")


def _enqueue(job: Callable[[], Any], title: str) -> None:
    """Have a job run; one that waits does for all that was asked for since."""
    enqueue_once(job, job_id=_name(job), title=title, queue=config.QUEUE)


def _name(job: Callable[[], Any]) -> str:
    return f"ecosphere-requests-{getattr(job, '__name__', '')}"


def recover() -> list[str]:
    """Have e-mails sent that are due and that no job is going to send, and datasets compared that Redis forgot."""
    done = []
    if interrupted := delivery.take_up_interrupted():
        done.append(f"{interrupted} e-mails whose sender was killed")
    if delivery.is_late() and not waits(_name(deliver), config.QUEUE):
        enqueue_delivery()
        done.append("e-mails that are due")
    if forgotten := matching.remember():
        done.append(f"{forgotten} datasets to be compared with requests")
    if matching.wait() and not waits(_name(match_saved), config.QUEUE) and is_free(MATCHING):
        enqueue_matching()
    return done
