"""Precision and recall of themes, territories and licences on cases judged by a person:
`docs/harvest-rules.md`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ckanext.ecosphere.harvest.tests import judged_cases
from ckanext.ecosphere.harvest.tests.judged_cases import Case


@pytest.mark.parametrize(
    ("read", "aside", "least_precision", "least_recall"),
    [
        (judged_cases.themes, False, 0.999, 0.985),
        (judged_cases.themes, True, 0.96, 0.905),
        (judged_cases.places, False, 0.999, 0.96),
        (judged_cases.places, True, 0.999, 0.975),
        (judged_cases.licences, False, 0.999, 0.999),
        (judged_cases.licences, True, 0.999, 0.999),
    ],
)
def test_the_rules_agree_with_a_person(
    read: Callable[[], list[Case]], aside: bool, least_precision: float, least_recall: float
):
    cases = [case for case in read() if case.aside is aside]
    assigned = sum(len(case.assigned) for case in cases)
    right = sum(len(case.assigned & case.right) for case in cases)
    wanted = sum(len(case.must) for case in cases)
    missing = sum(len(case.missing) for case in cases)
    disagreements = [(case.title, case.assigned - case.right, case.missing) for case in cases]
    assert right >= least_precision * assigned, disagreements
    assert wanted - missing >= least_recall * wanted, disagreements
