"""Suggestions and spelling corrections, and their visibility."""

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories, helpers
from ckan.tests.helpers import CKANTestApp

pytestmark = pytest.mark.usefixtures(
    "loaded", "clean_db", "clean_index", "french", "with_request_context"
)

RHONE = "http://id.insee.fr/geo/departement/69"
EAU = "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres/eau"
PERSONAS = {
    "anonymous": False,
    "user": False,
    "other-editor": False,
    "editor": True,
    "admin": True,
    "sysadmin": True,
}


@pytest.fixture
def app(made_app: Any) -> CKANTestApp:
    """The application, made once per module."""
    return CKANTestApp(made_app)


@pytest.fixture
def names() -> dict[str, str]:
    """Role → user name; "" for the anonymous user."""
    people = {
        name: factories.User(name=name)["name"]
        for name in ("user", "other-editor", "editor", "admin")
    }
    people |= {"anonymous": "", "sysadmin": factories.Sysadmin(name="boss")["name"]}
    owner = factories.Organization(
        name="ddt-69", users=[{"name": n, "capacity": n} for n in ("editor", "admin")]
    )
    factories.Organization(name="ddt-42", users=[{"name": "other-editor", "capacity": "editor"}])
    fields: dict[str, Any] = {
        "notes": "",
        "owner_org": owner["id"],
        "territory": [RHONE],
        "theme": [EAU],
    }
    factories.Dataset(title="Captages prioritaires", private=True, **fields)
    return people


def ask(action: str, user: str, **data: Any) -> Any:
    """Call an action as a user, with all access checks."""
    return helpers.call_action(action, {"user": user, "ignore_auth": False}, **data)


@pytest.mark.few(2, "personas")
@pytest.mark.parametrize("persona", PERSONAS)
def test_a_private_dataset_is_suggested_and_counted_only_to_its_service(names, persona):
    found = ask("ecosphere_search_suggest", names[persona], q="captages")
    by_place = ask("ecosphere_search_suggest", names[persona], q="rhone")
    assert bool(found["datasets"]) is PERSONAS[persona]
    assert bool(by_place["facets"]) is PERSONAS[persona]


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    "query", ["", "e", '"', "*:*", "{!xmlparser}", "a" * 5_000, "title:[* TO *]"]
)
def test_no_query_breaks_the_suggestions(query):
    assert set(ask("ecosphere_search_suggest", "", q=query)) == {
        "subjects",
        "datasets",
        "facets",
        "communes",
    }


@pytest.mark.parametrize("query", ["\x00", "eau\ud800", ["eau"] * 2 + [{"a": "\x00"}]])
def test_what_cannot_be_stored_is_refused_by_name(query):
    with pytest.raises(tk.ValidationError) as refused:
        ask("ecosphere_search_suggest", "", q=query)
    assert "q" in refused.value.error_dict
