"""Dates, bounding boxes, geometries and URLs; no database needed."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ecosphere.dataset import dates
from ckanext.ecosphere.schemas import licences, places, urls
from ckanext.ecosphere.schemas.importing import addresses
from ckanext.ecosphere.schemas.logic import validators
from ckanext.ecosphere.schemas.tests import samples

SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]


class TestDates:
    @pytest.mark.parametrize(
        ("given", "stored"),
        [
            ("2005", "2005"),
            ("2014-09", "2014-09"),
            ("2014-09-08", "2014-09-08"),
            ("2014-09-08Z", "2014-09-08"),
            ("20201015", "2020-10-15"),
            ("31/12/2020", "2020-12-31"),
            (" 2020-01-02 ", "2020-01-02"),
            ("2020-01-02T00:00:00", "2020-01-02"),
            ("2020-01-02T10:30:15.123Z", "2020-01-02T10:30:15"),
            ("2020-01-02 10:30+02:00", "2020-01-02T10:30:00"),
        ],
    )
    def test_the_spellings_of_records_become_iso(self, given, stored):
        assert dates.parse_moment(given) == stored

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "hier",
            "non renseigné",
            "2023-02-30",
            "2023-13",
            "31/02/2020",
            "0000",
            "20",
            "2020-1-1",
            "12:00",
        ],
    )
    def test_what_is_no_date_is_refused(self, given):
        with pytest.raises(ValueError):
            dates.parse_moment(given)

    @given(st.dates(min_value=dt.date(1000, 1, 1)))
    def test_every_day_survives(self, day):
        assert dates.span(dates.parse_moment(day.isoformat())) == (day, day)
        assert dates.parse_moment(day.strftime("%d/%m/%Y")) == day.isoformat()

    def test_a_year_and_a_month_span_their_days(self):
        assert dates.span("2024") == (dt.date(2024, 1, 1), dt.date(2024, 12, 31))
        assert dates.span("2024-02") == (dt.date(2024, 2, 1), dt.date(2024, 2, 29))


class TestBoxes:
    @pytest.mark.parametrize(
        "given",
        [
            "4.72, 45.61, 6.18, 46.52",
            "4.72;45.61;6.18;46.52",
            "4.72 45.61 6.18 46.52",
            "4,72 45,61 6,18 46,52",
            "4,72 ; 45,61 ; 6,18 ; 46,52",
            [4.72, 45.61, 6.18, 46.52],
            samples.BOX,
        ],
    )
    def test_four_numbers_or_a_polygon_give_the_same_box(self, given):
        assert places.parse_box(given) == samples.BOX
        assert places.parse_box(json.dumps(places.parse_box(given))) == samples.BOX

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ("4, 45, 6", "format"),
            ("a, b, c, d", "format"),
            ("4,72, 45,61, 6,18, 46,52", "format"),
            ("[1, 2]", "format"),
            ([1, 2, None, 4], "format"),
            ([float("nan"), 0, 1, 1], "format"),
            ("842000, 6500000, 900000, 6600000", "world"),
            ("4, 95, 6, 96", "world"),
            ("6, 45, 4, 46", "order"),
            ("4, 46, 6, 45", "order"),
            ({"type": "Point", "coordinates": [1, 2]}, "type"),
        ],
    )
    def test_a_box_that_cannot_be_is_refused_with_its_fault(self, given, reason):
        with pytest.raises(places.GeometryError) as raised:
            places.parse_box(given)
        assert raised.value.reason == reason

    def test_a_box_across_the_date_line_is_cut_in_two(self):
        shape = places.parse_box("179.5, -16, -174, -10")
        assert shape["type"] == "MultiPolygon"
        assert [
            places.geometry_to_box({"type": "Polygon", "coordinates": part})
            for part in shape["coordinates"]
        ] == [
            (179.5, -16, 180, -10),
            (-180, -16, -174, -10),
        ]

    @pytest.mark.slow("random")
    @given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90))
    def test_every_box_of_the_world_survives(self, x1, y1, x2, y2):
        box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        assert places.geometry_to_box(places.box_to_geometry(places.check_box(box))) == box


class TestGeometries:
    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ("{", "format"),
            ("[]", "format"),
            ({"type": "Polygon", "coordinates": "x"}, "format"),
            ({"type": "Polygon", "coordinates": []}, "format"),
            ({"type": "Point", "coordinates": [1]}, "format"),
            ({"type": "Point", "coordinates": ["1", "2"]}, "format"),
            ({"type": "Point", "coordinates": [True, 2]}, "format"),
            ({"type": "GeometryCollection", "coordinates": []}, "type"),
            ({"type": "Point", "coordinates": [181, 0]}, "world"),
            ({"type": "Polygon", "coordinates": [SQUARE[:3]]}, "ring"),
            ({"type": "MultiPoint", "coordinates": [[0, 0]] * (places.MAX_POSITIONS + 1)}, "size"),
        ],
    )
    def test_a_geometry_that_cannot_be_used_is_refused_with_its_fault(self, given, reason):
        with pytest.raises(places.GeometryError) as raised:
            places.parse_geometry(given)
        assert raised.value.reason == reason

    def test_members_that_geojson_does_not_know_are_dropped(self):
        given = {"type": "Polygon", "coordinates": [SQUARE], "onclick": "x"}
        assert places.parse_geometry(given) == {"type": "Polygon", "coordinates": [SQUARE]}

    def test_a_footprint_of_several_places_joins_them(self):
        shape = places.footprint(
            {"territory": ["departement-01", "departement-73", "departement-01"]}
        )
        assert shape is not None
        assert (shape["type"], len(shape["coordinates"])) == ("MultiPolygon", 2)

    def test_a_footprint_prefers_geometry_then_box_then_place(self):
        rows = [
            {"geom": json.dumps({"type": "Point", "coordinates": [1, 2]}), "bbox": "0, 0, 1, 1"},
            {"geom": "broken", "bbox": "2, 2, 3, 3"},
            {"uri": samples.AIN},
            {"text": "nowhere"},
        ]
        shapes = [places.footprint({"spatial_coverage": [row]}) for row in rows]
        assert shapes == [
            {"type": "Point", "coordinates": [1, 2]},
            places.parse_box("2, 2, 3, 3"),
            samples.BOX,
            None,
        ]
        assert places.footprint({}) is None


class TestAddresses:
    @pytest.mark.parametrize(
        "text",
        [
            "https://www.ain.gouv.fr",
            "http://127.0.0.1:8080/a?b=c#d",
            "HTTPS://EXAMPLE.ORG/é",
            "https://ogc.example.org/wms?layers=a,b&bbox={bbox}",
        ],
    )
    def test_web_addresses_pass(self, text):
        assert urls.is_web_address(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            "java\nscript:alert(1)",
            " javascript:alert(1)",
            "\x01javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://example.org/x",
            "//example.org",
            "www.example.org",
            "http:example.org",
            "http://",
            "https:\\\\example.org",
            "https://example.org/<script>",
            'https://example.org/"onclick=x',
            "https://example.org/a b",
            "https://example.org:port/",
            "https://[::1",
            "https://example.org/" + "a" * urls.MAX_LENGTH,
        ],
    )
    def test_what_a_browser_might_run_or_misread_does_not(self, text):
        assert not urls.is_web_address(text)

    def test_ftp_passes_where_it_is_asked_for(self):
        assert urls.is_web_address("ftp://example.org/x.zip", urls.WEB_AND_FTP)

    def test_a_urn_is_an_identifier(self):
        assert urls.is_uri("urn:isogeo:metadata:uuid:1234")
        assert not urls.is_uri("urn:x")
        assert not urls.is_uri("urn:isogeo:a b")


def test_ckans_register_of_licences_says_what_the_vocabulary_says():
    assert licences.REGISTER.read_text(encoding="utf-8") == licences.register_text()


@pytest.mark.parametrize(
    ("said", "address", "expected"),
    [
        (None, "https://x.example.org/a/frayeres.GPKG?v=2", "GeoPackage"),
        (None, "frayeres.gpkg", "GeoPackage"),
        (None, "https://x.example.org/", None),
        (None, "https://x.example.org/frayeres.inconnu", None),
        ("application/geopackage+sqlite3", "https://x.example.org/a.zip", "GeoPackage"),
        ("Maison", "https://x.example.org/a.gpkg", "Maison"),
    ],
)
def test_a_format_is_told_from_the_address(said, address, expected):
    key = ("resources", 0, "format")
    data = {key: said, ("resources", 0, "url"): address}
    validators.ecosphere_guess_format(key, data, {}, {})
    assert data[key] == expected


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (
            "https://www.data.gouv.fr/fr/datasets/zones-humides-1/",
            "/api/1/datasets/zones-humides-1/rdf.ttl",
        ),
        ("https://github.com/MTES-MCT/ecospheres", "/MTES-MCT/ecospheres/HEAD/publiccode.yml"),
        (
            "https://gitlab.example.org/a/b/c.git",
            "https://gitlab.example.org/a/b/c/-/raw/HEAD/publiccode.yml",
        ),
        ("https://x.example.org/dataset/zones", "https://x.example.org/dataset/zones.ttl"),
    ],
)
def test_an_address_of_a_page_or_repository_leads_to_its_description(url, asked):
    assert addresses.target(url).ask[0].endswith(asked)
