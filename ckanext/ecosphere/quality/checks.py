"""The questions of the badge (view A): small pure functions from the facts and the day to a state."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date

from ckanext.ecosphere.quality.facts import Facts

SHORT_DESCRIPTION = 100  # characters: data.gouv.fr's threshold
LONG_DESCRIPTION = 200  # characters: that of the ministry's dashboard
SHORT_LINEAGE = 30  # characters: below, a lineage names no source and no process
ENOUGH_KEYWORDS = 3


class State(str, enum.Enum):
    """Answer of a criterion. Neither `NA` nor `UNKNOWN` counts against a dataset."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NA = "na"
    UNKNOWN = "unknown"


Check = Callable[[Facts, date], State]


def when(condition: bool) -> State:
    """Return pass or fail."""
    return State.PASS if condition else State.FAIL


def has(question: Callable[[Facts], object]) -> Check:
    """Make a check that passes when `question` is truthy."""
    return lambda facts, _today: when(bool(question(facts)))


def unless_service(question: Callable[[Facts], object]) -> Check:
    """Make the same check for data only: a service has no lineage or period of its own."""
    return lambda facts, _today: State.NA if facts.is_service else when(bool(question(facts)))


def if_geographic(question: Callable[[Facts], object]) -> Check:
    """Make the same check for data that carry a geometry."""
    return lambda facts, _today: State.NA if facts.is_service or not facts.geographic else when(bool(question(facts)))


def if_data(question: Callable[[Facts], object]) -> Check:
    """Make the same check for datasets that give data at all; without data, `data_access` alone fails."""
    return lambda facts, _today: when(bool(question(facts))) if facts.distributions.data else State.NA


def temporal_order(facts: Facts, _today: date) -> State:
    """Pass when the period ends after it starts; not applicable to half-open periods."""
    if not (facts.start and facts.end):
        return State.NA
    return when(facts.end >= facts.start)


def links_work(facts: Facts, _today: date) -> State:
    """Pass when every link answers; not checked yet as long as one was not checked and none is broken."""
    found = facts.distributions
    if found.links_broken:
        return State.FAIL
    if found.links_unchecked:
        return State.UNKNOWN
    return State.PASS if found.links_ok else State.NA


def licence_open(facts: Facts, _today: date) -> State:
    """Pass under a licence of the official list.

    Not applicable to data whose access is limited, or without licence.
    """
    if not facts.access_open or not facts.licence:
        return State.NA
    return when(facts.licence_open)


def use_conditions(facts: Facts, _today: date) -> State:
    """Pass when conditions are written down; not applicable under an open licence, which states them all."""
    if facts.licence_open and facts.access_open:
        return State.NA
    return when(bool(facts.use_conditions or facts.licence))


def access_rights(facts: Facts, _today: date) -> State:
    """Pass when access is said to be open or limited; data with limited access must name the legal ground."""
    if not (facts.access_rights or facts.access_limits or facts.access_conditions):
        return State.FAIL
    return when(facts.access_open or bool(facts.access_limits or facts.access_conditions))


def on_time(facts: Facts, today: date) -> State:
    """Pass until the due date; not applicable when no update is promised, nor without any date (`dates` fails then)."""
    if facts.finished or not facts.due:
        return State.NA
    return when(today.isoformat() <= facts.due)


def dates_order(facts: Facts, _today: date) -> State:
    """Pass when the last change does not come before creation or release.

    Not applicable without two dates.
    """
    first = min(filter(None, (facts.created, facts.issued)), default="")
    if not (first and facts.modified):
        return State.NA
    return when(facts.modified >= first)
