"""Next steps offered after a search without results: a data request, the search without its area,
a clear message.
"""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")

AIN = "http://id.insee.fr/geo/departement/01"


@pytest.mark.few(1, "words")
@pytest.mark.parametrize(
    ("question", "filled"),
    [
        (
            "zones humides oyonnax",
            {"title": ["zones humides oyonnax"], "territory": ["departement-01"]},
        ),
        ("zones humides ain", {"title": ["zones humides"], "territory": ["departement-01"]}),
        ("zones humides", {"title": ["zones humides"]}),
        (
            "couloirs aériens oyonnax",
            {"title": ["couloirs aériens oyonnax"], "territory": ["departement-01"]},
        ),
    ],
    ids=["commune", "departement", "nowhere", "nothing found"],
)
def test_a_request_begins_with_subject_and_place(
    app: Any, make_datasets, question: str, filled: dict[str, list[str]]
):
    make_datasets({"title": "Zones humides de l'Ain", "territory": [AIN]})
    page = app.get(f"/fr/dataset/?q={question.replace(' ', '+')}").body
    [link] = set(re.findall(r'href="(/fr/demandes/nouvelle\?[^"]+)"', page))
    asked = html.unescape(link)
    assert parse_qs(urlsplit(asked).query) == filled
    form = app.get(asked).body
    assert f'value="{filled["title"][0]}"' in form
    selected = re.findall(r'<option value="((?:departement|region)-[^"]+)" selected>', form)
    assert selected == filled.get("territory", [])


def test_a_search_that_found_nothing_in_its_area_says_how_many_there_are_without_it(
    app: Any, make_datasets
):
    box = '{"type":"Polygon","coordinates":[[[4.7,45.6],[6.1,45.6],[6.1,46.5],[4.7,46.5],[4.7,45.6]]]}'
    make_datasets(
        {"title": "Bruit des routes", "spatial": box}, {"title": "Bruit des trains", "spatial": box}
    )
    elsewhere = "ext_bbox=-4,47,-3,48"
    page = " ".join(app.get(f"/fr/dataset/?q=bruit&{elsewhere}").body.split())
    assert (
        'href="?q=bruit">Retirer le filtre « Zone : celle de la carte »</a> – 2 jeux de données'
        in page
    )
    # Counts of other filters keep the area: without the format there is still nothing.
    page = app.get(f"/fr/dataset/?q=bruit&res_format=CSV&{elsewhere}").body
    assert "Retirer le filtre « Format" not in page


def test_a_question_that_the_index_cannot_read_is_told_in_french(app: Any):
    page = app.get("/fr/dataset/?q=a+{!lucene}+b").body
    assert "La recherche n’a pas abouti" in page
    assert "Écrivez quelques mots simples" in page
    assert not re.search(r"<h1[^>]*>\s*Error", page)


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("typed", ["46.0, 5.4", "5.4 46.0", "46,0 ; 5,4", "885000 6547000"])
def test_coordinates_in_the_search_box_are_a_place(app: Any, make_datasets, typed: str):
    box = '{"type":"Polygon","coordinates":[[[4.7,45.6],[6.2,45.6],[6.2,46.5],[4.7,46.5],[4.7,45.6]]]}'
    make_datasets({"title": "Mares", "spatial": box}, {"title": "Ailleurs"})
    answer = app.get(
        "/fr/dataset/",
        query_string={"q": typed, "sort": "title_string asc"},
        follow_redirects=False,
    )
    assert answer.status_code == 302
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert "q" not in asked and asked["sort"] == ["title_string asc"]
    west, south, east, north = map(float, asked["ext_bbox"][0].split(","))
    assert 5.39 < west < east < 5.41 and 45.99 < south < north < 46.01
    page = app.get(answer.headers["Location"]).body
    assert "Mares" in page and "Ailleurs" not in page
    assert f"{typed}</" in re.sub(r"\s+</", "</", page)  # the filter says what was typed


def test_the_area_page_finds_what_holds_a_point(app: Any, make_datasets):
    box = '{"type":"Polygon","coordinates":[[[4.7,45.6],[6.2,45.6],[6.2,46.5],[4.7,46.5],[4.7,45.6]]]}'
    make_datasets({"title": "Mares", "spatial": box})
    assert "Mares" in app.post("/fr/recherche/zone", data={"area": "46.0, 5.4"}).body


def test_where_nothing_is_found_data_are_asked_for_with_one_button(app: Any, make_datasets):
    make_datasets({"title": "Carrières"})
    page = app.get("/fr/dataset/?q=couloirs+aériens").body
    assert "eco-no-result" in page
    assert len(re.findall(r'href="/fr/demandes/nouvelle\?[^"]+"', page)) == 1


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    "typed", ["2019 2020", "44, 85", "2.1.5.0 3.3.1.0", "120.5, 33.2", "natura 2000"]
)
def test_other_numbers_are_words(app: Any, typed: str):
    assert (
        app.get("/fr/dataset/", query_string={"q": typed}, follow_redirects=False).status_code
        == 200
    )
