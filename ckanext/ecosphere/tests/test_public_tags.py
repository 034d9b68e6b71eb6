"""Tags of private datasets over the API, as somebody outside asks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ckan.tests import factories, helpers

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")]

QUESTIONS = (
    ("tag_list", {}),
    ("tag_list", {"all_fields": True}),
    ("tag_list", {"query": "secret"}),
    ("tag_search", {"query": "secret"}),
    ("tag_autocomplete", {"query": "secret"}),
)


@pytest.fixture
def tokens() -> dict[str, str]:
    """An editor of the service with the private dataset, one of another service, and nobody."""
    mine, other = factories.UserWithToken(), factories.UserWithToken()
    service = factories.Organization(users=[{"name": mine["name"], "capacity": "editor"}], image_url="")
    factories.Organization(users=[{"name": other["name"], "capacity": "editor"}], image_url="")
    for private, tag in ((True, "secret-tag"), (False, "open-tag")):
        fields = {"owner_org": service["id"], "private": private, "tags": [{"name": tag}], "title": tag}
        context: Any = {"ignore_auth": True, "user": mine["name"], "schema_validate": False}
        helpers.call_action("package_create", context, name=tag, notes="x", **fields)
    return {"mine": mine["token"], "other": other["token"], "nobody": ""}


def _asked(app: Any, token: str, action: str, data: dict[str, Any]) -> str:
    headers = {"Authorization": token} if token else {}
    answer = app.post(f"/api/3/action/{action}", json=data, headers=headers)
    return json.dumps(answer.json["result"])


@pytest.mark.parametrize(("action", "data"), QUESTIONS)
@pytest.mark.parametrize("person", ["nobody", "other"])
def test_tag_of_a_private_dataset_is_not_told(app, tokens, person, action, data):
    assert "secret-tag" not in _asked(app, tokens[person], action, data)


@pytest.mark.parametrize(("action", "data"), QUESTIONS)
def test_tag_of_a_private_dataset_is_told_to_its_service(app, tokens, action, data):
    assert "secret-tag" in _asked(app, tokens["mine"], action, data)


def test_tag_of_a_public_dataset_is_told_to_everybody(app, tokens):
    assert "open-tag" in _asked(app, "", "tag_list", {})
    assert "open-tag" in _asked(app, "", "tag_autocomplete", {"query": "open"})
    found = json.loads(_asked(app, "", "tag_search", {"query": "tag", "limit": 1}))
    assert (found["count"], len(found["results"])) == (1, 1)
