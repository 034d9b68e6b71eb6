"""Checks of the badge (view A): small pure functions from facts and date to a state."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date, timedelta

from ckanext.ecosphere.quality.core.facts import Facts, Kind
from ckanext.ecosphere.vocabularies.freshness import is_stated

SHORT_DESCRIPTION = 100  # characters: data.gouv.fr's threshold
LONG_DESCRIPTION = 200  # characters: that of the ministry's dashboard
ENOUGH_LINEAGE = 4  # informing words: fewer name a source or a process, not both
ENOUGH_KEYWORDS = 3
#: For data without an announced frequency, such as plans, inventories, zonings.
RECENT = timedelta(days=5 * 365 + 1)
NEVER = ("NEVER", "NOT_PLANNED")


class State(str, enum.Enum):
    """Result of a criterion.

    `NA` if it does not apply to the kind of dataset or by the producer's statement; `UNKNOWN` if no background job has
    checked it yet. Neither counts. `MISSING` if there is nothing to check since the dataset lacks the value: it counts
    as a failure, and the advice is that of the criterion that requires the value.
    """

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    MISSING = "missing"
    NA = "na"
    UNKNOWN = "unknown"


Check = Callable[[Facts, date], State]


def when(condition: bool) -> State:
    """Return pass or fail."""
    if condition:
        return State.PASS
    return State.FAIL


def has(question: Callable[[Facts], object]) -> Check:
    """Return a check that passes if `question` is truthy."""
    return lambda facts, _today: when(bool(question(facts)))


def applies(condition: Callable[[Facts], bool], question: Callable[[Facts], object]) -> Check:
    """Return a check of `question` that does not apply unless `condition` holds."""

    def check(facts: Facts, _today: date) -> State:
        if not condition(facts):
            return State.NA
        return when(bool(question(facts)))

    return check


def unless(*kinds: Kind) -> Callable[[Callable[[Facts], object]], Check]:
    """Return a factory of checks that do not apply to `kinds`, whose form does not show the field."""

    def make(question: Callable[[Facts], object]) -> Check:
        return applies(lambda facts: facts.kind not in kinds, question)

    return make


unless_code = unless(Kind.CODE)
unless_service_or_code = unless(Kind.SERVICE, Kind.CODE)


def if_geographic(question: Callable[[Facts], object]) -> Check:
    """Return a check that applies only to data with a geometry."""
    return applies(lambda facts: facts.geographic, question)


def if_data(question: Callable[[Facts], object]) -> Check:
    """Return a check about the files and services of a dataset.

    Services, code and series may have none: their endpoint, repository or members give access. For others it is
    `MISSING`.
    """

    def check(facts: Facts, _today: date) -> State:
        if facts.distributions.data:
            return when(bool(question(facts)))
        return _without_data(facts)

    return check


def _without_data(facts: Facts) -> State:
    if facts.accessible:
        return State.NA
    return State.MISSING


def direct_access(facts: Facts, today: date) -> State:
    """Pass if the data can be downloaded; not applicable to a service, which is called rather than downloaded."""
    if facts.kind is Kind.SERVICE:
        return State.NA
    return if_data(lambda f: f.distributions.direct)(facts, today)


def temporal_order(facts: Facts, _today: date) -> State:
    """Pass if the period does not end before it starts; not applicable if half-open, or for kinds without a period."""
    if not facts.has_period:
        return State.NA
    if not (facts.start or facts.end):
        return State.MISSING
    if not (facts.start and facts.end):
        return State.NA
    return when(facts.end >= facts.start)


def links_work(facts: Facts, _today: date) -> State:
    """Pass if every link answers; unknown while some are unchecked and none is broken."""
    counts = facts.distributions
    if counts.links_broken:
        return State.FAIL
    if counts.links_unchecked:
        return State.UNKNOWN
    if counts.links_ok:
        return State.PASS
    return _without_data(facts)


def answers(facts: Facts, _today: date) -> State:
    """Pass unless every link to the data is known to be broken."""
    counts = facts.distributions
    if not facts.accessible:
        return State.MISSING
    return when(not counts.links_broken or counts.links_ok + counts.links_unchecked > 0)


def licence_open(facts: Facts, _today: date) -> State:
    """Pass for a licence of the official list; not applicable to data with restricted access."""
    if not facts.access_open:
        return State.NA
    if not facts.licence:
        return State.MISSING
    return when(facts.licence_open)


def use_conditions(facts: Facts, _today: date) -> State:
    """Pass if conditions are stated; not applicable to code, nor under an open licence, which states them."""
    if facts.kind is Kind.CODE or (facts.licence_open and facts.access_open):
        return State.NA
    return when(bool(facts.use_conditions or facts.licence))


def access_rights(facts: Facts, _today: date) -> State:
    """Pass if access is stated as open or restricted; restricted data must state the legal ground."""
    if not (facts.access_rights or facts.access_limits or facts.access_conditions):
        return State.FAIL
    return when(facts.access_open or bool(facts.access_limits or facts.access_conditions))


def on_time(facts: Facts, today: date) -> State:
    """Pass until the due date; not applicable if the producer announces none, missing without a frequency or date."""
    if facts.finished or facts.kind in (Kind.SERVICE, Kind.CODE):
        return State.NA
    if facts.due:
        return when(today.isoformat() <= facts.due)
    if is_stated(facts.frequency) and facts.dated:
        return State.NA
    return State.MISSING


def current(facts: Facts, today: date) -> State:
    """Pass if the announced update is not overdue; without an announced frequency, if the data changed recently.

    Not applicable to services and code, nor to data that are never updated according to their producer.
    """
    if facts.kind in (Kind.SERVICE, Kind.CODE) or (facts.frequency in NEVER and facts.dated):
        return State.NA
    if facts.due and not facts.finished:
        return when(today.isoformat() <= facts.due)
    if not facts.dated:
        return State.MISSING
    return when(today <= recent_until(facts))


def kept_up(facts: Facts, today: date) -> State:
    """Fail once two announced updates were missed; not applicable to data for which no update is expected."""
    last = kept_up_until(facts)
    if last is None:
        return State.NA
    return when(today <= last)


def kept_up_until(facts: Facts) -> date | None:
    """Return the last day on which no more than one announced update is overdue; None if none is expected."""
    if (
        facts.finished
        or not facts.due
        or not facts.dated
        or facts.kind in (Kind.SERVICE, Kind.CODE)
    ):
        return None
    due = date.fromisoformat(facts.due)
    period = due - date.fromisoformat(facts.last_change)
    return due + min(period, date.max - due)


def recent_until(facts: Facts) -> date:
    """Return the last day on which dated data without an announced frequency count as recent."""
    last = date.fromisoformat(facts.last_change)
    return last + min(RECENT, date.max - last)


def dates_order(facts: Facts, _today: date) -> State:
    """Pass if the last change is not before creation or release; not applicable to a single date."""
    if not facts.dated:
        return State.MISSING
    first = min(filter(None, (facts.created, facts.issued)), default="")
    if not (first and facts.modified):
        return State.NA
    return when(facts.modified >= first)
