"""Every line of the synonym list takes effect on a real Solr."""

import pytest

from ckanext.ecosphere.search import config
from ckanext.ecosphere.search.relevance import words

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_index")


def pairs(line: words.SynonymLine) -> list[tuple[str, str]]:
    """Return (term in a document, query that must find it) for a line."""
    return [
        (term, query)
        for term in line.terms
        for query in (line.broader or line.terms)
        if query != term
    ]


def index(solr, terms: list[str]) -> None:
    """Index one document per term, in the middle of a sentence."""
    documents = [
        {
            "index_id": f"term-{number}",
            "id": term,
            "site_id": "synonyms",
            "title": f"Carte : {term} en 2020",
        }
        for number, term in enumerate(terms)
    ]
    solr.call("POST", f"{solr.base_url}/update?commit=true", json=documents)


def found(solr, query: str) -> set[str]:
    params = {
        "q": query.replace(":", " "),
        "fq": "site_id:synonyms",
        "defType": "dismax",
        "qf": config.query_fields(),
        "mm": "100%",
        "fl": "id",
        "rows": 1000,
    }
    answer = solr.call("GET", f"{solr.base_url}/select", params=params)
    return {document["id"] for document in answer["response"]["docs"]}


@pytest.fixture
def terms(french):
    """All terms of the list, each in a document of its own."""
    lines = words.synonym_lines()
    every = sorted({term for line in lines for term in (*line.terms, *line.broader)})
    index(french, every)
    yield every
    french.call(
        "POST",
        f"{french.base_url}/update?commit=true",
        json={"delete": {"query": "site_id:synonyms"}},
    )


@pytest.mark.slow("words")
def test_each_line_of_the_list_is_found_by_its_synonyms(french, terms):
    results = {query: found(french, query) for query in terms}
    wanted = [(line.number, *pair) for line in words.synonym_lines() for pair in pairs(line)]
    missed = [(number, term, query) for number, term, query in wanted if term not in results[query]]
    assert missed == []
    assert len(wanted) > 400


def test_a_common_word_is_not_taken_for_an_acronym(french, terms):
    assert "territoire à risque important d'inondation" in found(french, "TRI")
    index(french, ["tri des déchets"])
    assert "tri des déchets" not in found(french, "territoire à risque important d'inondation")
