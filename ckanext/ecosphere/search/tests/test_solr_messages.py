"""Solr error responses, in all their formats, reduced to one readable line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ckanext.ecosphere.search.solr_schema import LONGEST_MESSAGE, SolrAdmin, SolrAdminError

SENTENCE = "Field 'x': unknown type 'y'"
DETAIL = {"add-field": {"name": "x"}, "errorMessages": [f"{SENTENCE}\n"]}


class Answer:
    """Stand-in for a response of `requests`."""

    ok, status_code = False, 400

    def __init__(self, text: str):
        self.text = text

    def json(self) -> Any:
        return json.loads(self.text)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            json.dumps({"error": {"details": [DETAIL], "msg": "error processing commands"}}),
            SENTENCE,
        ),
        (json.dumps({"error": {"details": [{"errorMessages": SENTENCE}]}}), SENTENCE),
        (json.dumps({"error": {"details": [SENTENCE, SENTENCE]}}), SENTENCE),
        (json.dumps({"error": {"msg": "no core"}}), "no core"),
        (json.dumps({"error": "no core"}), "no core"),
        (json.dumps({"error": json.dumps({"error": {"msg": "no\n core"}})}), "no core"),
        (json.dumps({"error": {"msg": json.dumps({"details": [DETAIL]})}}), SENTENCE),
        (
            json.dumps({"error": {"trace": "java.lang.X: gone\n\tat org.apache"}}),
            "java.lang.X: gone",
        ),
        (
            "<html><head><title>Error 401 &amp; no entry</title></head></html>",
            "Error 401 & no entry",
        ),
        ("[1]", "HTTP 400: http://solr.example/solr/ckan/schema"),
        ("", "HTTP 400: http://solr.example/solr/ckan/schema"),
        (json.dumps({"error": {"msg": "x" * 10_000}}), "x" * LONGEST_MESSAGE),
    ],
)
def test_a_refusal_is_one_readable_line(monkeypatch: pytest.MonkeyPatch, text: str, told: str):
    admin = SolrAdmin("http://solr.example/solr/ckan")
    monkeypatch.setattr(admin._session, "request", lambda *_args, **_more: Answer(text))
    with pytest.raises(SolrAdminError) as refused:
        admin.change_schema({})
    assert str(refused.value) == told


@pytest.mark.usefixtures("loaded")
def test_no_answer_is_a_sentence():
    with pytest.raises(
        SolrAdminError, match=r"^Solr does not answer at http://127.0.0.1:1/solr/ckan$"
    ):
        SolrAdmin("http://127.0.0.1:1/solr/ckan").schema()
