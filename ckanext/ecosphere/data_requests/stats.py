"""Public statistics of requests. Private requests count only above a threshold, so that none can be identified.

Grounds of refusal do not reveal single refusals, whose reasons concern the requester alone.

The most wanted data are themes × départements whose requests without data have the most supporters. A request on a
région, or on communes of several départements, counts in each of these départements, so the rows do not add up to the
number of requests. Départements with exactly the same requests share a row. A request on the whole country or on a
sea area has no département and a row of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, places, states, wording
from ckanext.ecosphere.data_requests.domain import places as registry
from ckanext.ecosphere.data_requests.model import Event, Request
from ckanext.ecosphere.data_requests.notifications.delivery import YES
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.queue import enqueue_once, have_come, wait_for_many

#: Version of the cached figures, part of the cache key; earlier versions lack some figures.
VERSION = 3
#: Lifetime of cached figures.
KEPT_SECONDS = 3600
#: Closed without a decision on the request: counted apart, so that the outcomes add up to the requests answered.
NO_ANSWER = tuple(
    state for state in states.CLOSED if state not in (*states.DECIDED, *states.SETTLED)
)
#: Classes of age of unanswered requests: name, and last day (None: no limit).
AGES = (("0-7", 7), ("8-30", 30), ("31-60", 60), ("61-180", 180), ("181-", None))


def show(year: int | None, organization_id: str | None, today: date) -> dict[str, Any]:
    """Return the statistics, at most `ecosphere.requests.statistics_cache` seconds old where a worker runs.

    Computing time grows with the number of requests. So pages get cached figures, and outdated ones are computed again
    in the background; so are missing ones when there are many requests.

    Raises:
        StillCounted: there are many requests and no cached figures.
    """
    seconds = config.statistics_cache()
    if seconds <= 0:
        return compute(year, organization_id, today)
    spoken = language.current()
    cached: Any = connect_to_redis().get(_key(year, organization_id, today, spoken))
    if not cached:
        wait_for_many(
            f"{_key(year, organization_id, today, spoken)}:asked",
            sa.select(Request.id).where(*_selection(year, organization_id)),
            lambda: _ask(year, organization_id, today, spoken),
        )
        return _keep(year, organization_id, today, spoken)
    cached = json.loads(cached)
    if clock.now().timestamp() - cached["computed"] > seconds:
        _ask(year, organization_id, today, spoken)
    return cached["figures"]


def _ask(year: int | None, organization_id: str | None, today: date, spoken: str) -> bool:
    return enqueue_once(
        keep,
        [year, organization_id, today.isoformat(), spoken],
        job_id=f"ecosphere-requests-stats-{year}-{organization_id}-{spoken}",
        title="Requests: public figures",
        queue=config.QUEUE,
    )


def keep(year: int | None, organization_id: str | None, today: str, spoken: str) -> None:
    """Compute and cache the statistics in a language; a background job."""
    with language.speaking(spoken):
        _keep(year, organization_id, date.fromisoformat(today), spoken)


def _keep(
    year: int | None, organization_id: str | None, today: date, spoken: str
) -> dict[str, Any]:
    figures = compute(year, organization_id, today)
    stored = json.dumps({"computed": clock.now().timestamp(), "figures": figures})
    connect_to_redis().set(_key(year, organization_id, today, spoken), stored, ex=KEPT_SECONDS)
    have_come(f"{_key(year, organization_id, today, spoken)}:asked")
    return figures


def _key(year: int | None, organization_id: str | None, today: date, spoken: str) -> str:
    stem = f"ecosphere:requests:{tk.config['ckan.site_id']}:figures:{VERSION}"
    return f"{stem}:{year}:{organization_id}:{today}:{spoken}"


def compute(year: int | None, organization_id: str | None, today: date) -> dict[str, Any]:
    """Compute the statistics.

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
    apart = _apart(year, organization_id)
    cells = _cells(where, today)
    if organization_id:
        services = []
    else:
        services = by_service(where, *_judgement(today), _median_days(), today)
    return {
        "year": year,
        "received": received,
        "answered": answered,
        "answered_within_month": in_time,
        "median_days_first_answer": median,
        "apart": apart,
        "outcomes": {
            state: cells.outcomes[state] for state in states.DECIDED if cells.outcomes.get(state)
        },
        "backlog": [{"age": name, "count": cells.backlog.get(name, 0)} for name, _last in AGES],
        "grounds": grounds(where),
        "unmet": unmet(where),
        "by_month": [
            {"month": month, "received": number, "answered": cells.answered[month]}
            for month, number in sorted(cells.received.items())
            if number
        ],
        "satisfaction": satisfaction(where),
        "services": services,
        "threshold": threshold,
        "private_included": number >= max(threshold, 1),
        "years": _years(),
    }


def _count() -> Any:
    return sa.select(sa.func.count()).select_from(Request)


def _selection(
    year: int | None, organization_id: str | None, turned_away: bool = False
) -> list[Any]:
    """Return SQL conditions for the requests to count, without those rejected or hidden as abuse.

    With `turned_away`, include the requests that moderators rejected for reasons other than spam.
    """
    let_in = sa.and_(Request.opened.is_not(None), Request.state != states.REJECTED)
    spam = Request.outcome["spam"].as_boolean().is_(True)
    rejected = sa.and_(Request.state == states.REJECTED, ~sa.func.coalesce(spam, sa.false()))
    counted = sa.or_(let_in, rejected) if turned_away else let_in
    where: list[Any] = [counted, Request.hidden.is_(False), Request.kind.in_(states.DEMANDS)]
    if year:
        first, last = (
            datetime.combine(date(y, 1, 1), time(), clock.PARIS) for y in (year, year + 1)
        )
        where += [Request.submitted >= first, Request.submitted < last]
    if organization_id:
        where.append(Request.organization_id == organization_id)
    return where


def _apart(year: int | None, organization_id: str | None) -> dict[str, int]:
    """Count requests transferred to another service, and those closed without an answer by state."""
    where = _selection(year, organization_id, turned_away=True)
    moved = sa.select(Event.request_id).where(Event.transition == "transfer")
    cases = {
        "transferred": Request.id.in_(moved),
        **{state: Request.state == state for state in NO_ANSWER},
    }
    private = Request.visibility == "private"
    pairs = [
        sa.func.count().filter(condition, hidden)
        for condition in cases.values()
        for hidden in (~private, private)
    ]
    numbers = list(model.Session.execute(sa.select(*pairs).where(*where)).one())
    return {name: _shown(numbers[2 * i], numbers[2 * i + 1]) for i, name in enumerate(cases)}


def _in_paris(moment: Any) -> Any:
    return sa.func.timezone("Europe/Paris", moment)


def _day(moment: Any) -> Any:
    return sa.cast(_in_paris(moment), sa.Date)


def _judgement(today: date) -> tuple[Any, Any]:
    """Return SQL conditions: answered within the first month; answered, or unanswered after that month."""
    # A transfer, or a statement that the data is not held, does not count as an answer.
    answered = Request.state.in_(states.DECIDED)
    # The legal month, whatever the configured period; PostgreSQL clips to the end of a month like `clock.add_months`.
    month_over = sa.cast(_in_paris(Request.submitted), sa.Date) + sa.text("interval '1 month'")
    in_time = sa.and_(answered, sa.cast(_in_paris(Request.closed), sa.Date) <= month_over)
    return in_time, sa.or_(answered, sa.and_(Request.state.in_(states.ACTIVE), month_over < today))


def _median_days() -> Any:
    """Return the SQL median of days until the first answer.

    It is computed from whole days, which are public: with few requests, a median of seconds would reveal exact times.
    """
    days = sa.cast(_day(Request.first_answer) - _day(Request.submitted), sa.Float)
    return (
        sa.func.percentile_cont(0.5)
        .within_group(days.asc())
        .filter(Request.first_answer.is_not(None))
    )


def _answers(where: list[Any], today: date) -> tuple[int, int, float | None, float | None]:
    """Return the number received and answered, the share answered within the first month, and the median of days."""
    in_time, judged = _judgement(today)
    received, count, good, all_judged, half = model.Session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(Request.state.in_(states.DECIDED)),
            sa.func.count().filter(in_time),
            sa.func.count().filter(judged),
            _median_days(),
        ).where(*where)
    ).one()
    share = round(good / all_judged, 4) if all_judged else None
    median = round(float(half), 1) if half is not None else None
    return received, count, share, median


@dataclass
class Cells:
    """Counts by state, by age of unanswered requests, and by month of the receipt (received and answered)."""

    outcomes: dict[str, int] = field(default_factory=dict)
    backlog: dict[str, int] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)


def _cells(where: list[Any], today: date) -> Cells:
    """Compute all counts in one query; a cell includes its private requests only above the threshold."""
    private, answered = Request.visibility == "private", Request.state.in_(states.DECIDED)
    age = sa.literal(today) - sa.cast(_in_paris(Request.submitted), sa.Date)
    waiting = Request.state.in_(states.ACTIVE)
    kinds = ((sa.and_(waiting, age <= last), name) for name, last in AGES if last is not None)
    kind = sa.case(*kinds, (waiting, AGES[-1][0]))
    month = sa.func.to_char(_in_paris(Request.submitted), "YYYY-MM")
    columns = [Request.state, kind, month]
    labelled = sa.select(
        *(
            column.label(name)
            for column, name in zip(columns, ("state", "kind", "month"), strict=True)
        ),
        private.label("private"),
        answered.label("answered"),
    ).where(*where)
    cell = labelled.subquery()
    hidden, is_answered = cell.c.private, cell.c.answered
    counts = [
        sa.func.count().filter(condition)
        for condition in (~hidden, hidden, is_answered & ~hidden, is_answered & hidden)
    ]
    sets = sa.func.grouping_sets(*(sa.tuple_(cell.c[name]) for name in ("state", "kind", "month")))
    query = sa.select(cell.c.state, cell.c.kind, cell.c.month, *counts).group_by(sets)
    cells = Cells()
    for state, waits, received, *four in model.Session.execute(query):
        number, answers = _shown(*four[:2]), _shown(*four[2:])
        if state:
            cells.outcomes[state] = number
        elif waits:
            cells.backlog[waits] = number
        elif received:
            cells.received[received], cells.answered[received] = number, answers
    return cells


def _shown(public: int, private: int) -> int:
    """Return the count to show for a cell."""
    if private < max(config.statistics_threshold(), 1):
        return public
    return public + private


def _years() -> list[int]:
    """Return the years with public requests, from the last to the first."""
    query = sa.select(sa.func.min(Request.submitted), sa.func.max(Request.submitted)).where(
        Request.listed
    )
    first, last = model.Session.execute(query).one()
    if first:
        return list(range(clock.day_of(last).year, clock.day_of(first).year - 1, -1))
    return []


_SAID, _SATISFIED = Request.satisfied != "", Request.satisfied == YES


def satisfaction(where: list[Any]) -> dict[str, Any] | None:
    """Return how many requesters gave an opinion on the answer, and the share who were satisfied.

    Args:
        where: SQL conditions on the requests to count.

    Returns:
        `said` (number) and `yes` (share, 0–1); None below the threshold of the statistics, so that no one can be
        identified.
    """
    answers, yes = model.Session.execute(
        sa.select(sa.func.count().filter(_SAID), sa.func.count().filter(_SATISFIED)).where(*where)
    ).one()
    return _satisfied_share(answers, yes)


def _satisfied_share(answers: int, yes: int) -> dict[str, Any] | None:
    if answers >= max(config.statistics_threshold(), 1):
        return {"said": answers, "yes": round(yes / answers, 4)}
    return None


def by_service(
    where: list[Any], in_time: Any, judged: Any, median_days: Any, today: date
) -> list[dict[str, Any]]:
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
        sa.select(
            Request.organization_id, *(column.label(name) for name, column in counted.items())
        )
        .where(*where, Request.visibility == "public", Request.organization_id.is_not(None))
        .group_by(Request.organization_id)
    )
    rows = {row.organization_id: row for row in model.Session.execute(query)}
    groups = ()
    if rows:
        groups = model.Session.scalars(sa.select(model.Group).where(model.Group.id.in_(rows)))
    lines = [_service_line(group, rows[group.id]) for group in groups]
    return sorted(lines, key=lambda line: (-line["received"], line["title"]))


def _service_line(group: model.Group, row: Any) -> dict[str, Any]:
    plain = ("received", "waiting", "overdue", "answered", "refused")
    within_month = round(row.in_time / row.judged, 4) if row.judged else None
    if row.median_days is None:
        median_days = None
    else:
        median_days = round(float(row.median_days), 1)
    return {
        "name": group.name,
        "title": group.title or group.name,
        **{name: getattr(row, name) for name in plain},
        "within_month": within_month,
        "median_days": median_days,
        "satisfaction": _satisfied_share(row.said, row.yes),
    }


REST = ""
"""Key of the grounds too rare to be shown separately."""


def grounds(where: list[Any]) -> list[dict[str, Any]]:
    """Return the grounds of refusals, whole or partial, the most frequent first.

    Args:
        where: SQL conditions on the requests to count.

    Returns:
        ground, label, count; grounds rarer than the threshold of the statistics are summed in the last row.
    """
    ground = sa.func.coalesce(Request.outcome["ground"].astext, REST)
    refused = Request.state.in_((states.REFUSED, states.PARTIAL))
    query = sa.select(ground, sa.func.count()).where(*where, refused).group_by(ground)
    counts = dict(model.Session.execute(query).tuples().all())
    least = max(config.statistics_threshold(), 1)
    frequent = {key: number for key, number in counts.items() if key and number >= least}
    rows = [
        {"ground": key, "label": wording.ground(key), "count": number}
        for key, number in frequent.items()
    ]
    rows.sort(key=lambda row: (-row["count"], row["label"]))
    rest = sum(counts.values()) - sum(frequent.values())
    if rest:
        return [*rows, {"ground": REST, "label": "", "count": rest}]
    return rows


# Most wanted data.

MOST_UNMET = 20
#: States in which the need is met or no longer exists.
MET = (states.FULFILLED, states.DUPLICATE, states.WITHDRAWN)


@dataclass(frozen=True)
class Ask:
    """Requests for one theme in one place.

    Attributes:
        theme: id in the vocabulary.
        places: ids of the départements concerned; a single id of a country or sea area when there are none.
        people: number of requesters and supporters.
        count: number of requests.
    """

    theme: str
    places: tuple[str, ...]
    people: int
    count: int


@dataclass
class _UnmetCell:
    people: int = 0
    count: int = 0
    wide: int = 0
    asks: list[int] = field(default_factory=list)


def rank(asks: Sequence[Ask], most: int = MOST_UNMET) -> list[dict[str, Any]]:
    """Return the rows of the table, those with the most support first. Pure.

    Args:
        asks: requests by theme and place.
        most: maximum number of rows.

    Returns:
        theme, places (ids), support (people), count (requests), wide (how many of these requests concern several
        départements).
    """
    cells: dict[tuple[str, str], _UnmetCell] = {}
    for number, ask in enumerate(asks):
        for place in ask.places:
            cell = cells.setdefault((ask.theme, place), _UnmetCell())
            cell.people += ask.people
            cell.count += ask.count
            if len(ask.places) > 1:
                cell.wide += ask.count
            cell.asks.append(number)
    rows: dict[tuple[str, tuple[int, ...]], dict[str, Any]] = {}
    for (theme, place), cell in cells.items():
        values = {"support": cell.people, "count": cell.count, "wide": cell.wide}
        row = rows.setdefault((theme, tuple(cell.asks)), {"theme": theme, "places": [], **values})
        row["places"].append(place)
    return sorted(
        rows.values(), key=lambda row: (-row["support"], row["wide"], row["theme"], row["places"])
    )[:most]


def places_of(territory: str, communes: Iterable[Mapping[str, str]] = ()) -> tuple[str, ...]:
    """Return the départements (or overseas territories) of a place; the place itself when it has none."""
    departements = sorted({registry.departement_id(commune["code"]) for commune in communes or ()})
    if departements:
        return tuple(departements)
    territories = voc.get("territories")
    place = territories.get(territory) if territory else None
    if place is not None and place.data.get("type") == "region":
        return tuple(child.id for child in territories.children(place.uri)) or (place.id,)
    if place is None:
        return (places.WHOLE_COUNTRY,)
    return (place.id,)


def unmet(where: list[Any]) -> list[dict[str, Any]]:
    """Return the rows for the public requests of a selection, with labels of themes and places."""
    where = [*where, Request.listed, Request.state.not_in(MET)]
    return [_labelled(row) for row in rank([*_by_territory(where), *_by_communes(where)])]


def _several_departements() -> Any:
    """Return the SQL condition for communes of several départements: the territory is then a région or the country."""
    return sa.and_(
        sa.func.jsonb_array_length(Request.communes) > 0,
        Request.territory.op("~")("^(region|pays)-"),
    )


def _by_territory(where: list[Any]) -> list[Ask]:
    people = sa.func.sum(Request.support_count + 1)
    query = (
        sa.select(Request.theme, Request.territory, people, sa.func.count())
        .where(*where, ~_several_departements())
        .group_by(Request.theme, Request.territory)
        .order_by(Request.theme, Request.territory)
    )
    return [
        Ask(theme, places_of(place), int(n), count)
        for theme, place, n, count in model.Session.execute(query)
    ]


def _by_communes(where: list[Any]) -> list[Ask]:
    query = (
        sa.select(Request.theme, Request.territory, Request.communes, Request.support_count + 1)
        .where(*where, _several_departements())
        .order_by(Request.id)
    )
    return [
        Ask(theme, places_of(place, communes), people, 1)
        for theme, place, communes, people in model.Session.execute(query)
    ]


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    terms, lang = voc.get("territories"), language.current()
    places = [terms[place] for place in row.pop("places") if place in terms]
    return {
        **row,
        "theme_label": wording.concept("themes", row["theme"]),
        "departements": [{"id": place.id, "label": place.label(lang)} for place in places],
    }
