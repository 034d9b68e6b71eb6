"""Conditional fields: `form.py`, and the same rules in the form's JavaScript."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import helpers
from playwright.sync_api import expect

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.schemas import form
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.cases import CONDITION_CASES


@pytest.mark.parametrize(("when", "held", "expected"), CONDITION_CASES)
def test_conditions_hold_as_the_cases_say(when, held, expected):
    assert form.holds(when, lambda name: held.get(name, [])) is expected


def test_a_mandatory_field_that_does_not_apply_is_not_required():
    field = {"obligation": "mandatory", "relevant_when": [{"field": "kind", "is": ["service"]}]}
    assert not form.is_required(field, lambda name: ["dataset"])
    assert form.is_required(field, lambda name: ["service"])


def test_a_conditional_field_is_required_only_by_its_condition():
    field = {"obligation": "conditional", "required_when": [{"field": "hash", "filled": True}]}
    assert form.is_required(field, lambda name: ["abc"])
    assert not form.is_required(field, lambda name: [])


def test_every_condition_of_the_schema_names_a_field_of_its_part_and_values_of_its_list():
    from ckanext.ecosphere import vocabularies as voc

    schema = fields.schema()
    for part in ("dataset_fields", "resource_fields"):
        known = {field["field_name"]: field for field in schema[part]}
        for field, near in [(field, {}) for field in schema[part]] + list(
            subfields_of(schema[part])
        ):
            for condition in [*field.get("relevant_when", ()), *field.get("required_when", ())]:
                other = (known | near)[condition["field"]]
                for value in {*condition.get("is", ()), *condition.get("is_not", ())} - {""}:
                    ends = {
                        end
                        for concept in voc.get(other["vocabulary"])
                        for end in (concept.id, concept.uri.rsplit("/", 1)[-1])
                    }
                    assert value in ends, (field["field_name"], value)


def subfields_of(fields):
    """Yield subfields with their siblings.

    Only first-level groups of datasets may have conditions.
    """
    for field in fields:
        near = {each["field_name"]: each for each in field.get("repeating_subfields", ())}
        for subfield in near.values():
            yield subfield, near
            for deeper in subfield.get("repeating_subfields", ()):
                assert not {"relevant_when", "required_when"} & set(deeper), (
                    field["field_name"],
                    deeper["field_name"],
                )


def test_a_condition_of_a_subfield_reads_its_row_first_and_the_dataset_after():
    dataset = {"value": ["no"], "kind": ["dataset"]}
    read = form.in_row(["name", "value"], {"value": "2.5"}, lambda name: dataset.get(name, []))
    assert read("value") == ["2.5"]
    assert read("name") == []
    assert read("kind") == ["dataset"]


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
class TestInTheRowsOfAGroup:
    def save(self, editor, **changes):
        context = {"user": editor["name"], "ignore_auth": False}
        return helpers.call_action("package_patch", context, id="tt", **changes)

    def test_what_does_not_go_with_its_row_is_refused_where_it_stands(self, editor, create):
        create(
            {
                "title": "T",
                "name": "tt",
                "private": True,
                "quality_measure": [{"name": "Ancienne", "unit": "m"}],
            }
        )
        old = {"name": "Ancienne", "unit": "m"}
        good = {"name": "Erreur moyenne", "value": "2.5", "unit": "m"}
        self.save(
            editor, quality_measure=[old, good]
        )  # an invalid row stored earlier does not prevent saving
        with pytest.raises(tk.ValidationError) as raised:
            self.save(editor, quality_measure=[good, {"name": "Erreur", "unit": "m"}])
        told: Any = raised.value.error_dict["quality_measure"]
        assert not told[0]
        assert "Value" in told[1]["unit"][0]

    def test_publishing_needs_what_the_row_calls_for_and_a_draft_does_not(self, editor, create):
        create({**samples.full(), "name": "tt", "private": True})
        row = {"specification": "Règlement 1089/2010", "date": "2010-12-08"}
        self.save(editor, conformity=[row])
        with pytest.raises(tk.ValidationError) as raised:
            self.save(editor, private=False)
        told: Any = raised.value.error_dict["conformity"]
        assert list(told[0]) == ["degree"]
        self.save(editor, private=False, conformity=[{**row, "degree": "conformant"}])
        self.save(editor, conformity=[{"uri": "https://example.org/spec"}])


@pytest.mark.browser
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_a_subfield_shows_with_what_its_row_says_also_in_a_row_that_is_added(page, a_new_form):
    a_new_form(page)
    page.locator("#section-content > summary").press("Enter")
    expect(page.locator("#field-quality_measure__0__unit")).to_be_hidden()  # hidden by the script
    page.locator("#field-quality_measure__0__value").press("2")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "field-quality_measure__0__unit"
    page.locator("#field-quality_measure [data-add]").press("Enter")
    units = page.locator("#field-quality_measure [id$=unit]")
    assert [units.nth(number).is_visible() for number in range(units.count())] == [True, False]
    assert "Unité" in page.locator("[data-when-status]").text_content()


@pytest.mark.browser
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_the_script_of_the_form_judges_the_same_cases_alike(page, a_new_form):
    a_new_form(page)
    judged = page.evaluate(
        "cases => cases.map(([when, held]) => window.ecosphere.holds(when, name => held[name] || []))",
        [[when, held] for when, held, _expected in CONDITION_CASES],
    )
    assert judged == [expected for _when, _held, expected in CONDITION_CASES]
