"""Data requests without any other room: no schema, search, harvest,
quality or activity plugin is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests.tests.conftest import act, dataset, draft, populate, row, step
from ckanext.ecosphere.data_requests.tests.test_pages import visit

pytestmark = [
    pytest.mark.ckan_config("ckan.plugins", "ecosphere_requests ecosphere"),
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "peopled"),
]

NEIGHBOURS = (
    "ecosphere_schemas",
    "ecosphere_search",
    "ecosphere_quality",
    "ecosphere_harvest",
    "activity",
)


@pytest.fixture
def app(make_app: Callable[[], CKANTestApp]) -> CKANTestApp:
    """Application with only these plugins loaded."""
    return make_app()


@pytest.fixture
def peopled(with_plugins: None, clean_db: None) -> None:
    """Create the users and services with only these plugins loaded."""
    populate()


def test_from_asking_to_the_answer_without_neighbours(app: CKANTestApp):
    assert not any(p.plugin_loaded(name) for name in NEIGHBOURS)
    answer = dataset(title="Zones humides de la Loire")
    made = draft()
    at = f"/demandes/{made['id']}"
    asking = {
        f"{at}/modifier/{name}": 200 for name in ("quoi", "usage", "territoire", "delais", "envoi")
    }
    assert {path: visit(app, "asker", path).status_code for path in asking} == asking
    assert answer["name"] in visit(app, "asker", f"{at}/modifier/envoi").body
    sent = visit(
        app,
        "asker",
        f"{at}/modifier/envoi",
        version=1,
        visibility="public",
        go="send",
        similar_seen="1",
    )
    assert sent.status_code == 302
    made = step(made, "accept", "moderator", organization="ddt-42")
    act("comment", "editor", id=made["id"], text=f"Voir /dataset/{answer['name']}")
    seen: dict[str, Any] = {
        "/demandes": None,
        "/demandes/statistiques": None,
        f"/demandes/{made['reference']}": None,
        f"/dataset/{answer['name']}": None,
        "/dataset/?q=introuvable": None,
        "/organization/ddt-42": None,
        "/": None,
        "/demandes/mes-demandes": "asker",
        "/demandes/notifications": "asker",
        "/dashboard/datasets": "asker",
        "/demandes/service/ddt-42": "editor",
        f"/demandes/{made['reference']}/fulfil": "editor",
        f"/demandes/{made['reference']}/refuse": "admin",
        "/demandes/moderation": "moderator",
    }
    found = {path: visit(app, person, path).status_code for path, person in seen.items()}
    assert found == dict.fromkeys(seen, 200)
    step(made, "fulfil", "editor", datasets=[answer["name"]])
    assert row(made).state == "fulfilled"
    assert made["reference"] in visit(app, None, f"/dataset/{answer['name']}").body
