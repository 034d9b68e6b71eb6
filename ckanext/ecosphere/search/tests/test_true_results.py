"""Searches over HTTP: exclusions exclude, missing subjects are reported,
what is elsewhere is nearest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag

from ckanext.ecosphere.search.relevance import spelling

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")

DEPARTEMENT = "http://id.insee.fr/geo/departement/"
ISERE, TARN, LANDES, VENDEE = (DEPARTEMENT + code for code in ("38", "81", "40", "85"))
BRETAGNE = "http://id.insee.fr/geo/region/53"

SERIES = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/series"

Search = Callable[..., Tag]


@pytest.fixture
def search(app: Any) -> Search:
    """Open the page of a search."""

    def opened(query: str, **parameters: str) -> Tag:
        answer = app.get("/fr/dataset/", query_string={"q": query, **parameters})
        return BeautifulSoup(answer.body, "html.parser")

    return opened


def titles(page: Tag) -> list[str]:
    return [" ".join(each.get_text().split()) for each in page.select(".dataset-heading")]


def sentences(page: Tag) -> str:
    return " ".join(
        " ".join(each.get_text(" ", strip=True) for each in page.select(".eco-understood")).split()
    )


def heading(page: Tag) -> str:
    return page.select_one("h1.eco-results-title").get_text(strip=True)  # type: ignore[union-attr]


def resource(format_: str) -> dict[str, str]:
    return {"url": f"https://data.example/{format_}", "format": format_}


@pytest.mark.few(2, "words")
@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("znieff bretagne sauf type 1", ["ZNIEFF de type II de Bretagne"]),
        ("znieff bretagne -ZNIEFF1", ["ZNIEFF de type II de Bretagne"]),
        ("risques Isère sauf inondation", ["Risques miniers de l'Isère"]),
        ("risques Isère -inondation", ["Risques miniers de l'Isère"]),
        ("zones humides Isère sans WMS", ["Zones humides du Vercors"]),
        ("zones humides sauf Isère", ["Zones humides de Vendée"]),
    ],
)
def test_what_is_excluded_is_not_shown(
    search: Search, make_datasets: Any, query: str, kept: list[str]
):
    make_datasets(
        {"title": "ZNIEFF de type I de Bretagne", "territory": [BRETAGNE]},
        {"title": "ZNIEFF de type II de Bretagne", "territory": [BRETAGNE]},
        {"title": "PPRI de l'Isère, risques", "territory": [ISERE]},
        {"title": "Risques miniers de l'Isère", "territory": [ISERE]},
        {
            "title": "Zones humides de l'Isère",
            "territory": [ISERE],
            "resources": [resource("WMS"), resource("SHP")],
        },
        {"title": "Zones humides du Vercors", "territory": [ISERE], "resources": [resource("SHP")]},
        {"title": "Zones humides de Vendée", "territory": [VENDEE]},
    )
    shown = search(query)
    assert sorted(titles(shown)) == sorted(kept)
    assert "Sans " in sentences(shown)


def test_an_exclusion_is_undone_by_its_link(search: Search, make_datasets: Any):
    make_datasets("Zones humides et tourbières", "Zones humides")
    shown = search("zones humides sauf tourbières")
    assert titles(shown) == ["Zones humides"]
    (link,) = (
        each for each in shown.select(".eco-understood a") if "zones humides" in each.get_text()
    )
    (query,) = parse_qs(urlsplit(str(link["href"])).query)["q"]
    assert len(titles(search(query))) == 2


def test_a_query_of_exclusions_only_says_what_to_do(search: Search, make_datasets: Any):
    make_datasets("Risque d'inondation", "Éoliennes")
    shown = search("-inondation")
    assert titles(shown) == ["Éoliennes"]
    assert "Ajoutez" in sentences(shown)


def test_a_dataset_of_exactly_this_title_is_found(search: Search, make_datasets: Any):
    make_datasets("Carrières hors eau", "Carrières")
    assert titles(search("Carrières hors eau"))[0] == "Carrières hors eau"


@pytest.mark.few(1, "words")
@pytest.mark.parametrize(
    ("query", "subject", "near"),
    [
        ("restriction d'eau Tarn", "restriction d'eau", ["Étiage : stations de mesure du Tarn"]),
        ("défrichement Dax", "défrichement", ["Pistes de défense des forêts contre l'incendie"]),
        ("lichens Dax", "lichens", ["Pistes de défense des forêts contre l'incendie"]),
    ],
)
def test_a_missing_subject_is_said_first_and_what_is_near_afterwards(
    search: Search, make_datasets: Any, query: str, subject: str, near: list[str]
):
    make_datasets(
        {"title": "Étiage : stations de mesure du Tarn", "territory": [TARN]},
        {
            "title": "Pistes de défense des forêts contre l'incendie",
            "territory": [LANDES],
            "tags": [{"name": "forêt"}],
        },
    )
    shown = search(query)
    assert titles(shown) == near
    assert "Aucun jeu de données trouvé" in heading(shown) and query in heading(shown)
    text = sentences(shown)
    assert re.search(rf"Aucun jeu de données .*«\s{subject}\s»", text)
    assert "l'essentiel" not in text and "la plupart" not in text
    first = shown.select_one(".eco-understood p")
    assert first and subject in first.get_text()
    links = [
        each["href"]
        for each in shown.select(".eco-understood a")
        if "/demandes/nouvelle" in str(each["href"])
    ]
    assert len(links) == 1


@pytest.mark.slow("words")
def test_words_of_a_description_are_no_subject_but_are_counted(search: Search, make_datasets: Any):
    make_datasets(
        {
            "title": "Îlots de culture",
            "notes": "Ne correspondent pas au cadastre. Registre parcellaire.",
        },
        {"title": "Registre parcellaire graphique"},
    )
    shown = search("cadastre")
    assert titles(shown) == ["Îlots de culture"]
    assert re.search(r"«\scadastre\s» .*titre.*1", sentences(shown))


def test_a_subject_that_exists_is_not_said_to_be_missing(search: Search, make_datasets: Any):
    make_datasets(
        {"title": "Arrêtés de restriction d'eau du Tarn", "territory": [TARN]},
        {"title": "PPRI du Tarn", "territory": [TARN]},
        {"title": "Stations d'épuration", "territory": [TARN]},
    )
    for query in (
        "restriction d'eau Tarn",
        "plan de prévention du risque inondation Tarn",
        "égout Tarn",
    ):
        shown = search(query)
        assert titles(shown), query
        assert "Aucun" not in sentences(shown) + heading(shown), query


def test_what_exists_elsewhere_is_offered_nearest_first(search: Search, make_datasets: Any):
    places = {
        "Nord": "59",
        "Aveyron": "12",
        "Finistère": "29",
        "Loiret": "45",
        "Haute-Garonne": "31",
    }
    make_datasets(
        {"title": "Étiage : stations de mesure du Tarn", "territory": [TARN]},
        *(
            {"title": f"Restriction d'eau – {name}", "territory": [DEPARTEMENT + code]}
            for name, code in places.items()
        ),
    )
    (link,) = (
        each
        for each in search("restriction d'eau Tarn").select(".eco-understood a")
        if "5" in each.get_text()
    )
    (place,) = parse_qs(urlsplit(str(link["href"])).query)["ext_place"]
    found = [
        each.rpartition(" – ")[2]
        for each in titles(search("restriction d'eau Tarn", ext_place=place))
    ]
    assert [each for each in found if each in places] == [
        "Aveyron",
        "Haute-Garonne",
        "Loiret",
        "Finistère",
        "Nord",
    ]


@pytest.mark.slow("words")
def test_filters_are_named_as_a_limit_of_what_is_missing(search: Search, make_datasets: Any):
    make_datasets(
        {"title": "Lichens", "territory": [TARN]}, {"title": "Zones humides", "territory": [ISERE]}
    )
    shown = search("lichens", vocab_ecosphere_territory="departement-38")
    assert "filtres" in sentences(shown)


@pytest.mark.slow("words")
def test_the_name_of_a_table_has_a_readable_line_and_does_not_win_a_tie(
    search: Search, make_datasets: Any
):
    notes = {"notes": "Pistes DFCI", "tags": [{"name": "piste"}], "territory": [LANDES]}
    make_datasets({"title": "DFCI piste", **notes}, {"title": "N_DFCI_PISTE_L_040", **notes})
    shown = search("DFCI landes")
    assert titles(shown) == ["DFCI piste", "N_DFCI_PISTE_L_040"]
    assert "DFCI piste – Landes" in shown.select(".dataset-item")[1].get_text()


def test_a_series_is_not_taken_for_the_departement_lot(search: Search, make_datasets: Any):
    make_datasets(
        {"title": "Lot : Zones humides du Tarn", "dcat_type": SERIES, "territory": [TARN]}
    )
    (title,) = titles(search("zones humides Tarn"))
    assert title == "Série\N{NO-BREAK SPACE}: Zones humides du Tarn".replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_a_suggested_series_is_not_taken_for_the_departement_lot(app: Any, make_datasets: Any):
    make_datasets(
        {"title": "Lot : Haies bocagères du Tarn", "dcat_type": SERIES}, "Lot : haies bocagères"
    )
    groups = app.get("/fr/recherche/suggestions", query_string={"q": "haies boc"}).json["groups"]
    labels = {item["label"] for group in groups for item in group["items"]}
    assert {"Série\N{NO-BREAK SPACE}: Haies bocagères du Tarn", "Lot : haies bocagères"} <= labels


def test_subjects_are_suggested_before_datasets(app: Any, make_datasets: Any):
    make_datasets("Zones humides du Tarn", "Zones humides de l'Ain")
    spelling.count_words()
    groups = app.get("/fr/recherche/suggestions", query_string={"q": "zones hu"}).json["groups"]
    assert [group["title"] for group in groups] == ["Sujets", "Jeux de données"]
    assert [item["label"] for item in groups[0]["items"]] == ["zone humide"]
