"""Place of a dataset without a territory, derived from its geometry."""

from __future__ import annotations

import json

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import boxes, index
from ckanext.ecosphere.search.relevance.solr import INSIDE_FIELD, PLACE_FIELD


def places(*box: float) -> tuple[list[str], list[str]]:
    document: dict[str, list[str]] = {}
    index.add_places(document, [], "Zones humides", box)  # pyright: ignore[reportArgumentType]
    return document[PLACE_FIELD], document[INSIDE_FIELD]


def test_a_box_that_is_that_of_a_territory_is_its_place():
    west, south, east, north = voc.get("territories")["departement-29"].data["bbox"]
    own, inside = places(west + 0.05, south, east, north + 0.05)
    assert own == ["departement-29"]
    assert "region-bre" in inside


def test_a_small_box_is_inside_the_only_departement_that_holds_it():
    assert places(-4.2, 48.2, -4.1, 48.3)[0] == []
    assert "departement-29" in places(-4.2, 48.2, -4.1, 48.3)[1]


def test_a_box_of_several_departements_holds_them_and_one_of_the_world_is_the_country_s():
    vendee, charente = (
        voc.get("territories")[f"departement-{code}"].data["bbox"] for code in ("85", "17")
    )
    west, south = min(vendee[0], charente[0]), min(vendee[1], charente[1])
    both = west, south, max(vendee[2], charente[2]), max(vendee[3], charente[3])
    assert {"departement-17", "departement-85"} <= set(places(*both)[0])
    assert places(-180, -90, 180, 90)[0] == ["pays-fra"]


def test_a_territory_that_is_named_goes_before_the_geometry():
    document: dict[str, list[str]] = {}
    index.add_places(document, ["departement-01"], "Haies", (-4.2, 48.2, -4.1, 48.3))
    assert document[PLACE_FIELD] == ["departement-01"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        '{"coordinates": []}',
        '{"coordinates": [[]]}',
        '{"coordinates": "a"}',
        "[" * 50_000,
    ],
)
def test_what_is_no_geometry_has_no_box(text):
    assert boxes.of_geometry(text) is None


def test_a_geometry_has_a_box():
    ring = {"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 2]]]}
    assert boxes.of_geometry(json.dumps(ring)) == (1, 2, 3, 4)
