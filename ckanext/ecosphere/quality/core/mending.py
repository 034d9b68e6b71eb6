"""Facts of a dataset once the advice of a criterion is followed, from which the score to expect is computed.

Each change is the least that the advice asks for: one year of a period, "as needed" as the frequency, an open licence,
a file in an open format. What follows from it is then judged like anything else: a file that was added is not checked
yet, and a frequency lets other criteria apply.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Any

from ckanext.ecosphere.quality.core import checks
from ckanext.ecosphere.quality.core.facts import OPEN_ACCESS, Facts, Kind
from ckanext.ecosphere.vocabularies.freshness import due_date

AS_NEEDED = "IRREG"

Mend = Callable[[Facts, date], Facts]


def mended(criterion_id: str, facts: Facts, today: date) -> Facts:
    """Return the facts with the advice of a criterion followed."""
    return MENDS[criterion_id](facts, today)


def _given(**values: Any) -> Mend:
    """Return a change that sets facts to fixed values."""
    return lambda facts, _today: dataclasses.replace(facts, **values)


def _described(length: int) -> Mend:
    return lambda facts, _today: dataclasses.replace(facts, description=max(facts.description, length))


def _with_counts(facts: Facts, **counts: Any) -> Facts:
    return dataclasses.replace(facts, distributions=dataclasses.replace(facts.distributions, **counts))


def _file_added(facts: Facts, _today: date) -> Facts:
    """Add a described file in an open format, whose link is not checked yet."""
    known = facts.distributions
    return _with_counts(
        facts,
        total=known.total + 1,
        data=known.data + 1,
        direct=known.direct + 1,
        open=known.open + 1,
        documented=known.documented + 1,
        plain=known.plain + int(known.only_plain),
        links_unchecked=known.links_unchecked + 1,
    )


def _access_given(facts: Facts, today: date) -> Facts:
    if facts.kind is Kind.SERVICE:
        return dataclasses.replace(facts, endpoint=True)
    if facts.kind is Kind.SERIES:
        return dataclasses.replace(facts, members=1)
    if facts.kind is Kind.CODE:
        unchecked = _with_counts(facts, links_unchecked=facts.distributions.links_unchecked + 1)
        return dataclasses.replace(unchecked, repository=True)
    return _file_added(facts, today)


def _links_corrected(facts: Facts, _today: date) -> Facts:
    """Correct every broken link; the new ones are not checked yet."""
    known = facts.distributions
    return _with_counts(
        facts,
        open=known.open + known.open_broken,
        open_broken=0,
        links_unchecked=known.links_unchecked + known.links_broken,
        links_broken=0,
    )


def _documented(facts: Facts, _today: date) -> Facts:
    return _with_counts(facts, documented=facts.distributions.data)


def _period_reversed(facts: Facts, _today: date) -> Facts:
    return dataclasses.replace(facts, start=facts.end, end=facts.start)


def _access_stated(facts: Facts, _today: date) -> Facts:
    """State that access is open or, where it is restricted, on what ground."""
    if facts.access_rights or facts.access_limits:
        return dataclasses.replace(facts, access_conditions=1)
    return dataclasses.replace(facts, access_rights=OPEN_ACCESS)


def _updated(facts: Facts, today: date) -> Facts:
    """Update the data today."""
    due = facts.due
    if due < today.isoformat():
        expected = due_date(facts.frequency, today, None)
        due = expected.isoformat() if expected else ""
    return dataclasses.replace(facts, modified=today.isoformat(), due=due)


def _dates_ordered(facts: Facts, _today: date) -> Facts:
    return dataclasses.replace(facts, modified=facts.last_change)


MENDS: dict[str, Mend] = {
    "description": _described(checks.SHORT_DESCRIPTION),
    "description_detailed": _described(checks.LONG_DESCRIPTION),
    "theme": _given(themes=1),
    "keywords": _given(keywords=checks.ENOUGH_KEYWORDS),
    "territory": _given(territories=1),
    "temporal_coverage": lambda facts, today: dataclasses.replace(facts, periods=1, start=today.isoformat()),
    "temporal_order": _period_reversed,
    "lineage": _given(lineage_words=checks.ENOUGH_LINEAGE),
    "resolution": _given(resolution=True),
    "reference_system": _given(reference_systems=1),
    "resources_documented": _documented,
    "specification": _given(documents=1),
    "data_access": _access_given,
    "answers": _links_corrected,
    "direct_access": _file_added,
    "open_format": _file_added,
    "links_work": _links_corrected,
    "access_rights": _access_stated,
    "licence": _given(licence=True, licence_listed=True, licence_open=True),
    "licence_open": _given(licence=True, licence_listed=True, licence_open=True),
    "use_conditions": _given(use_conditions=1),
    "contact": _given(contact_reachable=True),
    "producer": _given(producer=True),
    "frequency": _given(frequency=AS_NEEDED),
    "on_time": _updated,
    "kept_up": _updated,
    "current": _updated,
    "dates": _updated,
    "dates_order": _dates_ordered,
}

#: Criterion whose value may be missing → criterion that requires the value.
ASKED_BY = {
    "temporal_order": "temporal_coverage",
    "resources_documented": "data_access",
    "answers": "data_access",
    "direct_access": "data_access",
    "open_format": "data_access",
    "links_work": "data_access",
    "licence_open": "licence",
    "on_time": "frequency",
    "current": "dates",
    "dates_order": "dates",
}
