"""Background jobs of the room, on CKAN's own workers."""

from __future__ import annotations

import logging

import ckan.plugins.toolkit as tk
from ckan import model
from redis.exceptions import RedisError

from ckanext.ecosphere.data_requests import mailing, matching

log = logging.getLogger(__name__)

QUEUE = "ecosphere:requests"


def deliver() -> None:
    """Send the e-mails that are due."""
    log.info("Data requests: %s e-mails sent", mailing.deliver())


def enqueue_delivery() -> None:
    """Have the e-mails that wait sent; without Redis they wait for the next `ckan ecosphere requests tick`."""
    _enqueue(deliver, "Data requests: e-mails")


def match_saved() -> int:
    """Compare the datasets that were saved with the requests; flag those that a dataset no longer answers."""
    looked_at = 0
    while ids := matching.saved():
        for each in ids:
            package = model.Package.get(each)
            if package is None or package.state != model.State.ACTIVE:
                matching.flag_gone(each, package.title if package else "")
            else:
                matching.unflag(each)
                matching.look_at(package)
            model.Session.commit()
            looked_at += 1
    return looked_at


def enqueue_matching() -> None:
    """Have the datasets that were saved compared with the requests."""
    _enqueue(match_saved, "Data requests: compare datasets")


def _enqueue(job: object, title: str) -> None:
    try:
        tk.enqueue_job(job, title=title, queue=QUEUE)  # pyright: ignore[reportArgumentType]
    except RedisError:
        log.warning("%s: Redis does not answer; it is done at the next tick", title)
