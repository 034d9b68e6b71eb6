"""Every quality criterion, in each state that it can have."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.quality.core.criteria import BY_ID, CRITERIA, State
from ckanext.ecosphere.quality.core.facts import Checks, gather
from ckanext.ecosphere.quality.tests.cases import CASES, TODAY, dataset


@pytest.mark.parametrize(("criterion", "state", "changes", "links"), CASES)
def test_a_criterion_answers(
    criterion: str, state: str, changes: dict[str, Any], links: dict[str, bool]
):
    facts = gather(dataset(**changes), Checks(links=links))
    assert BY_ID[criterion].check(facts, TODAY) is State(state)


def test_every_criterion_has_a_case_that_passes_and_one_that_fails():
    reached = {(criterion, state) for criterion, state, _changes, _links in CASES}
    assert reached >= {(c.id, state) for c in CRITERIA for state in ("pass", "fail")}


def test_identifiers_are_unique_and_texts_are_complete():
    assert len(BY_ID) == len(CRITERIA)
    for criterion in CRITERIA:
        assert criterion.label and criterion.field and criterion.element.startswith("gmd:")
        assert criterion.advice.endswith("."), criterion.id
