"""What is due around today, with no more of each request than a calendar shows.

What was due long ago is left out before what is due next week: each part is read from an index, as far as it is wanted.
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
    """What a calendar tells of a request.

    Attributes:
        day: by which the request, or the review of a decision on it, is to be answered.
    """

    id: str
    reference: str
    title: str
    version: int
    state: str
    day: date


@dataclass(frozen=True)
class Around:
    """What is due around a day.

    Attributes:
        requests: those due from that day on, the soonest first, then those that are late, the latest first.
        reviews: those of which a review is to be answered, the soonest first.
        left_out: how many requests and reviews there are besides.
    """

    requests: list[Due]
    reviews: list[Due]
    left_out: int


def around(where: Collection[Any], states: Collection[str], today: date, most: int) -> Around:
    """Find what is due around today.

    Args:
        where: conditions on requests: whose they are.
        states: in which requests wait for an answer.
        today: current day in Paris.
        most: requests, and reviews, that are wanted.
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
