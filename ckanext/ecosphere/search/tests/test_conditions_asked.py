"""Formats, years, excluded places and words without datasets, in the answers of pages and API."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.tests import helpers

from ckanext.ecosphere.search.relevance import search, spelling

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

VENDEE, MAYENNE, REGION = (
    "http://id.insee.fr/geo/departement/85",
    "http://id.insee.fr/geo/departement/53",
    "http://id.insee.fr/geo/region/52",
)
TETRAS = "Plans nationaux d'actions : espèce protégée"


def asked(question: str) -> dict[str, Any]:
    return helpers.call_action("package_search", {"ignore_auth": False, "user": ""}, q=question)


def titles(question: str) -> list[str]:
    return [each["title"] for each in asked(question)["results"]]


def files(*formats: str) -> list[dict[str, str]]:
    return [{"url": f"https://data.example.org/{each}.zip", "format": each} for each in formats]


@pytest.fixture
def catalogue(french, make_datasets):
    make_datasets(
        {"title": "Zones humides de la Vendée", "territory": [VENDEE], "resources": files("CSV")},
        {"title": "Zones humides de la Mayenne", "territory": [MAYENNE], "resources": files("SHP")},
        {
            "title": "Zones humides des Pays de la Loire",
            "territory": [REGION],
            "resources": files("CSV"),
        },
        {"title": "Trafic routier – 2018"},
        {"title": "Trafic routier – 2020"},
        {"title": "Trafic routier – 2022"},
        {"title": TETRAS},
    )
    assert spelling.count_words()


@pytest.mark.slow("words")
def test_conditions_are_kept(catalogue, app):
    left = titles("zones humides pays de la loire sans la vendée")
    assert "Zones humides de la Vendée" not in left
    assert "Zones humides de la Mayenne" in left
    page = app.get("/dataset/?q=zones+humides+pays+de+la+loire+sans+la+vend%C3%A9e").body
    assert "Without what lies in Vendée." in page
    assert titles("zones humides shapefile")[0] == "Zones humides de la Mayenne"
    assert titles("trafic routier 2018")[0] == "Trafic routier – 2018"
    assert titles("trafic routier depuis 2021")[0] == "Trafic routier – 2022"
    assert titles("trafic routier avant 2020")[0] == "Trafic routier – 2018"
    assert titles('zones humides " mayenne')[0] == "Zones humides de la Mayenne"


def test_a_page_says_which_words_no_dataset_has(catalogue, app):
    told = asked("tétras")[search.KEY]
    assert [(each["words"], each["names"]) for each in (*told["missing"], *told["unsaid"])] == [
        ("tétras", ["espèce protégée", "espèce menacée", "biodiversité"])
    ]
    assert asked("espèce protégée")[search.KEY]["unsaid"] == []
    assert asked("zones humides")[search.KEY]["unsaid"] == []
    page = BeautifulSoup(app.get("/dataset/?q=t%C3%A9tras").body, "html.parser")
    box = page.select_one(".eco-understood")
    assert box is not None
    assert "“tétras”" in box.text
    assert TETRAS in page.text
