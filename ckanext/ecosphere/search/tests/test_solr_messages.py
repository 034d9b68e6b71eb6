"""Solr error responses on one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ckanext.ecosphere.search.solr_schema import LONGEST_MESSAGE, SolrAdmin, SolrAdminError

DETAIL = {"add-field": {"name": "x"}, "errorMessages": ["Field 'x': unknown type 'y'"]}


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
        (json.dumps({"error": {"details": [DETAIL], "msg": "error"}}), json.dumps([DETAIL])),
        (json.dumps({"error": {"msg": "no\n core"}}), "no core"),
        (json.dumps({"error": "no core"}), "no core"),
        (json.dumps({"error": {"trace": "java.lang.X"}}), '{"trace": "java.lang.X"}'),
        ("<title>Error 401</title>\n", "<title>Error 401</title>"),
        ("", "HTTP 400: http://solr.example/solr/ckan/schema"),
        (json.dumps({"error": {"msg": "x" * 10_000}}), "x" * LONGEST_MESSAGE),
    ],
)
def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch, text: str, told: str):
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
