"""RDF documents of datasets and of the catalogue describe a bounded number of files, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp, call_action
from rdflib import DCAT, RDFS, Graph, URIRef

from ckanext.ecosphere.hardening import documents


@pytest.fixture
def app(
    made_app: Any, monkeypatch: pytest.MonkeyPatch, clean_db: None, clean_index: None
) -> Iterator[CKANTestApp]:
    """The application, which describes a file four times a document,
    and one of each further dataset.
    """
    monkeypatch.setattr(documents, "MOST_DESCRIPTIONS", 4)
    monkeypatch.setattr(documents, "FEWEST_FILES", 1)
    yield CKANTestApp(made_app)


def publish(name: str, files: int) -> None:
    """Publish a dataset with a number of files."""
    resources = [
        {"url": f"https://a.example/{number}.zip", "format": "ZIP"} for number in range(files)
    ]
    service = factories.Organization()
    user = factories.Sysadmin()["name"]
    call_action(
        "package_create",
        {"user": user, "ignore_auth": True},
        name=name,
        title=name,
        notes="Zones inondables",
        owner_org=service["id"],
        license_id="lov2",
        resources=resources,
    )


def graph_at(app: CKANTestApp, address: str) -> Graph:
    """Return the graph of a document in Turtle."""
    return Graph().parse(data=app.get(address).body, format="turtle")


def files_of(graph: Graph) -> list[int]:
    """Return the number of files described of each dataset of a graph, in ascending order."""
    datasets = graph.subjects(DCAT.distribution, unique=True)
    return sorted(len(list(graph.objects(dataset, DCAT.distribution))) for dataset in datasets)


@pytest.mark.parametrize(
    ("profiles", "number"),
    [("", 2), ("?profiles=euro_dcat_ap_2", 4), ("?profiles=euro_dcat_ap_2,euro_dcat_ap_3", 2)],
)
def test_a_document_says_that_not_all_files_are_described(
    app: CKANTestApp, profiles: str, number: int
) -> None:
    publish("crues", files=5)
    graph = graph_at(app, f"/dataset/crues.ttl{profiles}")
    assert files_of(graph) == [number]
    (dataset,) = graph.subjects(DCAT.distribution, unique=True)
    assert isinstance(dataset, URIRef)
    comments = {comment.language: str(comment) for comment in graph.objects(dataset, RDFS.comment)}
    assert "5 fichiers" in comments["fr"]
    assert "5 files" in comments["en"]


def test_all_files_of_a_small_dataset_are_described(app: CKANTestApp) -> None:
    publish("crues", files=2)
    graph = graph_at(app, "/dataset/crues.ttl")
    assert files_of(graph) == [2]
    assert not list(graph.objects(None, RDFS.comment))


def test_datasets_of_a_page_of_the_catalogue_share_its_files(app: CKANTestApp) -> None:
    for name in ("crues", "digues", "forages"):
        publish(name, files=3)
    assert files_of(graph_at(app, "/catalog.ttl")) == [1, 1, 2]


def test_documents_in_turtle_name_their_encoding(app: CKANTestApp):
    publish("accents", 1)
    for address in ("/catalog.ttl", "/dataset/accents.ttl", "/catalog.n3"):
        assert app.get(address).headers["Content-Type"].endswith("; charset=utf-8"), address
    assert app.get("/catalog.xml").headers["Content-Type"] == "application/rdf+xml"
