"""Uses of resources: compared with manual labels for real records, and further cases."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.schemas import page
from ckanext.ecosphere.tests.judged_resources import judged, resources

LEAST_RECORDS = 40


@pytest.mark.records
def test_resources_of_real_records_are_what_a_person_sees_in_them():
    verdicts = resources()
    assert len({each.record for each in verdicts}) >= LEAST_RECORDS
    assert [each for each in verdicts if not each.right] == []


@pytest.mark.parametrize(
    ("resource", "kind", "name", "action", "address"),
    [
        ({"url": "https://a.fr/x.gpkg"}, "data", "GeoPackage", "download", None),
        ({"url": "https://a.fr/export_shp.zip"}, "data", "Shapefile", "download", None),
        ({"url": "https://a.fr/lot.zip", "format": "SHP"}, "data", "Shapefile", "download", None),
        ({"url": "https://a.fr/lot.zip"}, "data", "ZIP", "download", None),
        (
            {"url": "https://a.fr/t.csv", "format": "text/csv; charset=utf-8"},
            "data",
            "CSV",
            "download",
            None,
        ),
        ({"url": "https://a.fr/doc.pdf"}, "documentation", "PDF", "open", None),
        ({"url": "https://a.fr/apercu.png"}, "sample", "PNG", "open", None),
        ({"url": "https://a.fr/doc.pdf", "resource_role": "data"}, "data", "PDF", "download", None),
        ({"url": "https://a.fr/page.php?f=geojson"}, "data", "GeoJSON", "download", None),
        (
            {"url": "https://a.fr/ogcapi/collections/zones/items"},
            "data",
            "GeoJSON",
            "download",
            None,
        ),
        ({"url": "https://a.fr/ogcapi/collections/zones"}, "service", "OGC API", "copy", None),
        (
            {"url": "https://a.fr/wfs", "resource_role": "documentation"},
            "service",
            "WFS",
            "copy",
            None,
        ),
        (
            {"url": "https://a.fr/wxs?map=/x/y.map&SERVICE=WMS&REQUEST=GetCapabilities&LAYERS=a"},
            "service",
            "WMS",
            "copy",
            "https://a.fr/wxs?map=/x/y.map",
        ),
        (
            {"url": "https://a.fr/wms?service=WMS&request=GetMap&layers=a"},
            "sample",
            "",
            "open",
            None,
        ),
        (
            {"url": "https://a.fr/arcgis/rest/services/eau/FeatureServer/0"},
            "service",
            "ArcGIS REST",
            "copy",
            None,
        ),
        ({"url": "https://a.fr/sos", "protocol": "OGC:SOS"}, "service", "SOS", "copy", None),
        ({"url": "ftp://a.fr/x.zip", "resource_role": "data"}, "data", "ZIP", "copy", None),
        ({"url": "//serveur/partage", "resource_role": "data"}, "data", "", "copy", None),
        ({"url": "javascript:alert(1)"}, "data", "", "copy", None),
        ({"url": ""}, "data", "", "", None),
        ({}, "data", "", "", None),
        ({"url": "https://[::1", "format": "CSV"}, "data", "CSV", "copy", None),
    ],
)
def test_one_resource(resource, kind, name, action, address):
    use = page.use_of(resource)
    assert (use.kind, use.name, use.action) == (kind, name, action)
    assert use.address == (address or resource.get("url", ""))


def test_the_main_way_is_a_file_that_everyone_reaches():
    inside = {"url": "https://a.rie.gouv.fr/x.gpkg", "network": "intranet"}
    service, file, paper = (
        {"url": "https://a.fr/wfs"},
        {"url": "https://a.fr/x.csv"},
        {"url": "https://a.fr/x.pdf"},
    )
    for several, chosen in (
        ([paper, inside, service, file], file),
        ([paper, inside, service], service),
        ([paper, inside], inside),
    ):
        found = page.main_entry([(each, page.use_of(each)) for each in several])
        assert found and found[0] is chosen
    assert page.main_entry([(paper, page.use_of(paper))]) is None


def test_every_button_and_kind_has_texts():
    texts = page.texts()
    assert all({"en", "fr"} <= set(each["label"]) for each in texts["kinds"].values())
    assert {
        row["button"]
        for rows in judged("judged_resources.csv").values()
        for row in rows
        if row["button"]
    } <= set(texts["buttons"])
