"""Requests and reviews due around today, with the data that a calendar needs.

Under the limit, requests due soon take precedence over those long overdue; each part is read through an index.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.model import Request


@dataclass(frozen=True)
class Due:
    """Data of a request for a calendar.

    Attributes:
        day: due date of the request, or of the review of a decision on it.
    """

    id: str
    reference: str
    title: str
    version: int
    state: str
    day: date


@dataclass(frozen=True)
class Around:
    """Requests and reviews due around a day.

    Attributes:
        requests: those due from that day on, the soonest first, then overdue ones, the latest first.
        reviews: those with a review to answer, the soonest first.
        left_out: number of requests and reviews beyond the limit.
    """

    requests: list[Due]
    reviews: list[Due]
    left_out: int


def around(where: Collection[Any], states: Collection[str], today: date, most: int) -> Around:
    """Find requests and reviews due around today.

    Args:
        where: SQL conditions on the requests.
        states: states in which requests wait for an answer.
        today: current day in Paris.
        most: maximum number of requests, and of reviews.
    """
    waiting = [*where, Request.state.in_(states), Request.due.is_not(None)]
    coming = _found(Request.due, [*waiting, Request.due >= today], Request.due.asc(), most)
    late = _found(Request.due, [*waiting, Request.due < today], Request.due.desc(), most - len(coming))
    reviewed = [*where, Request.review_due.is_not(None)]
    reviews = _found(Request.review_due, reviewed, Request.review_due.asc(), most)
    left_out = _besides([*coming, *late], waiting, most) + _besides(reviews, reviewed, most)
    return Around([*coming, *late], reviews, left_out)


def _found(day: Any, where: list[Any], order: Any, most: int) -> list[Due]:
    if most <= 0:
        return []
    columns = (Request.id, Request.reference, Request.title, Request.version, Request.state, day)
    rows = model.Session.execute(sa.select(*columns).where(*where).order_by(order, Request.id).limit(most))
    return [Due(*row) for row in rows]


def _besides(found: list[Due], where: list[Any], most: int) -> int:
    if len(found) < most:
        return 0
    return (model.Session.scalar(sa.select(sa.func.count()).select_from(Request).where(*where)) or 0) - len(found)
