"""Origin of a failed criterion of a harvested dataset: its source or the portal."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.quality.core.criteria import BY_ID
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.origins import Fault, Origin, origin

LONG = "x" * 120


def fault(criterion: str, told: dict[str, list[str]], facts: Facts | None = None) -> Origin | None:
    """Return the origin of a failed criterion, given what the
    import log contains about its field.
    """
    about = BY_ID[criterion]
    name = f"resource:{about.field}" if about.on_resource else about.field
    fields: dict[str, Any] = {name: {"said": [], "lost": [], "problems": []} | told}
    return origin(about, facts or Facts(), fields)


@pytest.mark.parametrize(
    ("criterion", "told", "expected"),
    [
        ("frequency", {}, Fault.SILENT),
        ("frequency", {"said": ["unknown"]}, Fault.NOT_ENOUGH),
        ("frequency", {"said": ["annually"], "lost": ["annually"]}, Fault.LOST),
        ("dates", {"said": ["vers 1950"], "problems": ["This is not a date."]}, Fault.UNUSABLE),
        (
            "data_access",
            {"said": ["file://x"], "problems": ["A link was refused."]},
            Fault.UNUSABLE,
        ),
        ("description", {"said": ["Court"], "lost": ["But court"]}, Fault.NOT_ENOUGH),
        ("description", {"said": ["Court"], "lost": [LONG]}, Fault.LOST),
        ("description_detailed", {"said": ["Court"], "lost": [LONG]}, Fault.NOT_ENOUGH),
        ("lineage", {"lost": ["Relevés"]}, Fault.SILENT),
        ("lineage", {"lost": [LONG]}, Fault.SILENT),
        (
            "lineage",
            {"lost": ["Relevés de terrain", "numérisés sur orthophotographies"]},
            Fault.LOST,
        ),
        ("keywords", {"said": ["eau"], "lost": ["tourbière"]}, Fault.NOT_ENOUGH),
        ("keywords", {"lost": ["eau", "loire", "tourbière"]}, Fault.LOST),
        ("open_format", {"said": ["SDE"], "lost": ["SDE Feature Class"]}, Fault.NOT_ENOUGH),
        ("open_format", {"lost": ["GeoJSON"]}, Fault.LOST),
    ],
)
def test_a_loss_is_the_portals_only_when_the_criterion_would_pass_with_it(
    criterion: str, told: dict[str, list[str]], expected: Fault
):
    found = fault(criterion, told)
    assert found and found.fault is expected
    assert found.ours == (expected is Fault.LOST)


def test_what_was_kept_counts_beside_what_was_lost():
    found = fault("keywords", {"lost": ["tourbière"]}, Facts(keywords=2))
    assert found and found.ours


def test_a_field_that_the_harvest_does_not_know_has_no_answer():
    assert origin(BY_ID["frequency"], Facts(), {}) is None
