"""Public statistics of requests.

Private requests count only above a threshold, so that none can be identified.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import Event, Request, number_of
from ckanext.ecosphere.data_requests.notifications.delivery import YES

#: Closed without a decision on the request: counted apart, so that the outcomes add up to the
#: requests answered.
NO_ANSWER = tuple(
    state for state in states.CLOSED if state not in (*states.DECIDED, *states.SETTLED)
)


def show(year: int | None, organization_id: str | None, today: date) -> DataDict:
    """Return the statistics.

    Args:
        year: of the receipt, None for all years.
        organization_id: of one service, None for all.
        today: current day in Paris.
    """
    where = _selection(year, organization_id)
    private = Request.visibility == "private"
    is_included = number_of(Request, *where, private) >= _threshold()
    if not is_included:
        where.append(~private)
    columns = _columns(today)
    total = _line(model.Session.execute(sa.select(*columns).where(*where)).one())
    by_state = _by_state(year, organization_id)
    services = []
    if not organization_id:
        services = _by_service(where, columns)
    names = ("received", "waiting", "overdue", "answered", "satisfaction")
    return {
        "year": year,
        **{name: total[name] for name in names},
        "answered_within_month": total["within_month"],
        "median_days_first_answer": total["median_days"],
        "outcomes": {state: by_state[state] for state in states.DECIDED if by_state.get(state)},
        "apart": {
            "transferred": _transferred(year, organization_id),
            **{state: by_state.get(state, 0) for state in NO_ANSWER},
        },
        "services": services,
        "threshold": config.statistics_threshold(),
        "private_included": is_included,
        "years": _years(),
    }


def _threshold() -> int:
    """Return the number of private requests from which a figure includes them,
    also if the option says 0.
    """
    return max(config.statistics_threshold(), 1)


def _selection(
    year: int | None, organization_id: str | None, turned_away: bool = False
) -> list[Any]:
    """Return SQL conditions for the requests to count, without those rejected or hidden as abuse.

    Args:
        year: of the receipt, None for all years.
        organization_id: of one service, None for all.
        turned_away: whether to include the requests that moderators rejected for reasons other than
            spam.
    """
    is_rejected = Request.state == states.REJECTED
    counted = sa.and_(Request.opened.is_not(None), ~is_rejected)
    if turned_away:
        spam = Request.outcome["spam"].as_boolean().is_(True)
        counted = sa.or_(counted, sa.and_(is_rejected, ~sa.func.coalesce(spam, sa.false())))
    where: list[Any] = [counted, Request.hidden.is_(False), Request.kind.in_(states.DEMANDS)]
    if year:
        where += [Request.submitted >= _new_year(year), Request.submitted < _new_year(year + 1)]
    if organization_id:
        where.append(Request.organization_id == organization_id)
    return where


def _new_year(year: int) -> datetime:
    return datetime.combine(date(year, 1, 1), time(), clock.PARIS)


def _columns(today: date) -> list[Any]:
    """Return the SQL counts of which `_line` makes figures."""
    # A transfer, or a statement that the data is not held, does not count as an answer.
    answered = Request.state.in_(states.DECIDED)
    waiting = Request.state.in_(states.ACTIVE)
    # The legal month, whatever the configured period; PostgreSQL clips to the end of a month like
    # `clock.last_day`.
    month_over = _day(Request.submitted) + sa.text("interval '1 month'")
    in_time = sa.and_(answered, _day(Request.closed) <= month_over)
    # The requests of which it is certain whether they were answered within the month.
    decided_in_time_or_not = sa.or_(answered, sa.and_(waiting, month_over < today))
    # Whole days, which are public: with few requests, a median of seconds would reveal exact times.
    days = sa.cast(_day(Request.first_answer) - _day(Request.submitted), sa.Float)
    median = sa.func.percentile_cont(0.5).within_group(days.asc())
    count = sa.func.count()
    return [
        count.label("received"),
        count.filter(waiting).label("waiting"),
        count.filter(waiting, Request.due < today).label("overdue"),
        count.filter(answered).label("answered"),
        count.filter(Request.state == states.REFUSED).label("refused"),
        count.filter(in_time).label("in_time"),
        count.filter(decided_in_time_or_not).label("judged"),
        median.filter(Request.first_answer.is_not(None)).label("median_days"),
        count.filter(Request.satisfied != "").label("opinions"),
        count.filter(Request.satisfied == YES).label("satisfied"),
    ]


def _day(moment: Any) -> Any:
    """Return the SQL of the day of a moment in Paris."""
    return sa.cast(sa.func.timezone("Europe/Paris", moment), sa.Date)


def _line(row: Any) -> DataDict:
    """Return figures of the counts of `_columns`; `within_month` and the opinions `yes` are shares,
    0-1.

    Opinions are None below the threshold, so that no one can be identified.
    """
    names = ("received", "waiting", "overdue", "answered", "refused")
    line: DataDict = {name: getattr(row, name) for name in names}
    line |= {"within_month": None, "median_days": None, "satisfaction": None}
    if row.judged:
        line["within_month"] = round(row.in_time / row.judged, 4)
    if row.median_days is not None:
        line["median_days"] = round(float(row.median_days), 1)
    if row.opinions >= _threshold():
        share = round(row.satisfied / row.opinions, 4)
        line["satisfaction"] = {"said": row.opinions, "yes": share}
    return line


def _by_state(year: int | None, organization_id: str | None) -> dict[str, int]:
    """Return the number of requests in each state."""
    where = _selection(year, organization_id, turned_away=True)
    query = sa.select(Request.state, *_public_and_private()).where(*where).group_by(Request.state)
    rows = model.Session.execute(query)
    return {state: _shown(public, private) for state, public, private in rows}


def _transferred(year: int | None, organization_id: str | None) -> int:
    """Return the number of requests that went to another service."""
    moved = sa.select(Event.request_id).where(Event.transition == "transfer")
    where = [*_selection(year, organization_id, turned_away=True), Request.id.in_(moved)]
    public, private = model.Session.execute(sa.select(*_public_and_private()).where(*where)).one()
    return _shown(public, private)


def _public_and_private() -> tuple[Any, Any]:
    """Return the SQL counts of which `_shown` makes one."""
    private = Request.visibility == "private"
    return sa.func.count().filter(~private), sa.func.count().filter(private)


def _shown(public: int, private: int) -> int:
    """Return the count to show: with the private requests from the threshold on."""
    if private < _threshold():
        return public
    return public + private


def _by_service(where: list[Any], columns: list[Any]) -> list[DataDict]:
    """Return the figures of each service with public requests, of these requests.

    That with the most first.
    """
    public = (Request.visibility == "public", Request.organization_id.is_not(None))
    query = sa.select(Request.organization_id, *columns).where(*where, *public)
    rows = model.Session.execute(query.group_by(Request.organization_id))
    by_id = {row.organization_id: _line(row) for row in rows}
    groups = model.Session.scalars(sa.select(model.Group).where(model.Group.id.in_(by_id)))
    lines = [
        {"name": group.name, "title": group.display_name, **by_id[group.id]} for group in groups
    ]
    return sorted(lines, key=lambda line: (-line["received"], line["title"]))


def _years() -> list[int]:
    """Return the years with public requests, from the last to the first."""
    query = sa.select(sa.func.min(Request.submitted), sa.func.max(Request.submitted))
    first, last = model.Session.execute(query.where(Request.listed)).one()
    if not first:
        return []
    years = range(clock.day_of(first).year, clock.day_of(last).year + 1)
    return list(reversed(years))
