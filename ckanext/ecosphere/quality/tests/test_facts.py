"""Extraction of facts: independent of the shape of the dataset dict,
and robust against any input.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckanext.ecosphere.dataset.dates import days_of, due_date
from ckanext.ecosphere.quality.core.distributions import Record, clean
from ckanext.ecosphere.quality.core.facts import Checks, Facts, gather
from ckanext.ecosphere.quality.core.score import evaluate, load_model
from ckanext.ecosphere.quality.tests.cases import BROKEN, CASES, COMPLETE, OK, TODAY, dataset

CORE = {"title", "name", "notes", "tags", "owner_org", "license_id", "url", "resources"}


def as_extras(data: dict[str, Any]) -> dict[str, Any]:
    """Return the shape in which a dataset is saved: schema fields as extras, lists as JSON text."""
    kept = {name: value for name, value in data.items() if name in CORE}
    texts = {
        name: v if isinstance(v, str) else json.dumps(v)
        for name, v in data.items()
        if name not in CORE
    }
    return kept | {"extras": [{"key": name, "value": value} for name, value in texts.items()]}


def as_row(data: dict[str, Any]) -> dict[str, Any]:
    """Return the shape of the database rows: extras as a single object."""
    saved = as_extras(data)
    return saved | {"extras": {extra["key"]: extra["value"] for extra in saved["extras"]}}


def as_form(data: dict[str, Any], mark: str = "-") -> dict[str, Any]:
    """Return the shape of a posted form: repeating subfields flattened, tags as a single text."""
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if name == "tags":
            flat["tag_string"] = ",".join(tag["name"] for tag in value)
        elif (
            name != "resources" and isinstance(value, list) and value and isinstance(value[0], dict)
        ):
            flat |= {
                f"{name}{mark}{i}{mark}{key}": sub
                for i, row in enumerate(value, 1)
                for key, sub in row.items()
            }
        else:
            flat[name] = value
    return flat


def as_other_form(data: dict[str, Any]) -> dict[str, Any]:
    """Return the shape of a form posted with this portal's own separator of subfields."""
    return as_form(data, "__")


@pytest.mark.parametrize("shape", [as_extras, as_row, as_form, as_other_form])
@pytest.mark.parametrize("changes", [changes for _criterion, _state, changes, _links in CASES])
def test_the_shape_of_the_dict_changes_nothing(shape: Any, changes: dict[str, Any]):
    assert gather(shape(dataset(**changes))) == gather(dataset(**changes))


@pytest.mark.parametrize("links", [{}, OK, BROKEN])
def test_facts_survive_storage(links: dict[str, bool]):
    facts = gather(dataset(), Checks(links))
    assert Facts.from_dict(json.loads(json.dumps(facts.as_dict()))) == facts


def test_facts_of_another_version_are_read_as_far_as_they_go():
    assert (
        Facts.from_dict(
            {"title": 3, "gone": 1, "distributions": {"data": 1, "gone": 2}}
        ).distributions.data
        == 1
    )


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.slow("random")
@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [*COMPLETE, "extras", "spatial_coverage", "next_update", "contact-0-email"]
        ),
        anything,
    )
)
def test_no_value_of_any_field_breaks_the_reading(data: dict[str, Any]):
    result = evaluate(gather(data), load_model(), TODAY)
    assert 0 <= result.score <= 100
    assert Facts.from_dict(json.loads(json.dumps(gather(data).as_dict()))) == gather(data)


@pytest.mark.slow("random")
@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["id", "url", "format", "protocol", "mimetype", "name", "network"]),
            anything,
        )
    )
)
def test_no_resource_breaks_the_reading(resources: list[dict[str, Any]]):
    found = gather({"resources": resources}).distributions
    assert found.data <= found.total == len(resources)


def test_deleted_resources_do_not_count():
    assert (
        gather(
            {"resources": [{"url": "https://x.org/a.csv", "state": "deleted"}]}
        ).distributions.total
        == 0
    )


def test_an_empty_field_does_not_hide_the_stored_extra():
    assert (
        Record({"frequency": None, "extras": {"frequency": "ANNUAL"}}).text("frequency") == "ANNUAL"
    )


def test_the_first_resource_to_mend_is_named():
    good = {"id": "a", "url": "https://x.org/a.gpkg", "name": "A", "description": "Bonne"}
    bad = {"id": "b", "url": "https://x.org/b.gpkg", "name": "B"}
    found = gather(
        {"resources": [good, bad]}, Checks(links={"https://x.org/b.gpkg": False})
    ).distributions
    assert found.targets == {"resources_documented": "b", "links_work": "b"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  deux\n mots ", "deux mots"), ("<p>gras</p>", "gras"), ("À REMPLIR", ""), ("N/A", ""), (None, ""),
        (True, ""), (12, "12"), (["x"], ""), ("non renseigné", ""),
    ],
)  # fmt: skip
def test_texts_are_cleaned(value: object, expected: str):
    assert clean(value) == expected


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2020", date(2020, 1, 1), date(2020, 12, 31)),
        ("2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        ("2020-12", date(2020, 12, 1), date(2020, 12, 31)),
        ("9999-12", date(9999, 12, 1), date(9999, 12, 31)),
        ("20201015", date(2020, 10, 15), date(2020, 10, 15)),
        ("2020-10-15T08:00:00Z", date(2020, 10, 15), date(2020, 10, 15)),
        ("2020-13-01", None, None),
        ("0000", None, None),
        ("non renseigné", None, None),
        (None, None, None),
    ],
)
def test_dates_are_read_as_the_period_they_name(
    value: object, first: date | None, last: date | None
):
    assert (days_of(value) or (None, None)) == (first, last)


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ({"format": "Shape (ESRI)", "url": "https://x.org/a"}, "SHP"),
        ({"format": "Maison", "url": "https://x.org/a"}, None),
        ({"format": "ESRI Shapefile"}, "SHP"),
        ({"format": "http://publications.europa.eu/resource/authority/file-type/CSV"}, "CSV"),
        ({"format": "https://www.iana.org/assignments/media-types/text/csv"}, "CSV"),
        ({"format": "application/geo+json"}, "GeoJSON"),
        ({"protocol": "OGC:WFS-1.1.0-http-get-capabilities"}, "WFS"),
        ({"mimetype": "application/pdf"}, "PDF"),
        ({"url": "https://x.org/export/Zones.GPKG?x=1"}, "GeoPackage"),
        ({"url": "https://[oops"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_formats_are_recognised(resource: dict[str, str], code: str | None):
    found = Record(resource).format
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("frequency", "updated", "announced", "due"),
    [
        ("WEEKLY", date(2025, 1, 1), None, date(2025, 1, 10)),
        ("ANNUAL", date(2025, 1, 1), None, date(2026, 2, 8)),
        ("ANNUAL", date(2025, 1, 1), date(2025, 3, 1), date(2025, 3, 3)),
        ("ANNUAL", date(2025, 1, 1), date(2024, 3, 1), date(2026, 2, 8)),
        ("IRREG", date(2025, 1, 1), None, None),
        ("IRREG", None, date(2025, 3, 1), date(2025, 3, 3)),
        ("ANNUAL", None, None, None),
        ("TRIDECENNIAL", date(9990, 1, 1), None, date.max),
    ],
)
def test_the_due_date_follows_the_announcement_then_the_frequency(
    frequency, updated, announced, due
):
    assert due_date(frequency, updated, announced) == due
