"""Lists of requests with facets, from PostgreSQL: full text in French, counted and paged in the database."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from ckan import model
from werkzeug.datastructures import MultiDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import states, text, wording
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import RECEIPT_DAY, Request
from ckanext.ecosphere.data_requests.search import cached_counts, desk
from ckanext.ecosphere.shared import language

FACETS = ("state", "organization", "territory", "theme", "use")
#: Whose requests of a desk are shown.
ASSIGNED = ("mine", "nobody")
RANKED = 500
SHORTEST_BEGINNING = 3
_SIGNS = re.compile(r"(-)-+")
REFERENCE = re.compile(r"^DD-\d{4}-\d{5,}$", re.IGNORECASE)
COLUMNS: dict[str, Any] = {
    "state": Request.state,
    "organization": Request.organization_id,
    "territory": Request.territory,
    "theme": Request.theme,
    "use": Request.use,
}


def run(data: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    """Find requests.

    Args:
        data: as `schema.request_list` gives it.
        reader: for whom; what the scope does not hold for them does not exist.

    Returns:
        count, results, facets, start, rows.
    """
    of_scope, filters = scope(data, reader), conditions(data)
    if data.get("scope") == "desk" and data.get("assigned"):
        group = model.Group.get(data.get("organization"))
        filters["assigned"] = desk.held_by(data["assigned"], reader, group.id if group else "")
    where = [*of_scope, *filters.values()]
    start, rows = data.get("start", 0), data.get("rows", 20)
    found: list[Request] = []
    with through_indexes("q" in filters):
        counts, count = facets(of_scope, filters) if data.get("facets", True) else ({}, _total(where))
        if rows and count > start:
            found = _page({**data, "exact": reader.moderator}, where, start, rows)
    return {
        "count": count,
        "results": dictize.request_list(found, reader),
        "facets": counts,
        "start": start,
        "rows": rows,
    }


def _total(where: list[Any]) -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(Request).where(*where)) or 0


def _page(data: Mapping[str, Any], where: list[Any], start: int, rows: int) -> list[Request]:
    """One page: its ids from an index alone, then their rows."""
    source, newest = sa.select(Request.id).where(*where), _newest(data)
    ids: list[str] = []
    if data.get("sort") == "relevance" and data.get("q"):
        # To rank is what costs: of very many that match, the newest are ranked, and the others follow them.
        latest = source.order_by(*newest).limit(RANKED)
        best = sa.select(Request.id).where(Request.id.in_(latest)).order_by(_rank(data["q"]).desc(), *newest)
        ids = list(model.Session.scalars(best.offset(start).limit(rows)))
        start, rows, order = max(start, RANKED), min(rows, max(start + rows - RANKED, 0)), newest
    else:
        order = _order(data)
    if rows:
        ids += model.Session.scalars(source.order_by(*order).offset(start).limit(rows))
    found = {each.id: each for each in model.Session.scalars(sa.select(Request).where(Request.id.in_(ids)))}
    return [found[each] for each in ids]


def asked(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the search that an address asks for, as the action takes it."""
    search: dict[str, Any] = {name: form[name] for name in FACETS[1:] if form.get(name)}
    states = [state for state in form.getlist("state") if state]
    if states:
        search["state"] = states
    if form.get("q", "").strip():
        search["q"] = form["q"].strip()
    if form.get("unanswered"):
        search["unanswered"] = True
    if form.get("assigned") in ASSIGNED:
        search["assigned"] = form["assigned"]
    return search


@contextmanager
def through_indexes(wanted: bool = True) -> Iterator[None]:
    """Have PostgreSQL find words through their index: its planner does not count what it costs to unpack long texts,
    and would rather read every row for a word that many have."""
    if wanted:
        model.Session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    yield
    if wanted:  # after an error the transaction ends, and the setting with it
        model.Session.execute(sa.text("SET LOCAL enable_seqscan = on"))


def scope(data: Mapping[str, Any], reader: Reader) -> list[Any]:
    """What the list is about; the auth function has refused what is not for the reader."""
    scope = data.get("scope") or "public"
    if scope == "mine":
        return [Request.requester_id == reader.id]
    if scope == "moderation":
        return [Request.submitted.is_not(None), *([] if data.get("state") else [Request.state == states.SUBMITTED])]
    if scope == "desk":
        group = model.Group.get(data.get("organization"))
        return [Request.organization_id == (group.id if group else ""), Request.opened.is_not(None)]
    return [Request.listed]


def conditions(data: Mapping[str, Any]) -> dict[str, Any]:
    """Name of a filter → its condition."""
    found: dict[str, Any] = {}
    if data.get("q"):
        found["q"] = matches(data["q"])
    if data.get("state"):
        found["state"] = Request.state.in_(data["state"])
    if data.get("organization") and data.get("scope") != "desk":
        group = model.Group.get(data["organization"])
        found["organization"] = Request.organization_id == (group.id if group else "")
    for name, vocabulary in (("territory", "territories"), ("theme", "themes")):
        if data.get(name):
            found[name] = COLUMNS[name].in_(_with_those_below(vocabulary, data[name]))
    if data.get("use"):
        found["use"] = Request.use == data["use"]
    if data.get("review"):
        found["review"] = Request.review_due.is_not(None)
    if data.get("unanswered"):
        found["unanswered"] = sa.and_(Request.first_answer.is_(None), Request.state.in_(states.ACTIVE))
    return found


def _words(q: str) -> list[str]:
    """The words of a query, each with one sign of what is not wanted at most: PostgreSQL nests thousands of them until
    its stack is full."""
    return [_SIGNS.sub(r"\1", word) for word in text.fold(q).split() if any(char.isalnum() for char in word)]


def matches(q: str) -> Any:
    """Condition of a query: a reference, or words in French, the last one a beginning when whole words find nothing."""
    if REFERENCE.match(q.strip()):
        return Request.reference == q.strip().upper()
    words = _words(q)
    last = "".join(char for char in words[-1] if char.isalnum()) if words else ""
    condition = Request.search.op("@@")(sa.func.websearch_to_tsquery("french", " ".join(words)))
    if len(last) < SHORTEST_BEGINNING or '"' in q or model.Session.scalar(sa.select(sa.exists().where(condition))):
        return condition
    begun = sa.func.to_tsquery("simple", f"{last}:*")
    if words[:-1]:
        begun = sa.func.websearch_to_tsquery("french", " ".join(words[:-1])).op("&&")(begun)
    return Request.search.op("@@")(begun)


def _with_those_below(vocabulary: str, key: str) -> list[str]:
    """A concept and all below it: a région holds its départements."""
    known = voc.get(vocabulary)
    concept = known.get(key)
    if concept is None:
        return [key]
    found, waiting = [], [concept]
    while waiting:
        each = waiting.pop()
        found.append(each.id)
        waiting += known.children(each.uri)
    return found


def _order(data: Mapping[str, Any]) -> list[Any]:
    newest, sort = _newest(data), data.get("sort") or "created"
    if sort == "support":
        return [Request.support_count.desc(), *newest]
    if sort == "due":
        over = sa.case((Request.state.in_(states.ACTIVE), 0), else_=1)
        return [over, Request.due.asc().nulls_last(), *newest]
    return newest


def _newest(data: Mapping[str, Any]) -> list[Any]:
    if (data.get("scope") or "public") == "public":
        # Within a day the order says nothing, as the days are all that everyone is told, but to those who read hours.
        return [RECEIPT_DAY.desc(), *([Request.submitted.desc()] if data.get("exact") else []), Request.id]
    return [sa.func.coalesce(Request.submitted, Request.created).desc(), Request.id]


def _rank(q: str) -> Any:
    return sa.func.ts_rank(Request.search, sa.func.websearch_to_tsquery("french", " ".join(_words(q))))


def facets(scope: list[Any], filters: Mapping[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Counts by value, and of all; a facet that is filtered shows its other values, too, counted without its filter."""
    # Of all public requests, which everyone asks for, they are kept.
    as_it_is = not filters and len(scope) == 1 and scope[0] is Request.listed
    counts, total = cached_counts.counts(lambda: _counts(scope, filters)) if as_it_is else _counts(scope, filters)
    return {name: LABELS[name](counts[name]) for name in FACETS}, total


def _counts(scope: list[Any], filters: Mapping[str, Any]) -> tuple[dict[str, dict[str, int]], int]:
    """Counts of all facets, and of the rows, in one pass over the rows that fail one chosen filter at most.

    A row counts for a chosen facet when it passes all the other filters, and for everything else when it passes all.
    """
    chosen = {name: condition for name, condition in filters.items() if name in FACETS}
    where = [*scope, *(condition for name, condition in filters.items() if name not in chosen)]
    where += _all_but_one_at_most(list(chosen.values()))
    passes = {name: condition.label(f"passes_{name}") for name, condition in chosen.items()}
    rows = sa.select(*(COLUMNS[name].label(name) for name in FACETS), *passes.values()).where(*where).subquery()
    columns = [rows.c[name] for name in FACETS]
    all_pass = [rows.c[passed.name] for passed in passes.values()]
    numbers = [_number(all_pass)]
    numbers += [_number([each for each in all_pass if each.name != passed.name]) for passed in passes.values()]
    grouping = sa.func.grouping_sets(*(sa.tuple_(column) for column in columns), sa.text("()"))
    query = sa.select(sa.func.grouping(*columns), *columns, *numbers).group_by(grouping)
    found: dict[str, dict[str, int]] = {name: {} for name in FACETS}
    total = 0
    for mask, *values in model.Session.execute(query):
        # `grouping` has a bit for each column, the first one highest; the column that is grouped by has a 0.
        index = next((i for i in range(len(FACETS)) if not mask >> (len(FACETS) - 1 - i) & 1), None)
        counted = values[len(FACETS) :]
        if index is None:
            total = counted[0]
            continue
        name = FACETS[index]
        number = counted[1 + list(chosen).index(name)] if name in chosen else counted[0]
        if values[index] and number:
            found[name][values[index]] = number
    return found, total


def _all_but_one_at_most(conditions: list[Any]) -> list[Any]:
    """Condition of rows that fail one of these at most: of any two, they pass one."""
    return [sa.or_(*pair) for pair in itertools.combinations(conditions, 2)]


def _number(passed: list[Any]) -> Any:
    """Number of the rows that pass."""
    return sa.func.count().filter(*passed) if passed else sa.func.count()


def _states(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [_entry(name, wording.state(name), counts[name]) for name in states.STATES if name in counts]


def _organizations(counts: dict[str, int]) -> list[dict[str, Any]]:
    groups = dictize.Names.of([], counts).groups
    found = [_entry(group.name, group.title or group.name, counts[key]) for key, group in groups.items()]
    return _most_first(found)


def _themes(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Themes, those below counted with the one above them."""
    themes, rolled = voc.get("themes"), {}
    for key, number in counts.items():
        if key in themes:
            above = themes.ancestors(key)
            root = above[-1] if above else themes[key]
            rolled[root.id] = rolled.get(root.id, 0) + number
    return _concepts("themes")(rolled)


def _concepts(vocabulary: str) -> Callable[[dict[str, int]], list[dict[str, Any]]]:
    def entries(counts: dict[str, int]) -> list[dict[str, Any]]:
        known, lang = voc.get(vocabulary), language.current()
        return _most_first([_entry(key, known[key].label(lang), n) for key, n in counts.items() if key in known])

    return entries


def _uses(counts: dict[str, int]) -> list[dict[str, Any]]:
    return _most_first([_entry(key, wording.use(key), number) for key, number in counts.items()])


def _entry(name: str, title: str, count: int) -> dict[str, Any]:
    return {"name": name, "title": title, "count": count}


def _most_first(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda each: (-each["count"], voc.normalise(each["title"])))


LABELS: dict[str, Callable[[dict[str, int]], list[dict[str, Any]]]] = {
    "state": _states,
    "organization": _organizations,
    "territory": _concepts("territories"),
    "theme": _themes,
    "use": _uses,
}
