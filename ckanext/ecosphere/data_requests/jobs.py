"""Background job on CKAN's workers: comparison of datasets with requests.

Saved and deleted datasets are queued on commit: a job that ran before would not see them.
"""

from __future__ import annotations

import logging
from typing import Any

from ckan import model
from redis.exceptions import RedisError
from sqlalchemy import event

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.search import matching
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.work.jobs import Job

log = logging.getLogger(__name__)

#: Lock of the comparison of datasets with requests.
MATCHING = "requests:matching"


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


def recover() -> list[str]:
    """Find datasets saved while Redis was down; return what was done."""
    forgotten = matching.remember()
    if not forgotten:
        return []
    return [f"{forgotten} datasets to be compared with requests"]


MATCH = Job(
    name="ecosphere-requests-match_saved",
    function="ckanext.ecosphere.data_requests.jobs.match_saved",
    title="Data requests: compare datasets",
    queue=config.QUEUE,
    has_work=matching.wait,
    lock=MATCHING,
)


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
        MATCH.enqueue()
    except RedisError:
        log.warning("Datasets are not compared with requests: Redis does not answer")


def _forgotten(session: Any) -> None:
    session.info.pop(__name__, None)
