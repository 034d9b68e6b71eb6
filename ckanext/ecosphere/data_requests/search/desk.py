"""A service's desk: what to do first, on top."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.desk import absences
from ckanext.ecosphere.data_requests.domain import clock, people, states
from ckanext.ecosphere.data_requests.domain.names import Names
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Request

#: Requests of each kind that are shown; `counts` has them all, and the list leads to the rest.
MOST = 50


def of_service(organization_id: str, reader: Reader, today: date) -> dict[str, Any]:
    """Requests on the desk of a service, each in the first of the kinds that fits.

    Returns:
        review (asked of a decision), overdue, due_soon, waiting (for the requester), new (nothing done yet),
        in_progress: requests, those due first on top; counts: kind → number.
    """
    kind, where = _kind(today), waiting(organization_id)
    place = sa.func.row_number().over(partition_by=kind, order_by=(_next_day(), Request.submitted))
    numbered = sa.select(Request.id, kind.label("kind"), place.label("place")).where(*where).subquery()
    query = (
        sa.select(Request, numbered.c.kind)
        .join(numbered, numbered.c.id == Request.id)
        .where(numbered.c.place <= MOST)
        .order_by(numbered.c.kind, numbered.c.place)
    )
    rows = model.Session.execute(query).all()
    shown = dictize.request_list([request for request, _kind in rows], reader)
    found: dict[str, Any] = {name: [] for name in KINDS}
    for (_request, name), each in zip(rows, shown, strict=True):
        found[name].append(each)
    return {**found, "counts": counts(organization_id, today), **workload(organization_id, reader, today)}


def counts(organization_id: str, today: date) -> dict[str, int]:
    """Return how many requests of each kind are on the desk of a service."""
    kind = _kind(today)
    found = model.Session.execute(sa.select(kind, sa.func.count()).where(*waiting(organization_id)).group_by(kind))
    return dict.fromkeys(KINDS, 0) | dict(found.tuples().all())


def waiting(organization_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions: on the desk of a service, or decided and to be reviewed."""
    waits = sa.or_(Request.state.in_(states.ON_DESK), Request.review_due.is_not(None))
    return (Request.organization_id == organization_id, waits)


def _kind(today: date) -> Any:
    """The first of `KINDS` that fits a request."""
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
    """Day by which something is due: an answer to a review, or else to the request."""
    return sa.func.coalesce(Request.review_due, Request.due).asc().nulls_last()


def held_by(whose: str, reader: Reader, organization_id: str) -> sa.ColumnElement[bool]:
    """Condition: the reader has a request of a service, or stands in today for who has it; or nobody there has it."""
    if whose == "nobody":
        # Who has left the service, or the portal, answers nothing any more.
        left = sa.or_(Request.assigned_to.is_(None), Request.assigned_to.not_in(people.editors_of(organization_id)))
        return sa.and_(left, Request.state.in_(states.ON_DESK))
    return sa.and_(Request.assigned_to.in_(_stood_in_for(reader, organization_id)), Request.state.in_(states.ON_DESK))


def _stood_in_for(reader: Reader, organization_id: str) -> list[str]:
    """The reader, and the colleagues who are away and in whose place the reader is today."""
    colleagues = people.editors_of(organization_id)
    away = absences.current(colleagues)
    return [reader.id, *(each for each in away if absences.stands_in(each, colleagues) == reader.id)]


def workload(organization_id: str, reader: Reader, today: date) -> dict[str, Any]:
    """Return who of a service has how many of its requests, and who is away.

    Returns:
        mine, nobody: how many the reader has, and how many nobody of the service has; people: user, name, count, late,
        away_until, substitute.
    """
    where = (Request.organization_id == organization_id, Request.state.in_(states.ON_DESK))
    late = sa.func.count().filter(Request.due < today)
    query = sa.select(Request.assigned_to, sa.func.count(), late).where(*where).group_by(Request.assigned_to)
    numbers = {key: (number, overdue) for key, number, overdue in model.Session.execute(query)}
    colleagues = people.editors_of(organization_id)
    away = absences.current(colleagues)
    names = Names.of([*colleagues, *(each.substitute_id for each in away.values())], [])
    shown = []
    for key in colleagues:
        number, overdue = numbers.get(key, (0, 0))
        absence = away.get(key)
        shown.append(
            {
                "user": names.users[key].name,
                "name": names.person(key),
                "count": number,
                "late": overdue,
                "away_until": absence.last.isoformat() if absence else None,
                "substitute": names.person(absence.substitute_id) if absence else "",
            }
        )
    mine = sum(numbers.get(each, (0, 0))[0] for each in _stood_in_for(reader, organization_id))
    nobody = sum(number for key, (number, _late) in numbers.items() if key not in colleagues)
    return {"mine": mine, "nobody": nobody, "people": sorted(shown, key=lambda each: each["name"].casefold())}


KINDS = ("review", "overdue", "due_soon", "new", "waiting", "in_progress")
