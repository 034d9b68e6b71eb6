"""Names and texts entered in CKAN's own forms: cleaned, limited in length, no internal errors,
over HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ckanext.ecosphere.shared import rich_text
from ckanext.ecosphere.tests.hostile_texts import STRANGE, UNITS

OVERRIDE = "\u202e"
MOST_SECONDS = 2
FIELDS = ("title", "notes", "provenance", "use_conditions", "version", "url", "tag_string")


@pytest.fixture
def app(
    made_app: Any, ckan_config: Any, clean_db: None, clean_index: None
) -> Iterator[CKANTestApp]:
    """The application."""
    yield CKANTestApp(made_app)


def post(app: CKANTestApp, action: str, data: dict[str, Any], token: str) -> Any:
    """Call an action over HTTP."""
    return app.post(f"/api/3/action/{action}", json=data, headers={"Authorization": token})


def test_names_of_people_and_services(app: CKANTestApp) -> None:
    token = factories.SysadminWithToken()["token"]
    person = {
        "name": "eve",
        "email": "eve@example.org",
        "password": "Lac-bleu-2024",
        "fullname": f"Eve{OVERRIDE}gpj",
    }
    assert post(app, "user_create", person, token).json["result"]["fullname"] == "Evegpj"
    sent = {"name": "ddt-02", "title": f"DDT{OVERRIDE} 02"}
    assert post(app, "organization_create", sent, token).json["result"]["title"] == "DDT 02"


@pytest.mark.parametrize(
    ("action", "sent", "field"),
    [
        ("organization_create", {"name": "ddt-03", "description": "a" * 20_001}, "description"),
        (
            "organization_create",
            {"name": "ddt-03", "image_url": 'http://a" onmouseover="x'},
            "image_url",
        ),
        (
            "harvest_source_create",
            {"name": "s", "url": "https://a.example/", "title": "a" * 501},
            "title",
        ),
        (
            "harvest_source_create",
            {"name": "s", "url": "https://a.example/", "title": "s", "config": " " * 50_001},
            "config",
        ),
        ("config_option_update", {"ckan.site_about": "a" * 50_001}, "ckan.site_about"),
    ],
)
def test_endless_texts_and_broken_addresses_are_refused(
    app: CKANTestApp, action: str, sent: dict[str, str], field: str
) -> None:
    answer = post(app, action, sent, factories.SysadminWithToken()["token"])
    assert answer.status_code == 409
    assert list(answer.json["error"]) == [field, "__type"]


TEXTS = st.one_of(
    st.sampled_from(STRANGE),
    st.text(max_size=50),
    st.builds(
        lambda unit, length: unit * (length // len(unit)),
        st.sampled_from(UNITS),
        st.integers(1, 40_000),
    ),
)


@pytest.mark.slow("values")
def test_no_text_of_a_dataset_fails(app: CKANTestApp) -> None:
    token = factories.SysadminWithToken()["token"]
    service = factories.Organization(name="ddt-01")
    start = {"title": "T", "name": "jeu", "owner_org": service["id"], "private": True}
    assert post(app, "package_create", start, token).status_code == 200

    @seed(13)
    @settings(
        max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.sampled_from(FIELDS), TEXTS)
    def save(field: str, text: str) -> None:
        start = time.process_time()
        sent = {"id": "jeu", "title": "T", "owner_org": service["id"], field: text}
        answer = post(app, "package_update", sent, token)
        assert answer.status_code in (200, 400, 409), (field, text[:20], answer.status_code)
        assert time.process_time() - start < MOST_SECONDS, (field, text[:20])

    save()


@pytest.mark.slow("expressions")
@seed(13)
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_rendering_is_quick(text: str) -> None:
    start = time.process_time()
    rendered = rich_text.to_html(text)
    rich_text.plain(rendered)
    assert time.process_time() - start < MOST_SECONDS
