"""Background jobs of the room, on CKAN's own workers."""

from __future__ import annotations

import logging

import ckan.plugins.toolkit as tk
from ckan import model
from redis.exceptions import RedisError

from ckanext.ecosphere.data_requests import matching

log = logging.getLogger(__name__)

QUEUE = "ecosphere:requests"


def deliver() -> None:
    """Send the e-mails that are due."""


def enqueue_delivery() -> None:
    """Have the e-mails that wait sent; without Redis they wait for the next `ckan ecosphere requests tick`."""
    try:
        tk.enqueue_job(deliver, title="Data requests: e-mails", queue=QUEUE)
    except RedisError:
        log.warning("E-mails of data requests wait for the next tick: Redis does not answer")


def match_saved() -> None:
    """Compare the datasets that were saved with the requests; flag those that datasets no longer answer."""
    while ids := matching.saved():
        for each in ids:
            package = model.Package.get(each)
            if package is None:
                continue
            if package.state == model.State.ACTIVE:
                matching.unflag(package.id)
                matching.look_at(package.id)
            else:
                matching.flag_gone(package)
            model.Session.commit()


def enqueue_matching() -> None:
    """Have the datasets that were saved compared with the requests."""
    tk.enqueue_job(match_saved, title="Data requests: compare datasets", queue=QUEUE)
