"""Search areas: accepted notations."""

import json

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import area
from ckanext.ecosphere.search.page import RANK
from ckanext.ecosphere.shared import language

RING = [[4, 45], [6, 45], [6, 47], [4, 47], [4, 45]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
pytestmark = pytest.mark.usefixtures("loaded", "with_request_context")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(POLYGON),
        json.dumps({"type": "Feature", "properties": {}, "geometry": POLYGON}),
        json.dumps(
            {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": POLYGON}]}
        ),
        "POLYGON((4 45, 6 45, 6 47, 4 47, 4 45))",
        "SRID=4326; MULTIPOLYGON(((4 45, 6 45, 6 47, 4 47, 4 45)))",
        "4, 45, 6, 47",
        "4;45;6;47",
        " 4 45 6 47 ",
    ],
)
def test_geometries_and_boxes(text):
    assert area.parse(text).box == (4, 45, 6, 47)


@pytest.mark.parametrize("text", ["Rhône", "rhone", "departement-69"])
def test_names_of_territories(text):
    found = area.parse(text)
    assert found.label == voc.get("territories")["departement-69"].label(language.current())
    assert found.box is not None


@pytest.mark.parametrize(
    "text", ["Nantes", "nantes (44)", "Nantes, Loire-Atlantique", "44109", "44300"]
)
def test_names_of_communes_become_what_covers_them(text):
    assert area.parse(text).covers == "commune-44109"


def test_a_namesake_or_a_code_of_two_communes_asks_which():
    assert area.parse("Saint-Denis, Seine-Saint-Denis").covers == "commune-93066"
    for text, named in {"Saint-Denis": "Saint-Denis (93)", "69100": "Villeurbanne (69)"}.items():
        with pytest.raises(area.AreaError) as asked:
            area.parse(text)
        assert named in str(asked.value)


@pytest.mark.parametrize(
    ("text", "longitude", "latitude"),
    [
        ("43.70, -1.06", -1.06, 43.70),
        ("43,70 ; -1,06", -1.06, 43.70),
        ("-1.06 43.70", -1.06, 43.70),
        ("-21.1, 55.5", 55.5, -21.1),
        ("55.5, -21.1", 55.5, -21.1),
        ("45.2, -12.8", 45.2, -12.8),  # a longitude of Mayotte is a latitude of the mainland
        ("16.2 -61.5", -61.5, 16.2),
        ("46.8, -56.3", -56.3, 46.8),
        ("-22.3, 166.4", 166.4, -22.3),
        ("-17.5 -149.6", -149.6, -17.5),
        ("652469, 6862035", 2.3522, 48.8566),
    ],
)
def test_points_are_read_in_degrees_of_either_order_and_in_lambert_93(text, longitude, latitude):
    assert area.parse(text).box == pytest.approx(
        (longitude, latitude, longitude, latitude), abs=1e-4
    )


def test_a_box_in_lambert_93_is_converted():
    assert area.parse("700000,6600000,750000,6650000").box == pytest.approx(
        (3, 46.498, 3.657, 46.95), abs=0.001
    )


@pytest.mark.parametrize("text", ["Nantes Métropole", "nantes metropole", "244400404"])
def test_names_of_intercommunalities_become_their_box(text):
    found = area.parse(text)
    assert found.label == "Nantes Métropole"
    assert found.box == pytest.approx((-1.78, 47.10, -1.37, 47.34), abs=0.06)


@pytest.mark.few(4, "values")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "Atlantide",
        "communauté de communes",
        "Nantes (69)",
        "Nantes, Rhône",
        "Saint-Denis",
        "1,2,3",
        "1,2,3,4,5",
        "6,45,4,47",
        "nan,1,2,3",
        "{",
        "{}",
        "[]",
        "null",
        '{"type": "Polygon"}',
        '{"type": "Polygon", "coordinates": [[[4, 1e999], [1, 2], [3, 4], [4, 5]]]}',
        '{"type": "FeatureCollection", "features": 3}',
        '{"type": "FeatureCollection", "features": []}',
        '{"type": "Nonsense", "coordinates": [1, 2]}',
        "POLYGON((1 2, 3",
        "POLYGON EMPTY",
        "GEOMETRYCOLLECTION(" * 5_000,
        '{"a":' * 5_000,
        "x" * 300_000,
    ],
)
def test_what_is_no_area_is_refused_with_a_sentence(text):
    with pytest.raises(area.AreaError) as refused:
        area.parse(text)
    assert str(refused.value)


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    ("dataset", "box"),
    [
        ({"spatial": json.dumps(POLYGON)}, (4, 45, 6, 47)),
        ({"extras": [{"key": "spatial", "value": json.dumps(POLYGON)}]}, (4, 45, 6, 47)),
        ({"spatial": '{"type": "Polygon", "coordinates": []}'}, None),
        ({"spatial": "{"}, None),
        ({"spatial": '{"type": "Point", "coordinates": ["a", "b"]}'}, None),
        ({}, None),
    ],
)
def test_extents_of_datasets(dataset, box):
    assert area.box_of(dataset) == box


def test_results_are_drawn_where_most_of_them_lie_and_the_others_are_counted():
    island = {"spatial": json.dumps({"type": "Point", "coordinates": [55.5, -21.1]}), RANK: 2}
    results = [{"spatial": json.dumps(POLYGON), RANK: 1}, island, {RANK: 3}]
    drawn = area.of_results(results, "3,44,5,46")
    assert drawn.frame.id == "metropole"
    assert [each.rank for each in drawn.rectangles] == [1]
    assert drawn.elsewhere == 2
    assert drawn.area is not None
    assert area.of_results([island], "").frame.id == "la-reunion"
    assert area.of_results([], "1,2,x").area is None
