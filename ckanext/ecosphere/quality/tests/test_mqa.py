"""European metadata quality assessment (MQA): published weights,
and three datasets calculated by hand.
"""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.quality.core.criteria import State
from ckanext.ecosphere.quality.core.facts import Checks, gather
from ckanext.ecosphere.quality.core.inspire import (
    DIMENSION_LABELS,
    INDICATORS,
    MAXIMUM,
    assess,
    maximum,
    rating,
)
from ckanext.ecosphere.quality.tests.cases import EU, OK, dataset, resource

URL = "https://data.example.org/zones.gpkg"


def test_weights_are_the_published_ones():
    assert MAXIMUM == 405
    assert [maximum(dimension) for dimension in DIMENSION_LABELS] == [100, 100, 110, 75, 20]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (405, "excellent"), (351, "excellent"), (350, "good"), (221, "good"),
        (220, "sufficient"), (121, "sufficient"), (120, "bad"), (0, "bad"),
    ],
)  # fmt: skip
def test_ratings_begin_where_they_are_published_to(points: int, expected: str):
    assert rating(points) == expected


def by_dimension(data: dict[str, Any], checks: Checks | None = None) -> list[int]:
    found = assess(gather(data, checks))
    assert found.points() == sum(found.points(dimension) for dimension in DIMENSION_LABELS)
    return [found.points(dimension) for dimension in DIMENSION_LABELS]


def test_an_empty_dataset_has_nothing():
    assert by_dimension({"title": "Zones"}) == [0, 0, 0, 0, 0]


def test_a_perfect_dataset_has_everything():
    perfect = resource(
        mimetype="application/geopackage+sqlite3",
        download_url=URL,
        rights="Libre",
        size=1024,
        license=f"{EU}/licence/CC0",
    )
    assert by_dimension(dataset(resources=[perfect]), Checks(links=OK)) == [
        100,
        100,
        110,
        75,
        20,
    ]


def test_a_typical_harvested_dataset():
    """Keywords 30, box 20; nothing checked; SHP named without media type: format 20,
    machine-readable 20; licence 20+10, contact 20, organisation as publisher 10; date of
    modification 5.
    """
    typical = {
        "title": "Plan de prévention",
        "tags": [{"name": "risque"}],
        "spatial": '{"type": "Polygon", "coordinates": []}',
        "license_id": "etalab-2.0",
        "contact": [{"name": "DDT", "email": "ddt@example.org"}],
        "owner_org": "ddt",
        "modified": "2020-01-01",
        "resources": [{"url": "https://x.org/a.zip", "format": "SHP"}],
    }
    assert by_dimension(typical) == [50, 0, 40, 60, 5]


def test_a_dataset_with_a_broken_download():
    """Keywords 30, theme 30; the page of the data answers: 50, a download is declared: 20, and
    broken: 0; CSV with its media type: 20+10+10+20+20, compliant 30; licence 20+10, access rights
    10+5, publisher 10, no contact; file size 5, date of issue 5, date of modification of the file
    5: 310 in all, good.
    """
    page, download = "https://data.example.org/zones", "https://data.example.org/zones.csv"
    table = {
        "title": "Zones humides",
        "notes": "Description",
        "tags": [{"name": "eau"}],
        "theme": ["eau"],
        "license_id": "etalab-2.0",
        "access_rights": f"{EU}/access-right/PUBLIC",
        "publisher": [{"name": "DDT"}],
        "issued": "2020-01-01",
        "resources": [
            {
                "url": page,
                "access_url": page,
                "download_url": download,
                "format": "CSV",
                "mimetype": "text/csv",
                "size": 2048,
                "modified": "2021-01-01",
            },
            {"url": page, "format": "HTML"},
        ],
    }
    checks = Checks(links={page: True, download: False})
    assert by_dimension(table, checks) == [60, 70, 110, 55, 15]
    assert rating(310) == "good"


def test_the_best_distribution_counts_for_interoperability():
    """PDF: format 20 + media type 10 + vocabularies 10 + open 20 = 60; CSV without media type: 20 +
    20 + 20 = 60 too; CSV with media type: 80 in all.
    """
    pdf = {"url": "https://x.org/a.pdf", "format": "PDF", "mimetype": "application/pdf"}
    csv = {"url": "https://x.org/a.csv", "format": "CSV", "mimetype": "text/csv"}
    assert by_dimension({"resources": [pdf]})[2] == 60
    assert by_dimension({"resources": [{**csv, "mimetype": ""}]})[2] == 60
    assert by_dimension({"resources": [pdf, csv]})[2] == 80
    assert by_dimension({"resources": [csv, pdf]})[2] == 80


#: Indicator → (expected state, changes to the complete dataset, checks): passing, failing and
#: unknown.
INDICATOR_CASES: dict[str, list[tuple[str, dict[str, Any], Checks]]] = {
    "keyword": [("pass", {}, Checks()), ("fail", {"tags": []}, Checks())],
    "theme": [
        ("pass", {}, Checks()), ("pass", {"theme": None, "eu_theme": ["ENVI"]}, Checks()),
        ("fail", {"theme": None}, Checks()),
    ],
    "spatial": [("pass", {}, Checks()), ("fail", {"territory": None}, Checks())],
    "temporal": [("pass", {}, Checks()), ("fail", {"temporal_coverage": None}, Checks())],
    "access_url_answers": [
        ("pass", {}, Checks(links=OK)), ("fail", {}, Checks(links={URL: False})), ("unknown", {}, Checks()),
        ("fail", {"resources": []}, Checks()),
    ],
    "download_url": [("pass", {"resources": [resource(download_url=URL)]}, Checks()), ("fail", {}, Checks())],
    "download_url_answers": [
        ("pass", {"resources": [resource(download_url=URL)]}, Checks(links=OK)),
        ("fail", {"resources": [resource(download_url=URL)]}, Checks(links={URL: False})),
        ("unknown", {"resources": [resource(download_url=URL)]}, Checks()), ("fail", {}, Checks()),
    ],
    "format": [("pass", {}, Checks()), ("fail", {"resources": [resource(format="")]}, Checks())],
    "media_type": [("pass", {"resources": [resource(mimetype="text/csv")]}, Checks()), ("fail", {}, Checks())],
    "vocabulary": [
        ("pass", {"resources": [resource(format="CSV", mimetype="text/csv")]}, Checks()),
        ("fail", {"resources": [resource(format="CSV", mimetype="x/y")]}, Checks()),
    ],
    "non_proprietary": [("pass", {}, Checks()), ("fail", {"resources": [resource(format="SHP")]}, Checks())],
    "machine_readable": [("pass", {}, Checks()), ("fail", {"resources": [resource(format="PDF")]}, Checks())],
    "dcat_ap": [
        ("pass", {}, Checks()),
        ("fail", {"notes": ""}, Checks()), ("fail", {"resources": [resource(url="")]}, Checks()),
    ],
    "licence": [("pass", {}, Checks()), ("fail", {"license_id": "notspecified"}, Checks())],
    "licence_vocabulary": [("pass", {}, Checks()), ("fail", {"license_id": "other-open"}, Checks())],
    "access_rights": [("pass", {}, Checks()), ("fail", {"access_rights": None}, Checks())],
    "access_rights_vocabulary": [("pass", {}, Checks()), ("fail", {"access_rights": "public à tous"}, Checks())],
    "contact_point": [("pass", {}, Checks()), ("fail", {"contact": None}, Checks())],
    "publisher": [("pass", {}, Checks()), ("fail", {"owner_org": None}, Checks())],
    "rights": [("pass", {"resources": [resource(rights="Libre")]}, Checks()), ("fail", {}, Checks())],
    "byte_size": [("pass", {"resources": [resource(size=12)]}, Checks()), ("fail", {}, Checks())],
    "issued": [("pass", {}, Checks()), ("fail", {"issued": None}, Checks())],
    "modified": [("pass", {}, Checks()), ("fail", {"modified": None}, Checks())],
}  # fmt: skip


def test_every_indicator_has_its_cases():
    assert list(INDICATOR_CASES) == [indicator.id for indicator in INDICATORS]


@pytest.mark.parametrize("name", INDICATOR_CASES)
def test_an_indicator_answers(name: str):
    for state, changes, checks in INDICATOR_CASES[name]:
        states = {
            indicator.id: found
            for indicator, found in assess(gather(dataset(**changes), checks)).states
        }
        assert states[name] is State(state), (state, changes)
