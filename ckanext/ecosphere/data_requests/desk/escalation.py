"""A request without an answer is told further up, each level once for each due date."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config, service
from ckanext.ecosphere.data_requests.desk.tables import ESCALATED, Trace
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import outbox

ADMINISTRATORS, CHIEF, MODERATORS = "administrators", "chief", "moderators"
#: Level → audience of its notifications.
AUDIENCES = {ADMINISTRATORS: states.ADMINISTRATORS, CHIEF: states.CHIEF}


def escalate() -> int:
    """Tell the administrators of the service, then its chief, of what is due or late; return how many were told."""
    today, told = clock.day_of(clock.now()), 0
    for level, days in ((ADMINISTRATORS, config.escalation_administrators()), (CHIEF, config.escalation_chief())):
        if days is not None:
            told += sum(_tell(each, level, today, days) for each in _due(level, today - timedelta(days=days)))
    return told


def _due(level: str, last: date) -> list[str]:
    known = sa.select(Trace.id).where(Trace.request_id == Request.id, Trace.key == _key_sql(level))
    query = sa.select(Request.id).where(Request.state.in_(states.ON_DESK), Request.due <= last, ~known.exists())
    return list(model.Session.scalars(query.order_by(Request.due, Request.id)))


def _key_sql(level: str) -> sa.ColumnElement[str]:
    return sa.func.concat(f"{ESCALATED}:{level}:", sa.cast(Request.due, sa.Text))


def _tell(request_id: str, level: str, today: date, days: int) -> bool:
    with service.rolled_back_on_error():
        request = service.lock(request_id)[request_id]
        due = request.due
        if request.state not in states.ON_DESK or due is None or due > today - timedelta(days=days):
            model.Session.rollback()
            return False
        key = f"{ESCALATED}:{level}:{due.isoformat()}"
        if model.Session.scalar(sa.select(Trace.id).where(Trace.request_id == request.id, Trace.key == key)):
            model.Session.rollback()
            return False
        told = MODERATORS if level == CHIEF and not sheets.chief(request.organization_id) else level
        model.Session.add(Trace(request_id=request.id, kind=ESCALATED, key=key, told=told, created=clock.now()))
        kind = "escalated_late" if due < today else "escalated_soon"
        outbox.of_reminder(request, kind, f"{key}:{request.id}", AUDIENCES[level])
        model.Session.commit()
    return True
