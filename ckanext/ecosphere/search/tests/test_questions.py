"""Natural-language queries through `package_search`, as pages and the API send them.

Few tests with many queries each: creating the catalogue takes longer than all queries.
"""

from __future__ import annotations

from typing import Any

import pysolr
import pytest
from bs4 import BeautifulSoup
from ckan.tests import factories, helpers

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance import search

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

COMMUNE, DEPARTEMENT, GIRONDE, SEINE_SAINT_DENIS, REGION = (
    "http://id.insee.fr/geo/commune/44143",
    "http://id.insee.fr/geo/departement/44",
    "http://id.insee.fr/geo/departement/33",
    "http://id.insee.fr/geo/departement/93",
    "http://id.insee.fr/geo/region/52",
)
MANY = (
    "rivière égout inondation argile grotte usine friche éolien solaire loup "
    "chasse forêt vélo bruit huître zzz yyy xxx"
)
ODD = (
    MANY,
    f"{MANY} nantes",
    "é" * 500,
    "nantes " * 280,
    "'" * 300,
    "((((",
    "a~9 b^2",
    "zone\x00humide",
    "{!lucene}x",
    "N_",
    "_",
    "44 " * 99,
)


def titles(question: str, **params: Any) -> list[str]:
    found = helpers.call_action(
        "package_search", {"ignore_auth": False, "user": ""}, q=question, **params
    )
    return [each["title"] for each in found["results"]]


def told(question: str, **params: Any) -> dict[str, Any]:
    return helpers.call_action("package_search", q=question, **params)[search.KEY]


@pytest.fixture
def catalogue(french, make_datasets):
    places = {
        "Zones humides de Rezé": COMMUNE,
        "Zones humides de la Loire-Atlantique": DEPARTEMENT,
        "Zones humides des Pays de la Loire": REGION,
        "Zones humides de la Gironde": GIRONDE,
        "Cours d'eau de la Loire-Atlantique": DEPARTEMENT,
        "Bruit de Saint-Denis": SEINE_SAINT_DENIS,
        "Plan local d'urbanisme de Nantes": DEPARTEMENT,
    }
    make_datasets(*({"title": title, "territory": [uri]} for title, uri in places.items()))


def test_a_place_in_the_question_is_where(catalogue):
    covering = [
        "Zones humides de Rezé",
        "Zones humides de la Loire-Atlantique",
        "Zones humides des Pays de la Loire",
    ]
    assert titles("zones humides rezé") == titles("zones humides 44400") == covering
    assert told("zones humides rezé")["place"]["title"] == "Rezé – Loire-Atlantique"
    # A title that names a commune is about this commune, not about the others of its département.
    assert titles("plan local d'urbanisme nantes") == ["Plan local d'urbanisme de Nantes"]
    assert told("plan local d'urbanisme rezé")["elsewhere"] is True
    # The place can be removed and changed.
    assert titles("zones humides rezé", extras={"ext_place": "departement-33"}) == [
        "Zones humides de la Gironde"
    ]
    everywhere = titles("zones humides rezé", extras={"ext_place": "off"})
    assert everywhere[0] == "Zones humides de Rezé"
    assert "Zones humides de la Gironde" in everywhere
    # Among places of the same name, the one with data is chosen; the other one is offered.
    found = told("bruit saint-denis")
    assert found["place"]["title"] == "Saint-Denis – Seine-Saint-Denis"
    assert [each["title"] for each in found["other_places"]] == ["Saint-Denis – La Réunion"]
    # Nothing at the place: datasets of other places are listed.
    assert titles("bruit rezé") == ["Bruit de Saint-Denis"]
    assert told("bruit rezé")["elsewhere"] is True


@pytest.mark.slow("words")
def test_words_of_every_day_without_accents_and_misspelt(catalogue):
    assert (
        titles("rivière nantes") == titles("riviere 44") == ["Cours d'eau de la Loire-Atlantique"]
    )
    assert set(titles("zone humyde")) == set(titles("zone humide")) != set()
    assert told("zone humyde")["corrected"] == "zone humide"
    assert titles("zone humyde", extras={"ext_typed": "1"}) == []
    for question in ('"zones humides"', "title:zones", "zones +gironde", "*:*", ""):
        assert search.KEY not in helpers.call_action("package_search", q=question)


@pytest.mark.slow("words")
def test_brackets_capitals_and_a_lone_sign_are_no_language_of_solr(catalogue, app):
    expected = titles("zones humides rezé")
    assert expected
    for question in ("zones humides (Rezé)", "zones humides + rezé", "ZONES HUMIDES, REZÉ (44)"):
        assert titles(question) == expected, question
        assert told(question)["place"]["title"] == "Rezé – Loire-Atlantique"
    assert search.KEY not in helpers.call_action("package_search", q="zones AND humides")
    page = app.get("/fr/dataset/", params={"q": "zones humides (Rezé)"}).body
    assert (
        "Rezé – Loire-Atlantique" in page and expected[0] in BeautifulSoup(page, "html.parser").text
    )


@pytest.mark.slow("words")
def test_quoted_words_find_the_titles_that_hold_them(french, make_datasets):
    texts = (
        "Trait de côte et érosion",
        "Exposition au retrait-gonflement des argiles de l'Ain",
        "Inventaire des frayères de la Savoie",
        "Périmètres de protection des captages d'eau potable du Nord",
        "Parcs éoliens terrestres de la Somme",
        "Accidents corporels de la circulation du Gard",
        "Côte et trait",
    )
    make_datasets(*({"title": title} for title in texts))
    for question, title in (
        ('"trait de côte"', texts[0]),
        ('"retrait-gonflement des argiles"', texts[1]),
        ('"Inventaire des frayères"', texts[2]),
        ('title:"Inventaire des frayères"', texts[2]),
        ('"Périmètres de protection des captages d\'eau potable"', texts[3]),
        ('"Parcs éoliens terrestres de la Somme"', texts[4]),
        ('"accidents corporels de la circulation" Gard', texts[5]),
        ("frayèr*", texts[2]),
    ):
        assert titles(question)[:1] == [title], question
    assert set(titles('"trait de côte" OR "accidents corporels"')) == {texts[0], texts[5]}
    assert set(titles("frayères OR éoliens")) == {texts[2], texts[4]}
    assert titles('"inventaire Savoie"') == []


def test_a_title_or_an_identifier_typed_as_a_whole_comes_first(french, make_datasets):
    savoie = "http://id.insee.fr/geo/departement/73"
    make_datasets(
        {"title": "Inventaire des frayères de la Savoie", "territory": [savoie]},
        {"title": "N_FRAYERE_L_073", "name": "frayeres-de-la-savoie-2"},
        {"title": "Frayères de la Savoie – 2019", "territory": [savoie]},
        {"title": "Frayères de la Savoie – 2025", "territory": [savoie]},
        {"title": "ZNIEFF1_S_RARA", "metadata_identifier": "fr-120066022-jdd-74cdab2e-291e-45f5"},
        {"title": "CARRIERE_S_RARA"},
    )
    for title in (
        "N_FRAYERE_L_073",
        "ZNIEFF1_S_RARA",
        "Frayères de la Savoie - 2019",
        "frayeres de la savoie 2025",
    ):
        assert voc.normalise(titles(title)[0]) == voc.normalise(title), title
    assert titles("fr-120066022-jdd-74cdab2e-291e-45f5") == ["ZNIEFF1_S_RARA"]
    assert titles("frayeres-de-la-savoie-2") == ["N_FRAYERE_L_073"]
    found = helpers.call_action("package_show", id="frayeres-de-la-savoie-2")["id"]
    assert titles(found) == titles(found.upper()) == ["N_FRAYERE_L_073"]


@pytest.mark.slow("variants")
def test_what_lies_at_the_place_is_not_said_to_be_elsewhere(catalogue):
    # The organisation itself has no datasets, but others cover the place.
    assert titles("zones humides ddt 44")[0] == "Zones humides de la Loire-Atlantique"
    assert told("zones humides ddt 44")["elsewhere"] is False


@pytest.mark.slow("words")
def test_a_usual_word_that_nothing_has_is_the_commune_of_its_name(catalogue, app):
    assert told("zones humides gorges")["place"]["title"] == "Gorges – Loire-Atlantique"
    assert titles("zones humides gorges")[0] == "Zones humides de la Loire-Atlantique"
    assert told("zones humides gorges")["as_asked"] > 0
    assert told("zones humides gorges", extras={"ext_place": "off"})["place"] is None
    assert (
        "Gorges – Loire-Atlantique"
        in app.get("/fr/dataset/", params={"q": "zones humides gorges"}).body
    )


def test_private_datasets_are_found_by_their_service_only_and_their_words_are_not_proposed(
    catalogue,
):
    user = factories.User()
    service = factories.Organization(
        users=[{"name": user["name"], "capacity": "editor"}], image_url=""
    )
    factories.Dataset(
        title="Zibeline de Rezé", territory=[COMMUNE], owner_org=service["id"], private=True
    )
    assert "Zibeline de Rezé" not in titles("zibeline rezé")
    assert told("zibelime")["corrected"] == ""
    mine = {"user": user["name"], "ignore_auth": False}
    found = helpers.call_action("package_search", mine, q="zibeline rezé", include_private=True)
    assert [each["title"] for each in found["results"]] == ["Zibeline de Rezé"]


@pytest.mark.slow("words")
def test_where_a_place_has_nothing_its_neighbours_come_first(french, make_datasets):
    for name, code in (
        ("Normandie", "region-nor"),
        ("Occitanie", "region-occ"),
        ("Bretagne", "region-bre"),
    ):
        make_datasets(
            {"title": f"Carrières {name}", "territory": [voc.get("territories").get(code).uri]}
        )
    assert titles("carrières seine-et-marne")[0] == "Carrières Normandie"


@pytest.mark.slow("words")
def test_what_the_catalogue_calls_the_same_is_marked(catalogue, app):
    page = app.get("/fr/dataset/", params={"q": "rivière nantes"}).body
    assert "<mark>Cours</mark> d&#39;<mark>eau</mark>" in page
    assert "<mark>Nantes</mark>" in app.get("/fr/dataset/", params={"q": "plu nantes"}).body


RARE = (
    "zones humides gorges",
    "zones humides vide",
    "zone humyde rezé",
    "zones humides tourbière rezé",
    "bruit tourbière saint-denis",
    "plan local d'urbanime granvile",
    "bruit aéroport rezé",
    "zones humides rivière",
)


@pytest.mark.slow("load")
def test_six_questions_to_solr_are_enough_for_one_that_finds_little(catalogue, monkeypatch):
    asked: list[Any] = []
    search_solr = pysolr.Solr.search
    monkeypatch.setattr(
        pysolr.Solr,
        "search",
        lambda *args, **params: asked.append(1) or search_solr(*args, **params),
    )
    for question in RARE:
        asked.clear()
        assert titles(question), question
        # One more counts the subjects that no dataset of the page has.
        assert len(asked) <= 6, question


def test_a_private_dataset_is_not_counted_beforehand(catalogue):
    user = factories.User()
    service = factories.Organization(
        users=[{"name": user["name"], "capacity": "editor"}], image_url=""
    )
    factories.Dataset(
        title="Zibeline des marais", territory=[COMMUNE], owner_org=service["id"], private=True
    )
    question = "zibelines marais rezé"
    assert told(question)["as_asked"] == 0
    assert "Zibeline des marais" not in titles(question)
    mine = {"user": user["name"], "ignore_auth": False}
    found = helpers.call_action("package_search", mine, q=question, include_private=True)
    assert found[search.KEY]["as_asked"] == 1


@pytest.mark.slow("values")
def test_odd_questions_are_answered_or_refused_with_a_sentence(catalogue, app):
    for question in ODD:
        answer = app.get(
            "/api/3/action/package_search", params={"q": question, "rows": 1}, expect_errors=True
        )
        refused = "\x00" in question or "{!" in question or "^" in question or "((" in question
        assert answer.status_code in ((200, 400, 409) if refused else (200,)), question[:20]
        page = app.get("/dataset/", params={"q": question}, expect_errors=True)
        assert page.status_code == (400 if "\x00" in question else 200), question[:20]
