"""Public statistics by service, and satisfaction of requesters with the answers."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.answers.asking import YES
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import Request

_SAID, _SATISFIED = Request.satisfied != "", Request.satisfied == YES


def satisfaction(where: list[Any]) -> dict[str, Any] | None:
    """Return how many requesters gave an opinion on the answer, and the share who were satisfied.

    Args:
        where: SQL conditions on the requests to count.

    Returns:
        `said` (number) and `yes` (share, 0–1); None below the threshold of the statistics, so that no one can be
        identified.
    """
    said, yes = model.Session.execute(
        sa.select(sa.func.count().filter(_SAID), sa.func.count().filter(_SATISFIED)).where(*where)
    ).one()
    return _satisfaction(said, yes)


def _satisfaction(said: int, yes: int) -> dict[str, Any] | None:
    return {"said": said, "yes": round(yes / said, 4)} if said >= max(config.statistics_threshold(), 1) else None


def table(where: list[Any], in_time: Any, judged: Any, median_days: Any, today: date) -> list[dict[str, Any]]:
    """Return a row for each service with public requests, that with the most first.

    Args:
        where: SQL conditions on the requests to count; of these, only public ones are counted.
        in_time: condition for an answer within the first month; judged: for requests to which that can be applied.
        median_days: expression for the median number of days until the first answer.
        today: current day in Paris.

    Returns:
        name, title, received, waiting, overdue, answered, refused, within_month (share), median_days, satisfaction.
    """
    waiting = Request.state.in_(states.ACTIVE)
    counted = {
        "received": sa.func.count(),
        "waiting": sa.func.count().filter(waiting),
        "overdue": sa.func.count().filter(waiting, Request.due < today),
        "answered": sa.func.count().filter(Request.state.in_(states.DECIDED)),
        "refused": sa.func.count().filter(Request.state == states.REFUSED),
        "in_time": sa.func.count().filter(in_time),
        "judged": sa.func.count().filter(judged),
        "median_days": median_days,
        "said": sa.func.count().filter(_SAID),
        "yes": sa.func.count().filter(_SATISFIED),
    }
    query = (
        sa.select(Request.organization_id, *(each.label(name) for name, each in counted.items()))
        .where(*where, Request.visibility == "public", Request.organization_id.is_not(None))
        .group_by(Request.organization_id)
    )
    rows = {row.organization_id: row for row in model.Session.execute(query)}
    groups = model.Session.scalars(sa.select(model.Group).where(model.Group.id.in_(rows))) if rows else ()
    found = [_line(group, rows[group.id]) for group in groups]
    return sorted(found, key=lambda each: (-each["received"], each["title"]))


def _line(group: model.Group, row: Any) -> dict[str, Any]:
    plain = ("received", "waiting", "overdue", "answered", "refused")
    return {
        "name": group.name,
        "title": group.title or group.name,
        **{name: getattr(row, name) for name in plain},
        "within_month": round(row.in_time / row.judged, 4) if row.judged else None,
        "median_days": None if row.median_days is None else round(float(row.median_days), 1),
        "satisfaction": _satisfaction(row.said, row.yes),
    }
