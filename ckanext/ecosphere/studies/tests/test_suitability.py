"""Suitability: the weakest property of a dataset decides,
and what is unknown is never taken for good.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.studies import frames, suitability
from ckanext.ecosphere.studies.content import ContentError

TODAY = date(2026, 11, 30)
WFS = {"url": "https://data.example.org/wfs?service=WFS", "format": "WFS"}
WMS = {"url": "https://data.example.org/wms?service=WMS", "format": "WMS"}
TABLE = {"url": "https://data.example.org/communes.csv", "format": "CSV"}
PAGE = {"url": "https://data.example.org/about.html", "format": "HTML"}
GOOD: dict[str, Any] = {
    "title": "Zones",
    "license_id": "etalab-2.0",
    "modified": "2026-03-01",
    "scale_denominator": "5000",
    "spatial_representation": [
        "http://inspire.ec.europa.eu/metadata-codelist/SpatialRepresentationType/vector"
    ],
    "resources": [WFS],
}


def score(use: str, **changes: Any) -> tuple[int, str]:
    points, code, params = suitability.score(View({**GOOD, **changes}), use, TODAY)
    for language in ("fr", "en"):
        sentence = suitability.sentence(code, params, language)
        assert sentence and "{" not in sentence
    return points, code


def test_there_are_kinds_of_use_for_all_needs():
    uses = suitability.uses()
    assert len(uses) >= 12
    assert {need.use for need in frames.needs().values()} == set(uses)
    for id_, use in uses.items():
        assert set(use["label"]) == set(use["fits"]) == {"fr", "en"}
        assert all(set(limit["text"]) == {"fr", "en"} for limit in use["limits"]), id_
        assert len({limit["id"] for limit in use["limits"]}) == len(use["limits"]), id_


@pytest.mark.parametrize("use", suitability.uses())
def test_a_precise_recent_open_dataset_suits_each_use(use: str):
    assert score(use) == (5, f"{use}.fits")


@pytest.mark.parametrize(
    ("use", "changes", "points", "code"),
    [
        ("parcel", {"scale_denominator": "100000"}, 1, "parcel.coarse"),
        ("parcel", {"scale_denominator": "25000"}, 2, "parcel.medium"),
        ("parcel", {"scale_denominator": ""}, 2, "parcel.unknown-scale"),
        ("parcel", {"scale_denominator": ["25000", "2000"]}, 5, "parcel.fits"),
        ("parcel", {"resources": [TABLE], "spatial_representation": []}, 0, "parcel.table"),
        ("parcel", {"modified": "2010"}, 3, "parcel.old"),
        ("zoning", {"modified": ""}, 3, "zoning.unknown-age"),
        ("zoning", {"modified": "not a date"}, 3, "zoning.unknown-age"),
        ("inventory", {"modified": "2014-05-01"}, 2, "inventory.old-records"),
        ("projects", {"modified": "2025-06-01"}, 3, "projects.ageing"),
        ("projects", {"modified": "2030-01-01"}, 5, "projects.fits"),
        ("background", {"resources": [WMS]}, 3, "background.view-only"),
        ("background", {"license_id": "notspecified"}, 4, "background.closed"),
        ("measurements", {"resources": [PAGE]}, 2, "measurements.no-data"),
        (
            "relief",
            {"scale_denominator": "", "spatial_resolution_in_meters": "25"},
            2,
            "relief.coarse-grid",
        ),
    ],
)
def test_the_weakest_property_decides(use: str, changes: dict[str, Any], points: int, code: str):
    assert score(use, **changes) == (points, code)


def test_of_equal_limits_the_first_gives_the_sentence():
    assert score("zoning", modified="2001", resources=[WMS]) == (3, "zoning.old")


def test_numbers_of_sentences_are_written_as_in_french():
    points, code, params = suitability.score(
        View({**GOOD, "scale_denominator": "25000"}), "parcel", TODAY
    )
    assert (points, params["scale"], params["age"]) == (2, 25000, 0)
    assert "1/25\u00a0000" in suitability.sentence(code, params, "fr")


@pytest.mark.parametrize("use", suitability.uses())
def test_a_dataset_of_which_nothing_is_known_is_never_made_for_a_use(use: str):
    points, _code, _params = suitability.score(View({}), use, TODAY)
    assert points < 5


@pytest.mark.parametrize(
    "odd",
    [
        {"scale_denominator": "-5"},
        {"scale_denominator": "1e400"},
        {"scale_denominator": "nan"},
        {"spatial_resolution_in_meters": "ten"},
        {"modified": ["2020", 3]},
        {"resources": "none"},
        {"spatial_representation": [None, {}]},
    ],
)
def test_odd_values_are_unknown(odd: dict[str, Any]):
    for use in suitability.uses():
        assert 0 <= suitability.score(View({**GOOD, **odd}), use, TODAY)[0] <= 5


def test_an_unknown_use_is_an_error():
    with pytest.raises(KeyError):
        suitability.score(View(GOOD), "decoration", TODAY)


LIMIT: dict[str, Any] = {
    "id": "a",
    "at_most": 2,
    "when": {"age_over": 3},
    "text": {"fr": "a", "en": "a"},
}


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ({**LIMIT, "at_most": 5}, "number"),
        ({**LIMIT, "when": {"colour": "red"}}, "unknown-key"),
        ({**LIMIT, "when": {}}, "missing"),
        ({**LIMIT, "when": {"representation": ["cube"]}}, "choice"),
        ({**LIMIT, "text": {"fr": "au 1/{scale}"}}, "template"),
        ({**LIMIT, "text": {"fr": "{age.__class__}"}}, "template"),
        ({**LIMIT, "text": {"en": "a"}}, "missing"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(
    limit: Any, code: str, monkeypatch: pytest.MonkeyPatch
):
    table = {"uses": {"parcel": {"label": {"fr": "a"}, "fits": {"fr": "a"}, "limits": [limit]}}}
    monkeypatch.setattr(suitability, "load", lambda _path: table)
    suitability.uses.cache_clear()
    try:
        with pytest.raises(ContentError) as error:
            suitability.uses()
    finally:
        monkeypatch.undo()
        suitability.uses.cache_clear()
    assert code in [problem.code for problem in error.value.problems]
