"""Search of organisations by the words of their names, on the page and through the API."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.tests import factories

from ckanext.ecosphere.setup.organisations import TERRITORY

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

AIN, LOIRE = "http://id.insee.fr/geo/departement/01", "http://id.insee.fr/geo/departement/42"
FOUND = {
    "DDT de l'Ain": ["ddt-01053-01"],
    "ddt01": ["ddt-01053-01"],
    "Direction départementale des territoires de l’Ain": ["ddt-01053-01"],
    "ddt": ["ddt-01053-01", "ddt-42"],
    "loire": ["ddt-42"],
    "DDT 1": [],
    "dreal": [],
    "de": ["ddt-01053-01", "ddt-42"],
}


@pytest.fixture
def services() -> None:
    for name, title, place in (("ddt-01053-01", "DDT 01", AIN), ("ddt-42", "DDT 42", LOIRE)):
        about = "Direction départementale des territoires (DDT)"
        factories.Organization(
            name=name, title=title, description=about, extras=[{"key": TERRITORY, "value": place}]
        )


def test_services_are_found_by_words(app: Any, services: None):
    for text, names in FOUND.items():
        answer = app.get(
            "/api/3/action/organization_list", query_string={"q": text, "sort": "name asc"}
        )
        assert answer.json["result"] == names, text
    chosen = app.get(
        "/api/3/action/organization_list", query_string={"q": "ddt", "organizations": "ddt-42"}
    )
    assert chosen.json["result"] == ["ddt-42"]
    page = BeautifulSoup(
        app.get("/fr/organization/", query_string={"q": "DDT de l'Ain"}).body, "html.parser"
    )
    assert "DDT 01" in page.text
    assert "DDT 42" not in page.text
