"""Search for requests in PostgreSQL, with French full text and facets; desk of a service.

Due dates for calendars.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from werkzeug.datastructures import MultiDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import clock, people, places, states, text, wording
from ckanext.ecosphere.data_requests.domain.people import Reader, by_ids
from ckanext.ecosphere.data_requests.model import RECEIPT_DAY, Request, is_any, number_of
from ckanext.ecosphere.dataset.view import Row

#: Values of the filter by assignee on a desk.
ASSIGNED = ("mine", "nobody")
RANKED = 500
SHORTEST_BEGINNING = 3
_SIGNS = re.compile(r"(-)-+")
REFERENCE = re.compile(r"^DD-\d{4}-\d{5,}$", re.IGNORECASE)
#: Facet → its column.
COLUMNS: DataDict = {
    "state": Request.state,
    "organization": Request.organization_id,
    "territory": Request.territory,
    "theme": Request.theme,
    "use": Request.use,
}
FACETS = tuple(COLUMNS)


def run(data: Row, reader: Reader) -> DataDict:
    """Search for requests.

    Args:
        data: validated by `schema.request_list`.
        reader: user who searches; results are limited to the scope.

    Returns:
        count, results, facets, start, rows.
    """
    of_scope, filters = scope(data, reader), conditions(data)
    if data["scope"] == "desk" and data.get("assigned"):
        service_id = _service_id(data["organization"])
        filters["assigned"] = _assigned(data["assigned"], reader, service_id)
    where = [*of_scope, *filters.values()]
    start, rows = data["start"], data["rows"]
    counts, page = {}, []
    with through_indexes("q" in filters):
        count = number_of(Request, *where)
        if data["facets"]:
            counts = _facets(of_scope, filters)
        if rows and count > start:
            page = _page(data, where, reader)
    return {
        "count": count,
        "results": dictize.request_list(page, reader),
        "facets": counts,
        "start": start,
        "rows": rows,
    }


def _page(data: Row, where: list[Any], reader: Reader) -> list[Request]:
    """Return a page of requests."""
    source, newest = sa.select(Request).where(*where), _newest(data["scope"], reader)
    start, rows = data["start"], data["rows"]
    if data["sort"] != "relevance" or not data.get("q"):
        order = _order(data["sort"], newest)
        return list(model.Session.scalars(source.order_by(*order).offset(start).limit(rows)))
    # Ranking is expensive: only the newest matches are ranked, and the others follow.
    latest = sa.select(Request.id).where(*where).order_by(*newest).limit(RANKED)
    ranked = sa.select(Request).where(Request.id.in_(latest))
    best = ranked.order_by(_rank(data["q"]).desc(), *newest).offset(start).limit(rows)
    page = list(model.Session.scalars(best))
    others = source.order_by(*newest).offset(max(start, RANKED)).limit(rows - len(page))
    return [*page, *model.Session.scalars(others)]


def _order(sort: str, newest: list[Any]) -> list[Any]:
    if sort == "support":
        return [Request.support_count.desc(), *newest]
    if sort == "due":
        over = sa.case((Request.state.in_(states.ACTIVE), 0), else_=1)
        return [over, Request.due.asc().nulls_last(), *newest]
    return newest


def _newest(scope: str, reader: Reader) -> list[Any]:
    """Return the order by receipt: the public must not learn the time of a day,
    not even from the order.
    """
    if scope != "public":
        return [sa.func.coalesce(Request.submitted, Request.created).desc(), Request.id]
    if reader.moderator:
        return [RECEIPT_DAY.desc(), Request.submitted.desc(), Request.id]
    return [RECEIPT_DAY.desc(), Request.id]


def _rank(q: str) -> Any:
    words = sa.func.websearch_to_tsquery("french", " ".join(_words(q)))
    return sa.func.ts_rank(Request.search, words)


def read_search(form: MultiDict[str, str]) -> DataDict:
    """Return the search in the query string of a URL, as arguments of the action."""
    search: DataDict = {name: form[name] for name in FACETS[1:] if form.get(name)}
    chosen_states = [state for state in form.getlist("state") if state]
    if chosen_states:
        search["state"] = chosen_states
    if form.get("q", "").strip():
        search["q"] = form["q"].strip()
    if form.get("unanswered"):
        search["unanswered"] = True
    if form.get("assigned") in ASSIGNED:
        search["assigned"] = form["assigned"]
    return search


@contextmanager
def through_indexes(active: bool) -> Iterator[None]:
    """Make PostgreSQL use the full-text index.

    Its planner ignores the cost of decompressing long texts, and would rather scan all rows for a
    frequent word.
    """
    if active:
        model.Session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    yield
    if active:  # after an error the transaction ends, and the setting with it
        model.Session.execute(sa.text("SET LOCAL enable_seqscan = on"))


def scope(data: Row, reader: Reader) -> list[Any]:
    """Return the SQL conditions of the scope.

    The auth function has already checked that the reader may see it.
    """
    name = data.get("scope") or "public"
    if name == "mine":
        return [Request.requester_id == reader.id]
    if name == "moderation" and data.get("state"):
        return [Request.submitted.is_not(None)]
    if name == "moderation":
        return [Request.state == states.SUBMITTED]
    if name == "desk":
        service_id = _service_id(data.get("organization"))
        return [Request.organization_id == service_id, Request.opened.is_not(None)]
    return [Request.listed]


def _service_id(key: Any) -> str:
    """Return the id of a service given by name or id, "" when there is none."""
    group = model.Group.get(key)
    if group is None:
        return ""
    return group.id


def conditions(data: Row) -> DataDict:
    """Return the SQL condition of each filter, by name."""
    by_filter: DataDict = {}
    if data.get("q"):
        by_filter["q"] = matches(data["q"])
    if data.get("state"):
        by_filter["state"] = Request.state.in_(data["state"])
    if data.get("organization") and data.get("scope") != "desk":
        service_id = _service_id(data["organization"])
        by_filter["organization"] = Request.organization_id == service_id
    for name, vocabulary in (("territory", "territories"), ("theme", "themes")):
        if data.get(name):
            by_filter[name] = COLUMNS[name].in_(with_those_below(vocabulary, data[name]))
    if data.get("use"):
        by_filter["use"] = Request.use == data["use"]
    if data.get("review"):
        by_filter["review"] = Request.review_due.is_not(None)
    if data.get("unanswered"):
        by_filter["unanswered"] = sa.and_(
            Request.first_answer.is_(None), Request.state.in_(states.ACTIVE)
        )
    return by_filter


def _words(q: str) -> list[str]:
    """Return the words of a query, each with at most one minus sign:
    thousands of them overflow PostgreSQL's stack.
    """
    return [_SIGNS.sub(r"\1", word) for word in text.fold(q).split() if text.has_words(word)]


def matches(q: str) -> Any:
    """Return the SQL condition of a query: a reference, or French words,
    the last as a prefix if they match nothing.
    """
    if REFERENCE.match(q.strip()):
        return Request.reference == q.strip().upper()
    words = _words(q)
    last = "".join(filter(str.isalnum, words[-1])) if words else ""
    condition = Request.search.op("@@")(sa.func.websearch_to_tsquery("french", " ".join(words)))
    if len(last) < SHORTEST_BEGINNING or '"' in q or is_any(condition):
        return condition
    prefix = sa.func.to_tsquery("simple", f"{last}:*")
    if words[:-1]:
        prefix = sa.func.websearch_to_tsquery("french", " ".join(words[:-1])).op("&&")(prefix)
    return Request.search.op("@@")(prefix)


def with_those_below(vocabulary: str, key: str) -> list[str]:
    """Return the ids of a concept and all below it: a région includes its départements."""
    terms = voc.get(vocabulary)
    concept = terms.get(key)
    if concept is None:
        return [key]
    ids, waiting = [], [concept]
    while waiting:
        narrower = waiting.pop()
        ids.append(narrower.id)
        waiting += terms.children(narrower.uri)
    return ids


# Facets.


def _facets(scope: list[Any], filters: Row) -> dict[str, list[DataDict]]:
    """Return counts by value.

    A facet with a filter is counted without it, to show its other values.
    """
    by_facet: dict[str, list[DataDict]] = {}
    for facet, column in COLUMNS.items():
        others = [condition for name, condition in filters.items() if name != facet]
        query = sa.select(column, sa.func.count()).where(*scope, *others).group_by(column)
        counts = model.Session.execute(query).tuples()
        by_facet[facet] = LABELS[facet]({value: number for value, number in counts if value})
    return by_facet


def _states(counts: dict[str, int]) -> list[DataDict]:
    present = [name for name in states.STATES if name in counts]
    return [_entry(name, wording.state(name), counts[name]) for name in present]


def _organizations(counts: dict[str, int]) -> list[DataDict]:
    groups = by_ids(model.Group, counts)
    entries = [_entry(group.name, group.display_name, counts[key]) for key, group in groups.items()]
    return _most_first(entries)


def _territories(counts: dict[str, int]) -> list[DataDict]:
    return _labelled(counts, lambda key: wording.concept("territories", key))


def _themes(counts: dict[str, int]) -> list[DataDict]:
    """Return the themes with counts, those of narrower themes added to their top concept."""
    rolled: Counter[str] = Counter()
    for key, number in counts.items():
        rolled[places.root(key)] += number
    return _labelled(rolled, lambda key: wording.concept("themes", key))


def _uses(counts: dict[str, int]) -> list[DataDict]:
    return _labelled(counts, wording.use)


def _labelled(counts: dict[str, int], label: Callable[[str], str]) -> list[DataDict]:
    """Return the values with a label, those with the highest count first."""
    entries = [_entry(key, label(key), number) for key, number in counts.items()]
    return _most_first([entry for entry in entries if entry["title"]])


def _entry(name: str, title: str, count: int) -> DataDict:
    return {"name": name, "title": title, "count": count}


def _most_first(entries: list[DataDict]) -> list[DataDict]:
    return sorted(entries, key=lambda entry: (-entry["count"], voc.normalise(entry["title"])))


#: Facet → function that labels its values.
LABELS: dict[str, Callable[[dict[str, int]], list[DataDict]]] = {
    "state": _states,
    "organization": _organizations,
    "territory": _territories,
    "theme": _themes,
    "use": _uses,
}


# Desk of a service.

#: Requests shown of each kind; `counts` includes all, and the list of requests has the others.
MOST_ON_DESK = 50
#: Kinds of requests on a desk, the most urgent first.
KINDS = ("review", "overdue", "due_soon", "new", "waiting", "in_progress")


def of_service(organization_id: str, reader: Reader, today: date) -> DataDict:
    """Return the requests on the desk of a service, each under the first kind that applies.

    Returns:
        review (asked of a decision), overdue, due_soon, waiting (for the requester), new (not
        started), in_progress: requests, those due first at the top; counts: kind → number; and the
        result of `workload`.
    """
    kind, where = _desk_kind(today), waiting(organization_id)
    next_day = sa.func.coalesce(Request.review_due, Request.due).asc().nulls_last()
    place = sa.func.row_number().over(partition_by=kind, order_by=(next_day, Request.submitted))
    columns = (Request.id, kind.label("kind"), place.label("place"))
    numbered = sa.select(*columns).where(*where).subquery()
    query = (
        sa.select(Request, numbered.c.kind)
        .join(numbered, numbered.c.id == Request.id)
        .where(numbered.c.place <= MOST_ON_DESK)
        .order_by(numbered.c.kind, numbered.c.place)
    )
    rows = model.Session.execute(query).all()
    dicts = dictize.request_list([request for request, _kind in rows], reader)
    by_kind: DataDict = {name: [] for name in KINDS}
    for (_request, name), row in zip(rows, dicts, strict=True):
        by_kind[name].append(row)
    return {
        **by_kind,
        "counts": desk_counts(organization_id, today),
        **workload(organization_id, reader, today),
    }


def desk_counts(organization_id: str | None, today: date) -> dict[str, int]:
    """Return the number of requests of each kind on the desk of a service, or on all desks."""
    kind = _desk_kind(today)
    rows = model.Session.execute(
        sa.select(kind, sa.func.count()).where(*waiting(organization_id)).group_by(kind)
    )
    return dict.fromkeys(KINDS, 0) | dict(rows.tuples().all())


def waiting(organization_id: str | None) -> tuple[sa.ColumnElement[bool], ...]:
    """Return SQL conditions for requests on the desk of a service (None: any),
    or decided and with a pending review.
    """
    waits = sa.or_(Request.state.in_(states.ON_DESK), Request.review_due.is_not(None))
    if organization_id is None:
        return (waits,)
    return (Request.organization_id == organization_id, waits)


def _desk_kind(today: date) -> Any:
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


def _assigned(whose: str, reader: Reader, organization_id: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition for requests assigned to the reader or to someone
    they replace today, or to no one.
    """
    if whose == "mine":
        assigned = Request.assigned_to.in_(_stood_in_for(reader, organization_id))
    else:
        # A request assigned to someone who has left the service or the portal counts as unassigned.
        editors = people.editors_of(organization_id)
        assigned = sa.or_(Request.assigned_to.is_(None), Request.assigned_to.not_in(editors))
    return sa.and_(assigned, Request.state.in_(states.ON_DESK))


def _stood_in_for(reader: Reader, organization_id: str) -> list[str]:
    """Return the ids of the reader and of the absent colleagues whom the reader replaces today."""
    colleagues = people.editors_of(organization_id)
    away = people.absences(colleagues)
    replaced = [user for user in away if people.stands_in(user, colleagues) == reader.id]
    return [reader.id, *replaced]


def workload(organization_id: str, reader: Reader, today: date) -> DataDict:
    """Return the number of requests of each agent of a service, and current absences.

    Returns:
        mine, nobody: number of requests of the reader, and of those assigned to no one in the
        service; people: user, name, count, late, away_until, substitute.
    """
    where = (Request.organization_id == organization_id, Request.state.in_(states.ON_DESK))
    late = sa.func.count().filter(Request.due < today)
    query = (
        sa.select(Request.assigned_to, sa.func.count(), late)
        .where(*where)
        .group_by(Request.assigned_to)
    )
    numbers = {key: (number, overdue) for key, number, overdue in model.Session.execute(query)}
    colleagues, nothing = people.editors_of(organization_id), (0, 0)
    agents = []
    for key in colleagues:
        number, overdue = numbers.get(key, nothing)
        agents.append({**dictize.agent(key), "count": number, "late": overdue})
    own = _stood_in_for(reader, organization_id)
    return {
        "mine": sum(numbers.get(user_id, nothing)[0] for user_id in own),
        "nobody": sum(numbers[key][0] for key in numbers if key not in colleagues),
        "people": sorted(agents, key=lambda agent: agent["name"].casefold()),
    }


# Due dates, for calendars.

#: Maximum number of requests, and of reviews, in a calendar.
MOST_DUE = 500


@dataclass(frozen=True)
class Due:
    """Due date of a request, or of the review of a decision on it."""

    id: str
    reference: str
    title: str
    version: int
    state: str
    day: date
    review: bool


def due_dates(where: Collection[Any], answerable: Collection[str]) -> list[Due]:
    """Return the due dates of requests in some states, and of reviews.

    Of more than `MOST_DUE`, the last ones.
    """
    columns = (Request.id, Request.reference, Request.title, Request.version, Request.state)
    answers = (Request.state.in_(answerable), Request.due.is_not(None))
    reviews = (Request.review_due.is_not(None),)
    dates: list[Due] = []
    for day, kind, review in ((Request.due, answers, False), (Request.review_due, reviews, True)):
        query = sa.select(*columns, day, sa.literal(review)).where(*where, *kind)
        last = query.order_by(day.desc(), Request.id).limit(MOST_DUE)
        dates += [Due(*row) for row in model.Session.execute(last)]
    return dates
