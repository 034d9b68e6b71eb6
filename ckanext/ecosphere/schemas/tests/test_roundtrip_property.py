"""Any valid dataset survives save, show, edit and save unchanged; an invalid one names its field."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import helpers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import fields

pytestmark = pytest.mark.usefixtures("shared_db")
NUMBERS = itertools.count()
SCHEMA = fields.schema()["dataset_fields"]
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(str.strip)
DATE = st.dates().map(str).filter(lambda day: day > "1000") | st.integers(1000, 2200).map(str)
ADDRESS = st.from_regex(r"https://[a-z]{1,8}\.example\.org/[a-z0-9/._-]{0,20}", fullmatch=True)
BY_PRESET = {
    "ecosphere_text": TEXT,
    "ecosphere_long_text": TEXT,
    "ecosphere_texts": st.lists(TEXT, min_size=1, max_size=3),
    "ecosphere_url": ADDRESS,
    "ecosphere_urls": st.lists(ADDRESS, min_size=1, max_size=3),
    "ecosphere_uri": ADDRESS,
    "ecosphere_uris": st.lists(ADDRESS, min_size=1, max_size=3),
    "ecosphere_date": DATE,
    "ecosphere_email": st.from_regex(r"[a-z]{1,12}@[a-z]{1,8}\.example\.org", fullmatch=True),
}
WRONG = {
    "ecosphere_url": "javascript:alert(1)",
    "ecosphere_urls": ["pas une adresse"],
    "ecosphere_uri": "x y",
    "ecosphere_uris": ["x y"],
    "ecosphere_date": "demain",
    "ecosphere_concept": "rien de tel",
    "ecosphere_concepts": ["rien de tel"],
}


def values_of(field: dict[str, Any]) -> Any:
    """A strategy for valid values of a field, or None when this test leaves it out."""
    preset = field.get("preset")
    if preset in ("ecosphere_concept", "ecosphere_concepts"):
        stored = [getattr(c, field.get("vocabulary_store", "uri")) for c in voc.get(field["vocabulary"])]
        one = st.sampled_from(stored)
        return one if preset == "ecosphere_concept" else st.lists(one, min_size=1, max_size=3, unique=True)
    if "repeating_subfields" in field:
        made = {part["field_name"]: values_of(part) for part in field["repeating_subfields"]}
        parts = {name: values for name, values in made.items() if values is not None}
        if not parts:
            return None
        row = st.fixed_dictionaries({}, optional=parts).filter(bool).map(in_order)
        return st.lists(row, min_size=1, max_size=3)
    return BY_PRESET.get(str(preset))


def in_order(row: dict[str, Any]) -> dict[str, Any]:
    """A period ends after it starts."""
    if {"start", "end"} <= set(row):
        row["start"], row["end"] = sorted((row["start"], row["end"]), key=lambda day: day[:4])
        if row["start"][:4] == row["end"][:4]:
            row["end"] = row["start"]
    return row


STRATEGIES = {field["field_name"]: made for field in SCHEMA if (made := values_of(field)) is not None}
DATASETS = st.fixed_dictionaries({}, optional=STRATEGIES)


@pytest.fixture
def site(service: dict[str, Any], sysadmin_context: dict[str, Any]) -> Any:
    return lambda action, **data: helpers.call_action(action, dict(sysadmin_context), **data)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(dataset=DATASETS)
def test_a_valid_dataset_is_the_same_after_saving_showing_and_saving_again(site, service, dataset):
    given_ = {"title": "P", "name": f"p-{next(NUMBERS)}", "owner_org": service["id"], **dataset}
    shown = site("package_show", id=site("package_create", **given_)["id"])
    site("package_update", **copy.deepcopy(shown))
    again = site("package_show", id=shown["id"])
    assert {**again, "metadata_modified": ""} == {**shown, "metadata_modified": ""}


@pytest.mark.parametrize("field", [f for f in SCHEMA if f.get("preset") in WRONG], ids=lambda f: f["field_name"])
def test_a_wrong_value_is_refused_at_its_field(site, service, field):
    wrong = {field["field_name"]: WRONG[field["preset"]]}
    with pytest.raises(tk.ValidationError) as caught:
        site("package_create", title="W", name=f"w-{next(NUMBERS)}", owner_org=service["id"], **wrong)
    assert set(caught.value.error_dict) == {field["field_name"]}
