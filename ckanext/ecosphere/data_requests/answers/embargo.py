"""Publication of private deliveries on their day, with a notification to those who watch the request."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import service
from ckanext.ecosphere.data_requests.answers.tables import EVERYONE, REQUESTER, Delivery
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.shared import runs


def lift() -> int:
    """Publish the deliveries that are due, where the request is answered at present; return of how many requests."""
    query = sa.select(Delivery.request_id).where(*_due()).distinct()
    return runs.one_by_one(model.Session.scalars(query).all(), _lift)


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    return (Delivery.reach == REQUESTER, Delivery.public_from <= _today())


def _today() -> date:
    return clock.day_of(clock.now())


def _lift(request_id: str) -> int:
    request = service.lock(request_id)[request_id]
    is_given = request.state in states.GIVEN
    if is_given:
        update = sa.update(Delivery).where(Delivery.request_id == request_id, *_due())
        model.Session.execute(update.values(reach=EVERYONE))
        outbox.of_public_answer(request, f"public_answer:{request_id}:{_today().isoformat()}")
    model.Session.commit()
    return int(is_given)
