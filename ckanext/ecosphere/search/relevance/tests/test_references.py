"""Reference numbers in queries, such as articles of law, instead of words."""

from __future__ import annotations

import csv

import pytest

from ckanext.ecosphere.search.relevance import understanding
from ckanext.ecosphere.search.relevance.understanding import understand
from ckanext.ecosphere.search.relevance.words import DATA


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("2AU", "PLU"),
        ("2au zones Ain", "PLU"),
        ("zone 1AUx", "PLU"),
        ("zone A et N Mayenne", "PLU"),
        ("secteur Ub", "PLU"),
        ("rubrique 3.3.1.0", "zone humide"),
        ("3.1.5.0", "frayère"),
        ("2.2.3.0", "rejet"),
        ("rubrique 2510", "carrière"),
        ("ICPE 1510", "ICPE"),
        ("rubrique 2102", "élevage"),
        ("article L. 211-1", "zone humide"),
        ("art. L411-2 du code de l'environnement", "espèce protégée"),
        ("L. 562-1", "PPRI"),
        # The same number exists in two codes of law.
        ("défrichement L341-1 code forestier", "défrichement"),
        ("L. 341-10 du code de l'environnement", "site classé"),
        ("L. 151-19", "PLU"),
        ("R. 214-1", "loi sur l'eau"),
        ("R.571-38", "classement sonore"),
        ("L1331-10 du code de la santé publique", "assainissement"),
        ("article R.1321-6", "captage"),
        ("L. 2224-10", "zonage d'assainissement"),
        ("directive 92/43/CEE", "habitats"),
        ("2007/60", "inondation"),
        ("AC1", "servitude d'utilité publique"),
        ("servitude EL7", "servitude d'utilité publique"),
        ("natura FR8201696", "Natura 2000"),
        ("N2000", "Natura 2000"),
        ("ZNIEFF 310013726", "ZNIEFF"),
        ("FRGG110", "eau souterraine"),
        ("FRHR12", "masse d'eau"),
        ("ROE 12345", "obstacle à l'écoulement"),
        ("Q100", "crue"),
        ("RN 88", "route"),
    ],
)
def test_a_reference_stands_for_what_it_is_about(question, about):
    _rest, units = understanding.take_references(question)
    assert [unit.others[0] for unit in units] == [about]


@pytest.mark.parametrize(
    "question",
    [
        "natura 2000",
        "zone à risque",
        "zones humides",
        "plu 44143",
        "PM10",
        "PM2.5",
        "zone 30",
        "icpe 62100",
        "D214",
        "article L. 9999-1",
        "D. 9999-9",
    ],
)
def test_other_numbers_stay_words(question):
    _rest, units = understanding.take_references(question)
    assert all(unit.weak for unit in units)


def test_years_and_roads_weigh_beside_a_subject_only():
    units = understand("plu 2023 ain").question.units
    assert [(unit.text, unit.weak) for unit in units] == [("plu", False), ("2023", True)]
    assert not understand("A75").question.units[0].weak


def test_many_references_are_bounded():
    _rest, units = understanding.take_references("3.3.1.0 " * 500)
    assert len(units) == understanding.MOST_REFERENCES


def test_each_row_of_the_table_has_a_kind_that_is_read():
    with (DATA / "references.csv").open(encoding="utf-8", newline="") as file:
        kinds = {
            row["kind"] for row in csv.DictReader(line for line in file if not line.startswith("#"))
        }
    assert kinds == set(understanding._PATTERNS)


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("zones humides à 5 km de Rodez", "zones humides de Rodez"),
        ("ICPE dans un rayon de 300 m autour de Nantes", "ICPE de Nantes"),
        ("carrières à moins de 1,5 km d'Agen", "carrières d'Agen"),
        ("éoliennes 20 km autour de Brest", "éoliennes de Brest"),
        ("monuments historiques a moins de 500 metres du bourg", "monuments historiques du bourg"),
        # Not about a distance from a place.
        ("MNT à 5 m de résolution Cantal", "MNT à 5 m de résolution Cantal"),
        ("bande des 100 m", "bande des 100 m"),
        ("RGE Alti 5 m", "RGE Alti 5 m"),
    ],
)
def test_a_distance_says_nothing_of_what_is_looked_for(question, left):
    assert " ".join(understanding.take_references(question)[0].split()) == left
