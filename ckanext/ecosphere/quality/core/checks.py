"""The questions of the badge (view A): small pure functions from the facts and the day to a state."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date, timedelta

from ckanext.ecosphere.quality.core.facts import Facts, Kind
from ckanext.ecosphere.vocabularies.freshness import is_stated

SHORT_DESCRIPTION = 100  # characters: data.gouv.fr's threshold
LONG_DESCRIPTION = 200  # characters: that of the ministry's dashboard
SHORT_LINEAGE = 30  # characters: below, a lineage names no source and no process
ENOUGH_KEYWORDS = 3
RECENT = timedelta(days=5 * 365 + 1)  # what has no announced rhythm: plans, inventories and zonings live longer
NEVER = ("NEVER", "NOT_PLANNED")


class State(str, enum.Enum):
    """Answer of a criterion.

    `NA` is for what makes no sense for the kind of dataset or for what its producer says; `UNKNOWN` for what no job
    has looked at yet. Neither counts. `MISSING` is for what cannot be judged since the dataset says nothing of it: it
    counts as a failure does, and the advice is that of the criterion that asks for the thing itself.
    """

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    MISSING = "missing"
    NA = "na"
    UNKNOWN = "unknown"


Check = Callable[[Facts, date], State]


def when(condition: bool) -> State:
    """Return pass or fail."""
    return State.PASS if condition else State.FAIL


def has(question: Callable[[Facts], object]) -> Check:
    """Make a check that passes when `question` is truthy."""
    return lambda facts, _today: when(bool(question(facts)))


def unless(*kinds: Kind) -> Callable[[Callable[[Facts], object]], Check]:
    """Make a maker of checks that do not apply to the `kinds`: their form does not even show the field."""

    def make(question: Callable[[Facts], object]) -> Check:
        return lambda facts, _today: State.NA if facts.kind in kinds else when(bool(question(facts)))

    return make


unless_code = unless(Kind.CODE)
unless_service_or_code = unless(Kind.SERVICE, Kind.CODE)


def if_geographic(question: Callable[[Facts], object]) -> Check:
    """Make the same check for data that carry a geometry."""
    return lambda facts, _today: when(bool(question(facts))) if facts.geographic else State.NA


def if_data(question: Callable[[Facts], object]) -> Check:
    """Make a check about the files and services of a dataset.

    A service, code and a series may do without: their address, their repository or their members give access. Others
    that have none miss it.
    """

    def check(facts: Facts, _today: date) -> State:
        if facts.distributions.data:
            return when(bool(question(facts)))
        return State.NA if facts.accessible else State.MISSING

    return check


def temporal_order(facts: Facts, _today: date) -> State:
    """Pass when the period ends after it starts; not applicable to half-open periods and to what has no period."""
    if not facts.has_period:
        return State.NA
    if not (facts.start or facts.end):
        return State.MISSING
    return when(facts.end >= facts.start) if facts.start and facts.end else State.NA


def links_work(facts: Facts, _today: date) -> State:
    """Pass when every link answers; not checked yet as long as one was not checked and none is broken."""
    found = facts.distributions
    if found.links_broken:
        return State.FAIL
    if found.links_unchecked:
        return State.UNKNOWN
    if found.links_ok:
        return State.PASS
    return State.NA if facts.accessible else State.MISSING


def answers(facts: Facts, _today: date) -> State:
    """Pass unless every way to the data is known to be dead."""
    found = facts.distributions
    if not facts.accessible:
        return State.MISSING
    return when(not found.links_broken or found.links_ok + found.links_unchecked > 0)


def licence_open(facts: Facts, _today: date) -> State:
    """Pass under a licence of the official list; not applicable to data whose access is limited."""
    if not facts.access_open:
        return State.NA
    return when(facts.licence_open) if facts.licence else State.MISSING


def use_conditions(facts: Facts, _today: date) -> State:
    """Pass when conditions are written down; not applicable to code, nor under an open licence, which states them."""
    if facts.kind is Kind.CODE or (facts.licence_open and facts.access_open):
        return State.NA
    return when(bool(facts.use_conditions or facts.licence))


def access_rights(facts: Facts, _today: date) -> State:
    """Pass when access is said to be open or limited; data with limited access must name the legal ground."""
    if not (facts.access_rights or facts.access_limits or facts.access_conditions):
        return State.FAIL
    return when(facts.access_open or bool(facts.access_limits or facts.access_conditions))


def on_time(facts: Facts, today: date) -> State:
    """Pass until the due date; not applicable when the producer says that none is, missing when nothing is said."""
    if facts.finished or facts.kind in (Kind.SERVICE, Kind.CODE):
        return State.NA
    if facts.due:
        return when(today.isoformat() <= facts.due)
    return State.NA if is_stated(facts.frequency) and facts.dated else State.MISSING


def current(facts: Facts, today: date) -> State:
    """Pass when the announced update is not overdue; without an announced rhythm, when the data changed lately.

    Not applicable to what lives on (services, code), nor to data that are never updated in the words of their producer.
    """
    if facts.kind in (Kind.SERVICE, Kind.CODE) or (facts.frequency in NEVER and facts.dated):
        return State.NA
    if facts.due and not facts.finished:
        return when(today.isoformat() <= facts.due)
    return when(today <= recent_until(facts)) if facts.dated else State.MISSING


def recent_until(facts: Facts) -> date:
    """Return the last day on which data without an announced rhythm count as recent; they have a date."""
    last = date.fromisoformat(facts.last_change)
    return last + min(RECENT, date.max - last)


def dates_order(facts: Facts, _today: date) -> State:
    """Pass when the last change does not come before creation or release; not applicable to a single date."""
    if not facts.dated:
        return State.MISSING
    first = min(filter(None, (facts.created, facts.issued)), default="")
    return when(facts.modified >= first) if first and facts.modified else State.NA
