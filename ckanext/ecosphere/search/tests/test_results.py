"""Search results: displayed fields, highlighting, and grouping of datasets into one result."""

import pytest

from ckanext.ecosphere.search import page

SERIES = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/series"
DEPARTEMENT = "http://id.insee.fr/geo/departement/"


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        (
            "zones humides",
            "Zone humide de l'Ain",
            "<mark>Zone</mark> <mark>humide</mark> de l&#39;Ain",
        ),
        ("reseaux", "Réseau d'eau", "<mark>Réseau</mark> d&#39;eau"),
        ("l'eau", "Qualité des eaux", "Qualité des <mark>eaux</mark>"),
        ("protégées", "Espaces protégés", "Espaces <mark>protégés</mark>"),
        ("les de la", "La carte des zones", "La carte des zones"),
        ("b script", "<b>script</b>", "&lt;b&gt;<mark>script</mark>&lt;/b&gt;"),
        ("", "Eau & air", "Eau &amp; air"),
        ("œufs", "Œufs", "<mark>Œufs</mark>"),
    ],
)
def test_words_found_are_marked_and_the_rest_is_escaped(query, text, expected):
    assert str(page.mark(text, page.words_of(query))) == expected


def test_an_excerpt_shows_where_a_word_stands():
    text = "Introduction. " * 30 + "Les frayères du Rhône. " + "Suite. " * 60
    words = page.words_of("frayere")
    assert "frayères" in page.excerpt(text, words, 180)
    assert page.excerpt(text, frozenset(), 180).startswith("Introduction")
    assert page.excerpt("Court", words, 180) == "Court"
    assert len(page.excerpt("x" * 500, words, 180)) <= 182


def dataset(name, **fields):
    return {"id": name, "name": name, "title": name, "owner_org": "a", **fields}


def test_a_series_stands_above_its_members():
    members = [dataset("one", in_series=["lot-id"]), dataset("two", in_series=["lot"])]
    lot = dataset("lot", dcat_type=SERIES, metadata_identifier="lot-id")
    found = page.ecosphere_search_grouped([members[0], dataset("other"), lot, members[1]])
    assert [each["name"] for each in found] == ["lot", "other"]
    assert [each["name"] for each in found[0][page.MEMBERS]] == ["one", "two"]


def test_members_without_their_series_stand_under_the_first_of_them():
    found = page.ecosphere_search_grouped(
        [dataset("one", in_series=["lot"]), dataset("two", in_series=["lot"]), dataset("three")]
    )
    assert [each["name"] for each in found] == ["one", "three"]


def test_namesakes_are_one_result_within_one_service_only():
    same = [
        dataset("a", title="Zones"),
        dataset("b", title="zones"),
        dataset("c", title="Zones", owner_org="b"),
    ]
    assert [each["name"] for each in page.ecosphere_search_grouped(same)] == ["a", "c"]


@pytest.mark.parametrize(
    ("territory", "expected"),
    [
        (["01"], "Ain"),
        (["01", "69", "42"], "Ain, Rhône, Loire"),
        ([], ""),
    ],
)
def test_places(territory, expected):
    assert page.places([DEPARTEMENT + code for code in territory], "fr") == expected
