"""Missing subjects: which units can be missing, how they are quoted, table names, distances."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.search import boxes, page
from ckanext.ecosphere.search.relevance import search
from ckanext.ecosphere.search.relevance.solr import fits, parameters
from ckanext.ecosphere.search.relevance.understanding import AROUND, understand


class Nothing:
    """An index without datasets."""

    def count(self, question):
        """Return that nothing is found."""
        return 0

    def count_at_once(self, questions):
        """Count nothing in advance."""


@pytest.mark.parametrize(
    ("question", "words", "place"),
    [
        ("restriction d'eau Tarn", ["restriction d'eau"], "Tarn"),
        ("Tarn : Restriction d’eau", ["Restriction d’eau"], "Tarn"),
        ("défrichement dax", ["défrichement"], "Dax – Landes"),
        ("lichens", ["lichens"], ""),
        ("CADASTRE", ["CADASTRE"], ""),
        ("égout tarn", [], "Tarn"),
        ("N_ZONE_REG_PPRI_S_017", [], ""),
        ("données 2019 Tarn", [], "Tarn"),
    ],
)
def test_subjects_are_quoted_as_typed_and_everyday_words_are_none(question, words, place):
    found = search.missing_subjects(understand(question), Nothing(), [])
    assert [each["words"] for each in found] == words
    assert {each["place"] for each in found} <= {place}


def test_a_subject_shown_on_the_page_is_not_missing():
    shown = [{"title": "Zones d'alerte", "tags": [{"display_name": "Restrictions d'eau"}]}]
    assert search.missing_subjects(understand("restriction d'eau Tarn"), Nothing(), shown) == []


def test_what_a_dataset_is_about_is_its_title_and_keywords_without_everyday_words():
    question = understand("défrichement dax").question
    about, mentioned, anywhere = search._queries(question.units[0], question)
    query = parameters(about, minimum="1", year=None)["q"]
    assert query == "(title:(défrichement) OR ecosphere_tags:(défrichement))"
    assert parameters(mentioned, minimum="1", year=None)["q"] == "défrichement"
    assert (about.place, anywhere.place) == (question.place, None)


def test_elsewhere_comes_by_distance():
    question = understand("restriction d'eau Tarn", place=AROUND).question
    assert not question.strict
    weights = {value: weight for weight, _field, value in fits(question)}
    order = [
        "departement-81",
        "departement-12",
        "departement-31",
        "departement-45",
        "departement-59",
    ]
    assert sorted(order, key=lambda each: -weights[each]) == order
    distances = dict(boxes.distances("departement-75"))
    assert distances["departement-13"] == pytest.approx(640, abs=30)


@pytest.mark.parametrize(
    ("title", "readable"),
    [
        ("N_DFCI_PISTE_L_040", "DFCI piste – Landes"),
        ("N_ZONE_HUMIDE_S_044", "Zone humide – Loire-Atlantique"),
        ("TRAIT_COTE_L", "Trait de côte"),
        ("Zones humides", ""),
        ("Fichier N_ZONE_HUMIDE_S_044", ""),
    ],
)
def test_the_name_of_a_table_is_readable(title, readable):
    assert page._readable(title) == readable
