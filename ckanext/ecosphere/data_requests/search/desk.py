"""A service's desk: what to do first, on top."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Request

#: Requests of each kind that are shown; `counts` has them all, and the list leads to the rest.
MOST = 50


def of_service(organization_id: str, reader: Reader, today: date) -> dict[str, Any]:
    """Requests on the desk of a service, each in the first of the kinds that fits.

    Returns:
        overdue, due_soon, waiting (for the requester), new (nothing done yet), in_progress: requests, those due first
        on top; counts: kind → number.
    """
    soon = today + timedelta(days=clock.DUE_SOON_DAYS)
    kind: Any = sa.case(
        (Request.due < today, "overdue"),
        (Request.due <= soon, "due_soon"),
        (Request.state == states.NEEDS_INFO, "waiting"),
        (Request.state == states.OPEN, "new"),
        else_="in_progress",
    )
    where = (Request.organization_id == organization_id, Request.state.in_(states.ON_DESK))
    counted = model.Session.execute(sa.select(kind, sa.func.count()).where(*where).group_by(kind))
    counts = dict.fromkeys(KINDS, 0) | dict(counted.tuples().all())
    place = sa.func.row_number().over(partition_by=kind, order_by=(Request.due.asc().nulls_last(), Request.submitted))
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
    return {**found, "counts": counts}


KINDS = ("overdue", "due_soon", "new", "waiting", "in_progress")
