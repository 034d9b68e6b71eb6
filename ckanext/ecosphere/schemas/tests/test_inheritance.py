"""Inheritance from a series: on the dataset's page, in its form and in exports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan import model
from rdflib import DCTERMS, Graph, URIRef
from sqlalchemy import event

from ckanext.ecosphere.dataset import bounds
from ckanext.ecosphere.schemas import stored
from ckanext.ecosphere.schemas.tests import samples

pytestmark = pytest.mark.usefixtures("shared_db")
SERIES = f"{samples.INSPIRE}/metadata-codelist/ResourceType/series"
LINEAGE = "Synthèse des plans de prévention du département."
FIELD = {"field_name": "territory", "inherited": True}


@pytest.mark.parametrize(
    ("dataset", "takes"),
    [
        ({}, True),
        ({"territory": []}, True),
        ({"territory": ["x"]}, False),
        ({"spatial_coverage": [{"bbox": "…"}]}, False),
        ({"spatial_coverage": [{"bbox": ""}]}, True),
    ],
)
def test_a_dataset_takes_only_what_it_lacks(dataset, takes):
    series = [{"name": "empty"}, {"name": "full", "territory": [samples.AIN]}]
    assert stored.lender(FIELD, dataset, series) == (series[1] if takes else None)
    assert stored.lender({"field_name": "territory"}, dataset, series) is None


@pytest.fixture
def member(create: Any, act: Any) -> Iterator[None]:
    """A dataset that inherits lineage and territory from its series."""
    create(
        {
            "name": "lot-ppr",
            "title": "Lot des PPR",
            "dcat_type": SERIES,
            "provenance": LINEAGE,
            "territory": [samples.AIN],
        }
    )
    secret = {"provenance": "Secret", "license_id": "odc-odbl"}
    create(
        {
            "name": "lot-secret",
            "title": "Lot secret",
            "dcat_type": SERIES,
            "private": True,
            **secret,
        }
    )
    create({"name": "membre", "title": "PPR de Bourg", "in_series": ["lot-secret", "lot-ppr"]})
    yield
    for name in ("membre", "lot-ppr", "lot-secret"):
        act("dataset_purge", id=name)


def test_a_series_does_not_read_as_the_departement_lot(app, create, act):
    """Géo-IDE begins the titles of series with "Lot :"."""
    title = {"title": "Lot : Zones humides", "provenance": LINEAGE}
    create({"name": "lot-zones", "dcat_type": SERIES, **title})
    create({"name": "membre", "title": "Zones humides de Bourg", "in_series": ["lot-zones"]})
    for name, shown in (("lot-zones", 1), ("membre", 2)):
        page = BeautifulSoup(app.get(f"/fr/dataset/{name}").body, "html.parser")
        text = page.find("title").text + page.find("main").text
        assert text.count("Série\N{NO-BREAK SPACE}: Zones humides") > shown
        assert "Lot :" not in text
    for name in ("membre", "lot-zones"):
        act("dataset_purge", id=name)


def test_a_series_in_a_list_of_neighbours_does_not_read_as_the_departement_lot(app, create, act):
    place = {"territory": [samples.AIN]}
    create(
        {
            "name": "lot-haies",
            "title": "Lot : Haies bocagères de l'Ain",
            "dcat_type": SERIES,
            **place,
        }
    )
    create({"name": "haies", "title": "Haies bocagères de l'Ain", **place})
    page = BeautifulSoup(app.get("/fr/dataset/haies").body, "html.parser")
    assert (
        "Série\N{NO-BREAK SPACE}: Haies bocagères de l'Ain" in page.find(class_="eco-around").text
    )
    for name in ("haies", "lot-haies"):
        act("dataset_purge", id=name)


def test_exports_write_out_what_a_public_series_lends(app, member, act):
    iso = app.get("/dataset/membre/iso19139.xml").data.decode()
    graph = Graph().parse(data=app.get("/dataset/membre.ttl").body, format="turtle")
    rows = csv.DictReader(io.StringIO(app.get("/catalogue.csv").data.decode("utf-8-sig")))
    (row,) = [each for each in rows if each["titre"] == "PPR de Bourg"]
    assert LINEAGE in iso
    assert "Secret" not in iso
    assert (None, DCTERMS.provenance, None) in graph
    assert (None, DCTERMS.spatial, URIRef(samples.AIN)) in graph
    assert (row["couv_geo"], row["licence"]) == ("Ain", "")
    assert act("package_show", id="membre").get("provenance") is None


def test_the_form_and_the_page_say_what_the_series_lends(app, member, act, editor):
    form = app.get("/fr/dataset/edit/membre", headers={"Authorization": editor["token"]}).body
    page = app.get("/fr/dataset/membre").body
    assert LINEAGE in page
    assert "Lot des PPR" in page
    assert "Secret" not in page
    lent = form.partition('id="field-provenance-lent"')[2].partition("</div>")[0]
    assert "Lot secret" in lent  # a draft that the editor may see
    assert "Secret" in lent
    assert ">Secret</textarea>" not in form


def test_a_thousand_series_are_refused_in_few_queries(app, member, editor):
    queries: list[str] = []
    listen = ("before_cursor_execute", lambda *given: queries.append(given[2]))
    data = {"id": "membre", "in_series": [f"lot-{number}" for number in range(1000)]}
    event.listen(model.meta.engine, *listen)
    try:
        answer = app.post(
            "/api/3/action/package_patch", json=data, headers={"Authorization": editor["token"]}
        )
    finally:
        event.remove(model.meta.engine, *listen)
    assert answer.status_code == 409
    assert f"{bounds.MOST_SERIES}" in str(answer.json["error"]["in_series"])
    assert len(queries) < 100


def test_a_reference_is_an_id_a_name_or_the_identifier_of_a_record(member, create, act):
    made = create({"name": "fiche", "title": "Fiche", "metadata_identifier": "fr-lot-1"})
    try:
        found = stored.packages_of(["fr-lot-1", "none", "lot-ppr", made["id"]])
        assert [row and row.name for row in found] == ["fiche", None, "lot-ppr", "fiche"]
    finally:
        act("dataset_purge", id="fiche")
