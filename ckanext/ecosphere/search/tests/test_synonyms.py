"""Synonym list: its notation, and its translation for Solr."""

import pytest

from ckanext.ecosphere.search import solr_schema
from ckanext.ecosphere.search.relevance import words


def as_map(*texts):
    lines = [words.parse_line(number, text) for number, text in enumerate(texts, start=1)]
    return solr_schema.solr_map(lines, str.lower)


def test_synonyms_find_each_other():
    assert as_map("A ; b c") == {"a": ["a", "b c"], "b c": ["a", "b c"]}


def test_a_narrow_term_is_found_by_the_broad_one_only():
    assert as_map("ppri > ppr") == {"ppri": ["ppr", "ppri"]}


def test_broader_terms_add_up_through_synonyms():
    mapping = as_map(
        "ppri ; plan inondation", "ppri > pprn", "pprn > ppr", "ppr ; plan de prévention"
    )
    assert mapping["plan inondation"] == [
        "plan de prévention",
        "plan inondation",
        "ppr",
        "ppri",
        "pprn",
    ]
    assert "ppri" not in mapping["ppr"]


def test_lines_that_share_a_term_make_one_set():
    assert as_map("a ; b", "b ; c")["a"] == ["a", "b", "c"]


def test_a_phrase_keeps_the_synonyms_of_the_words_in_it():
    mapping = as_map("azi ; atlas zone inondable", "inondable ; inondation")
    assert mapping["atlas zone inondable"] == [
        "atlas zone inondable",
        "azi",
        "inondable",
        "inondation",
    ]


def test_terms_that_become_the_same_need_no_entry():
    assert as_map("ZAC ; zac") == {}


@pytest.mark.parametrize("text", ["alone", "a >", "> b", ";"])
def test_a_line_that_says_nothing_is_refused(text):
    with pytest.raises(ValueError, match="line 7"):
        words.parse_line(7, text)


def test_the_shipped_list_is_well_formed_and_repeats_no_line():
    lines = [(frozenset(line.terms), line.broader) for line in words.synonym_lines()]
    assert len(lines) == len(set(lines)) > 150
