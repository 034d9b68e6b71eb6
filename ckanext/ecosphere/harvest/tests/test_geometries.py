"""Geometries in RDF, GeoJSON and udata: axis order, heights, distant parts."""

import json

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.geometry import MAX_APART, boxes_around
from ckanext.ecosphere.harvest.dcat.graph import boxes_of
from ckanext.ecosphere.harvest.normalise.extent import repair
from ckanext.ecosphere.harvest.record import Box, Record
from ckanext.ecosphere.harvest.tests.making import codes, dataset, ids, result

EPSG = "<http://www.opengis.net/def/crs/EPSG/0/{}> "
CRS84 = "<http://www.opengis.net/def/crs/OGC/1.3/CRS84> "
CREUSE = (1.37, 45.66, 2.61, 46.46)
MAYOTTE = (45.0, -13.05, 45.3, -12.6)
LA_REUNION = (55.21, -21.39, 55.84, -20.87)


def ring(box, turned=False):
    west, south, east, north = box
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return [[y, x] if turned else [x, y] for x, y in corners]


def wkt(box, turned=False, height="", kind="POLYGON"):
    return f"{kind}((" + ",".join(f"{x} {y}{height}" for x, y in ring(box, turned)) + "))"


def sides(boxes):
    return [tuple(map(float, (box.west, box.south, box.east, box.north))) for box in boxes]


@pytest.mark.parametrize("box", [CREUSE, MAYOTTE, LA_REUNION])
@pytest.mark.parametrize(
    ("system", "turned"),
    [
        (EPSG.format(4326), True),
        ("<urn:ogc:def:crs:EPSG::4326> ", True),
        (EPSG.format(4258), True),
        (EPSG.format(4326), False),  # against the definition, as many portals do
        (CRS84, False),
        ("", False),
        ("SRID=4326;", False),
    ],
)
def test_latitude_is_first_where_the_reference_system_says_so(box, system, turned):
    assert sides(boxes_of(system + wkt(box, turned))) == [box]


def test_longitudes_first_are_understood_of_europe_and_beyond_a_border_too():
    for box in ((-10.0, 35.0, 30.0, 70.0), (5.0, 44.0, 12.0, 48.0)):
        assert sides(boxes_of(EPSG.format(4326) + wkt(box))) == [box]
    elsewhere = (-70.0, -40.0, -60.0, -30.0)  # in Argentina; with swapped axes, in Antarctica
    assert sides(boxes_of(EPSG.format(4326) + wkt(elsewhere, turned=True))) == [elsewhere]


@pytest.mark.parametrize(
    "text",
    [
        wkt(CREUSE, height=" 250", kind="POLYGON Z"),
        wkt(CREUSE, height=" 250.5", kind="POLYGONZ"),
        wkt(CREUSE, height=" 250 1", kind="Polygon ZM "),
        f"GEOMETRYCOLLECTION({wkt(CREUSE)},POINT Z (2 46 250))",
        json.dumps(
            {"type": "Polygon", "coordinates": [[[*position, 250] for position in ring(CREUSE)]]}
        ),
        json.dumps(
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring(CREUSE)]}}
        ),
        json.dumps(
            {"features": [{"geometry": {"type": "Polygon", "coordinates": [ring(CREUSE)]}}]}
        ),
        json.dumps({"type": "GeometryCollection", "geometries": [{"coordinates": ring(CREUSE)}]}),
    ],
)
def test_heights_and_features_are_read(text):
    assert sides(boxes_of(text)) == [CREUSE]


def envelope(lower, upper, crs="", declared=""):
    return (
        f'<gml:Envelope srsName="{crs}"{declared}><gml:lowerCorner>{lower}</gml:lowerCorner>'
        f"<gml:upperCorner>{upper}</gml:upperCorner></gml:Envelope>"
    )


@pytest.mark.parametrize(
    "text",
    [
        envelope("1.37 45.66", "2.61 46.46", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"),
        envelope("45.66 1.37", "46.46 2.61", "http://www.opengis.net/def/crs/EPSG/0/4326"),
        envelope(
            "1.37 45.66", "2.61 46.46", declared=' xmlns:gml="http://www.opengis.net/gml/3.2"'
        ),
        "<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>1.37 45.66 2.61 45.66 2.61 46.46 1.37 46.46 1.37 45.66"
        "</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>",
    ],
    ids=["crs84", "latitude-first", "declared", "polygon"],
)
def test_a_geometry_in_gml_is_read(text):
    assert sides(boxes_of(text)) == [CREUSE]


@pytest.mark.parametrize(
    "text",
    [
        envelope("1.37", "2.61 46.46"),
        envelope("un deux", "2.61 46.46"),
        envelope("600000 6500000", "700000 6600000", "EPSG:32631"),
        "<gml:Envelope><gml:lowerCorner>1 45</gml:lowerCorner></gml:Envelope>",
        "<gml:Envelope>",
        '<gml:Envelope srsName="&x;"/>',
        '<!DOCTYPE a [<!ENTITY x "y">]><gml:Envelope/>',
    ],
    ids=["one-number", "words", "other-system", "one-corner", "open", "entity", "doctype"],
)
def test_what_is_no_geometry_in_gml_gives_no_box(text):
    assert boxes_of(text) == []


def test_an_envelope_in_lambert_metres_is_converted():
    [(west, south, east, north)] = sides(
        boxes_of(envelope("600000 6500000", "620000 6520000", "EPSG:2154"))
    )
    assert (round(west, 1), round(south, 1), round(east, 1), round(north, 1)) == (
        1.7,
        45.6,
        2.0,
        45.8,
    )


def test_places_far_apart_have_a_box_each_and_near_ones_one():
    several = {
        "type": "MultiPolygon",
        "coordinates": [[ring(box)] for box in (CREUSE, MAYOTTE, LA_REUNION)],
    }
    assert sides(boxes_of(json.dumps(several))) == [CREUSE, MAYOTTE, LA_REUNION]
    text = f"MULTIPOLYGON({','.join(wkt(box).removeprefix('POLYGON') for box in (CREUSE, LA_REUNION))})"
    assert sides(boxes_of(text)) == [CREUSE, LA_REUNION]
    corsica = (8.53, 41.33, 9.57, 43.03)
    near = {
        "type": "MultiPolygon",
        "coordinates": [[ring(corsica)], [ring((4.72, 45.61, 6.18, 46.52))]],
    }
    assert sides(boxes_of(json.dumps(near))) == [(4.72, 41.33, 9.57, 46.52)]


def test_a_part_between_two_joins_them_and_an_archipelago_is_one_box():
    assert boxes_around([[(0, 0)], [(8, 0)], [(4, 0)]]) == [(0, 0, 8, 0)]
    far = [[(10.0 * number - 170, 0.0)] for number in range(MAX_APART + 1)]
    assert boxes_around(far) == [(-170.0, 0.0, 30.0, 0.0)]


def test_what_the_meridian_parts_is_one_box():
    parts = {
        "type": "MultiPolygon",
        "coordinates": [[ring((179.5, -16, 180, -10))], [ring((-180, -16, -174, -10))]],
    }
    assert sides(boxes_of(json.dumps(parts))) == [(179.5, -16.0, -174.0, -10.0)]


def test_the_territories_of_places_far_apart_are_found():
    record = Record()
    several = {
        "type": "MultiPolygon",
        "coordinates": [[ring(voc.get("territories")["departement-23"].data["bbox"])]],
    }
    several["coordinates"].append([ring(voc.get("territories")["outre-mer-reu"].data["bbox"])])
    assert record.add_geometry(several)
    made = dataset(boxes=record.boxes, shapes=record.shapes)
    assert ids("territories", made["territory"]) == ["departement-23", "outre-mer-reu"]
    assert [bool(row.get("bbox")) for row in made["spatial_coverage"]] == [True, True, False]


@pytest.mark.parametrize(
    "name",
    ["pays-fxx", "departement-23", "region-bre", "outre-mer-glp", "outre-mer-reu", "outre-mer-myt", "outre-mer-guf",
     "outre-mer-spm", "outre-mer-ncl"],
)  # fmt: skip
def test_exchanged_axes_are_put_right_where_only_so_the_box_lies_in_france(name):
    west, south, east, north = voc.get("territories")[name].data["bbox"]
    found, repairs = repair(Box(str(south), str(north), str(west), str(east)))
    assert (found, repairs) == ((west, south, east, north), ["box-axes-swapped"])
    assert "box-axes-swapped" in codes(
        result(boxes=[Box(str(south), str(north), str(west), str(east))])
    )


@pytest.mark.parametrize(
    "box",
    [
        (
            -24.0,
            63.0,
            -13.0,
            66.0,
        ),  # Iceland: with swapped axes, it would lie in the French Southern Lands
        (30.0, -12.0, 52.0, 15.0),  # East Africa
        (170.0, 0.0, -175.0, 5.0),
        (5.0, 44.0, 12.0, 48.0),
        (-180.0, -90.0, 180.0, 90.0),
    ],
)
def test_boxes_elsewhere_stay_as_they_are(box):
    west, south, east, north = map(str, box)
    assert repair(Box(west, east, south, north)) == (box, [])


def test_whole_numbers_in_a_shape_are_numbers():
    triangle = {"type": "Polygon", "coordinates": [[[2, 46], [3, 46], [2.5, 47], [2, 46]]]}
    record = Record()
    assert record.add_geometry(triangle)
    made = dataset(boxes=record.boxes, shapes=record.shapes)
    assert json.loads(made["spatial_coverage"][0]["geom"]) == triangle
    turned = {
        "type": "Polygon",
        "coordinates": [[[46, 2, 250], [46, 3, 250], [47, 2.5, 250], [46, 2, 250]]],
    }
    record = Record()
    record.add_geometry(turned)
    made = dataset(boxes=record.boxes, shapes=record.shapes)
    assert json.loads(made["spatial_coverage"][0]["geom"])["coordinates"][0][0] == [2, 46, 250]
