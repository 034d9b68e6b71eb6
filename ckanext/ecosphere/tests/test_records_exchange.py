"""Real records of every origin: harvested, exported as DCAT-AP, checked with the published shapes,
harvested again.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories
from rdflib import SH, Graph, Namespace

from ckanext.dcat.processors import RDFSerializer
from ckanext.dcat.utils import dataset_uri
from ckanext.ecosphere.harvest import cli
from ckanext.ecosphere.tests.round_trip import differences, feed, harvested, table
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

RECORDS = Path(__file__).parents[4] / "shared" / "records"
SHAPES = Path(__file__).parents[4] / "shared" / "reference" / "shacl"
GRAPHS = {".rdf": "application/rdf+xml", ".ttl": "text/turtle", ".jsonld": "application/ld+json"}
OWNER = "administration-centrale-ou-ministere_172120"
PROFILES = ["ecosphere_dcat_ap"]
DCAT_AP = ("shapes", "range", "mdr-vocabularies.shape")
GEODCAT_AP = Path(__file__).parents[1] / "schemas" / "tests" / "shapes_geodcat.ttl"
LOCN = Namespace("http://www.w3.org/ns/locn#")
__all__ = ["feed"]

pytestmark = [
    pytest.mark.slow("records"),
    pytest.mark.skipif(
        not (RECORDS.is_dir() and SHAPES.is_dir()),
        reason="the folder of real records is not beside the clone",
    ),
]


def graph_files() -> Iterator[tuple[Path, str]]:
    """Return the DCAT files of the folder with their media types."""
    for path in sorted(RECORDS.glob("*/*")):
        head = path.read_bytes()[:4000] if path.is_file() else b""
        if path.suffix in GRAPHS:
            yield path, GRAPHS[path.suffix]
        elif path.suffix == ".xml" and b"<rdf:RDF" in head and b"GetRecordsResponse" not in head:
            yield path, GRAPHS[".rdf"]
        elif path.suffix == ".json" and b"http://www.w3.org/ns/dcat#Dataset" in head:
            yield path, GRAPHS[".jsonld"]


@pytest.fixture
def datasets(  # noqa: PLR0917 - fixtures
    with_plugins: None,
    clean_db: None,
    clean_index: None,
    clean_queues: None,
    csw_catalogue: Callable[..., str],
    sysadmin_context: Any,
) -> list[dict[str, Any]]:
    """All records of the folder, harvested with our harvesters from real servers."""
    factories.Organization(name=OWNER, title="Ministère")

    def harvest(name: str, kind: str, url: str) -> None:
        source = {"name": name, "title": name, "url": url, "source_type": kind, "owner_org": OWNER}
        tk.get_action("harvest_source_create")(sysadmin_context.copy(), source)
        cli.harvest_source(name, inline=True, echo=lambda line: None)

    harvest(
        "iso",
        "ecosphere_csw",
        csw_catalogue(path.read_bytes() for path in sorted(RECORDS.glob("*/*.xml"))),
    )
    files = list(graph_files())

    def script(exchange: Exchange) -> None:
        path, kind = files[int(exchange.path.partition("/")[2].partition("/")[0])]
        exchange.answer(path.read_bytes(), Content_Type=kind)

    with serve(script) as server:
        for number, (path, _kind) in enumerate(files):
            harvest(f"graph-{number}", "ecosphere_dcat", f"{server.url}/{number}/{path.name}")
    model.Session.remove()
    names = model.Session.query(model.Package.name).filter_by(type="dataset", state="active")
    return [
        tk.get_action("package_show")(sysadmin_context.copy(), {"id": name}) for (name,) in names
    ]


def test_real_records_keep_to_the_published_shapes_and_come_back_the_same(datasets, feed):
    assert len({title(dataset) for dataset in datasets}) > len(list(graph_files()))
    graph = exported(datasets)
    titles = {dataset_uri(dataset): title(dataset) for dataset in datasets}
    dcat_ap = broken(graph, [SHAPES / f"dcat-ap-3.0.1-{name}.ttl" for name in DCAT_AP])
    by_title = {
        (titles.get(node, node), path): constraint for (node, path), constraint in dcat_ap.items()
    }
    assert by_title == lacking()
    # A geometry is a text, see `docs/federation.md`.
    assert {path for _node, path in broken(graph, [GEODCAT_AP])} == {str(LOCN.geometry)}
    again = harvested(f"{feed}/catalog.ttl")
    lost: list[Any] = []
    for before in datasets:
        lost += differences(before, again[dataset_uri(before)])
    print(f"DCAT round trip of {len(datasets)} datasets: {table(lost)}")
    assert lost == []


# --- the shapes ---


def lacking() -> dict[tuple[str, str], str]:
    """Return the properties that the sources lack according to `lacking.csv`:
    (title, property) → nothing.
    """
    with Path(__file__).with_name("lacking.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {(row["title"], row["property"]): row["constraint"] for row in rows}


def exported(datasets: list[dict[str, Any]]) -> Graph:
    """Return the export of all datasets, in one graph."""
    serializer = RDFSerializer(profiles=PROFILES)
    for dataset in datasets:
        serializer.graph_from_dataset(dataset)
    return serializer.g


def broken(graph: Graph, shapes: list[Path]) -> dict[tuple[str, str], str]:
    """Return what a graph violates: (node, property) → constraint."""
    from pyshacl import validate

    rules = Graph()
    for path in shapes:
        rules.parse(path)
    _conforms, report, _text = validate(graph, shacl_graph=rules, inference="none")
    assert isinstance(report, Graph)
    violations = {}
    for result in report.objects(None, SH.result):
        if report.value(result, SH.resultSeverity) == SH.Violation:
            node, path = (str(report.value(result, part)) for part in (SH.focusNode, SH.resultPath))
            constraint = str(report.value(result, SH.sourceConstraintComponent)).partition("#")[2]
            violations[node, path] = constraint
    return violations


def title(dataset: dict[str, Any]) -> str:
    return dataset["title"]
