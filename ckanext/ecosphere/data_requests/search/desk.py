"""Desk of a service: its open requests by urgency, workload of its agents, and due dates for calendars.

Under the limit of a calendar, requests due soon take precedence over those long overdue; each part is read through an
index.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import clock, people, states
from ckanext.ecosphere.data_requests.domain.people import Names, Reader
from ckanext.ecosphere.data_requests.model import Request

#: Requests shown of each kind; `counts` includes all, and the list of requests has the others.
MOST = 50
#: Kinds of requests on a desk, the most urgent first.
KINDS = ("review", "overdue", "due_soon", "new", "waiting", "in_progress")


def of_service(organization_id: str, reader: Reader, today: date) -> dict[str, Any]:
    """Return the requests on the desk of a service, each under the first kind that applies.

    Returns:
        review (asked of a decision), overdue, due_soon, waiting (for the requester), new (not started), in_progress:
        requests, those due first at the top; counts: kind → number; and the result of `workload`.
    """
    kind, where = _kind(today), waiting(organization_id)
    place = sa.func.row_number().over(partition_by=kind, order_by=(_next_day(), Request.submitted))
    numbered = (
        sa.select(Request.id, kind.label("kind"), place.label("place")).where(*where).subquery()
    )
    query = (
        sa.select(Request, numbered.c.kind)
        .join(numbered, numbered.c.id == Request.id)
        .where(numbered.c.place <= MOST)
        .order_by(numbered.c.kind, numbered.c.place)
    )
    rows = model.Session.execute(query).all()
    dicts = dictize.request_list([request for request, _kind in rows], reader)
    by_kind: dict[str, Any] = {name: [] for name in KINDS}
    for (_request, name), row in zip(rows, dicts, strict=True):
        by_kind[name].append(row)
    return {
        **by_kind,
        "counts": counts(organization_id, today),
        **workload(organization_id, reader, today),
    }


def counts(organization_id: str, today: date) -> dict[str, int]:
    """Return the number of requests of each kind on the desk of a service."""
    kind = _kind(today)
    rows = model.Session.execute(
        sa.select(kind, sa.func.count()).where(*waiting(organization_id)).group_by(kind)
    )
    return dict.fromkeys(KINDS, 0) | dict(rows.tuples().all())


def waiting(organization_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Return SQL conditions for requests on the desk of a service, or decided and with a pending review."""
    waits = sa.or_(Request.state.in_(states.ON_DESK), Request.review_due.is_not(None))
    return (Request.organization_id == organization_id, waits)


def _kind(today: date) -> Any:
    """Return the SQL expression for the first of `KINDS` that applies to a request."""
    soon = today + timedelta(days=clock.DUE_SOON_DAYS)
    return sa.case(
        (Request.state.not_in(states.ON_DESK), "review"),
        (Request.due < today, "overdue"),
        (Request.due <= soon, "due_soon"),
        (Request.state == states.NEEDS_INFO, "waiting"),
        (Request.state == states.OPEN, "new"),
        else_="in_progress",
    )


def _next_day() -> Any:
    """Return the SQL order by the due date of the review, or else of the request."""
    return sa.func.coalesce(Request.review_due, Request.due).asc().nulls_last()


def held_by(whose: str, reader: Reader, organization_id: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition for requests assigned to the reader or to someone they replace today, or to no one."""
    if whose == "nobody":
        # A request assigned to someone who has left the service or the portal counts as unassigned.
        unassigned = sa.or_(
            Request.assigned_to.is_(None),
            Request.assigned_to.not_in(people.editors_of(organization_id)),
        )
        return sa.and_(unassigned, Request.state.in_(states.ON_DESK))
    return sa.and_(
        Request.assigned_to.in_(_stood_in_for(reader, organization_id)),
        Request.state.in_(states.ON_DESK),
    )


def _stood_in_for(reader: Reader, organization_id: str) -> list[str]:
    """Return the ids of the reader and of the absent colleagues whom the reader replaces today."""
    colleagues = people.editors_of(organization_id)
    away = people.absences(colleagues)
    return [
        reader.id,
        *(user_id for user_id in away if people.stands_in(user_id, colleagues) == reader.id),
    ]


def workload(organization_id: str, reader: Reader, today: date) -> dict[str, Any]:
    """Return the number of requests of each agent of a service, and current absences.

    Returns:
        mine, nobody: number of requests of the reader, and of those assigned to no one in the service; people: user,
        name, count, late, away_until, substitute.
    """
    where = (Request.organization_id == organization_id, Request.state.in_(states.ON_DESK))
    late = sa.func.count().filter(Request.due < today)
    query = (
        sa.select(Request.assigned_to, sa.func.count(), late)
        .where(*where)
        .group_by(Request.assigned_to)
    )
    numbers = {key: (number, overdue) for key, number, overdue in model.Session.execute(query)}
    colleagues = people.editors_of(organization_id)
    away = people.absences(colleagues)
    names = Names.of([*colleagues, *(absence.substitute_id for absence in away.values())], [])
    agents = []
    for key in colleagues:
        number, overdue = numbers.get(key, (0, 0))
        absence = away.get(key)
        away_until = absence.last.isoformat() if absence else None
        substitute = names.person(absence.substitute_id) if absence else ""
        agents.append(
            {
                "user": names.users[key].name,
                "name": names.person(key),
                "count": number,
                "late": overdue,
                "away_until": away_until,
                "substitute": substitute,
            }
        )
    mine = sum(
        numbers.get(user_id, (0, 0))[0] for user_id in _stood_in_for(reader, organization_id)
    )
    nobody = sum(number for key, (number, _late) in numbers.items() if key not in colleagues)
    return {
        "mine": mine,
        "nobody": nobody,
        "people": sorted(agents, key=lambda agent: agent["name"].casefold()),
    }


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


def due_around(where: Collection[Any], states: Collection[str], today: date, most: int) -> Around:
    """Find requests and reviews due around today.

    Args:
        where: SQL conditions on the requests.
        states: states in which requests wait for an answer.
        today: current day in Paris.
        most: maximum number of requests, and of reviews.
    """
    waiting = [*where, Request.state.in_(states), Request.due.is_not(None)]
    coming = _due_rows(Request.due, [*waiting, Request.due >= today], Request.due.asc(), most)
    late = _due_rows(
        Request.due, [*waiting, Request.due < today], Request.due.desc(), most - len(coming)
    )
    reviewed = [*where, Request.review_due.is_not(None)]
    reviews = _due_rows(Request.review_due, reviewed, Request.review_due.asc(), most)
    left_out = _left_out([*coming, *late], waiting, most) + _left_out(reviews, reviewed, most)
    return Around([*coming, *late], reviews, left_out)


def _due_rows(day: Any, where: list[Any], order: Any, most: int) -> list[Due]:
    if most <= 0:
        return []
    columns = (Request.id, Request.reference, Request.title, Request.version, Request.state, day)
    rows = model.Session.execute(
        sa.select(*columns).where(*where).order_by(order, Request.id).limit(most)
    )
    return [Due(*row) for row in rows]


def _left_out(rows: list[Due], where: list[Any], most: int) -> int:
    if len(rows) < most:
        return 0
    return (
        model.Session.scalar(sa.select(sa.func.count()).select_from(Request).where(*where)) or 0
    ) - len(rows)
