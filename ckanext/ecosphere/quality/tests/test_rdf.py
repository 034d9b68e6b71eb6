"""Quality measurements in the RDF of datasets.

What a save says of their compliance with DCAT-AP is true.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from pyshacl import validate
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import RDF

from ckanext.dcat.processors import RDFSerializer
from ckanext.ecosphere.quality import setup
from ckanext.ecosphere.quality.core.facts import gather
from ckanext.ecosphere.quality.tests.conftest import act, saved, stored

SHAPES = Path(__file__).with_name("shapes.ttl")
DQV = Namespace("http://www.w3.org/ns/dqv#")
PUBLISHED = Path(__file__).parents[5] / "shared" / "reference" / "shacl"

HEAD = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix : <https://x.org/> .
"""
COMPLETE = """
:a a dcat:Dataset ; dct:title "Zones"@fr ; dct:description "Description"@fr ; dcat:distribution :d .
:d a dcat:Distribution ; dcat:accessURL :f .
"""
#: name → (RDF, whether it has the mandatory properties)
GRAPHS = {
    "complete": (COMPLETE, True),
    "no title": (COMPLETE.replace('dct:title "Zones"@fr ;', ""), False),
    "no description": (COMPLETE.replace('dct:description "Description"@fr ;', ""), False),
    "no access address": (COMPLETE.replace("dcat:accessURL :f", 'dct:title "F"'), False),
    "address as text": (COMPLETE.replace("dcat:accessURL :f", 'dcat:accessURL "https://x.org/f"'), False),
    "two publishers": (
        COMPLETE + ':a dct:publisher :p, :q . :p a foaf:Agent ; foaf:name "P" . :q a foaf:Agent ; foaf:name "Q" .',
        False,
    ),
    "agent without name": (COMPLETE + ":a dct:publisher :p . :p a foaf:Agent .", False),
    "theme as text": (COMPLETE + ':a dcat:theme "Eau" .', False),
}  # fmt: skip


def complies(graph: Graph, shapes: Path) -> bool:
    """Return whether a graph has no violations of shapes; warnings are none."""
    verdict, _report, _text = validate(
        graph, shacl_graph=Graph().parse(shapes), allow_warnings=True, allow_infos=True
    )
    return bool(verdict)


def written(dataset: dict[str, Any]) -> Graph:
    """Return the RDF of a dataset as the portal publishes it."""
    serializer = RDFSerializer(profiles=tk.aslist(tk.config["ckanext.dcat.rdf.profiles"]))
    serializer.graph_from_dataset(dataset)
    return serializer.g


def graph(text: str) -> Graph:
    return Graph().parse(data=HEAD + text, format="turtle")


@pytest.mark.parametrize("name", GRAPHS)
def test_the_shapes_of_the_project_judge(name: str):
    text, is_good = GRAPHS[name]
    assert complies(graph(text), SHAPES) is is_good


@pytest.fixture
def zones(portal: None, service: Any) -> dict[str, Any]:
    return act("package_create", **saved(name="zones"))


if PUBLISHED.is_dir():  # not part of the project: compared if present

    @pytest.mark.parametrize("name", [name for name in GRAPHS if name not in ("theme as text",)])
    def test_the_published_shapes_judge_alike(name: str):
        text, is_good = GRAPHS[name]
        assert complies(graph(text), PUBLISHED / "dcat-ap-3.0.1-shapes.ttl") is is_good

    def test_they_judge_the_rdf_of_a_dataset_alike(zones: dict[str, Any]):
        published = PUBLISHED / "dcat-ap-3.0.1-shapes.ttl"
        shown = act("package_show", id="zones")
        for changes in ({}, {"notes": ""}, {"resources": [{**shown["resources"][0], "url": ""}]}):
            exported = written({**shown, **changes})
            assert complies(exported, SHAPES) == complies(exported, published), changes


def test_the_rdf_of_a_dataset_carries_its_quality(app: Any, zones: dict[str, Any]):
    found = Graph().parse(data=app.get("/dataset/zones.ttl").body, format="turtle")
    row = stored(zones["id"])
    values = {}
    for measure, metric in found.subject_objects(DQV.isMeasurementOf):
        if "/qualite#" in str(metric):  # other rooms publish their own measurements
            assert (None, DQV.hasQualityMeasurement, measure) in found
            values[str(metric).rsplit("#", 1)[1]] = int(str(found.value(measure, DQV.value)))
    assert values == {"score": row.score, "mqa": row.mqa, "inspire": row.inspire}
    metric = URIRef("http://test.ckan.net/qualite#score")
    assert (metric, RDF.type, DQV.Metric) in found
    assert any(isinstance(o, Literal) and o.language == "fr" for o in found.objects(metric))


def test_a_private_dataset_has_no_public_rdf(app: Any, zones: dict[str, Any]):
    act("package_patch", id="zones", private=True)
    assert app.get("/dataset/zones.ttl", expect_errors=True).status_code in (403, 404)


def test_the_profile_is_added_once_and_can_be_left_out(
    portal: None, ckan_config: Any, monkeypatch: Any
):
    settings = {setup.PROFILES: "euro_dcat_ap_3"}
    setup.add_rdf_profile(settings)
    setup.add_rdf_profile(settings)
    assert settings[setup.PROFILES] == f"euro_dcat_ap_3 {setup.RDF_PROFILE}"
    monkeypatch.setitem(ckan_config, "ecosphere.quality.publish_rdf", False)
    settings = {setup.PROFILES: "euro_dcat_ap_3"}
    setup.add_rdf_profile(settings)
    assert settings[setup.PROFILES] == "euro_dcat_ap_3"


def test_the_verdict_on_save_is_that_of_shacl(zones: dict[str, Any]):
    shown = act("package_show", id="zones")
    variants = [
        {name: ""}
        for name in ("title", "notes", "license_id", "modified", "frequency", "provenance")
    ]
    variants += [
        {name: []}
        for name in ("resources", "tags", "theme", "territory", "contact", "temporal_coverage")
    ]
    variants += [
        {"resources": [{**shown["resources"][0], **change}]} for change in RESOURCE_CHANGES
    ]
    found = {True: 0, False: 0}
    for changes in ({}, *variants):
        data = {**shown, **changes}
        verdict = complies(written(data), SHAPES)
        assert verdict == (gather(data).dcat_ap_gaps == 0), changes
        found[verdict] += 1
    assert found[True] > 10 and found[False] > 2


#: Changes to a resource: URL, format, description; only the URL is mandatory.
RESOURCE_CHANGES: list[dict[str, Any]] = [
    {"url": ""},
    {"url": "", "download_url": "https://x.org/a.gpkg"},
    {"download_url": "https://x.org/a.gpkg"},
    {"format": ""},
    {"name": "", "description": ""},
    {"license": ""},
]
