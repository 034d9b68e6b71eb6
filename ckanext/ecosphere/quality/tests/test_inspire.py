"""The INSPIRE checklist, requirement by requirement."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.quality.core.criteria import State
from ckanext.ecosphere.quality.core.facts import gather
from ckanext.ecosphere.quality.core.inspire import REQUIREMENTS, check
from ckanext.ecosphere.quality.tests.cases import EMPTY_TABLE, LIMIT, SERVICE, dataset

HARVESTED = {"source_record": "https://x.org/record"}
#: requirement → (state, changes to the complete dataset)
CASES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "title": [("pass", {}), ("fail", {"title": "A REMPLIR"})],
    "abstract": [("pass", {}), ("fail", {"notes": None})],
    "resource_type": [("pass", {}), ("fail", {"dcat_type": "autre"}), ("fail", {"dcat_type": None})],
    "locator": [("pass", {}), ("pass", {"resources": [], "url": "https://x.org"}), ("fail", {"resources": []})],
    "identifier": [
        ("pass", {"identifier": "https://x.org/jdd/1"}), ("fail", {"identifier": "jdd-1"}), ("fail", {}),
        ("na", {"dcat_type": SERVICE}),
    ],
    "language": [("pass", {"language": ["FRA"]}), ("fail", {}), ("na", {"dcat_type": SERVICE})],
    "topic_category": [("pass", {"topic_category": ["biota"]}), ("fail", {}), ("na", {"dcat_type": SERVICE})],
    "inspire_theme": [("pass", {"inspire_theme": ["hy"]}), ("fail", {}), ("na", {"dcat_type": SERVICE})],
    "vocabulary": [("pass", {}), ("na", {"theme": None})],
    "bounding_box": [
        ("pass", {"spatial": "{}"}), ("pass", {"spatial_coverage": [{"bbox": "{}"}]}), ("fail", {}), ("na",
        {"dcat_type": SERVICE}),
    ],
    "temporal_reference": [("pass", {}), ("fail", {"issued": None, "modified": None})],
    "lineage": [("pass", {}), ("fail", {"provenance": None}), ("na", {"dcat_type": SERVICE})],
    "resolution": [
        ("pass", {}), ("fail", {"scale_denominator": None}), ("na", EMPTY_TABLE), ("na", {"dcat_type": SERVICE}),
    ],
    "conformity": [("pass", {"conformity": [{"specification": "INSPIRE"}]}), ("fail", {})],
    "conformity_degree": [
        ("pass", {"conformity": [{"specification": "INSPIRE", "degree": "conformant"}]}),
        ("fail", {"conformity": [{"specification": "INSPIRE"}]}), ("na", {}),
    ],
    "access_limits": [("pass", {"access_limitation": [f"{LIMIT}/noLimitations"]}), ("fail", {})],
    "use_conditions": [("pass", {}), ("fail", {"license_id": None})],
    "organisation": [("pass", {}), ("fail", {"contact": None}), ("fail", {"contact": [{"name": "DDT"}]})],
    "metadata_contact": [("pass", {}), ("fail", {"contact": [{"email": "a@example.org"}]})],
    "metadata_date": [("pass", {}), ("fail", HARVESTED), ("pass", {**HARVESTED, "metadata_date": "2024-01-01"})],
    "metadata_language": [("pass", {}), ("unknown", HARVESTED)],
}  # fmt: skip


def test_every_requirement_has_its_cases():
    assert list(CASES) == [requirement.id for requirement in REQUIREMENTS]
    assert len({requirement.number for requirement in REQUIREMENTS}) == len(REQUIREMENTS)


@pytest.mark.parametrize("name", CASES)
def test_a_requirement_answers(name: str):
    for state, changes in CASES[name]:
        states = {
            requirement.id: found for requirement, found in check(gather(dataset(**changes))).states
        }
        assert states[name] is State(state), (state, changes)


def test_what_does_not_apply_does_not_count():
    found = check(gather(dataset(dcat_type=SERVICE)))
    assert found.met <= found.applicable < len(REQUIREMENTS)
