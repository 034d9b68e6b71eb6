"""Queries with Solr query syntax, as they are sent to Solr."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.search import query


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ('"zones humides"', '("zones humides"~0 OR ecosphere_words:"zones humides"^3)'),
        # Stop words are not indexed; "trait de côte" has a synonym with as many words.
        (
            '"inventaire des zones"',
            '("inventaire zones"~1 OR ecosphere_words:"inventaire des zones"^3)',
        ),
        ('-"zones humides" ppri', '-("zones humides"~0 OR ecosphere_words:"zones humides"^3) ppri'),
        # Unchanged if the query states a distance between the words.
        ('"zones humides"~5', '"zones humides"~5'),
        ('"de la"', '"de la"'),
        ("frayèr* ain", "(frayer* OR ecosphere_words:frayer*) ain"),
        ("zones -ain", "zones -ain"),
        ('"', '"'),
    ],
)
def test_what_is_typed_is_written_as_the_index_has_it(typed, written):
    assert query.with_phrases(typed) == written


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ('title:"Inventaire des zones"', 'title:"Inventaire zones"~1'),
        ('tags:"trait de côte"', 'tags:"trait de côte"'),
        ('name:x AND "les zones humides"', 'name:x AND "zones humides"~1'),
        (
            'theme:("http://a.example/le-b (c)" OR "la mer")',
            'theme:("http://a.example/le-b (c)" OR "la mer")',
        ),
        ('title:("zones humides" AND "ain")', 'title:("zones humides"~0 AND "ain"~0)'),
    ],
)
def test_phrases_of_fields_with_words_are_written_as_the_index_has_them(typed, written):
    assert query.fielded_with_phrases(typed) == written


def test_slashes_and_lone_signs_are_no_words():
    assert query.without_strays('"a/b" eau/air * où ?') == '"a/b" eau air   où'


def test_only_or_is_a_choice_of_words():
    assert query.is_choice("ppri OR pprt")
    assert not query.is_choice('"zones humides" OR ppri')
    assert not query.is_choice("ppri AND pprt")
    assert not query.is_choice("PLU COTE D OR BEAUNE")
    assert query.minimum_of('"zones humides" OR ppri', "100%") == "1"
    assert query.minimum_of("eau OR air AND bruit", "100%") == "100%"
