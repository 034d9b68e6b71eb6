"""When a field applies: conditions.py, and the same rule in the form's script."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.schemas import conditions, fields

from .cases import CONDITION_CASES


@pytest.mark.parametrize(("when", "held", "expected"), CONDITION_CASES)
def test_conditions_hold_as_the_cases_say(when, held, expected):
    assert conditions.holds(when, lambda name: held.get(name, [])) is expected


def test_a_mandatory_field_that_does_not_apply_is_not_required():
    field = {"obligation": "mandatory", "relevant_when": [{"field": "kind", "is": ["service"]}]}
    assert not conditions.is_required(field, lambda name: ["dataset"])
    assert conditions.is_required(field, lambda name: ["service"])


def test_a_conditional_field_is_required_only_by_its_condition():
    field = {"obligation": "conditional", "required_when": [{"field": "hash", "filled": True}]}
    assert conditions.is_required(field, lambda name: ["abc"])
    assert not conditions.is_required(field, lambda name: [])


def test_every_condition_of_the_schema_names_a_field_of_its_part_and_values_of_its_list():
    from ckanext.ecosphere import vocabularies as voc

    schema = fields.schema()
    for part in ("dataset_fields", "resource_fields"):
        known = {field["field_name"]: field for field in schema[part]}
        for field in schema[part]:
            for condition in [*field.get("relevant_when", ()), *field.get("required_when", ())]:
                other = known[condition["field"]]
                for value in {*condition.get("is", ()), *condition.get("is_not", ())} - {""}:
                    ends = {
                        end
                        for concept in voc.get(other["vocabulary"])
                        for end in (concept.id, concept.uri.rsplit("/", 1)[-1])
                    }
                    assert value in ends, (field["field_name"], value)


@pytest.mark.browser
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_the_script_of_the_form_judges_the_same_cases_alike(page, a_new_form):
    a_new_form(page)
    judged = page.evaluate(
        "cases => cases.map(([when, held]) => window.ecosphere.holds(when, name => held[name] || []))",
        [[when, held] for when, held, _expected in CONDITION_CASES],
    )
    assert judged == [expected for _when, _held, expected in CONDITION_CASES]
