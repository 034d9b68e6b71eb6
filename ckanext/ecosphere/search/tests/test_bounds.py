"""Questions that would keep Solr or a web thread busy are refused with a sentence, over HTTP, at once."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from ckanext.ecosphere.search import bounds, query

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")

MOST_SECONDS = 2
REFUSED = {
    "box without an end": "ext_bbox=-1e308,-1e308,1e308,1e308",
    "box that is no number": "ext_bbox=nan,nan,nan,nan",
    "infinite box": "ext_bbox=-inf,-inf,inf,inf",
    "box of words": "ext_bbox=a,b,c,d",
    "box of three sides": "ext_bbox=1,2,3",
    "box upside down": "ext_bbox=1,50,2,40",
    "long query": "q=" + "eau+" * 5_000,
    "query that looks fielded": "q=" + "-h" * 8_000,
    "many clauses": "q=" + quote("title:a OR " * 60 + "title:b"),
    "many wildcards": "q=" + quote("title:" + "*a" * 30),
    "expression": "q=" + quote("title:/(a+)+b/"),
    "parser": "q=" + quote("{!frange l=0}1"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("path", ["/dataset/?", "/api/3/action/package_search?"])
def test_costly_question_is_refused(app, name: str, path: str) -> None:
    asked = REFUSED[name]
    if "api" in path and asked.startswith("ext_bbox="):
        asked = f'extras={{"ext_bbox":"{asked.partition("=")[2]}"}}'
    start = time.process_time()
    answer = app.get(path + asked, follow_redirects=False)
    assert time.process_time() - start < MOST_SECONDS
    assert answer.status_code in {200, 400, 409}, "an answer, not a fault"
    if "api" in path:
        assert answer.status_code in {400, 409}


@pytest.mark.parametrize("box", ["4.7,45.6,6.1,46.5", "-180,-90,180,90", "170,-20,190,-10"])
def test_box_is_searched(app, box: str) -> None:
    assert app.get(f"/dataset/?ext_bbox={box}").status_code == 200


@pytest.mark.parametrize("words", ["zones humides", "tags:eau", "a\x00b", "\u202eeau", "eau*", "*:*"])
def test_question_of_people_is_answered(app, words: str) -> None:
    assert app.get(f"/dataset/?q={quote(words)}").status_code == 200


def test_facets_and_pages_are_bounded() -> None:
    params = {"q": "eau", "facet.limit": 10**9, "facet.field": [f"f{number}" for number in range(500)]}
    query.prepare(params)
    assert params["facet.limit"] == bounds.MOST_FACET_VALUES
    assert len(params["facet.field"]) == bounds.MOST_FACETS
    with pytest.raises(bounds.SearchQueryError):
        query.prepare({"q": "eau", "start": 10**9})
