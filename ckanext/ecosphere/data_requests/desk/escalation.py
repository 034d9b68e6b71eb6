"""Escalation of unanswered requests within the service, each level once for each due date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config, service
from ckanext.ecosphere.data_requests.desk.tables import ESCALATED, Trace
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.shared import runs

ADMINISTRATORS, CHIEF, MODERATORS = "administrators", "chief", "moderators"
#: Level → audience of its notifications.
AUDIENCES = {ADMINISTRATORS: states.ADMINISTRATORS, CHIEF: states.CHIEF}


def escalate() -> int:
    """Notify the administrators of a service, then its head, of requests due or late; return the number of escalations.

    Raises:
        SomeFailed: some failed; all others were done.
    """
    return runs.one_by_one(_all_due(clock.day_of(clock.now())), _tell)


def _all_due(today: date) -> Iterator[tuple[str, str, date]]:
    """Yield for each escalation its level, the id of the request and the latest due date concerned."""
    for level, days in ((ADMINISTRATORS, config.escalation_administrators()), (CHIEF, config.escalation_chief())):
        if days is not None:
            last = today - timedelta(days=days)
            yield from ((level, request_id, last) for request_id in _due(level, last))


def _due(level: str, last: date) -> list[str]:
    known = sa.select(Trace.id).where(Trace.request_id == Request.id, Trace.key == _key_sql(level))
    query = sa.select(Request.id).where(Request.state.in_(states.ON_DESK), Request.due <= last, ~known.exists())
    return list(model.Session.scalars(query.order_by(Request.due, Request.id)))


def _key_sql(level: str) -> sa.ColumnElement[str]:
    return sa.func.concat(f"{ESCALATED}:{level}:", sa.cast(Request.due, sa.Text))


def _tell(due_request: tuple[str, str, date]) -> int:
    level, request_id, last = due_request
    request = service.lock(request_id)[request_id]
    due = request.due
    if request.state not in states.ON_DESK or due is None or due > last or _is_told(request, level):
        model.Session.rollback()
        return 0
    told = MODERATORS if level == CHIEF and not sheets.chief(request.organization_id) else level
    key = _key(level, due)
    model.Session.add(Trace(request_id=request.id, kind=ESCALATED, key=key, told=told, created=clock.now()))
    kind = "escalated_late" if due < clock.day_of(clock.now()) else "escalated_soon"
    outbox.of_reminder(request, kind, f"{key}:{request.id}", AUDIENCES[level])
    model.Session.commit()
    return 1


def _is_told(request: Request, level: str) -> bool:
    known = sa.select(Trace.id).where(Trace.request_id == request.id, Trace.key == _key(level, request.due))
    return model.Session.scalar(known) is not None


def _key(level: str, due: date | None) -> str:
    return f"{ESCALATED}:{level}:{due}"
