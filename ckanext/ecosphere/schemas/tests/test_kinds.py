"""Series, services and source code: pages and RDF."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bs4 import BeautifulSoup
from rdflib import Graph

from ckanext.ecosphere.schemas.tests import samples

pytestmark = pytest.mark.usefixtures("shared_db")
KIND = f"{samples.INSPIRE}/metadata-codelist/ResourceType"
SERIES = {
    "title": "Lot des risques",
    "name": "lot-risques",
    "dcat_type": f"{KIND}/series",
    "provenance": "Numérisation commune.",
    "metadata_identifier": "fr-lot-42",
    "use_conditions": "Mention de la source.",
}
SERVICE = {
    "title": "Carte des risques",
    "name": "carte-risques",
    "dcat_type": f"{KIND}/service",
    "service_type": "view",
    "endpoint_url": ["https://ogc.example.org/wms"],
    "serves_dataset": ["part-1"],
}
CODE = {
    "title": "Calcul des crues",
    "name": "calcul-crues",
    "dcat_type": "code",
    "code_repository": "https://git.example.org/crues",
    "programming_language": ["Python"],
    "development_status": "stable",
    "license_id": "eupl-1.2",
}


@pytest.fixture
def catalogue(create: Any, act: Any) -> Any:
    """A series with two members, a service for one of them, and source code; created once."""
    from ckan import model

    if model.Package.get("lot-risques") is None:
        create(SERIES)
        create({"title": "Zones", "name": "part-1", "in_series": ["lot-risques"]})
        create(
            {
                "title": "Enjeux",
                "name": "part-2",
                "in_series": ["fr-lot-42"],
                "provenance": "La sienne.",
            }
        )
        create(SERVICE)
        create(CODE)
    return act


def text_of(app: Any, path: str) -> str:
    """Return the text of a page, with whitespace collapsed."""
    return re.sub(r"\s+", " ", BeautifulSoup(app.get(path).body, "html.parser").get_text(" "))


def rdf(app: Any, name: str) -> Graph:
    """Return the RDF of a dataset."""
    return Graph().parse(data=app.get(f"/dataset/{name}.ttl").body, format="turtle")


def test_a_series_lists_what_refers_to_it_by_name_or_by_the_identifier_of_its_record(
    app, catalogue
):
    text = text_of(app, "/fr/dataset/lot-risques")
    assert "2 jeux de données" in text
    assert "Zones" in text
    assert "Enjeux" in text


def test_a_dataset_shows_what_its_series_says_for_it_and_says_so(app, catalogue):
    page = BeautifulSoup(app.get("/fr/dataset/part-1").body, "html.parser")
    lent: Any = page.select(".ecosphere-lent")
    assert {note.find("a")["href"].rsplit("/", 1)[-1] for note in lent} == {"lot-risques"}
    assert "Numérisation commune." in page.get_text(" ")


def test_what_a_dataset_says_itself_is_not_taken_from_the_series(app, catalogue):
    text = text_of(app, "/fr/dataset/part-2")
    assert "La sienne." in text
    assert "Numérisation commune." not in text


def test_a_service_names_its_address_and_what_it_serves_and_the_dataset_its_service(app, catalogue):
    text = text_of(app, "/fr/dataset/carte-risques")
    assert "https://ogc.example.org/wms" in text
    assert "Zones" in text
    assert "Carte des risques" in text_of(app, "/fr/dataset/part-1")


def test_code_leads_to_its_repository(app, catalogue):
    page = BeautifulSoup(app.get("/fr/dataset/calcul-crues").body, "html.parser")
    assert page.find("a", href="https://git.example.org/crues") is not None


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("lot-risques", "?it a dcat:DatasetSeries"),
        ("part-1", "?it dcat:inSeries ?series . ?series a dcat:DatasetSeries"),
        ("carte-risques", "?it a dcat:DataService ; dcat:endpointURL ?url ; dcat:servesDataset ?part"),
        ("calcul-crues", "?it a sdo:SoftwareSourceCode ; sdo:codeRepository <https://git.example.org/crues>"),
    ],
)  # fmt: skip
def test_the_rdf_says_what_each_is(app, catalogue, name, pattern):
    prefixes = "PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX sdo: <https://schema.org/>"
    assert rdf(app, name).query(f"{prefixes} ASK {{ {pattern} }}").askAnswer


def test_a_draft_of_a_series_is_not_named_to_everyone(app, catalogue, act):
    act("package_patch", id="lot-risques", private=True)
    try:
        assert "Lot des risques" not in text_of(app, "/fr/dataset/part-1")
    finally:
        act("package_patch", id="lot-risques", private=False)
