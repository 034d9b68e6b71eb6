"""Description of a dataset in schema.org terms (JSON-LD) on its page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from rdflib import RDF, Graph, Literal, Namespace, URIRef

from ckanext.ecosphere.schemas import schemaorg
from ckanext.ecosphere.schemas.tests import samples

SCHEMA = Namespace("https://schema.org/")
PAGE = "https://guichet.example.org/dataset/zones"
#: The relevant part of schema.org's context: every term is a property, and the values of some are
#: URIs.
CONTEXT = {
    "@vocab": str(SCHEMA),
    **{name: {"@type": "@id"} for name in ("url", "license", "codeRepository")},
}


def graph_of(described: dict[str, Any]) -> Graph:
    """Parse JSON-LD into triples, without fetching the context from schema.org."""
    return Graph().parse(data=json.dumps({**described, "@context": CONTEXT}), format="json-ld")


def test_says_what_search_engines_ask_for():
    graph = graph_of(schemaorg.describe(samples.full(), PAGE, "Guichet"))
    node = URIRef(PAGE)
    assert (node, RDF.type, SCHEMA.Dataset) in graph
    assert {str(value) for value in graph.objects(node, SCHEMA.keywords)} >= {
        "inondation",
        "Risques",
    }
    assert (node, SCHEMA.license, URIRef("http://spdx.org/licenses/etalab-2.0")) in graph
    assert {str(value) for value in graph.objects(node, SCHEMA.temporalCoverage)} == {
        "2019/2023-06",
        "2024-01-01/..",
    }
    assert Literal("45.61 4.72 46.52 6.18") in set(graph.objects(None, SCHEMA.box))
    assert len(list(graph.subjects(RDF.type, SCHEMA.DataDownload))) == len(
        samples.FULL["resources"]
    )
    description = graph.value(node, SCHEMA.description)
    assert 50 <= len(str(description)) <= 5000


@pytest.mark.parametrize(
    ("dataset", "kind"),
    [
        (
            {
                "dcat_type": "https://schema.org/SoftwareSourceCode",
                "code_repository": "https://git.example.org/x",
            },
            "Soft",
        ),
        ({"dcat_type": f"{samples.INSPIRE}/metadata-codelist/ResourceType/service"}, "WebAPI"),
        ({}, "Dataset"),
    ],
)
def test_each_kind_has_its_type_and_says_nothing_empty(dataset, kind):
    described = schemaorg.describe({"title": "T", **dataset}, PAGE, "Guichet")
    assert described["@type"].startswith(kind)
    assert [name for name, value in described.items() if value in (None, "", [])] == []


@pytest.mark.usefixtures("shared_db")
def test_stands_in_the_page_as_data_whatever_the_texts_hold(app, create):
    create(
        samples.full(
            name="sd-public", in_series=[], notes="</script><script>alert(1)</script> & <!-- " * 3
        )
    )
    create(samples.full(name="sd-draft", in_series=[], private=True))
    body = app.get("/fr/dataset/sd-public").body
    (script,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', body, re.DOTALL)
    assert json.loads(script)["name"] == samples.FULL["title"]
    assert "<" not in script


@pytest.mark.usefixtures("shared_db")
def test_is_served_with_series_and_members_that_the_reader_may_see(app, create):
    kind = f"{samples.INSPIRE}/metadata-codelist/ResourceType"
    create({"title": "Lot", "name": "so-lot", "dcat_type": f"{kind}/series"})
    create({"title": "Membre", "name": "so-member", "in_series": ["so-lot"]})
    create(
        {"title": "Membre secret", "name": "so-secret", "in_series": ["so-lot"], "private": True}
    )
    answer = app.get("/dataset/so-lot/schemaorg.jsonld")
    assert answer.headers["Content-Type"].startswith("application/ld+json")
    assert [part["name"] for part in answer.json["hasPart"]] == ["Membre"]
    (whole,) = app.get("/dataset/so-member/schemaorg.jsonld").json["isPartOf"]
    assert whole["url"].endswith("/dataset/so-lot")
    assert app.get("/dataset/so-secret/schemaorg.jsonld", status=404).status_code == 404


def test_languages_are_those_of_the_web_and_restricted_data_are_not_free():
    described = schemaorg.describe(samples.full(), PAGE, "Guichet")
    assert described["inLanguage"] == ["fr"]
    assert "isAccessibleForFree" not in described  # access is restricted
    public = samples.full(access_rights=f"{samples.DIM}/access-right/PUBLIC")
    assert schemaorg.describe(public, PAGE, "Guichet")["isAccessibleForFree"] is True
