"""Recognition of service URLs, and their normalisation to one key per service."""

import pytest

from ckanext.ecosphere.dataset.services import service_at

HOST = "https://carto.example.org"


@pytest.mark.parametrize(
    ("url", "format_", "protocol", "kind", "base", "layer"),
    [
        ("/wms?SERVICE=WMS&REQUEST=GetCapabilities", "", "", "wms", "/wms", ""),
        (
            "/cgi?map=/a.map&service=WFS&typenames=eco:zh",
            "",
            "",
            "wfs",
            "/cgi?map=%2Fa.map",
            "eco:zh",
        ),
        ("/cgi-bin/mapserv?", "", "OGC:WMS-1.3.0-http-get-map", "wms", "/cgi-bin/mapserv", ""),
        ("/geoserver/ows", "WFS", "", "wfs", "/geoserver/ows", ""),
        ("/geoserver/ows?service=wms", "WFS", "", "wms", "/geoserver/ows", ""),
        (
            "/wmts/1.0.0/WMTSCapabilities.xml",
            "XML",
            "",
            "wmts",
            "/wmts/1.0.0/WMTSCapabilities.xml",
            "",
        ),
        ("/csw", "", "", "csw", "/csw", ""),
        ("/api/collections/zh/items?f=json", "", "", "ogcapi", "/api", "zh"),
        (
            "/arcgis/rest/services/eau/MapServer/3",
            "",
            "",
            "arcgis",
            "/arcgis/rest/services/eau/MapServer",
            "3",
        ),
        ("/feed.xml?id=4", "Atom Feed", "", "atom", "/feed.xml?id=4", ""),
        ("/geoserver/wfs?", "", "WWW:LINK-1.0-http--link", "wfs", "/geoserver/wfs", ""),
        ("/wcs?coverageId=mnt", "", "", "wcs", "/wcs", "mnt"),
    ],
)
def test_services_are_recognised(*, url, format_, protocol, kind, base, layer):
    found = service_at(HOST + url, format_, protocol)
    assert found is not None
    assert (found.kind, found.url, found.layer) == (kind, HOST + base, layer)


@pytest.mark.parametrize(
    ("url", "format_"),
    [
        (f"{HOST}/data.csv", "CSV"),
        (f"{HOST}/atomArchive/GetResource?id=1", "ZIP"),
        (f"{HOST}/collections.html", "HTML"),
        (f"{HOST}/wms", "PDF"),
        ("ftp://carto.example.org/wms", "WMS"),
        ("https:///wms", "WMS"),
        ("https://[::1/wms", "WMS"),
        (f"{HOST}/wms?{'a' * 2000}", "WMS"),
        ("javascript:alert(1)//wms", "WMS"),
    ],
)
def test_other_addresses_are_not(url, format_):
    assert service_at(url, format_) is None


def test_one_service_has_one_key_whatever_is_asked_of_it():
    one, other = (
        service_at(f"{HOST}/wms?layers=a", "WMS"),
        service_at("HTTPS://CARTO.example.org/wms?REQUEST=GetMap&LAYERS=b", "WMS"),
    )
    assert one is not None and other is not None
    assert one.key == other.key
    assert one.description_url == f"{HOST}/wms?SERVICE=WMS&REQUEST=GetCapabilities"
