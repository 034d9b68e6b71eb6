"""Tags of private datasets over the API, as seen by users without access."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ckan.tests import factories, helpers
from ckan.tests.helpers import CKANTestApp

pytestmark = [pytest.mark.usefixtures("loaded", "clean_db", "clean_index")]

QUESTIONS = (
    ("tag_list", {}),
    ("tag_list", {"all_fields": True}),
    ("tag_list", {"query": "secret"}),
    ("tag_search", {"query": "secret"}),
    ("tag_autocomplete", {"query": "secret"}),
)


@pytest.fixture
def app(made_app: Any) -> CKANTestApp:
    """The application, made once per module."""
    return CKANTestApp(made_app)


@pytest.fixture
def tokens() -> dict[str, str]:
    """Tokens of an editor of the private dataset's organisation, of one of another organisation,
    and of nobody.
    """
    mine, other = factories.UserWithToken(), factories.UserWithToken()
    service = factories.Organization(
        users=[{"name": mine["name"], "capacity": "editor"}], image_url=""
    )
    factories.Organization(users=[{"name": other["name"], "capacity": "editor"}], image_url="")
    for private, tag in ((True, "secret-tag"), (False, "open-tag")):
        fields = {
            "owner_org": service["id"],
            "private": private,
            "tags": [{"name": tag}],
            "title": tag,
        }
        context: Any = {"ignore_auth": True, "user": mine["name"], "schema_validate": False}
        helpers.call_action("package_create", context, name=tag, notes="x", **fields)
    return {"mine": mine["token"], "other": other["token"], "nobody": ""}


def _asked(app: Any, token: str, action: str, data: dict[str, Any]) -> str:
    headers = {"Authorization": token} if token else {}
    answer = app.post(f"/api/3/action/{action}", json=data, headers=headers)
    return json.dumps(answer.json["result"])


def test_tag_of_a_private_dataset_is_told_to_its_service_and_to_nobody_else(app, tokens):
    told = {
        (person, action, str(data))
        for person, token in tokens.items()
        for action, data in QUESTIONS
        if "secret-tag" in _asked(app, token, action, data)
    }
    assert told == {("mine", action, str(data)) for action, data in QUESTIONS}


def test_a_tag_of_a_private_dataset_is_as_absent_as_one_that_never_was(app, tokens):
    def status(person: str, tag: str) -> int:
        headers = {"Authorization": tokens[person]} if tokens[person] else {}
        return app.get(f"/api/3/action/tag_show?id={tag}", headers=headers).status_code

    assert {person: status(person, "secret-tag") for person in tokens} == {
        "mine": 200,
        "other": 404,
        "nobody": 404,
    }
    assert status("nobody", "never-tag") == 404
    assert status("nobody", "open-tag") == 200


def test_tag_of_a_public_dataset_is_told_to_everybody(app, tokens):
    assert "open-tag" in _asked(app, "", "tag_list", {})
    assert "open-tag" in _asked(app, "", "tag_autocomplete", {"query": "open"})
    found = json.loads(_asked(app, "", "tag_search", {"query": "tag", "limit": 1}))
    assert (found["count"], len(found["results"])) == (1, 1)
