"""Conditions in queries beside subject and place: formats, years, an organisation."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.search import query
from ckanext.ecosphere.search.relevance import spelling, understanding, words
from ckanext.ecosphere.search.relevance.solr import parameters
from ckanext.ecosphere.search.relevance.understanding import understand


def boost(question: str) -> str:
    return parameters(understand(question).question, minimum="1", year=2026)["boost"]


@pytest.mark.parametrize(
    ("question", "period"),
    [
        ("zones humides 2015-2020 gironde", (2015, 2020)),
        ("zones humides de 2015 à 2020", (2015, 2020)),
        ("zones humides entre 2020 et 2015", (2015, 2020)),
        ("trafic depuis 2020", (2020, understanding.LATEST)),
        ("trafic à partir de 2020", (2020, understanding.LATEST)),
        ("zones humides avant 2015", (understanding.EARLIEST, 2014)),
        ("zones humides jusqu'en 2015", (understanding.EARLIEST, 2015)),
        ("wetlands from 2015 to 2020", (2015, 2020)),
    ],
)
def test_several_years_are_a_period_and_no_words(question, period):
    understood = understand(question).question
    assert understood.period == period
    assert len(understood.units) == 1


@pytest.mark.parametrize(
    "question", ["trafic 2019", "natura 2000", "plu 44143", "natura 2000 et 2010", "RD 2000"]
)
def test_one_year_and_other_numbers_are_no_period(question):
    assert understand(question).question.period is None


def test_years_weigh_by_the_title_first_and_are_bounded():
    assert "termfreq(title,'2019')" in boost("trafic 2019")
    assert boost("trafic depuis 1950").count("termfreq(title,") == 12
    assert "termfreq(title,'2014')" in boost("trafic avant 2015")
    assert "'2027'" not in boost("trafic 2022-2040")


@pytest.mark.parametrize(
    ("question", "formats"),
    [
        ("ppri oise shapefile", ("SHP",)),
        ("zones humides gpkg", ("GeoPackage",)),
        ("trafic csv", ("CSV",)),
        ("flux wfs zones humides", ("WFS",)),
        ("fichier des sites classés", ()),
        ("données SIG info", ()),
    ],
)
def test_a_format_that_is_named_weighs(question, formats):
    understood = understand(question).question
    assert understood.formats == formats
    assert all(each in boost(question) for each in formats)


@pytest.mark.parametrize(
    ("question", "place", "units"),
    [
        ("DIR Ouest", "DIR Ouest", ["DIR"]),
        ("DIR Nord trafic", "DIR Nord", ["DIR", "trafic"]),
        ("comptages dir centre-est", "DIR Centre-Est", ["comptages", "dir"]),
        ("dirno comptages", "DIRNO", ["dirno", "comptages"]),
        ("ddtm06 zones humides", "Alpes-Maritimes", ["zones humides"]),
        ("plu canton de gex", "Gex", ["plu"]),
        ("zh loire atl", "Loire-Atlantique", ["zh"]),
        ("hlm la duchère", "Lyon", ["hlm"]),
        ("trafic dirm namo", "Zone maritime Atlantique (métropole)", ["trafic"]),
    ],
)
def test_services_of_roads_and_short_names_have_their_area(question, place, units):
    understood = understand(question).question
    assert understood.place is not None
    assert (understood.place.label, [unit.text for unit in understood.units]) == (place, units)
    assert bool(understood.service) == ("ddtm" in question or "dirm" in question)


def test_the_place_at_the_end_of_a_pasted_sentence_is_read():
    text = (
        "Suivi de la consommation d'espaces naturels, agricoles et forestiers par commune et par destination, pour"
        " l'objectif de zéro artificialisation nette en Ille-et-Vilaine"
    )
    place = understand(text).place
    assert place and place.label == "Ille-et-Vilaine"
    assert len(words.read("de la " * 500)) <= words.MOST_READ
    assert len(words.read("eau " * 500)) == words.MOST_WORDS


def test_a_quotation_mark_that_is_never_closed_is_no_language_of_solr():
    assert not query.has_syntax('zones humides " nantes')
    assert query.has_syntax('"zones humides" nantes')
    assert not query.has_syntax("zones humides|inventaire|SHP|2020")


@pytest.mark.parametrize("body", ["INAO", "SDIS", "Cerema", "BRGM"])
def test_the_name_of_a_body_is_not_misspelt_and_only_weighs_beside_a_subject(body):
    assert spelling.unknown(understand(body)) == []
    question = understand(f"{body} cavités").question
    assert [(unit.text, unit.weak) for unit in question.units] == [(body, True), ("cavités", False)]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Lutra lutra", "loutre"),
        ("Canis lupus", "loup"),
        ("Aquila fasciata occitanie", "aigle de Bonelli"),
        ("otter brittany", "loutre"),
        ("arroser", "sécheresse"),
        ("flore remarquable", "ZNIEFF"),
        ("n° 2000 var", "Natura 2000"),
        ("n°2000", "Natura 2000"),
        ("pisciculture", "conchyliculture"),
    ],
)
def test_scientific_and_other_names_are_known(question, name):
    (unit,) = understand(question).question.units
    assert unit.others[0] == name
    assert "irrigation" not in unit.others[: unit.called]
