"""Hooks that queue saved and deleted datasets for comparison with requests; popularity of datasets given as answers."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from ckan import model
from redis.exceptions import RedisError
from sqlalchemy import event

from ckanext.ecosphere.data_requests import jobs
from ckanext.ecosphere.data_requests.model import DatasetLink, Request
from ckanext.ecosphere.data_requests.search import matching

log = logging.getLogger(__name__)


POINTS_OF_AN_ANSWER = 10
"""Points of popularity for each public request that a dataset answered."""


def points() -> list[tuple[str, float]]:
    """Return (id, points of popularity) of the datasets that answered public requests."""
    answered = (
        sa.select(DatasetLink.package_id, sa.func.count())
        .join(Request, Request.id == DatasetLink.request_id)
        .where(DatasetLink.kind == "answer", Request.listed)
        .group_by(DatasetLink.package_id)
    )
    return [(id_, float(POINTS_OF_AN_ANSWER * number)) for id_, number in model.Session.execute(answered)]


def saved(package_id: str) -> None:
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
        jobs.enqueue_matching()
    except RedisError:
        log.warning("Datasets are not compared with requests: Redis does not answer")


def _forgotten(session: Any) -> None:
    session.info.pop(__name__, None)
