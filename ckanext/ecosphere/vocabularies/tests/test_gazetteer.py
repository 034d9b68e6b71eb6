"""Gazetteer: names of places, and the places that contain them."""

from __future__ import annotations

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import epcis, gazetteer


@pytest.mark.parametrize(
    "name", ["nantes", "44000", "44109", "loire atlantique", "44", "2a", "alsace", "beauce", "idf"]
)
def test_names_and_codes_are_known(name):
    assert gazetteer.named(name)


def test_namesakes_come_by_weight():
    assert [each.title for each in gazetteer.named("saint nazaire")[:2]] == [
        "Saint-Nazaire – Loire-Atlantique",
        "Saint-Nazaire – Pyrénées-Orientales",
    ]


def test_a_commune_lies_in_its_intercommunality_departement_region_and_country():
    (nantes,) = gazetteer.named("nantes")
    assert nantes.around[:3] == ("epci-244400404", "departement-44", "region-pdl")
    assert "zone-maritime-fx-atl" in nantes.around
    assert nantes.around[-2:] == gazetteer.COUNTRIES


def test_a_dataset_lies_in_all_that_contains_its_places_but_the_country_and_the_sea():
    assert gazetteer.inside(("commune-44143",)) == (
        "commune-44143",
        "epci-244400404",
        "departement-44",
        "region-pdl",
    )
    assert gazetteer.inside(("pays-fra", "nothing")) == ("pays-fra", "nothing")


def test_a_title_names_communes_of_its_departement_only():
    title = "PLU de Nantes, de Saint-Herblain et de Rennes"
    assert [each.name for each in gazetteer.communes_in(title, ("44",))] == [
        "Nantes",
        "Saint-Herblain",
    ]
    assert gazetteer.communes_in("Zones humides de la Loire-Atlantique", ("44",)) == ()
    assert gazetteer.communes_in("Zones humides du Territoire de Belfort", ("90",)) == ()
    assert [
        each.name
        for each in gazetteer.communes_in("PLU de Belfort (Territoire de Belfort)", ("90",))
    ] == ["Belfort"]


def test_words_of_a_title_are_not_communes_without_a_word_that_says_so():
    # Mer and Forges are communes, but "Mer" on its own means the sea.
    assert gazetteer.communes_in("Mer et littoral", ("41",)) == ()
    assert [each.name for each in gazetteer.communes_in("Carte communale de Mer", ("41",))] == [
        "Mer"
    ]


def test_every_place_named_in_the_files_exists():
    for name in gazetteer._names():
        assert gazetteer.named(name)


@pytest.mark.parametrize("text", ["244400404", "Nantes Métropole", "nantes metropole"])
def test_an_intercommunality_is_known_by_code_and_name(text):
    assert [each.code for each in epcis.epcis_like(text)] == ["244400404"]


def test_an_intercommunality_is_known_without_its_kind_and_by_some_words():
    assert [each.code for each in epcis.epcis_like("Sauldre et Sologne")] == ["200000933"]
    found = epcis.epcis_like("vallée")
    assert len(found) > 1 and found[0].population >= found[-1].population
    assert epcis.epcis_like("") == epcis.epcis_like("nulle part du tout") == []


def test_each_adjective_stands_for_a_place():
    adjectives = [row["demonym"].split("|")[0] for row in gazetteer.rows("demonyms.csv")]
    assert len(adjectives) > 100
    assert [each for each in adjectives if not gazetteer.named(voc.normalise(each))] == []
    assert [place.label for place in gazetteer.named("lilloises")] == ["Lille"]
