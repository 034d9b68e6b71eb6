"""Property test: any valid dataset is unchanged after saving, editing and saving again.

Errors name their field.
"""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import helpers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields

pytestmark = pytest.mark.usefixtures("shared_db")
NUMBERS = itertools.count()
SCHEMA, FILE_SCHEMA = (fields.schema()[f"{scope}_fields"] for scope in fields.SCOPES)
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(
    str.strip
)
DATE = st.dates(dt.date(1000, 1, 1), dt.date(2200, 12, 31)).map(str) | st.integers(1000, 2200).map(
    str
)
#: Dates of past events are not in the future: the harvest reports and drops such dates.
PAST = st.dates(dt.date(1000, 1, 1), dt.date(2025, 12, 31)).map(str) | st.integers(1000, 2025).map(
    str
)
DONE = ("created", "issued", "modified", "metadata_date")
ADDRESS = st.from_regex(r"https://[a-z]{1,8}\.example\.org/[a-z0-9/._-]{0,20}", fullmatch=True)
BY_PRESET = {
    "ecosphere_url": ADDRESS,
    "ecosphere_urls": st.lists(ADDRESS, min_size=1, max_size=3),
    "ecosphere_uri": ADDRESS,
    "ecosphere_uris": st.lists(ADDRESS, min_size=1, max_size=3),
    "ecosphere_date": DATE,
    "date of something done": PAST,
    "ecosphere_email": st.from_regex(r"[a-z]{1,12}@[a-z]{1,8}\.example\.org", fullmatch=True),
}
LONGITUDE, LATITUDE = st.integers(-179_999, 179_999), st.integers(-89_999, 89_999)


@st.composite
def boxes(draw: st.DrawFn) -> str:
    """Draw a bounding box as a user would type it, to a thousandth of a degree.

    Some cross the 180th meridian.
    """
    west, east = sorted(draw(st.lists(LONGITUDE, min_size=2, max_size=2, unique=True)))
    if west < -90_000 and east > 90_000:
        west, east = east, west
    south, north = sorted(draw(st.lists(LATITUDE, min_size=2, max_size=2, unique=True)))
    return ", ".join(f"{side / 1000:g}" for side in (west, south, east, north))


@st.composite
def geometries(draw: st.DrawFn) -> str:
    """Draw a point or a triangle as GeoJSON."""
    positions = [[draw(LONGITUDE) / 1000, draw(LATITUDE) / 1000] for _corner in range(3)]
    triangle = {"type": "Polygon", "coordinates": [[*positions, positions[0]]]}
    return json.dumps(
        draw(st.sampled_from([triangle, {"type": "Point", "coordinates": positions[0]}]))
    )


#: Strategies of fields without a preset, by their last validator.
BY_VALIDATOR = {
    "ecosphere_bbox": boxes(),
    "ecosphere_geometry": geometries(),
    "ecosphere_telephone": st.sampled_from(
        ["+33 4 74 45 62 37", "+262 262 40 26 26", "+41 22 730 51 11"]
    ),
    "ecosphere_resource_url": ADDRESS,
    "ecosphere_size": st.integers(0, 10**15),
    "ecosphere_scale": st.integers(1, 10**9).map(str),
    "ecosphere_positive_number": st.integers(1, 10**6).map(lambda number: f"{number / 100:g}"),
    "ecosphere_licence": st.sampled_from([licence.id for licence in voc.get("licences")]),
}
WRONG_BY_VALIDATOR = {
    "ecosphere_bbox": "4, 46, 3, 95",
    "ecosphere_geometry": '{"type": "Point", "coordinates": [400, 2]}',
    "ecosphere_telephone": "le standard",
    "ecosphere_resource_url": "javascript:alert(1)",
    "ecosphere_size": "trois octets",
    "ecosphere_scale": "grande",
    "ecosphere_positive_number": "-5",
    "package_version_validator": "v" * 101,
}
WRONG = {
    "ecosphere_url": "javascript:alert(1)",
    "ecosphere_urls": ["pas une adresse"],
    "ecosphere_uri": "x y",
    "ecosphere_uris": ["x y"],
    "ecosphere_date": "demain",
    "ecosphere_concept": "rien de tel",
    "ecosphere_concepts": ["rien de tel"],
    "ecosphere_email": "pas une adresse",
    "ecosphere_translated": {"klingon": "wa' javmaH"},
}


def values_of(field: dict[str, Any], text: Any) -> Any:
    """Return a strategy for valid values of a field, with texts from `text`.

    None if this test omits the field.
    """
    preset = field.get("preset")
    if preset in ("ecosphere_concept", "ecosphere_concepts"):
        stored = [
            getattr(c, field.get("vocabulary_store", "uri")) for c in voc.get(field["vocabulary"])
        ]
        one = st.sampled_from(stored)
        return (
            one
            if preset == "ecosphere_concept"
            else st.lists(one, min_size=1, max_size=3, unique=True)
        )
    if "repeating_subfields" in field:
        made = {part["field_name"]: values_of(part, text) for part in field["repeating_subfields"]}
        parts = {name: values for name, values in made.items() if values is not None}
        if not parts:
            return None
        row = st.fixed_dictionaries({}, optional=parts).filter(bool).map(in_order)
        return st.lists(row, min_size=1, max_size=3)
    if (
        preset in ("ecosphere_text", "ecosphere_long_text")
        or last_validator(field) == "package_version_validator"
    ):
        return text
    several = {
        "ecosphere_texts": st.lists(text, min_size=1, max_size=3),
        "ecosphere_translated": st.dictionaries(
            st.sampled_from(["en", "de", "pt-BR"]), text, min_size=1
        ),
    }
    if preset in several:
        return several[preset]
    if preset == "ecosphere_date" and field["field_name"] in DONE:
        preset = "date of something done"
    return BY_PRESET.get(str(preset), BY_VALIDATOR.get(last_validator(field)))


def last_validator(field: dict[str, Any]) -> str:
    return field.get("validators", "").rpartition(" ")[2]


def in_order(row: dict[str, Any]) -> dict[str, Any]:
    """Make a period end after its start."""
    if {"start", "end"} <= set(row):
        row["start"], row["end"] = sorted((row["start"], row["end"]), key=lambda day: day[:4])
        if row["start"][:4] == row["end"][:4]:
            row["end"] = row["start"]
    return row


def datasets(text: Any = TEXT) -> Any:
    """Return a strategy for datasets with any of the fields."""
    own, files = (
        {
            field["field_name"]: made
            for field in schema
            if (made := values_of(field, text)) is not None
        }
        for schema in (SCHEMA, FILE_SCHEMA)
    )
    file = st.fixed_dictionaries({"url": files.pop("url")}, optional=files)
    return st.fixed_dictionaries(
        {}, optional={**own, "resources": st.lists(file, min_size=1, max_size=2)}
    )


@pytest.fixture
def site(service: dict[str, Any], sysadmin_context: dict[str, Any]) -> Any:
    return lambda action, **data: helpers.call_action(action, dict(sysadmin_context), **data)


@pytest.mark.slow("random")
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(dataset=datasets())
def test_a_valid_dataset_is_the_same_after_saving_showing_and_saving_again(site, service, dataset):
    given_ = {"title": "P", "name": f"p-{next(NUMBERS)}", "owner_org": service["id"], **dataset}
    shown = site("package_show", id=site("package_create", **given_)["id"])
    site("package_update", **copy.deepcopy(shown))
    again = site("package_show", id=shown["id"])
    assert {**again, "metadata_modified": ""} == {**shown, "metadata_modified": ""}


def wrong_values(
    schema: list[dict[str, Any]], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path of each field for which an invalid value is known, with that value."""
    for field in schema:
        way = (*path, field["field_name"])
        wrong = WRONG.get(str(field.get("preset"))) or WRONG_BY_VALIDATOR.get(last_validator(field))
        if wrong and not field.get("vocabulary_open"):
            yield way, wrong
        yield from wrong_values(field.get("repeating_subfields", []), way)


@pytest.mark.few(8, "values")
@pytest.mark.parametrize(
    ("way", "wrong"), wrong_values(SCHEMA), ids=lambda part: ".".join(part) if part else ""
)
def test_a_wrong_value_is_refused_at_its_field(site, service, way, wrong):
    value: Any = wrong
    for name in reversed(way[1:]):
        value = [{name: value}]
    with pytest.raises(tk.ValidationError) as caught:
        site(
            "package_create",
            title="W",
            name=f"w-{next(NUMBERS)}",
            owner_org=service["id"],
            **{way[0]: value},
        )
    found: Any = caught.value.error_dict
    for number, name in enumerate(way):
        (group,) = [found] if number == 0 else found
        assert set(group) == {name}
        found = group[name]
    assert all(isinstance(message, str) and message for message in found)
