"""Background jobs on CKAN's workers: delivery of e-mails, comparison of datasets with requests.

Saved and deleted datasets are queued on commit: a job that ran before would not see them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ckan import model
from redis.exceptions import RedisError
from sqlalchemy import event

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.search import matching
from ckanext.ecosphere.shared.locks import Locks, is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits

log = logging.getLogger(__name__)

#: Lock of the comparison of datasets with requests.
MATCHING = "requests:matching"


def deliver() -> None:
    """Send the e-mails that are due."""
    log.info("Data requests: %s e-mails sent", delivery.deliver())


def enqueue_delivery() -> None:
    """Queue the delivery of e-mails; without Redis, they wait for the next `ckan ecosphere requests tick`."""
    _enqueue(deliver, "Data requests: e-mails")


def match_saved() -> int:
    """Compare saved datasets with requests, and flag those whose answer is gone; return the number of datasets."""
    looked_at = 0
    with Locks() as locks:
        if not locks.take(MATCHING):
            return 0  # the running comparison takes these, too
        for some in matching.saved():
            matching.compare(some)
            model.Session.commit()
            looked_at += len(some)
    return looked_at


def enqueue_matching() -> None:
    """Queue the comparison of saved datasets with requests."""
    _enqueue(match_saved, "Data requests: compare datasets")


def _enqueue(job: Callable[[], Any], title: str) -> None:
    """Queue a job, unless it is already waiting."""
    enqueue_once(job, job_id=_name(job), title=title, queue=config.QUEUE)


def _name(job: Callable[[], Any]) -> str:
    return f"ecosphere-requests-{getattr(job, '__name__', '')}"


def recover() -> list[str]:
    """Send e-mails that are due without a waiting job, and compare datasets lost from Redis; return what was done."""
    resumed = []
    if interrupted := delivery.take_up_interrupted():
        resumed.append(f"{interrupted} e-mails whose sender was killed")
    if delivery.is_late() and not waits(_name(deliver), config.QUEUE):
        enqueue_delivery()
        resumed.append("e-mails that are due")
    if forgotten := matching.remember():
        resumed.append(f"{forgotten} datasets to be compared with requests")
    if matching.wait() and not waits(_name(match_saved), config.QUEUE) and is_free(MATCHING):
        enqueue_matching()
    return resumed


"""Points of popularity for each public request that a dataset answered."""


def dataset_saved(package_id: str) -> None:
    """Register a dataset, to be queued on commit: a job that ran before would not see it."""
    session: Any = model.Session()
    session.info.setdefault(__name__, set()).add(package_id)


def listen() -> None:
    """Register listeners for commits and rollbacks; once for each process."""
    for name, function in (("after_commit", _committed), ("after_rollback", _forgotten)):
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def _committed(session: Any) -> None:
    ids = session.info.pop(__name__, None)
    if not ids:
        return
    try:
        matching.note_saved(sorted(ids))
        enqueue_matching()
    except RedisError:
        log.warning("Datasets are not compared with requests: Redis does not answer")


def _forgotten(session: Any) -> None:
    session.info.pop(__name__, None)
