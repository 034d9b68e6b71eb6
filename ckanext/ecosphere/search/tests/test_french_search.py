"""French queries through `package_search` on a real Solr."""

import pytest
from ckan.lib import search as ckan_search
from ckan.tests import factories

from ckanext.ecosphere.interfaces import InitReport
from ckanext.ecosphere.search import setup

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

TITLES = [
    "Zones humides de la Loire",
    "Zone humide du Marais poitevin",
    "Cours d'eau de l'Ain",
    "Éoliennes terrestres en service",
    "Parc éolien en mer",
    "Eaux souterraines : niveaux des nappes",
    "Qualité des eaux de baignade",
    "Qualité de l'air en ville",
    "Oiseaux nicheurs",
    "Réseaux de transport régionaux",
    "Schéma régional de cohérence écologique",
    "Espèces protégées",
    "Atlas des zones inondables",
    "Plan de prévention des risques d’inondation du Rhône",
    "Bâtiments communaux",
    "Bateaux de plaisance",
]

#: The table of measured queries: query → exactly the titles that must be found.
EXPECTED = {
    "zones humides": {"Zones humides de la Loire", "Zone humide du Marais poitevin"},
    "zone humide": {"Zones humides de la Loire", "Zone humide du Marais poitevin"},
    "les zones humides de la Loire": {"Zones humides de la Loire"},
    "cours d'eau": {"Cours d'eau de l'Ain"},
    "cours d’eau": {"Cours d'eau de l'Ain"},
    "eolienne": {"Éoliennes terrestres en service", "Parc éolien en mer"},
    "éoliennes": {"Éoliennes terrestres en service", "Parc éolien en mer"},
    "éolien": {"Éoliennes terrestres en service", "Parc éolien en mer"},
    "eau": {
        "Cours d'eau de l'Ain",
        "Eaux souterraines : niveaux des nappes",
        "Qualité des eaux de baignade",
    },
    "l'eau": {
        "Cours d'eau de l'Ain",
        "Eaux souterraines : niveaux des nappes",
        "Qualité des eaux de baignade",
    },
    "eau souterraine": {"Eaux souterraines : niveaux des nappes"},
    "qualité de l'eau": {"Qualité des eaux de baignade"},
    "qualité de l’air": {"Qualité de l'air en ville"},
    "oiseau": {"Oiseaux nicheurs"},
    "réseau": {"Réseaux de transport régionaux"},
    "reseaux": {"Réseaux de transport régionaux"},
    "régional": {"Réseaux de transport régionaux", "Schéma régional de cohérence écologique"},
    "protege": {"Espèces protégées"},
    "protégé": {"Espèces protégées"},
    "inondable": {
        "Atlas des zones inondables",
        "Plan de prévention des risques d’inondation du Rhône",
    },
    "inondation": {
        "Atlas des zones inondables",
        "Plan de prévention des risques d’inondation du Rhône",
    },
    "bâtiment": {"Bâtiments communaux"},
    "BATIMENT": {"Bâtiments communaux"},
    "PPRI": {"Plan de prévention des risques d’inondation du Rhône"},
    "SRCE": {"Schéma régional de cohérence écologique"},
    "Natura 2000 : les sites": set(),
    "Atlas : zones inondables": {"Atlas des zones inondables"},
    "Zones - humides": {"Zones humides de la Loire", "Zone humide du Marais poitevin"},
    '"zones humides"': {"Zones humides de la Loire", "Zone humide du Marais poitevin"},
    "zones humides -Loire": {"Zone humide du Marais poitevin"},
    "https://example.org/zones": set(),
}


def test_each_query_of_the_table_finds_exactly_what_it_should(french, make_datasets, find):
    make_datasets(*TITLES)
    # Through CKAN's own parser: nothing is read into the words.
    assert {query: set(find(query, defType="dismax")) for query in EXPECTED} == EXPECTED


def test_the_best_match_comes_first(french, make_datasets, find):
    make_datasets(
        {"title": "Atlas des paysages", "notes": "Un chapitre traite des zones humides."},
        {"title": "Zones humides"},
        {"title": "Marais salants", "tags": [{"name": "zones humides"}]},
    )
    assert find("zones humides") == ["Zones humides", "Marais salants", "Atlas des paysages"]


@pytest.mark.slow("words")
def test_keywords_are_found_in_another_form_than_theirs(french, make_datasets, find):
    make_datasets(
        {"title": "Inventaire 2020", "tags": [{"name": "oiseaux-marins"}, {"name": "Eaux usées"}]}
    )
    assert find("l'oiseau marin") == find("eau usée") == ["Inventaire 2020"]


def test_files_are_found_by_their_name_and_description(french, make_datasets, find):
    resource = {
        "url": "http://example.org/a.zip",
        "name": "Périmètres des captages",
        "description": "Arrêtés",
    }
    make_datasets({"title": "Eau potable", "resources": [resource]})
    assert find("captage arrêté") == ["Eau potable"]


@pytest.mark.slow("words")
def test_up_to_three_words_or_expressions_are_all_required_and_one_of_four_may_miss(
    french, make_datasets, find
):
    # "Zones humides" is an expression and counts as one word.
    make_datasets("Zones humides de la Loire : relevés")
    assert find("zones humides Bretagne", defType="dismax") == []
    assert find("zones humides Loire relevés Bretagne", defType="dismax") == [
        "Zones humides de la Loire : relevés"
    ]


def test_queries_in_solr_language_still_work(french, make_datasets, find):
    make_datasets("Zones humides", {"title": "Oiseaux", "tags": [{"name": "faune"}]})
    assert find("tags:faune") == ["Oiseaux"]
    assert len(find("*:*")) == 2
    assert find("", fq="tags:faune") == ["Oiseaux"]


def test_titles_sort_without_regard_to_accents_and_case(french, make_datasets, find):
    make_datasets("Zonages", "éoliennes", "Arrêtés", "Eaux")
    assert find("", sort="title_string asc") == ["Arrêtés", "Eaux", "éoliennes", "Zonages"]


@pytest.mark.slow("words")
def test_search_works_on_a_plain_schema_with_the_limits_it_always_had(plain, make_datasets, find):
    make_datasets(
        "Zones humides de la Loire", "Éoliennes", {"title": "Oiseaux", "tags": [{"name": "faune"}]}
    )
    assert find("zones humides") == ["Zones humides de la Loire"]
    assert find("faune") == ["Oiseaux"]


def test_ckan_accepts_the_schema_and_a_rebuild_fills_the_index(
    french, make_datasets, find, reindex
):
    make_datasets("Zones humides")
    ckan_search.clear_all()
    assert find("zone") == []
    reindex()
    assert find("zone") == ["Zones humides"]
    assert ckan_search.check_solr_schema_version() is True


def test_what_other_types_the_index_has_is_not_missing(french, make_datasets):
    make_datasets("Zones humides")
    source = {"type": "harvest", "source_type": "ecosphere_csw", "url": "https://a.example.org/csw"}
    factories.Dataset(owner_org=factories.Organization()["id"], **source)
    for _time in range(2):  # as with each run of `init`
        report = InitReport()
        setup.index_datasets(report, only_missing=True)
        assert [kind for kind, _told in report.lines] == ["unchanged"]
    ckan_search.clear_all()
    report = InitReport()
    setup.index_datasets(report, only_missing=True)
    assert [kind for kind, _told in report.lines] == ["changed"] and "2 " in report.lines[0][1]
