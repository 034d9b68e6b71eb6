"""Expensive queries, which would block Solr or a web thread, are refused at once with a message,
over HTTP.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest
from ckan.tests import factories

from ckanext.ecosphere.search import query

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")

MOST_SECONDS = 2
MOST_ROWS = 1_000
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
    "expression": "q=" + quote("title:(/(a+)+b/)"),
    "parser": "q=" + quote("{!frange l=0}1"),
    "parser with words": "q=" + quote("{!frange l=0}sum(1,2)"),
    "parser of questions": "q=" + quote("{!edismax qf=title}eau"),
    "parser of questions in a filter": "fq=" + quote("{!type=edismax qf=title}eau"),
    "parser of a filter": "fq=" + quote("{!func}sum(1,1)"),
    "order by a parser": "sort=" + quote("{!func}sum(1,1) asc"),
    "order by a function": "sort=" + quote("strdist('eau',title_string,edit) desc"),
}
#: Parameters of the API only: functions reveal data about hidden datasets, or take arbitrarily
#: long.
FUNCTIONS = {
    "fl": ["name", 'x:docfreq(text,"eau")'],
    "fl ": "id,[explain]",
    "bf": "strdist('eau',title_string,edit)",
    "boost": "docfreq(text,'eau')",
    "defType": "func",
    "wt": "xml",
}

BOXES = ("4.7,45.6,6.1,46.5", "-180,-90,180,90", "170,-20,190,-10")
WORDS = ("zones humides", "tags:eau", "\u202eeau", "eau*", "*:*", "title:/(a+)+b/")


def answer_of(app: Any, path: str) -> tuple[int, float]:
    """Return the status and the processor time of a request."""
    start = time.process_time()
    answer = app.get(path, follow_redirects=False)
    return answer.status_code, time.process_time() - start


# One portal for all queries: making it takes longer than they do.
def test_costly_questions_are_refused_and_others_answered(app: Any) -> None:
    factories.Dataset(owner_org=factories.Organization()["id"])
    answer_of(app, "/dataset/")
    wrong = []
    for name, asked in REFUSED.items():
        status, taken = answer_of(app, f"/dataset/?{asked}")
        if status not in {200, 400} or taken > MOST_SECONDS:
            wrong.append((name, "page", status, taken))
        status, taken = answer_of(app, f"/api/3/action/package_search?{asked}")
        if status not in {400, 409} or taken > MOST_SECONDS:
            wrong.append((name, "API", status, taken))
    for box in BOXES:
        if answer_of(app, f"/dataset/?ext_bbox={box}")[0] != 200:
            wrong.append((box, "page", 0, 0))
    for words in WORDS:
        status, taken = answer_of(app, f"/dataset/?q={quote(words)}")
        if status != 200:
            wrong.append((words, "page", status, taken))
    for asked in ("rows=100000000", "rows=100000000&facet.limit=-1"):
        if (
            not 0
            < len(app.get(f"/api/3/action/package_search?{asked}").json["result"]["results"])
            <= MOST_ROWS
        ):
            wrong.append((asked, "API", 200, 0))
    answer = app.post(
        "/api/3/action/package_search", json={"extras": {"ext_bbox": "-1e308,-1e308,1e308,1e308"}}
    )
    if answer.status_code != 400:
        wrong.append(("box in extras", "API", answer.status_code, 0))
    for name in ("fq", "fq_list"):
        parser = "{!edismax qf=title}eau"
        answer = app.post(
            "/api/3/action/package_search", json={name: [parser] if name == "fq_list" else parser}
        )
        if answer.status_code not in {400, 409}:
            wrong.append((name, "parser", answer.status_code, 0))
    assert not wrong, wrong


def test_facets_and_pages_are_bounded() -> None:
    params = {
        "q": "eau",
        "facet.limit": 10**9,
        "facet.field": [f"f{number}" for number in range(500)],
    }
    query.prepare(params)
    assert params["facet.limit"] == query.MOST_FACET_VALUES
    assert len(params["facet.field"]) == query.MOST_FACETS
    params = {
        "q": "eau",
        "facet.limit": -1,
        "facet.field": ["id", "title", "notes", "text", "{!lucene key=a}tags"],
    }
    query.prepare(params)
    assert params["facet.field"] == ["id", "{!lucene key=a}tags"]
    assert params["facet.limit"] == query.MOST_FACET_VALUES
    params = {
        "q": "eau",
        "facet.limit": -1,
        "facet.field": ["vocab_ecosphere_territory", "organization"],
    }
    query.prepare(params)
    assert (len(params["facet.field"]), params["facet.limit"]) == (2, -1)
    with pytest.raises(query.SearchQueryError):
        query.prepare({"q": "eau", "start": 10**9})


@pytest.mark.few(2, "values")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_no_parameters(app: Any, name: str) -> None:
    asked = {"q": "name:eau", name.strip(): FUNCTIONS[name]}
    answer = app.post("/api/3/action/package_search", json=asked)
    assert answer.status_code in {400, 409}
    answer = app.post("/api/3/action/package_search", json={**asked, "q": "eau"})
    assert answer.status_code in {400, 409}


@pytest.mark.parametrize("fields", ["id,name", ["id", "title"], "*", ["id,name score"]])
def test_fields_are_named(fields: Any) -> None:
    params = {"q": "eau", "fl": fields}
    assert query.prepare(params)["fl"] == fields


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("q", ["", "eau", "name:rien"])
def test_facets_tell_nothing_of_what_is_private(app: Any, q: str) -> None:
    service = factories.Organization()["id"]
    factories.Dataset(owner_org=service, title="Eau", tags=[{"name": "ouvert"}])
    factories.Dataset(owner_org=service, title="Eau", tags=[{"name": "zorglub"}], private=True)
    asked = {
        "q": q,
        "rows": 0,
        "facet.field": ["tags", "capacity"],
        "facet.mincount": 0,
        "facet.limit": -1,
    }
    for answer in (
        app.post("/api/3/action/package_search", json=asked),
        app.get(
            "/api/3/action/package_search",
            query_string={**asked, "facet.field": '["tags", "capacity"]'},
        ),
    ):
        found = answer.json["result"]["facets"]
        assert "zorglub" not in found["tags"] and "private" not in found["capacity"]


@pytest.mark.parametrize("extras", ['{"ext_bbox": "1,2,3,4"}', ["list"]])
def test_extras_that_are_no_object_are_refused(app: Any, extras: Any) -> None:
    answer = app.post(
        "/api/3/action/package_search", json={"ext_bbox": "1,2,3,4", "extras": extras}
    )

    assert answer.status_code == 409
    assert list(answer.json["error"]) == ["extras", "__type"]
