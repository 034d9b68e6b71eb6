"""What a query excludes: places, services, formats, subjects."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.search import query
from ckanext.ecosphere.search.relevance.solr import parameters
from ckanext.ecosphere.search.relevance.understanding import steps, understand


@pytest.mark.parametrize(
    ("question", "wanted", "place", "excluded"),
    [
        ("znieff bretagne sauf type 1", ["znieff"], "Bretagne", [("words", "type 1")]),
        ("risques Isère sauf inondation", ["risques"], "Isère", [("words", "inondation")]),
        ("risques sauf inondation Isère", ["risques"], "Isère", [("words", "inondation")]),
        ("risques Isère -inondation", ["risques"], "Isère", [("words", "inondation")]),
        ("risques Isère NOT inondation", ["risques"], "Isère", [("words", "inondation")]),
        ("zones humides Isère sans WMS", ["zones humides"], "Isère", [("format", "WMS")]),
        ("PLU Lyon sans flux WMS ni WFS", ["PLU"], "Lyon", [("format", "WMS"), ("format", "WFS")]),
        ("éoliennes hors DDT 44", ["éoliennes"], None, [("service", "DDT 44")]),
        ("forêt sauf zones urbaines Landes", ["forêt"], "Landes", [("words", "zones urbaines")]),
        ("bruit Calais pas d'aéroport", ["bruit"], "Calais", [("words", "aéroport")]),
        (
            "espaces protégés autres que Natura 2000",
            ["espaces protégés"],
            None,
            [("words", "Natura 2000")],
        ),
        (
            "zones humides à l’exception des tourbières",
            ["zones humides"],
            None,
            [("words", "tourbières")],
        ),
        (
            "zones humides a l'exclusion de la Vendée",
            ["zones humides"],
            None,
            [("place", "Vendée")],
        ),
        (
            "zones humides sauf Vendée, Sarthe et Orne",
            ["zones humides"],
            None,
            ["Vendée", "Sarthe", "Orne"],
        ),
        (
            "risques sauf inondation et bruit",
            ["risques"],
            None,
            [("words", "inondation"), ("words", "bruit")],
        ),
        ("risques sauf inondation, Isère", ["risques"], "Isère", [("words", "inondation")]),
        (
            "pays de la loire sans la vendée zones humides",
            ["zones humides"],
            "Pays de la Loire",
            [("place", "Vendée")],
        ),
        (
            "logement social île-de-france excepté Paris",
            ["logement social"],
            "Île-de-France",
            [("place", "Paris")],
        ),
        (
            "zone humide sans natura 2000 vendée",
            ["zone humide"],
            "Vendée",
            [("words", "natura 2000")],
        ),
        ("-inondation", [], None, [("words", "inondation")]),
        ("sauf Isère", [], None, [("place", "Isère")]),
    ],
)
def test_what_is_excluded_is_neither_a_word_nor_the_place_of_the_query(
    question, wanted, place, excluded
):
    understood = understand(question)
    expected = [each if isinstance(each, tuple) else ("place", each) for each in excluded]
    assert [(each.kind, each.title) for each in understood.question.excluded] == expected
    assert [unit.text for unit in understood.question.units] == wanted
    assert (understood.place and understood.place.label) == place


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("bruit Pas de Calais", "Pas-de-Calais"),
        ("bruit pas-de-calais", "Pas-de-Calais"),
        ("élevage hors sol Bretagne", "Bretagne"),
        ("il n'y a pas de réseau d'assainissement à Dax", "Dax"),
        ("y a pas de trottoir à Dax", "Dax"),
        ("accueil des sans-abri Dax", "Dax"),
        ("43.70, -1.06", None),
        ("zones humides - Isère", "Isère"),
        ("plus de données sur Dax", "Dax"),
    ],
)
def test_other_uses_of_such_words_exclude_nothing(question, place):
    understood = understand(question)
    assert understood.question.excluded == ()
    assert (understood.place and understood.place.label) == place


def test_the_filters_have_other_forms_of_the_name_but_no_related_things():
    (type_one,) = understand("znieff sauf type 1").question.excluded
    assert {"znieff type 1", "ZNIEFF de type I", "ZNIEFF 1"} <= set(type_one.names)
    (airport,) = understand("bruit sans aéroport").question.excluded
    assert airport.names == ("aéroport",)
    (format_,) = understand("plu sans wms").question.excluded
    assert (format_.field, format_.values) == ("vocab_ecosphere_format", ("WMS",))


def test_every_step_keeps_the_exclusions_and_the_title_typed_is_found_in_any_case():
    question = understand("loup carrière bruit nantes sauf inondation").question
    for each in (question, *steps(question)):
        (*_places, last) = parameters(each, minimum="1", year=2026)["fq_list"]
        assert last.startswith("(*:* -(title:(inondation)")
        assert 'OR title_string:"loup carriere bruit nantes sauf inondation"' in last


def test_a_sign_before_a_place_excludes_its_name_too():
    signed, worded = (
        understand(query).question.excluded[0]
        for query in ("zones humides -Loire", "zones humides sauf Loire")
    )
    assert (signed.kind, signed.names) == ("place", ("Loire",))
    assert (worded.kind, worded.names) == ("place", ())


def test_an_excluded_format_does_not_weigh():
    assert understand("plu csv sans wms").question.formats == ("CSV",)


def test_minus_and_not_are_no_language_of_solr_unless_the_rest_is():
    assert not query.has_syntax("risques -inondation")
    assert not query.has_syntax("risques NOT inondation")
    assert query.has_syntax('"zones humides" -inondation')
    assert query.has_syntax("zones AND humides NOT inondation")


def test_long_queries_have_few_exclusions_and_take_little_time():
    question = understand("sauf eau, Isère et -bruit sans " * 60).question
    assert len(question.excluded) <= 5
