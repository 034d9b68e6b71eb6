"""Rules for texts: titles, descriptions, keywords, themes, contacts, identifiers, codes."""

from dataclasses import replace

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import Context, Reason, RecordError
from ckanext.ecosphere.harvest.normalise.contacts import first_email
from ckanext.ecosphere.harvest.normalise.draft import is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.texts import cut, plain_text
from ckanext.ecosphere.harvest.normalise.themes import clean, of_keyword
from ckanext.ecosphere.harvest.record import (
    Conformity,
    Constraint,
    Contact,
    Dated,
    Identifier,
    Keyword,
    Member,
    QualityMeasure,
    Service,
    Term,
)
from ckanext.ecosphere.harvest.tests.making import codes, dataset, ids, result
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import normalise as voc_normalise
from ckanext.ecosphere.vocabularies.phrases import Phrases

# --- texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<p>Un</p><p>Deux<br/>Trois</p>", "Un\n\nDeux\n\nTrois"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<script>alert(1)</script>Texte", "Texte"),
        ("<img src=x onerror=alert(1)>Texte", "Texte"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Texte", "Texte"),
        ("&amp;lt;b&amp;gt;gras&amp;lt;/b&amp;gt;", "gras"),
        ("d&amp;eacute;j&eacute;", "déjé"),
        ("Lden < 75 dB et > 55 dB", "Lden < 75 dB et > 55 dB"),
        ("R&D et A&B=1", "R&D et A&B=1"),
        ("  a\xa0 b \n\n\n\n c\u200b", "a b\n\nc"),
        ("a\x07b\u202e", "ab"),
        (None, ""),
    ],
)
def test_html_is_stripped_and_paragraphs_are_kept(written, read):
    assert plain_text(written) == read


def test_no_markup_is_left_however_often_it_was_escaped():
    hostile = "<script>x</script>"
    for _round in range(6):
        made = plain_text(hostile)
        assert "<script" not in made
        hostile = hostile.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_a_text_is_cut_in_bytes_between_words():
    short = cut("été " * 20_000, 1_000)
    assert len(short.encode()) <= 1_000
    assert short.endswith("été…")


def test_a_description_is_bounded_with_a_note():
    made = result(abstract="mot " * 100_000)
    assert len(made.dataset["notes"].encode()) <= 30_000
    assert [str(p) for p in made.problems if p.code == "text-cut"] == [
        "A text is too long (399999 characters) and was cut (element abstract)."
    ]


def test_a_missing_title_is_made_from_the_other_texts_or_the_record_refused():
    made = result(title=None, alternate_titles=["N_BRUIT_ZBR_S_087"])
    assert made.dataset["title"] == "N_BRUIT_ZBR_S_087"
    assert codes(made) >= {"no-title-used"}
    assert dataset(title="A REMPLIR", abstract="Zones de bruit")["title"] == "Zones de bruit"
    with pytest.raises(RecordError) as refused:
        result(title="non renseigné", abstract="néant")
    assert refused.value.code == "no-title"


def test_titles_are_plain_and_bounded():
    assert dataset(title="<b>Un</b>\n titre")["title"] == "Un titre"
    assert len(dataset(title="x" * 5_000)["title"]) == 500


def test_alternate_titles_say_something_else():
    assert dataset(title="A", alternate_titles=["A", "B", "B", "non renseigné"])[
        "alternate_title"
    ] == ["B"]


def test_a_description_that_was_never_written_is_reported():
    assert codes(result(abstract="A compléter")) >= {"no-description"}


def test_lineage_and_edition_are_kept():
    made = dataset(lineage=["Un", "Un", "Deux"], edition="v" * 200)
    assert made["provenance"] == "Un\n\nDeux"
    assert made["version"] == "v" * 100


def test_sources_method_and_measures_are_kept():
    measure = QualityMeasure("DQ_CompletenessOmission", "Taux", "2", "%")
    made = dataset(
        sources=["BD TOPO", "BD TOPO", "non renseigné"],
        steps=["Relevé", "Contrôle"],
        measures=[measure] * 2,
    )
    assert (made["source"], made["method"]) == (["BD TOPO"], "Relevé\n\nContrôle")
    assert made["quality_measure"] == [
        {"dimension": "omission", "name": "Taux", "value": "2", "unit": "%"}
    ]


def test_texts_without_a_field_are_told():
    made = result(
        purpose="Pour voir",
        frequency_notes=["tous les ans environ"],
        translations={"purpose": {"fr": "Pour voir", "en": "To see"}},
    )
    assert {
        "purpose: Pour voir",
        "maintenanceNote: tous les ans environ",
        "purpose[en]: To see",
    } <= set(made.unread)


# --- tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["A REMPLIR", "à compléter", "Non renseigné", "néant", "", None, "  ", "?", "XXX", "${title}"],
)
def test_placeholders_stand_for_nothing(text):
    assert is_placeholder(text)


def test_long_texts_are_compared_as_short_ones():
    text = "Éoliennes d’Île-de-France : œuvre n° 5, « zone » ÀÇ ! " * 10
    assert plain(text) == voc_normalise(text)


def test_the_longest_phrase_wins_and_plurals_count():
    phrases = Phrases([("eau", 1), ("eaux usées", 2), ("plan d'eau", 3)])
    assert [value for _s, _e, value in phrases.find("Eaux usées d'un plan d'eau et de l'eau")] == [
        2,
        3,
        1,
    ]
    assert phrases.exact("Plans d’eau") == 3


# --- keywords -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "pieces"),
    [
        (
            "PLU ; Plan d'occupation du sol ; urbanisme",
            ["PLU", "Plan d'occupation du sol", "urbanisme"],
        ),
        ("eau|crue\nrivière", ["eau", "crue", "rivière"]),
        ("eau, crue, rivière", ["eau", "crue", "rivière"]),
        ("Foncier, occupation des sols", ["Foncier, occupation des sols"]),
        ("eau", ["eau"]),
        (" ; ; ", []),
    ],
)
def test_a_packed_keyword_is_unpacked(keyword, pieces):
    assert characters.keywords(keyword) == pieces


@pytest.mark.parametrize(
    ("keyword", "strict", "free"),
    [
        ("cours d’eau", "cours d eau", "cours d'eau"),
        ("Risque/Inondation", "Risque - Inondation", "Risque/Inondation"),
        ("directive 2002/49/CE", "directive 2002 - 49 - CE", "directive 2002/49/CE"),
        ("1 km²", "1 km²", "1 km²"),
        ("<b>eau</b>", "eau", "eau"),
        ('dit "le marais"', "dit le marais", "dit le marais"),
        ("a", None, None),
        ("---", None, None),
        ("x" * 150, "x" * 100, "x" * 100),
    ],
)
def test_a_tag_is_what_ckan_accepts(keyword, strict, free):
    assert clean(keyword, free=False) == strict
    assert clean(keyword, free=True) == free


@pytest.mark.parametrize(
    ("keyword", "tags"),
    [
        (Keyword("piste cyclable, voie verte"), ["piste cyclable", "voie verte"]),
        (Keyword("patrimoine,biodiversité"), ["patrimoine", "biodiversité"]),
        (Keyword("Nuisances, déchets et pollution"), ["Nuisances déchets et pollution"]),
        (
            Keyword("Foncier, occupation des sols", thesaurus="Politiques publiques"),
            ["Foncier occupation des sols"],
        ),
        (
            Keyword("catastrophes, accidents, risques", thesaurus="GEMET"),
            ["catastrophes accidents risques"],
        ),
        (Keyword("aspects sociaux, population", "https://e.org/7"), ["aspects sociaux population"]),
        (Keyword("eau, crue, aléa, PPRI", thesaurus="Mots-clés"), ["eau", "crue", "aléa", "PPRI"]),
        (Keyword("1:50,000"), ["1 50 000"]),
    ],
    ids=lambda value: value.text if isinstance(value, Keyword) else "",
)
def test_commas_part_free_keywords_and_not_the_terms_of_a_thesaurus(keyword, tags):
    assert [tag["name"] for tag in dataset(keywords=[keyword])["tags"]] == tags


def test_tags_are_kept_once_without_those_that_have_a_field_of_their_own():
    made = dataset(
        keywords=[
            Keyword("Eau"),
            Keyword("eau"),
            Keyword("Usage des sols", thesaurus="GEMET - INSPIRE themes, version 1.0"),
            Keyword("données ouvertes"),
            Keyword("24322", thesaurus="Code officiel géographique"),
            Keyword(
                "National", "http://inspire.ec.europa.eu/metadata-codelist/SpatialScope/national"
            ),
            Keyword("A REMPLIR"),
            Keyword("http://id.insee.fr/geo/departement/01"),
            Keyword("crue ; étiage"),
        ]
    )
    assert [tag["name"] for tag in made["tags"]] == ["Eau", "crue", "étiage"]
    assert ids("inspire-theme", made["inspire_theme"]) == ["lu"]


def test_the_kind_and_the_protocol_of_a_service_are_no_subjects():
    words = ("infoFeatureAccessService", "WFS 2.0.0", "information", "eau")
    made = result(keywords=[Keyword(word) for word in words])
    assert [tag["name"] for tag in made.dataset["tags"]] == ["information", "eau"]
    words = Reason("technical-words", {"value": "infoFeatureAccessService, WFS 2.0.0"})
    assert ("tags", words) in [(c.rule, c.before) for c in made.log]


def test_tens_of_thousands_of_keywords_are_bounded():
    made = result(keywords=[Keyword(f"mot {n}") for n in range(35_000)])
    assert len(made.dataset["tags"]) == 100
    assert codes(made) >= {"too-many"}


# --- themes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "themes"),
    [
        ("Nuisance/Bruit", ["bruit"]),
        ("Risque/Inondation", ["prevention-des-inondations"]),
        ("Risque/Zonages Risque naturel", ["reglementation-de-prevention-des-risques-naturels"]),
        ("Qualité - Pollution", ["qualite-de-l-air"]),
        ("eau potable", ["alimentation-en-eau-potable"]),
        ("Zones humides", ["protection-de-l-eau"]),
        ("PLU", ["planification"]),
        ("DDTM (Direction départementale des territoires et de la mer)", []),
        ("Ministère de l'écologie, du développement durable et de l'énergie", []),
        ("quelque chose", []),
    ],
)
def test_a_keyword_tells_its_theme_by_label_path_or_term(keyword, themes):
    assert of_keyword(keyword)[1] == themes


def theme(**fields):
    made = result(**fields)
    how = next((", ".join(c.before.params["kinds"]) for c in made.log if c.rule == "themes"), None)
    return ids("themes", made.dataset.get("theme", [])), how


def test_themes_come_from_title_and_keywords_weighed_together_else_from_what_tells_less():
    both = theme(
        keywords=[Keyword("inondation"), Keyword("bruit"), Keyword("route")], title="Carte de bruit"
    )
    assert both == (["bruit"], "title, keyword (label)")
    # Keywords alone add no second theme; the title does, or two kinds of evidence.
    further = of_keyword("PPRI")[1]
    assert theme(keywords=[Keyword("PPRI")], title="x")[0] == further
    assert theme(keywords=[Keyword("PPRI")], title="Carte de bruit")[0] == ["bruit"]
    assert set(further) <= set(theme(keywords=[Keyword("PPRI")], title="Bruit et PPRI")[0])
    assert theme(keywords=[Keyword("inondation")], title="x") == (
        ["prevention-des-inondations"],
        "keyword (label)",
    )
    assert theme(keywords=[Keyword("x")], title="Carte de bruit") == (["bruit"], "title")
    assert theme(keywords=[Keyword("Hydrographie")]) == (["eau"], "INSPIRE theme")
    assert theme(abstract="Le bruit des routes, le bruit des trains") == ([], None)
    assert theme(keywords=[Keyword("Altitude")]) == (
        ["foncier-et-occupation-du-sol"],
        "INSPIRE theme (wide)",
    )
    assert theme(topic_categories=["farming"]) == (["foncier-agricole"], "topic category")
    assert theme() == ([], None)


@pytest.mark.parametrize(
    ("title", "themes"),
    [
        ("Plan d'occupation du sol de la commune", ["planification"]),
        ("Zone d'extraction des données", []),
        ("Imagerie acoustique du port", ["infrastructure-portuaire"]),
        ("Centrales photovoltaïques au sol", ["production-d-energie-hors-eolien"]),
        (
            "Forages agricoles et irrigation",
            ["surveillance-de-la-ressource-en-eau", "foncier-agricole"],
        ),
    ],
)
def test_words_that_stand_in_another_sense_tell_no_theme(title, themes):
    assert sorted(theme(title=title)[0]) == sorted(themes)


@pytest.mark.parametrize(
    ("record", "themes"),
    [
        (
            {
                "title": "ADMIN EXPRESS",
                "abstract": "La métropole et l'outre-mer. Départements d'outre-mer.",
            },
            [],
        ),
        (
            {
                "title": "Relevés",
                "keywords": ["chasse active"],
                "abstract": "La chasse active, de jour",
            },
            [],
        ),
        (
            {
                "title": "Zones fonctionnelles",
                "abstract": "Habitat essentiel pour les espèces. Populations, population",
            },
            [],
        ),
        (
            {
                "title": "Secteurs statistiques",
                "abstract": "Planification de la ville et planification du pays",
            },
            [],
        ),
        (
            {
                "title": "Campagne en surface",
                "abstract": "Flux air-mer, température de l'air, pression de l'air, air",
            },
            [],
        ),
        (
            {"title": "Suivi des populations animales du parc", "keywords": ["population animale"]},
            [],
        ),
    ],
)
def test_words_of_a_description_and_in_another_sense_make_no_theme(record, themes):
    keywords = [Keyword(text) for text in record.get("keywords", [])]
    assert (
        theme(title=record["title"], abstract=record.get("abstract"), keywords=keywords)[0]
        == themes
    )


def test_one_of_many_keywords_makes_no_theme_and_several_do():
    filler = [Keyword(f"mot {number}") for number in range(17)]
    assert theme(title="Jeu", keywords=[Keyword("hydrographie du lac"), *filler])[0] == []
    assert theme(
        title="Jeu", keywords=[Keyword("hydrographie du lac"), Keyword("Rivière"), *filler[:6]]
    )[0] == ["eau"]
    assert theme(title="Réseau hydrographique", keywords=[Keyword("rivière"), *filler])[0] == [
        "eau"
    ]


def test_a_map_of_everything_has_no_theme():
    fields = [
        "bâti",
        "hydrographie",
        "transport",
        "végétation",
        "adresse",
        "activités",
        "zones réglementées",
    ]
    assert theme(title="BD TOPO", keywords=[Keyword(text) for text in fields])[0] == []


def test_several_topics_of_different_fields_make_no_theme():
    assert theme(topic_categories=["farming", "oceans"])[0] == []
    assert theme(topic_categories=["farming"])[0] == ["foncier-agricole"]


def test_the_eu_theme_of_a_topic_is_set_for_similar_codes_too():
    assert ids("eu-theme", dataset(topic_categories=["imagery"])["eu_theme"]) == ["REGI"]


def test_all_themes_given_by_address_are_kept():
    roots = [
        concept for concept in voc.get("themes") if not voc.get("themes").ancestors(concept.id)
    ]
    made = theme(keywords=[Keyword("", href=concept.uri) for concept in roots])[0]
    assert len(roots) > 6
    assert set(made) == {concept.id for concept in roots}


def test_inspire_parcels_and_farms_alone_are_no_proof_of_land():
    made = theme(
        title="Zonage A5", keywords=[Keyword("Parcelles cadastrales"), Keyword("servitude")]
    )
    assert made[0] == ["servitudes-d-utilite-publique"]


def test_a_sub_theme_takes_the_place_of_its_theme():
    assert theme(keywords=[Keyword("eau"), Keyword("assainissement")])[0] == ["assainissement"]


def test_a_label_agrees_with_what_tells_the_theme_above_it_and_words_do_not():
    hazards = "Aléas sur le bassin de l'Yser, étude de l'eau"
    assert "prevention-des-inondations" in theme(title=hazards, keywords=[Keyword("Inondation")])[0]
    network = "Réseau de transport de la Picardie"
    assert theme(
        title=network, keywords=[Keyword("bus"), Keyword("bus"), Keyword("gare routière")]
    )[0] == ["transport-collectif"]


def test_a_river_that_overflows_tells_of_floods():
    assert theme(title="Aléa de débordement de cours d'eau de la Lys", keywords=[Keyword("Eau")])[
        0
    ] == ["prevention-des-inondations"]


def test_place_names_tell_no_theme():
    assert theme(keywords=[Keyword("CC des Trois Forêts", thesaurus="EPCI")]) == ([], None)


def test_inspire_themes_are_known_by_address_or_label_under_any_thesaurus():
    made = dataset(
        keywords=[
            Keyword("usage des sols", thesaurus="GEMET inspire themes - version 1.0"),
            Keyword("Zone à risque naturel"),
            Keyword("Land cover", "http://inspire.ec.europa.eu/theme/lc"),
        ]
    )
    assert ids("inspire-theme", made["inspire_theme"]) == ["lu", "nz", "lc"]
    assert ids("eu-theme", made["eu_theme"]) == ["REGI", "ENVI"]


def test_priority_datasets_and_legislation_are_kept():
    priority = "http://inspire.ec.europa.eu/metadata-codelist/PriorityDataset/ActualPollutantReleases-reg-2006-166"
    law = "http://data.europa.eu/eli/reg_impl/2023/138/oj"
    made = dataset(keywords=[Keyword("x", priority), Keyword("HVD", law)])
    assert made["priority_dataset"] == [priority]
    assert made["applicable_legislation"] == [law]
    assert "tags" not in made or all(tag["name"] != "HVD" for tag in made["tags"])


# --- codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"hierarchy_level": "dataset"}, "dataset"),
        ({"hierarchy_level": "series"}, "series"),
        ({"hierarchy_level": "service"}, "service"),
        ({"hierarchy_level": "dataset", "file_identifier": "fr-120066022-ldd-1"}, "series"),
        ({"hierarchy_level": "dataset", "hierarchy_level_name": "lot de données"}, "series"),
        ({"hierarchy_level": "interactiveMap"}, "service"),
        ({"service": Service("view")}, "service"),
        ({"hierarchy_level": "document"}, "dataset"),
        ({}, "dataset"),
    ],
)
def test_datasets_series_and_services_are_told_apart(fields, kind):
    assert ids("resource-type", [dataset(**fields)["dcat_type"]]) == [kind]


def test_codes_of_lists_are_brought_to_their_addresses_and_unknown_ones_reported():
    made = result(
        languages=["fre", "fra", "klingon"],
        status="obsolete",
        topic_categories=["environment", "agriculture", "xyz"],
        spatial_representations=["vector", "grid", "abc"],
    )
    assert ids("language", made.dataset["language"]) == ["FRA"]
    assert ids("dataset-status", [made.dataset["status"]]) == ["DEPRECATED"]
    assert ids("topic-category", made.dataset["topic_category"]) == ["environment", "farming"]
    assert ids("spatial-representation", [made.dataset["spatial_representation"]]) == ["vector"]
    assert "spatialRepresentationType: grid" in made.unread
    fields = {p.params["field"] for p in made.problems if p.code == "code"}
    assert fields == {"language", "topicCategory", "spatialRepresentationType"}


def test_a_status_without_an_equal_is_told():
    assert "status: vivant" in result(status="onGoing").unread


def test_conformity_is_kept_with_date_degree_and_address():
    made = dataset(
        conformity=[
            Conformity(
                "Règlement (UE) n° 1089/2010",
                dates=[Dated("2010-12-08", "publication")],
                degree=True,
            ),
            Conformity("N_BRUIT_CBS", degree=None),
            Conformity("N_BRUIT_CBS", degree=None),
        ]
    )
    first, second = made["conformity"]
    assert (first["uri"], first["date"]) == (
        "http://data.europa.eu/eli/reg/2010/1089",
        "2010-12-08",
    )
    assert ids("conformity-degree", [first["degree"], second["degree"]]) == [
        "conformant",
        "notEvaluated",
    ]
    assert made["conforms_to"] == ["http://data.europa.eu/eli/reg/2010/1089"]


@pytest.mark.parametrize(
    ("title", "address"),
    [
        ("RÈGLEMENT (UE) N° 1253/2013 modifiant le règlement (UE) n° 1089/2010", "reg/2013/1253"),
        ("Règlement (UE) n° 102/2011 modifiant le règlement (UE) n° 1089/2010", "reg/2011/102"),
        ("Directive 2007/2/CE, règlement (UE) n° 1089/2010", "reg/2010/1089"),
        ("INSPIRE Directive 2007/2/EC", "dir/2007/2"),
    ],
)
def test_of_several_regulations_the_first_is_the_specification(title, address):
    (row,) = dataset(conformity=[Conformity(title, degree=True)])["conformity"]
    assert row["uri"] == f"http://data.europa.eu/eli/{address}"


# --- contacts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("a@b.fr", "a@b.fr"),
        ("mailto:a.b-c@d.gouv.fr", "a.b-c@d.gouv.fr"),
        ("a@b.fr ; c@d.fr", "a@b.fr"),
        ("écrire à <a@b.fr>", "a@b.fr"),
        ("a@b", None),
        ("pas d'adresse", None),
        ("@" * 10_000, None),
        (None, None),
    ],
)
def test_an_e_mail_address_is_found_in_what_was_written(text, email):
    assert first_email(text) == email


def test_parties_go_by_their_role():
    made = dataset(
        contacts=[
            Contact(
                "DDT 01",
                role="pointOfContact",
                email="ddt@ain.gouv.fr",
                url="http://www.ain.gouv.fr",
            ),
            Contact("Éditeur", role="publisher"),
            Contact("Auteur", role="Author"),
            Contact("Propriétaire", role="owner"),
            Contact("Gardien", role="custodian"),
        ]
    )
    assert made["contact"] == [
        {"name": "DDT 01", "email": "ddt@ain.gouv.fr", "url": "http://www.ain.gouv.fr"}
    ]
    assert made["publisher"] == [{"name": "Éditeur"}]
    assert [party["name"] for party in made["creator"]] == ["Auteur"]
    assert [row["agent"] for row in made["qualified_attribution"]] == [
        [{"name": "Propriétaire"}],
        [{"name": "Gardien"}],
    ]
    assert ids("agent-role", [row["role"] for row in made["qualified_attribution"]]) == [
        "owner",
        "custodian",
    ]


def test_a_role_may_be_written_in_words():
    made = dataset(
        contacts=[
            Contact("DDT 01", role="Point de contact", email="ddt@ain.gouv.fr"),
            Contact("Éditeur SA", role="Éditeur"),
            Contact("Auteure", role="Auteur"),
            Contact("Commune", role="Propriétaire"),
            Contact("Gardien", role="gestionnaire"),
        ]
    )
    assert [party["name"] for party in made["contact"]] == ["DDT 01"]
    assert made["publisher"] == [{"name": "Éditeur SA"}]
    assert [party["name"] for party in made["creator"]] == ["Auteure"]
    assert ids("agent-role", [row["role"] for row in made["qualified_attribution"]]) == [
        "owner",
        "custodian",
    ]


def test_a_name_that_a_template_asks_for_is_none():
    made = dataset(contacts=[Contact("REQUIRED: The name of the organisation", email="a@b.fr")])
    assert made["contact"] == [{"name": "a@b.fr", "email": "a@b.fr"}]


def test_without_a_point_of_contact_somebody_who_can_be_reached_is_named():
    made = result(
        contacts=[Contact("A", role="owner"), Contact("B", role="custodian", email="b@c.fr")]
    )
    assert made.dataset["contact"] == [{"name": "B", "email": "b@c.fr"}]
    made = result(contacts=[Contact("A", role="owner")])
    assert made.dataset["contact"] == [{"name": "A"}]
    assert codes(made) >= {"no-contact"}


def test_an_organisation_goes_before_the_name_of_a_person():
    made = dataset(
        contacts=[Contact("DDT 01", individual="Camille Exemple", role="pointOfContact")]
    )
    assert made["contact"] == [{"name": "DDT 01"}]
    assert "Camille" not in str(made)


def test_the_point_of_contact_has_its_office_and_a_telephone_and_no_name_of_a_person():
    party = Contact(
        "DDT 01", individual="Camille Exemple", position="Pôle géomatique", phone="04 74 45 62 37"
    )
    made = dataset(contacts=[replace(party, role="pointOfContact"), replace(party, role="owner")])
    assert made["contact"] == [
        {"name": "DDT 01", "unit": "Pôle géomatique", "telephone": "+33 4 74 45 62 37"}
    ]
    assert made["creator"] == [{"name": "DDT 01"}]
    made = dataset(contacts=[Contact("DDT 01", role="pointOfContact", phone="poste 12")])
    assert made["contact"] == [{"name": "DDT 01"}]


def test_of_several_telephone_numbers_the_first_is_kept_and_the_text_is_told():
    text = "Tél. : 04.74.45.62.37 / 04 74 45 62 38 (standard)"
    made = result(contacts=[Contact("DDT 01", role="pointOfContact", phone=text)])
    assert made.dataset["contact"] == [{"name": "DDT 01", "telephone": "+33 4 74 45 62 37"}]
    assert (text, "+33 4 74 45 62 37") in [(change.before, change.after) for change in made.log]


def test_keywords_of_a_list_become_their_field_and_neither_tag_nor_theme():
    href = "urn:ecosphere:regulatory-use:impact-study"
    keywords = [
        Keyword("Étude d'impact sur l'eau", href=href),
        Keyword("Environnement", href="http://data.europa.eu/bna/c_dd313021"),
        Keyword(
            "Code de l'environnement",
            href="https://www.legifrance.gouv.fr/eli/loi/2009/8/3/2009-967/jo/texte",
        ),
    ]
    made = dataset(keywords=keywords)
    assert made["regulatory_use"] == ["impact-study"]
    assert made["hvd_category"] == ["http://data.europa.eu/bna/c_dd313021"]
    assert made["applicable_legislation"] == [
        "https://www.legifrance.gouv.fr/eli/loi/2009/8/3/2009-967/jo/texte"
    ]
    assert "Étude d'impact sur l'eau" not in {tag["name"] for tag in made.get("tags", [])}


def test_an_access_right_of_the_european_list_is_no_text():
    uri = "http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC"
    told = [Term("non public", uri), Term("Sur demande auprès de la DDT.")]
    made = dataset(
        constraints=[Constraint(kind="legal", access_codes=["otherRestrictions"], other=told)]
    )
    assert made["access_rights"] == uri
    assert made["access_conditions"] == "Sur demande auprès de la DDT."


def test_a_bad_address_is_dropped_and_reported():
    made = result(
        contacts=[Contact("A", role="pointOfContact", email="a(at)b.fr", url="javascript:x")]
    )
    assert made.dataset["contact"] == [{"name": "A"}]
    assert codes(made) >= {"email"}


# --- identifiers ---------------------------------------------------------------------------------


def test_the_first_usable_identifier_counts_and_the_others_stay_beside_it():
    made = result(
        identifiers=[
            Identifier("A REMPLIR"),
            Identifier("e88b2e8c", "http://catalogue.geo-ide.developpement-durable.gouv.fr"),
            Identifier("https://www.datara.gouv.fr/x", "ignored"),
            Identifier("CODE", "Espace"),
        ]
    )
    assert (
        made.dataset["identifier"]
        == "http://catalogue.geo-ide.developpement-durable.gouv.fr/e88b2e8c"
    )
    assert made.dataset["alternate_identifier"] == ["https://www.datara.gouv.fr/x", "CODE"]
    assert codes(made) >= {"identifier-placeholder"}


@pytest.mark.parametrize(
    "text", ["{E3A1}", "urn:isogeo:metadata:uuid:1", "NAME.xml", "13:58:24705547511577"]
)
def test_odd_identifiers_are_identifiers(text):
    assert dataset(file_identifier=text)["metadata_identifier"] == text


def test_a_record_without_an_identifier_of_its_own_says_so():
    assert codes(result(file_identifier=None)) >= {"no-file-identifier"}
    made = result(file_identifier="A REMPLIR")
    assert "metadata_identifier" not in made.dataset
    assert codes(made) >= {"identifier-placeholder"}


def test_series_members_and_other_relations_are_kept_or_told():
    made = result(
        parent_identifier="parent-1",
        series=["parent-1", "id-1"],
        members=[
            Member("a", association="partOfSeamlessDatabase"),
            Member("b", association="largerWorkCitation"),
            Member("c", association="crossReference"),
        ],
    )
    assert made.dataset["in_series"] == ["parent-1", "b"]
    assert made.members == ["a"]
    assert "aggregationInfo: crossReference c" in made.unread


def test_editions_of_one_dataset_are_kept_and_it_is_none_of_itself():
    editions = [Member(name, association="revisionOf") for name in ("v1", "v1", "self")]
    made = result(
        file_identifier="self", members=[*editions, Member("v3", association="replacedBy")]
    )
    assert made.dataset["replaces"] == ["v1"]
    assert made.dataset["replaced_by"] == ["v3"]


def test_the_original_record_is_addressed_by_the_source_when_no_link_does():
    context = Context(
        "ddt-80021-01", catalogue_title="Catalogue", record_url="https://a.fr/csw?id={id}"
    )
    made = dataset(context, file_identifier="a b/c")
    assert made["source_catalogue"] == "Catalogue"
    assert made["source_record"] == "https://a.fr/csw?id=a%20b%2Fc"


@pytest.mark.parametrize(
    ("keyword", "theme"),
    [
        (Keyword("hy", thesaurus="GEMET - INSPIRE themes, version 1.0"), "hy"),
        (Keyword("http://inspire.ec.europa.eu/theme/hy"), "hy"),
        (Keyword("hy"), None),
    ],
)
def test_an_inspire_theme_may_be_given_by_its_code_or_address_alone(keyword, theme):
    found = dataset(keywords=[keyword]).get("inspire_theme")
    assert (ids("inspire-theme", found) if found else None) == ([theme] if theme else None)
