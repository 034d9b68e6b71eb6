"""Words of a query that are counted when it finds nothing."""

import pytest

from ckanext.ecosphere.search.unfound import LONGEST_WORDS, anonymous_words


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Éoliennes d'Île-de-France", "eoliennes d ile de france"),
        ("zones humides 44000 natura 2000 1AU", "zones humides 44000 natura 2000 1au"),
        ("jean.dupont@exemple.fr plan", "plan"),
        ("appelez le 06 12 34 56 78", "appelez le"),
        ("+33 (0)6.12.34.56.78 eau", "eau"),
        ("1 85 05 78 006 084 36 sécu", "secu"),
        ("siret 13001536500013", "siret"),
        ("a@b", ""),
        ("eé", ""),
        ("", ""),
    ],
)
def test_words_are_folded_and_what_names_a_person_is_left_out(typed: str, kept: str):
    assert anonymous_words(typed) == kept


def test_long_queries_are_cut_and_take_no_time():
    assert len(anonymous_words("mot " * 5_000)) <= LONGEST_WORDS
    assert anonymous_words("1" * 100_000) == anonymous_words("@" * 100_000) == ""
