"""Interpretation of queries: place and subject."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.search.relevance import spelling, words
from ckanext.ecosphere.search.relevance.solr import fits, parameters
from ckanext.ecosphere.search.relevance.understanding import steps, understand, with_common_name


@pytest.mark.parametrize(
    ("question", "place", "what"),
    [
        ("zones humides rezé", "Rezé – Loire-Atlantique", ["zones humides"]),
        ("ZONES HUMIDES REZE", "Rezé – Loire-Atlantique", ["ZONES HUMIDES"]),
        ("bruit routier evry", "Évry-Courcouronnes – Essonne", ["bruit routier"]),
        ("plu st-nazaire", "Saint-Nazaire – Loire-Atlantique", ["plu"]),
        ("plu annecy-le-vieux", "Annecy – Haute-Savoie", ["plu"]),
        ("plu 44400", "Rezé – Loire-Atlantique", ["plu"]),
        ("plu 44143", "Rezé – Loire-Atlantique", ["plu"]),
        ("plu code postal 44400", "Rezé – Loire-Atlantique", ["plu"]),
        ("code insee 44143 plu", "Rezé – Loire-Atlantique", ["plu"]),
        ("val d oise bruit roissy", "Roissy-en-France – Val-d'Oise", ["bruit"]),
        ("récifs Tahiti", "Polynésie française", ["récifs"]),
        ("égouts 30", "Gard", ["égouts"]),
        ("captages 2b", "Haute-Corse", ["captages"]),
        ("PPRI PACA", "Provence-Alpes-Côte d'Azur", ["PPRI"]),
        (
            "habitat marin mer du nord",
            "Zone maritime Manche - mer du Nord (métropole)",
            ["habitat marin"],
        ),
        ("scot centre val de loire", "Centre-Val de Loire", ["scot"]),
        ("forêt landes de gascogne", "Landes de Gascogne", ["forêt"]),
        # In English; a merged commune without its article; a kind of intercommunality other than
        # that of its name.
        ("protected areas brittany", "Bretagne", ["protected areas"]),
        ("submersion Château-d'Olonne", "Les Sables-d'Olonne – Vendée", ["submersion"]),
        (
            "assainissement communauté de communes du Pays Bigouden",
            "Pays bigouden",
            ["assainissement"],
        ),
        (
            "zones humides nantes métropole",
            "Nantes Métropole – Loire-Atlantique",
            ["zones humides"],
        ),
        # Places of the same name, distinguished by the words beside them.
        ("icpe saint denis 93", "Saint-Denis – Seine-Saint-Denis", ["icpe"]),
        ("icpe saint-denis réunion", "Saint-Denis – La Réunion", ["icpe"]),
        ("zones humides loire-atlantique 44", "Loire-Atlantique", ["zones humides"]),
        # Names that are also words: a place at the end of the query, after certain words, or with a
        # capital.
        ("zones humides somme", "Somme", ["zones humides"]),
        ("carrières du Lot", "Lot", ["carrières"]),
        ("plu vannes", "Vannes – Morbihan", ["plu"]),
        ("plu commune de mer", "Mer – Loir-et-Cher", ["plu"]),
        # Words without content, and the purpose of the data.
        ("données sur les éoliennes dans l'Oise", "Oise", ["éoliennes"]),
        (
            "est-ce que ma maison est en zone inondable à Tours",
            "Tours – Indre-et-Loire",
            ["zone inondable"],
        ),
        ("données nantes", "Nantes – Loire-Atlantique", []),
    ],
)
def test_a_place_in_the_question_is_where_and_the_rest_is_what(question, place, what):
    understood = understand(question)
    assert understood.place is not None
    assert (understood.place.title, [unit.text for unit in understood.question.units]) == (
        place,
        what,
    )


@pytest.mark.parametrize(
    "question",
    [
        "natura 2000",
        "zone 30",
        "rubrique 3.3.1.0",
        "zone 1AU",
        "mer",
        "plu mer",
        "lot de données",
        "rivière creuse",
        "nationale 10",
        "bruit RN 12",
    ],
)
def test_words_and_numbers_are_not_taken_for_a_place(question):
    assert understand(question).place is None


def test_a_word_that_may_be_a_place_weighs_and_hides_nothing():
    question = understand("landes et pelouses sèches").question
    assert question.place is None
    assert question.maybe is not None
    assert question.maybe.title == "Landes"
    assert [unit.text for unit in question.units] == ["landes", "pelouses", "sèches"]


def test_a_service_is_who_describes():
    understood = understand("éoliennes ddtm de l'hérault")
    assert understood.question.service == ("ddt-34172-01",)
    assert [unit.text for unit in understood.question.units] == ["éoliennes"]


def test_the_other_places_of_a_name_are_offered_and_can_be_chosen():
    understood = understand("bruit saint-denis")
    assert [each.title for each in understood.others] == ["Saint-Denis – Seine-Saint-Denis"]
    chosen = understand("bruit saint-denis", place=understood.others[0].ids[0])
    assert chosen.place == understood.others[0]
    assert [each.title for each in chosen.others] == ["Saint-Denis – La Réunion"]


def test_a_place_can_be_taken_off():
    understood = understand("plu nantes", place="off")
    assert understood.place is None
    assert [unit.text for unit in understood.question.units] == ["plu", "nantes"]


def test_the_purpose_weighs_little_unless_nothing_else_is_asked():
    units = understand(
        "cartes pour évaluation environnementale carrière dans l'Aude"
    ).question.units
    assert [(unit.text, unit.weak) for unit in units] == [
        ("évaluation environnementale", True),
        ("carrière", False),
    ]
    assert [unit.weak for unit in understand("évaluation environnementale").question.units] == [
        False
    ]


def test_everyday_words_have_the_names_of_the_catalogue():
    (unit,) = understand("rivière").question.units
    assert unit.others[: unit.called] == ("cours d'eau",)


@pytest.mark.parametrize(
    ("typed", "usual"),
    [
        ("natura2000", "Natura 2000"),
        ("photo voltaïque", "photovoltaïque"),
        ("co-voiturage", "covoiturage"),
        ("soussol", "sous-sol"),
    ],
)
def test_an_expression_is_known_when_it_is_written_together_or_apart(typed, usual):
    (unit,) = understand(typed).question.units
    assert unit.core and unit.others[:1] == (usual,)


def test_what_the_catalogue_calls_things_can_be_asked_as_well():
    for _asked, called in words.everyday():
        for term in called:
            assert understand(term).text == term


def test_an_acronym_may_have_points():
    for typed in ("P.P.R.I. gard", "P.P.R.I gard", "PPRI gard"):
        assert [unit.text for unit in understand(typed).question.units] == ["PPRI"]


def test_an_expression_with_an_acronym_is_near_although_the_index_spells_the_acronym_out():
    assert '"ZNIEFF type 2"~3' not in _query("ZNIEFF de type 2") and '"ZNIEFF type 2"~' in _query(
        "ZNIEFF de type 2"
    )
    assert '"station épuration"~3' in _query("station d'épuration")


def test_a_corrected_expression_is_written_as_people_write_it():
    assert spelling.nearest_expression("atla zone innondable") == "atlas des zones inondables"


def test_the_place_comes_before_what_other_words_have_elsewhere():
    found = steps(understand("covoiturage aires Ille-et-Vilaine").question)
    alone = next(number for number, each in enumerate(found) if not each.units)
    assert all(each.strict or each.core or not each.optional for each in found[:alone])


def _query(question: str) -> str:
    return parameters(understand(question).question, minimum="100%", year=None)["q"]


def test_steps_ask_for_less_and_end_with_the_place_alone():
    question = understand("zones humides frayères nichoir nantes").question
    found = steps(question)
    assert found[0].core  # words of the field are required, "nichoir" is not
    assert found[0].strict
    assert [each.optional for each in found if each.strict][:2] == [0, 1]
    assert any(not each.strict and not each.optional for each in found)
    assert found[-1].place == question.place and () in [each.units for each in found]


def test_either_of_two_names_of_one_thing_will_do():
    first = steps(understand("OLD débroussaillement var").question)[0]
    assert [unit.words for unit in first.units] == [("OLD",)]
    assert {"débroussaillement", "incendie"} <= set(first.units[0].others)


def test_what_the_place_has_of_one_subject_comes_before_both_elsewhere():
    found = steps(understand("loup carrière bruit nantes").question)
    assert [(each.strict, each.optional) for each in found][:3] == [
        (True, 1),
        (True, 2),
        (False, 0),
    ]


@pytest.mark.parametrize(
    ("question", "place"),
    [
        # One or two wrong letters, words joined or separated.
        ("inondation tarn et garone", "Tarn-et-Garonne"),
        ("eolien eur et loire", "Eure-et-Loir"),
        ("risque alpes maritime", "Alpes-Maritimes"),
        ("carriere hautmarne", "Haute-Marne"),
        # Rivers, massifs, islands.
        ("zones inondables Adour", "Adour"),
        ("crues bassin versant de la Loire", "Bassin versant de la Loire"),
        ("herbiers Porquerolles", "Porquerolles"),
        # A flood belongs to a river, a plan to a département.
        ("crues de la Loire", "Vallée de la Loire"),
        ("digues de la Loire 45", "Loiret"),
        ("ppri Loire", "Loire"),
        ("loup massif de Belledonne", "Belledonne"),
        # Intercommunalities with another kind than their own, or none; with their SIREN code.
        ("pcaet pays de l'or agglomération", "CA du Pays de l'Or – Hérault"),
        ("plui communauté de communes du Clunisois", "CC du Clunisois – Saône-et-Loire"),
        ("EPCI 200067106 plu", "CA du Pays Basque – Pyrénées-Atlantiques"),
        # Communes without the complement of their name, with "lez".
        ("cours d'eau Pont-de-Buis", "Pont-de-Buis-lès-Quimerch – Finistère"),
        ("ppri villeneuve lez avignon", "Villeneuve-lès-Avignon – Gard"),
        # Not places: part of a hyphenated name, and a small commune outside the named département.
        ("zones humides Chastreix-Sancy", "Sancy"),
        ("champs bio drôme", "Drôme"),
        ("dept 2A znieff", "Corse-du-Sud"),
        ("insee 13055 risques", "Marseille – Bouches-du-Rhône"),
        # The code of a département after a commune, anywhere; adjectives; rivers; abbreviations.
        ("la roche blanche 44 plu", "La Roche-Blanche – Loire-Atlantique"),
        ("la comte 62 zones humides", "La Comté – Pas-de-Calais"),
        ("plu métropole lilloise", "Lille – Nord"),
        ("captages bassin rennais", "Rennes – Ille-et-Vilaine"),
        ("herbiers littoraux provençaux", "Provence-Alpes-Côte d'Azur"),
        ("barrages sur l'Aulne", "Aulne"),
        ("carrières ARA", "Auvergne-Rhône-Alpes"),
        # Former names of départements, short names, codes of three digits as in tables.
        ("inondation Côtes-du-Nord", "Côtes-d'Armor"),
        ("inondation Loire-Inférieure", "Loire-Atlantique"),
        ("plu Basses-Pyrénées", "Pyrénées-Atlantiques"),
        ("plu Seine-et-Oise", "Seine-et-Oise"),
        ("submersion Boulogne s/ Mer", "Boulogne-sur-Mer – Pas-de-Calais"),
        ("St Germain s/ Morin PLU", "Saint-Germain-sur-Morin – Seine-et-Marne"),
        ("Rosny s/s Bois PLU", "Rosny-sous-Bois – Seine-Saint-Denis"),
        ("inondation Ht-Rhin", "Haut-Rhin"),
        ("PO inondation", "Pyrénées-Orientales"),
        ("zone_reg_ppri 076", "Seine-Maritime"),
        ("classement sonore des routes 44", "Loire-Atlantique"),
        # Basins and landscapes are neither a département nor the commune of the same name.
        ("SDAGE Loire-Bretagne", "Loire-Bretagne"),
        ("SDAGE Seine Normandie", "Seine-Normandie"),
        ("loutre Bretagne", "Bretagne"),
        ("inondation Val de Loire", "Val de Loire"),
        ("plu Centre-Val de Loire", "Centre-Val de Loire"),
        ("plaine de la Crau zones humides", "Crau"),
        ("plu La Crau", "La Crau – Var"),
        ("forêt massif des Vosges", "Massif des Vosges"),
        ("SCoT Grand Douaisis", "Douaisis"),
        ("plu Grand 88", "Grand – Vosges"),
        ("étang de l'Or", "Étang de l'Or"),
        ("inondation Vésubie", "Vésubie"),
        # Points of the compass give a part of the place.
        ("sud Loire", "Loire"),
        ("nord Finistère frayères", "Finistère"),
        ("znieff st symphorien d'ozon", "Saint-Symphorien-d'Ozon – Rhône"),
    ],
)
def test_places_are_read_as_people_write_them(question, place):
    understood = understand(question)
    assert understood.place is not None
    assert understood.place.title == place


@pytest.mark.parametrize(
    "question",
    [
        "passe à poissons",
        "feu de forêt",
        "vue d'avion",
        "logement pas cher",
        "OCS GE",
        "50 pas géométriques",
    ],
)
def test_a_name_within_an_expression_is_no_place(question):
    assert understand(question).place is None


def test_the_departement_of_the_name_of_a_river_comes_first_along_it():
    question = understand("digues du Lot").question
    assert question.first == "departement-46"
    first = max(fits(question), key=lambda each: each[0])
    assert first[2] == "departement-46"
    assert understand("crues de la Seine").question.first == ""


def test_a_usual_word_is_a_commune_for_want_of_another_sense():
    found = with_common_name(understand("plu pithiviers"))
    assert found is not None
    assert (found.place and found.place.title) == "Pithiviers – Loiret"
    assert [unit.text for unit in found.question.units] == ["plu"]
    # Not beside unknown words, with the place switched off, or with another place.
    assert with_common_name(understand("chose inconnue pithiviers")) is None
    assert with_common_name(understand("plu pithiviers"), place="off") is None
    assert with_common_name(understand("plu pithiviers nantes")) is None


def test_an_expression_is_corrected_as_a_whole_and_a_number_is_told_from_its_word():
    assert spelling.nearest_expression("qualitee aire") == "qualité de l'air"
    assert spelling.without_number("natura200") == "natura"
    assert spelling.without_number("rd200") == ""
    question = understand("qualitée de l'aire marseille")
    assert spelling.with_expression_corrected(question) == "qualité de l'air marseille"


def test_words_around_a_town_are_no_misspelt_territory():
    place = understand("rocade à Rennes").place
    assert place
    assert place.label == "Rennes"


def test_words_that_tell_nothing_apart_hide_nothing():
    assert [unit.weak for unit in understand("sites pollués").question.units] == [True, False]
    assert [unit.weak for unit in understand("secteur").question.units] == [False]


def test_a_word_is_known_although_it_is_written_together():
    assert spelling.apart("localurbanisme") == "local urbanisme"
    assert spelling.apart("inondation") == ""


def test_no_question_is_too_odd():
    for question in (
        "",
        "'",
        "l'",
        "....",
        "été?",
        "à" * 300,
        "44 " * 100,
        "de la du des",
        "𝕒𝕓𝕔",
        "-",
        "n°12",
    ):
        understand(question)


def test_a_number_is_no_slip_and_a_plural_is_a_word():
    assert spelling.nearest_expression("zone humide 5") is None
    assert spelling.is_french("gites")
    assert not spelling.is_french("innondations")


@pytest.mark.parametrize(
    ("question", "other"),
    [("plu Saint-Martin", "Saint-Martin-d'Hères – Isère"), ("PLU Mayotte", None)],
)
def test_communes_of_the_name_of_an_island_are_offered(question, other):
    others = [each.title for each in understand(question).others]
    assert (other in others) if other else not others


def test_words_beside_the_subject_do_not_stand_for_it_at_a_place():
    question = understand("éolienne girafe Lozère").question
    assert [unit.core for unit in question.units] == [True, False]
    placed = [each for each in steps(question) if each.strict and each.units]
    assert placed
    assert all(each.core for each in placed)


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("trait de côte Allier", "Allier"),
        ("recul du trait de côte Landes", "Landes"),
        ("trait de côte Manche", "Manche"),
        ("côte Allier", None),
        ("zone Manche", None),
        ("mer du Nord", "Zone maritime Manche - mer du Nord (métropole)"),
    ],
)
def test_a_word_before_a_place_belongs_to_its_own_expression(question, place):
    understood = understand(question).question
    assert (understood.place.title if understood.place else None) == place


@pytest.mark.parametrize(
    "question", ["parc photovoltaïque au sol Lozère", "usine seveso Lyon", "OPAH PIG Allier"]
)
def test_several_words_for_one_thing_are_one(question):
    assert [unit.core for unit in understand(question).question.units] == [True]


@pytest.mark.parametrize(
    ("question", "strong"),
    [
        ("natura 2000 WFS Gard", ["natura 2000"]),
        ("éoliennes au nord de Nantes", ["éoliennes"]),
        ("qualité de l'air station de mesure", ["qualité air"]),
        ("zones humides sans Natura 2000 Landes", ["zones humides"]),
        ("sud Loire", []),
    ],
)
def test_formats_points_of_the_compass_and_what_is_left_out_are_not_required(question, strong):
    assert [unit.text for unit in understand(question).question.units if not unit.weak] == strong


def test_what_is_missing_may_be_the_subject():
    assert [
        unit.text for unit in understand("maison sans assainissement collectif").question.units
    ] == ["assainissement collectif"]


@pytest.mark.parametrize(
    ("acronym", "long"),
    [
        ("ZDE", "zone de développement éolien"),
        ("OLD", "obligation légale de débroussaillement"),
        ("ZRE", "zone de répartition des eaux"),
    ],
)
def test_the_long_form_of_an_acronym_means_the_same(acronym, long):
    called = [
        unit.others[: unit.called]
        for question in (acronym, long)
        for unit in understand(question).question.units
    ]
    assert called[0] and called[0] == called[1]


@pytest.mark.parametrize("question", ["69 SIS pollution", "SIS pollution Rhône", "XO inondation"])
def test_what_is_right_is_not_corrected_into_another_subject(question):
    assert spelling.with_expression_corrected(understand(question)) == question


def test_of_the_words_between_or_one_is_enough():
    assert parameters(understand("ppri OR pprt").question, minimum="100%", year=None)["mm"] == "1"
    either = understand("zones humides || tourbières Ain").question
    assert either.place and either.place.label == "Ain"
    assert either.optional == 1
    assert understand("PLU COTE D OR BEAUNE").question.optional == 0


@pytest.mark.parametrize(
    ("table", "place", "what"),
    [
        ("N_ZONE_REG_PPRI_S_017", "Charente-Maritime", ["PPRI"]),
        ("ZNIEFF1_S_RARA", "Auvergne-Rhône-Alpes", ["ZNIEFF1"]),
        ("ZNIEFF2_S_RHDF", "Hauts-de-France", ["ZNIEFF2"]),
        ("ZNIEFF1_S_R84", "Auvergne-Rhône-Alpes", ["ZNIEFF1"]),
    ],
)
def test_a_table_is_of_what_its_name_says(table, place, what):
    question = steps(understand(table).question)[-1]
    assert question.place and question.place.label == place
    assert [unit.text for unit in question.units if unit.core] == what


def test_a_year_that_is_named_weighs():
    boost = parameters(understand("trafic routier 2019 Bretagne").question, minimum="1", year=2026)[
        "boost"
    ]
    assert "2019" in boost


@pytest.mark.parametrize("hazard", ["avalanche", "séisme", "volcan", "radon", "moustique tigre"])
def test_a_hazard_is_not_answered_with_another(hazard):
    called = {name for unit in understand(hazard).question.units for name in unit.others}
    assert not called & {
        "risque naturel",
        "mouvement de terrain",
        "espèce protégée",
        "biodiversité",
    }


def test_the_words_of_a_long_expression_stand_near_each_other():
    # Three common words may occur in a text by chance; two are a subject wherever they stand.
    assert " AND " not in _query("zone de répartition des eaux")
    assert " AND " in _query("zone humide")
