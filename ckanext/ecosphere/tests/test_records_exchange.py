"""Real records of every origin: harvested, exported as DCAT-AP, validated with the published shapes, imported again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories
from rdflib import SH, Graph

from ckanext.dcat.processors import RDFParser, RDFSerializer
from ckanext.dcat.utils import dataset_uri, resource_uri
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest import terminal
from ckanext.ecosphere.tests.scripted_server import Exchange, serve
from dev import field_table

RECORDS = Path(__file__).parents[4] / "shared" / "records"
SHAPES = Path(__file__).parents[4] / "shared" / "reference" / "shacl"
GRAPHS = {".rdf": "application/rdf+xml", ".ttl": "text/turtle", ".jsonld": "application/ld+json"}
OWNER = "administration-centrale-ou-ministere_172120"
PROFILES = ["ecosphere_dcat_ap"]
DEGREES = "http://inspire.ec.europa.eu/metadata-codelist/DegreeOfConformity/"
OWN_FIELDS = {each["field_name"] for each in field_table.schema()["dataset_fields"]} - {
    "name",
    "owner_org",
    "tag_string",
}
FILE_FIELDS = [each["field_name"] for each in field_table.schema()["resource_fields"]]

pytestmark = pytest.mark.skipif(
    not (RECORDS.is_dir() and SHAPES.is_dir()), reason="the folder of real records is not beside the clone"
)


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
        terminal.run(name, inline=True, echo=lambda said: None)

    harvest("iso", "ecosphere_csw", csw_catalogue(path.read_bytes() for path in sorted(RECORDS.glob("*/*.xml"))))
    files = list(graph_files())

    def script(exchange: Exchange) -> None:
        path, kind = files[int(exchange.path.partition("/")[2].partition("/")[0])]
        exchange.answer(path.read_bytes(), Content_Type=kind)

    with serve(script) as server:
        for number, (path, _kind) in enumerate(files):
            harvest(f"graph-{number}", "ecosphere_dcat", f"{server.url}/{number}/{path.name}")
    model.Session.remove()
    names = model.Session.query(model.Package.name).filter_by(type="dataset", state="active")
    return [tk.get_action("package_show")(sysadmin_context.copy(), {"id": name}) for (name,) in names]


def test_real_records_keep_to_the_published_shapes_and_come_back_the_same(datasets):
    assert len({title(each) for each in datasets}) > len(list(graph_files()))
    assert broken(datasets) == lacking()
    assert {found for each in datasets for found in changed(each)} == set()


# --- the shapes ---


def lacking() -> dict[tuple[str, str], str]:
    """Return the properties that the sources lack according to `lacking.csv`: (title, property) → nothing."""
    with Path(__file__).with_name("lacking.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {(row["title"], row["property"]): row["constraint"] for row in rows}


def broken(datasets: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the violations of DCAT-AP 3.0.1 in the export of all datasets, by title and property."""
    from pyshacl import validate

    serializer, rules = RDFSerializer(profiles=PROFILES), Graph()
    for dataset in datasets:
        serializer.graph_from_dataset(dataset)
    for name in ("shapes", "range", "mdr-vocabularies.shape"):
        rules.parse(SHAPES / f"dcat-ap-3.0.1-{name}.ttl")
    _conforms, report, _text = validate(serializer.g, shacl_graph=rules, inference="none")
    assert isinstance(report, Graph)
    titles = {dataset_uri(dataset): title(dataset) for dataset in datasets}
    found = {}
    for result in report.objects(None, SH.result):
        if report.value(result, SH.resultSeverity) == SH.Violation:
            node, path = (str(report.value(result, part)) for part in (SH.focusNode, SH.resultPath))
            constraint = str(report.value(result, SH.sourceConstraintComponent)).partition("#")[2]
            found[titles.get(node, node), path] = constraint
    return found


# --- import of the export ---


def changed(dataset: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield what an import of the export does not restore, except what `losses.csv` lists."""
    turtle = RDFSerializer(profiles=PROFILES).serialize_dataset(dataset, _format="turtle")
    parser = RDFParser(profiles=PROFILES)
    parser.parse(turtle, _format="turtle")
    (again,) = parser.datasets()
    told = {
        row["field"]: row["change"]
        for row in field_table.losses()
        if row["format"] == "dcat" and row["scope"] == "dataset"
    }
    lent = {each["field_name"] for each in field_table.schema()["dataset_fields"] if each.get("inherited")}
    told["spatial_coverage"] = ""  # compared, except for the rows that its table lists
    for name in OWN_FIELDS:
        before, after = dataset.get(name), again.get(name)
        if name == "spatial_coverage":
            before, after = ([row for row in rows or () if not is_territory(row)] for rows in (before, after))
        if told.get(name) in ("lost", "changed") or (told.get(name) == "added" and is_within(before, after)):
            continue
        if name in lent and dataset.get("in_series") and not before:
            continue  # exported from the series
        if comparable(before) != comparable(after):
            yield title(dataset), name, comparable(before), comparable(after)
    before, after = ({tag["name"] for tag in each["tags"]} for each in (dataset, again))
    if before != after:
        yield title(dataset), "tags", comparable(sorted(before)), comparable(sorted(after))
    yield from changed_files(dataset, again)


def changed_files(dataset: dict[str, Any], again: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the same for files and services, matched by their URL on the portal."""
    told = {
        row["field"]: row["change"]
        for row in field_table.losses()
        if (row["format"], row["scope"]) == ("dcat", "resource")
    }
    files = {each["uri"]: each for each in again["resources"]}
    if len(files) != len(dataset["resources"]):
        yield title(dataset), "resources", str(len(dataset["resources"])), str(len(files))
        return
    for each in dataset["resources"]:
        for name in FILE_FIELDS:
            before, after = each.get(name), files[resource_uri(each)].get(name)
            if told.get(name) in ("lost", "changed") or (told.get(name) == "added" and is_within(before, after)):
                continue
            if comparable(before) != comparable(after):
                yield title(dataset), name, comparable(before), comparable(after)


def is_territory(row: dict[str, Any]) -> bool:
    return row.get("uri", "") in voc.get("territories") or row.get("uri", "").startswith("http://id.insee.fr/geo/")


def is_within(before: Any, after: Any) -> bool:
    """Return whether the former value was empty, or is completely contained in the new one."""
    if isinstance(before, list) and isinstance(after, list):
        return {comparable(part) for part in before} <= {comparable(part) for part in after}
    return before in (None, "", [])


def comparable(value: Any) -> str:
    """Return a value as text: without order, empty parts, and the lists that codes belong to."""
    if isinstance(value, dict):
        return str(sorted((key, comparable(part)) for key, part in value.items() if part not in (None, "", [])))
    if isinstance(value, list):
        return str(sorted(comparable(part) for part in value))
    if isinstance(value, str) and value.startswith("{"):
        return comparable(json.loads(value))  # a geometry
    if isinstance(value, str) and value.startswith("http"):
        return unquote(value.replace(DEGREES, ""))
    return str(float(value)) if isinstance(value, (int, float)) else str(value or "").replace(DEGREES, "")


def title(dataset: dict[str, Any]) -> str:
    return dataset["title"]
