"""What a link is: one answer for the harvest, the page, the badge and the previews."""

from __future__ import annotations

import re

import pytest

from ckanext.ecosphere.dataset import links, services
from ckanext.ecosphere.dataset.links import Link
from ckanext.ecosphere.harvest.normalise.texts import is_intranet
from ckanext.ecosphere.quality.core import distributions
from ckanext.ecosphere.quality.core.distributions import Record
from ckanext.ecosphere.schemas import page
from ckanext.ecosphere.shared import reach
from ckanext.ecosphere.vocabularies import tables

HOST = "https://carto.example.org"


@pytest.mark.parametrize("table", sorted(path.name for path in links.FOLDER.glob("*.csv")))
def test_a_comma_in_a_pattern_does_not_cut_it(table: str):
    for row in tables.rows(links.FOLDER / table):
        assert None not in row, row
        assert None not in row.values(), row
        re.compile(row.get("pattern", ""))


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("SHP", "SHP"),
        ("ESRI Shapefile", "SHP"),
        ("Shape (ESRI)", "SHP"),
        (".gpkg", "GeoPackage"),
        ("text/csv; charset=utf-8", "CSV"),
        ("https://www.iana.org/assignments/media-types/text/csv", "CSV"),
        ("http://publications.europa.eu/resource/authority/file-type/CSV", "CSV"),
        ("text/plain", "TXT"),
        ("application/atom+xml", "Atom Feed"),
        ("OGC:WFS-1.1.0-http-get-capabilities", "WFS"),
        ("TAB", "MapInfo"),
        ("gml3", "GML"),
        ("shape-zip", "SHP"),
        ("Maison", None),
        ("", None),
    ],
)
def test_a_format_is_named(text: str, id_: str | None):
    concept = links.format_named(text)
    assert (concept.id if concept else None) == id_


def test_only_a_name_that_is_a_format_calls_it():
    assert links.format_called("GeoJSON") is not None
    assert links.format_called("Export GeoJSON des zones") is None


#: Resources without a stated role → kind, format, and kind of service that is read.
SHOWN = [
    ({"url": f"{HOST}/wfs"}, "service", "WFS", "wfs"),
    ({"url": f"{HOST}/cgi-bin/mapservwfs", "format": "HTML"}, "service", "WFS", "wfs"),
    ({"url": f"{HOST}/rss/atomfeed/atomdataset/1"}, "service", "Atom Feed", "atom"),
    ({"url": "https://data.geopf.fr/telechargement/resource/RPG"}, "service", "Atom Feed", "atom"),
    ({"url": f"{HOST}/sparql"}, "service", "SPARQL", None),
    ({"url": f"{HOST}/sparql?query=SELECT", "format": "CSV"}, "data", "CSV", None),
    ({"url": f"{HOST}/ogcapi/collections/zh/items"}, "data", "GeoJSON", "ogcapi"),
    (
        {"url": f"{HOST}/wcs?service=WCS&request=GetCoverage&coverageId=a&format=image/tiff"},
        "data",
        "TIFF",
        "wcs",
    ),
    ({"url": f"{HOST}/collections/estampes"}, "data", None, None),
    ({"url": f"{HOST}/walonmap/#ADU=https://a.be/rest/services/X/MapServer"}, "viewer", None, None),
    (
        {"url": f"{HOST}/geonetwork/srv/fre/resources.get?uuid=1&fname=zones.zip"},
        "data",
        "ZIP",
        None,
    ),
    ({"url": f"{HOST}/doc.pdf"}, "documentation", "PDF", None),
    ({"url": f"{HOST}/export?f=geojson"}, "data", "GeoJSON", None),
    ({"url": f"{HOST}/exports/geojson", "format": "JSON"}, "data", "GeoJSON", None),
    ({"url": f"{HOST}/releve.tab"}, "data", "MapInfo", None),
    ({"url": f"{HOST}/mnt.txt", "mimetype": "text/plain"}, "documentation", "TXT", None),
]


@pytest.mark.parametrize(("resource", "kind", "format_", "service"), SHOWN)
def test_page_badge_and_previews_agree(
    resource: dict[str, str], kind: str, format_: str | None, service: str | None
):
    use = page.use_of(resource)
    record = Record(resource)
    known = record.format
    found = services.service_at(resource["url"], resource.get("format", ""))
    assert (use.kind, use.format or None) == (kind, format_)
    assert (distributions.role(record) == "service", known.code if known else None) == (
        kind == "service",
        format_,
    )
    assert (found.kind if found else None) == service


@pytest.mark.parametrize(
    ("url", "role", "kind"),
    [
        ("/wms?service=WMS&request=GetMap&layers=a", "service", "service"),
        ("/wms?service=WMS&request=GetMap&layers=a", "", "sample"),
        ("/wfs", "documentation", "service"),
        ("/zones.zip", "documentation", "documentation"),
        ("/lizmap/index.php", "service", "viewer"),
    ],
)
def test_a_stated_role_counts_unless_the_url_is_conclusive(url: str, role: str, kind: str):
    assert links.nature({"url": HOST + url, "resource_role": role}).kind == kind


@pytest.mark.parametrize(
    ("link", "protocol", "role"),
    [
        (Link(f"{HOST}/wcs?service=WCS&request=GetCoverage", "OGC:WCS"), "OGC:WCS", "data"),
        (Link(f"{HOST}/ogcapi/collections/zh/items"), "OGC:API-FEATURES", "data"),
        (Link(f"{HOST}/rest/services/eau/FeatureServer/0/query?f=geojson"), "ESRI:REST", "data"),
        (Link(f"{HOST}/cgi-bin/mapservwfs", "WWW:LINK"), "OGC:WFS", "service"),
        (Link(f"{HOST}/page"), "HTTP", "documentation"),
    ],
)
def test_a_link_of_a_record(link: Link, protocol: str, role: str):
    sign = links.sign_of(link)
    spoken = links.protocol_spoken(link, sign)
    assert (spoken, links.role_of(link, spoken, sign.use)) == (protocol, role)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("atom.geo-ide.e2.rie.gouv.fr", True),
        ("serveur.cete.i2", True),
        ("pc.localdomain", True),
        ("serveur", True),
        ("10.0.0.1", True),
        ("fc00::1", True),
        ("www.ecologie.gouv.fr", False),
        ("84.39.32.245", False),
    ],
)
def test_one_host_is_internal_for_all(host: str, inside: bool):
    url = f"https://[{host}]/x.csv" if ":" in host else f"https://{host}/x.csv"
    resource = {"url": url, "format": "CSV", "resource_role": "data"}
    assert is_intranet(host) is inside
    assert links.is_internal(resource) is inside
    assert distributions.is_public_address(url) is not inside
    assert (reach.RESERVED in reach.formats_by_way({"resources": [resource]})) is inside


def test_a_service_keeps_what_is_not_a_request():
    url = f"{HOST}/wxs?map=/a.map&SERVICE=WMS&REQUEST=GetMap&LAYERS=b&token#x"
    assert services.endpoint(url) == f"{HOST}/wxs?map=/a.map&token="
    assert (
        services.capabilities(url, "OGC:WMS")
        == f"{HOST}/wxs?map=/a.map&token=&SERVICE=WMS&REQUEST=GetCapabilities"
    )


@pytest.mark.parametrize(
    "url", ["https://[::1", "", "javascript:alert(1)", "x" * 10_000, "http://a.fr:b/c"]
)
def test_odd_urls_have_an_answer(url: str):
    assert links.nature({"url": url}).kind == "data"
    assert services.service_at(url, "WMS") is None
    assert services.endpoint(url) is not None
    assert not links.is_internal({"url": url})
