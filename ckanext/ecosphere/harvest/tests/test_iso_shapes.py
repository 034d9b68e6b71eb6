"""Geometries of ISO records: axis order according to CRS and box, all kinds of geometry,
unreadable ones reported.
"""

from __future__ import annotations

import json

import pytest
from lxml import etree

from ckanext.ecosphere.harvest.iso import parts
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.record import Box
from ckanext.ecosphere.harvest.tests.making import dataset

EPSG = "http://www.opengis.net/def/crs/EPSG/0/4326"
TRIANGLE = [[[5.0, 46.0], [5.5, 46.0], [5.2, 46.5], [5.0, 46.0]]]


def read(inside: str, kind: str = "Polygon", crs: str = ""):
    named = f' srsName="{crs}"' if crs else ""
    text = f'<gml:{kind} xmlns:gml="http://www.opengis.net/gml/3.2"{named}>{inside}</gml:{kind}>'
    return parts.geojson_of(etree.fromstring(text))


def ring(inside: str) -> str:
    return f"<gml:exterior><gml:LinearRing>{inside}</gml:LinearRing></gml:exterior>"


@pytest.mark.parametrize(
    "crs", [EPSG, "urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:EPSG:6.9:4258"]
)
def test_latitude_is_first_where_the_crs_is_an_address_or_a_urn(crs):
    inside = ring("<gml:posList>46 5 46 5.5 46.5 5.2 46 5</gml:posList>")
    assert read(inside, crs=crs) == {"type": "Polygon", "coordinates": TRIANGLE}


@pytest.mark.parametrize("crs", ["", "EPSG:4326", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"])
def test_longitude_is_first_elsewhere(crs):
    positions = "<gml:pos>5 46</gml:pos><gml:pos>5.5 46</gml:pos><gml:pos>5.2 46.5</gml:pos><gml:pos>5 46</gml:pos>"
    older = "<gml:coordinates>5,46 5.5,46 5.2,46.5 5,46</gml:coordinates>"
    for inside in (
        positions,
        older,
        '<gml:posList srsDimension="3">5 46 1 5.5 46 1 5.2 46.5 1 5 46 1</gml:posList>',
    ):
        assert read(ring(inside), crs=crs) == {"type": "Polygon", "coordinates": TRIANGLE}


def test_several_polygons_and_other_kinds():
    part = (
        f"<gml:Polygon>{ring('<gml:posList>5 46 5.5 46 5.2 46.5 5 46</gml:posList>')}</gml:Polygon>"
    )
    member = f"<gml:surfaceMember>{part}</gml:surfaceMember>"
    assert read(member * 2, "MultiSurface") == {
        "type": "MultiPolygon",
        "coordinates": [TRIANGLE, TRIANGLE],
    }
    assert read("<gml:pos>5 46</gml:pos>", "Point") == {"type": "Point", "coordinates": [5.0, 46.0]}


@pytest.mark.parametrize(
    ("inside", "kind", "crs"),
    [
        (ring("<gml:posList>5 46 5.5 46 5.2 46.5 5 46</gml:posList>"), "Polygon", "EPSG:2154"),
        (ring("<gml:posList>5 46 5.5 46 5.2 46.5</gml:posList>"), "Polygon", ""),
        (ring("<gml:posList>5 46 NaN 46 5.2 46.5 5 46</gml:posList>"), "Polygon", ""),
        (ring("<gml:posList>une deux</gml:posList>"), "Polygon", ""),
        (ring(f"<gml:posList>{'5 46 ' * (parts.MAX_NUMBERS)}</gml:posList>"), "Polygon", ""),
        ("", "Surface", ""),
    ],
)
def test_what_cannot_be_understood_is_none(inside, kind, crs):
    assert read(inside, kind, crs) is None


def test_a_shape_stands_with_its_box_which_tells_when_the_axes_were_swapped():
    box = Box(west="5", east="5.5", south="46", north="46.5")
    turned = [[[y, x] for x, y in TRIANGLE[0]]]
    for coordinates in (TRIANGLE, turned):
        shape = {"type": "Polygon", "coordinates": coordinates}
        (row,) = dataset(boxes=[box], shapes=[shape])["spatial_coverage"]
        assert json.loads(row["geom"])["coordinates"] == TRIANGLE
    alone = {"type": "Polygon", "coordinates": TRIANGLE}
    assert len(dataset(boxes=[box], shapes=[alone, alone])["spatial_coverage"]) == 3


PICTURE = """<m:MD_Metadata xmlns:m="http://standards.iso.org/iso/19115/-3/mdb/2.0"><m:identificationInfo>
<m:MD_DataIdentification><m:graphicOverview><m:MD_BrowseGraphic><m:fileName><m:CharacterString>%s</m:CharacterString>
</m:fileName><m:linkage><m:CI_OnlineResource><m:linkage><m:CharacterString>https://a.fr/apercu.png</m:CharacterString>
</m:linkage></m:CI_OnlineResource></m:linkage></m:MD_BrowseGraphic></m:graphicOverview></m:MD_DataIdentification>
</m:identificationInfo></m:MD_Metadata>"""


@pytest.mark.parametrize(
    ("name", "url", "noted"),
    [
        ("apercu.png", "https://a.fr/apercu.png", ["apercu.png"]),
        ("https://a.fr/autre.png", "https://a.fr/autre.png", []),
        ("", "https://a.fr/apercu.png", []),
    ],
)
def test_a_picture_has_its_linkage_rather_than_a_mere_file_name(name, url, noted):
    record = read_record(etree.fromstring(PICTURE % name))
    assert [graphic.url for graphic in record.graphics] == [url]
    assert [note.rpartition("fileName: ")[2] for note in record.unread] == noted
