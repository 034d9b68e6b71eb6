"""Public figures. Private requests count in a figure only from a threshold on, so that none can be told from it."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import clock, config, states, wording
from ckanext.ecosphere.data_requests.model import Request

#: Age of what is not answered, in days: name → first day that no longer belongs to it.
AGES = (("0-7", 7), ("8-30", 30), ("31-60", 60), ("61-180", 180), ("181-", None))
MOST_UNMET = 20


def compute(year: int | None, organization_id: str | None, today: date) -> dict[str, Any]:
    """Compute the figures.

    Args:
        year: of the receipt, None for all years.
        organization_id: of one service, None for all.
        today: current day in Paris.
    """
    where = _selection(year, organization_id)
    threshold = config.statistics_threshold()
    private = Request.visibility == "private"
    number = model.Session.scalar(_count().where(*where, private)) or 0
    if number < max(threshold, 1):
        where.append(~private)
    received, answered, in_time, median = _answers(where, today)
    return {
        "year": year,
        "received": received,
        "answered": answered,
        "answered_within_month": in_time,
        "median_days_first_answer": median,
        "outcomes": _outcomes(where),
        "backlog": _backlog(where, today),
        "unmet": _unmet(where),
        "by_month": _by_month(where),
        "threshold": threshold,
        "private_included": number >= max(threshold, 1),
        "years": _years(),
    }


def _count() -> Any:
    return sa.select(sa.func.count()).select_from(Request)


def _selection(year: int | None, organization_id: str | None) -> list[Any]:
    """Requests that were let in: what a moderator turned away, and what was hidden as abuse, is no request."""
    where: list[Any] = [Request.opened.is_not(None), Request.state != states.REJECTED, Request.hidden.is_(False)]
    if year:
        first, last = (datetime.combine(date(y, 1, 1), time(), clock.PARIS) for y in (year, year + 1))
        where += [Request.submitted >= first, Request.submitted < last]
    if organization_id:
        where.append(Request.organization_id == organization_id)
    return where


def _in_paris(moment: Any) -> Any:
    return sa.func.timezone("Europe/Paris", moment)


def _answers(where: list[Any], today: date) -> tuple[int, int, float | None, float | None]:
    """Received, answered, share of those whose first month is over that were answered within it, median of days."""
    answered = Request.state.in_(states.ANSWERED)
    # The first month is the law's, whatever the configured period: PostgreSQL clips to the end of a month as we do.
    month_over = sa.cast(_in_paris(Request.submitted), sa.Date) + sa.text("interval '1 month'")
    in_time = sa.cast(_in_paris(Request.closed), sa.Date) <= month_over
    judged = sa.or_(answered, sa.and_(Request.state.in_(states.ACTIVE), month_over < today))
    days = sa.func.extract("epoch", Request.first_answer - Request.submitted) / 86_400
    median = sa.func.percentile_cont(0.5).within_group(days.asc())
    received, count, good, all_judged, half = model.Session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(answered),
            sa.func.count().filter(answered, in_time),
            sa.func.count().filter(judged),
            median.filter(Request.first_answer.is_not(None)),
        ).where(*where)
    ).one()
    share = round(good / all_judged, 4) if all_judged else None
    return received, count, share, round(float(half), 1) if half is not None else None


def _cells(columns: list[Any], where: list[Any]) -> list[tuple[Any, ...]]:
    """Counts by cell; a cell counts its private requests only from the threshold on, and is left out when empty."""
    private = Request.visibility == "private"
    public, hidden = sa.func.count().filter(~private), sa.func.count().filter(private)
    query = sa.select(*columns, public, hidden)
    found = []
    for row in model.Session.execute(query.where(*where).group_by(*columns)):
        *keys, seen, unseen = row
        number = seen + (unseen if unseen >= max(config.statistics_threshold(), 1) else 0)
        if number:
            found.append((*keys, number))
    return found


def _outcomes(where: list[Any]) -> dict[str, int]:
    counts = dict(_cells([Request.state], where))
    return {state: counts[state] for state in states.CLOSED if state in counts}


def _backlog(where: list[Any], today: date) -> list[dict[str, Any]]:
    """Requests that wait for an answer, by their age."""
    age = sa.literal(today) - sa.cast(_in_paris(Request.submitted), sa.Date)
    kind = sa.case(*((age <= last, name) for name, last in AGES if last is not None), else_=AGES[-1][0]).label("kind")
    counts = dict(_cells([kind], [*where, Request.state.in_(states.ACTIVE)]))
    return [{"age": name, "count": counts.get(name, 0)} for name, _last in AGES]


def _unmet(where: list[Any]) -> list[dict[str, Any]]:
    """Themes and territories of public requests without data, most supported first."""
    query = (
        sa.select(
            Request.theme, Request.territory, sa.func.sum(Request.support_count + 1).label("people"), sa.func.count()
        )
        .where(*where, Request.listed, Request.state.not_in((states.FULFILLED, states.DUPLICATE, states.WITHDRAWN)))
        .group_by(Request.theme, Request.territory)
        .order_by(sa.text("people DESC"), Request.theme, Request.territory)
        .limit(MOST_UNMET)
    )
    return [
        {
            "theme": theme,
            "theme_label": wording.concept("themes", theme),
            "departement": place,
            "departement_label": wording.concept("territories", place),
            "support": int(people),
            "count": number,
        }
        for theme, place, people, number in model.Session.execute(query)
    ]


def _by_month(where: list[Any]) -> list[dict[str, Any]]:
    """Received and answered by month of the receipt."""
    month = sa.func.to_char(_in_paris(Request.submitted), "YYYY-MM").label("month")
    received = dict(_cells([month], where))
    answered = dict(_cells([month], [*where, Request.state.in_(states.ANSWERED)]))
    return [
        {"month": each, "received": number, "answered": answered.get(each, 0)}
        for each, number in sorted(received.items())
    ]


def _years() -> list[int]:
    year = sa.func.extract("year", _in_paris(Request.submitted))
    query = sa.select(year).where(Request.listed).distinct().order_by(year.desc())
    return [int(each) for each in model.Session.scalars(query)]
