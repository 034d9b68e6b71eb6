"""Facet values that the index document gets from a dataset."""

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.search import facets, index
from ckanext.ecosphere.shared import reach

RIGHTS = "http://publications.europa.eu/resource/authority/access-right/"
FILE = {"url": "https://data.example/a.zip", "format": "SHP"}
WMS = {"url": "https://data.example/wms", "format": "WMS", "resource_role": "service"}
NOTICE = {"url": "https://data.example/a.pdf", "format": "PDF", "resource_role": "documentation"}
INSIDE = {"url": "https://carto.dreal.i2/a.zip", "format": "SHP"}
PAGE = {"url": "https://data.example/page", "format": "HTML"}


@pytest.mark.parametrize(
    ("rights", "resources", "expected"),
    [
        ("PUBLIC", [FILE, WMS, NOTICE], [reach.DOWNLOAD, reach.SERVICE]),
        ("PUBLIC", [WMS], [reach.SERVICE]),
        ("PUBLIC", [NOTICE], [reach.REQUEST]),
        ("PUBLIC", [PAGE], [reach.REQUEST]),
        ("PUBLIC", [INSIDE], [reach.RESERVED]),
        ("PUBLIC", [INSIDE, FILE], [reach.DOWNLOAD]),
        ("RESTRICTED", [FILE], [reach.RESERVED]),
        ("PUBLIC", [], [reach.REQUEST]),
        ("PUBLIC", [{"url": "http://[", "format": "CSV"}], [reach.DOWNLOAD]),
    ],
)
def test_access(rights, resources, expected):
    assert reach.ways({"access_rights": RIGHTS + rights, "resources": resources}) == expected


def test_formats_come_with_their_families():
    found = index.formats(
        View(
            {"resources": [FILE, {"format": "GeoPackage"}, {"format": "Plan"}, {"format": ""}, {}]}
        )
    )
    assert found == ["formatvecteur", "SHP", "GeoPackage", "Plan"]
    assert facets.ancestors(facets.FORMAT_FIELD, "SHP") == ["formatvecteur"]


@pytest.mark.parametrize(
    ("denominator", "expected"),
    [
        ("2000", "5000"),
        ("5000", "5000"),
        (25000, "25000"),
        ("50000", "100000"),
        ("9000000", "smaller"),
        ("0", None),
    ],
)
def test_scales(denominator, expected):
    assert index.scale_class(View({"scale": denominator}).text("scale")) == expected


@pytest.mark.parametrize("denominator", [None, "", "1/25000", "-1", "nan", "9" * 40])
def test_what_is_no_scale_has_no_class(denominator):
    assert index.scale_class(View({"scale": denominator}).text("scale")) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"modified": "2023-04-01", "issued": "2019"}, "2023"),
        (
            {"temporal_coverage": [{"end": "2015-12-31"}, {"end": "2018"}], "issued": "2020-01-01"},
            "2018",
        ),
        ({"issued": "2020-01-01"}, "2020"),
        ({"modified": "soon", "temporal_coverage": "text"}, None),
        ({}, None),
    ],
)
def test_years(fields, expected):
    assert index.year(View(fields)) == expected


def test_kinds_of_services():
    assert index.service_kind({"name": "ddt-01053-01"}) == "ddt"
    assert index.service_kind({"name": "ville-de-nulle-part"}) == "other"
    assert index.service_kind(None) == "other"


def test_what_covers_a_place_is_itself_and_all_above():
    assert facets.covering("departement-01")[:2] == ["departement-01", "region-ara"]
    assert facets.covering("commune-01053")[:3] == [
        "commune-01053",
        "departement-01",
        "region-ara",
    ]
    assert facets.covering("commune-99999") == facets.covering("atlantis") == []


def test_own_territories_are_those_of_the_dataset_alone():
    commune, departement = (
        "http://id.insee.fr/geo/commune/01053",
        "http://id.insee.fr/geo/departement/69",
    )
    assert index.exact_territories(View({"territory": [commune, departement, "http://x"]})) == [
        "commune-01053",
        "departement-69",
    ]


def test_every_kind_and_format_of_the_registry_has_a_class():
    assert {str(each.data["kind"]) for each in voc.get("format")} <= set(reach._families())
    kinds = {str(each.data["kind"]) for each in voc.get("organisations") if each.data["kind"]}
    assert kinds <= set(index._service_kinds())


def test_the_table_names_fields_and_lists_that_exist():
    for facet in facets.table().values():
        assert facet.order in {"count", "list", "latest"}
        assert not facet.vocabulary or facet.vocabulary in voc.names()
        assert facet.order != "list" or facet.vocabulary
