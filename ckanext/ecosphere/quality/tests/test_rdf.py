"""Quality measurements in the RDF of datasets, and background check of compliance with DCAT-AP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ckan.tests.helpers import CKANCliRunner
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import RDF

from ckanext.ecosphere.quality import cli, jobs, rdf, setup
from ckanext.ecosphere.quality.core.facts import gather
from ckanext.ecosphere.quality.rdf import SHAPES, load_shapes, validate
from ckanext.ecosphere.quality.tests.conftest import act, saved, stored

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


def graph(text: str) -> Graph:
    return Graph().parse(data=HEAD + text, format="turtle")


@pytest.mark.parametrize("name", GRAPHS)
def test_the_shapes_of_the_project_judge(name: str):
    text, complies = GRAPHS[name]
    found = validate(graph(text), load_shapes(str(SHAPES)))
    assert found.complies is complies
    assert bool(found.violations) is not complies


@pytest.fixture
def zones(portal: None, service: Any) -> dict[str, Any]:
    return act("package_create", **saved(name="zones"))


if PUBLISHED.is_dir():  # not part of the project: compared if present

    @pytest.mark.parametrize("name", [name for name in GRAPHS if name not in ("theme as text",)])
    def test_the_published_shapes_judge_alike(name: str):
        text, complies = GRAPHS[name]
        published = load_shapes(str(PUBLISHED / "dcat-ap-3.0.1-shapes.ttl"))
        assert validate(graph(text), published).complies is complies

    def test_they_judge_the_rdf_of_a_dataset_alike(zones: dict[str, Any]):
        published = load_shapes(str(PUBLISHED / "dcat-ap-3.0.1-shapes.ttl"))
        shown = act("package_show", id="zones")
        for changes in ({}, {"notes": ""}, {"resources": [{**shown["resources"][0], "url": ""}]}):
            written = rdf.dataset_graph({**shown, **changes})
            ours, theirs = (
                validate(written, shapes) for shapes in (load_shapes(str(SHAPES)), published)
            )
            assert ours.complies == theirs.complies, (changes, ours.violations, theirs.violations)


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


def test_compliance_is_checked_in_the_background_and_counts(zones: dict[str, Any]):
    before = stored(zones["id"]).mqa or 0
    jobs.check_rdf()
    row = stored(zones["id"])
    assert row.checks["dcat_ap"] is True and row.mqa == before + 30
    assert rdf.waiting(10) == []
    act("package_patch", id="zones", title="Autre titre")
    assert "dcat_ap" not in stored(zones["id"]).checks
    assert stored(zones["id"]).mqa == before
    assert rdf.waiting(10) == [zones["id"]]


def test_the_verdict_on_save_is_that_of_shacl(zones: dict[str, Any]):
    """Gaps are reported on save only if they are certain, and agree with the verdict of SHACL."""
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
        verdict = validate(rdf.dataset_graph(data), load_shapes(str(SHAPES)))
        assert verdict.complies == (gather(data).dcat_ap_gaps == 0), (changes, verdict.violations)
        found[verdict.complies] += 1
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


def test_after_a_change_of_the_shapes_every_dataset_is_checked_again(zones: dict[str, Any]):
    rdf.run([zones["id"]])
    assert rdf.waiting(10) == []
    rdf.forget_verdicts()
    assert "dcat_ap" not in stored(zones["id"]).checks and rdf.waiting(10) == [zones["id"]]
    result = CKANCliRunner().invoke(cli.quality, ["nightly", "--no-links", "--again"])
    assert result.exit_code == 0 and "RDF of 1 datasets checked" in result.output


def test_a_dataset_that_cannot_be_written_as_rdf_stops_no_other(
    zones: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    other = act("package_create", **saved(name="other"))
    graph_of = rdf.dataset_graph

    def broken(dataset: dict[str, Any]) -> Graph:
        if dataset["name"] == "zones":
            raise ValueError("a profile of some plugin")
        return graph_of(dataset)

    monkeypatch.setattr(rdf, "dataset_graph", broken)
    assert rdf.run([zones["id"], other["id"]]) == (2, 1)
    assert "a profile of some plugin" in rdf.verdict_of(zones["id"]).violations[0]


def test_shapes_of_the_administrator_replace_those_of_the_project(
    zones: dict[str, Any], tmp_path: Path, ckan_config: Any, monkeypatch: Any
):
    (tmp_path / "strict.ttl").write_text(
        "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix dcat: <http://www.w3.org/ns/dcat#> . "
        "[] a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path dcat:version ; sh:minCount 1 ] ."
    )
    monkeypatch.setitem(ckan_config, "ecosphere.quality.shapes", str(tmp_path))
    assert rdf.run([zones["id"]]) == (1, 0)
    assert rdf.verdict_of(zones["id"]).violations[0].startswith("http://www.w3.org/ns/dcat#version")
    states = {
        indicator["id"]: indicator["state"]
        for dimension in act("ecosphere_quality_show", id="zones")["mqa"]["dimensions"]
        for indicator in dimension["indicators"]
    }
    assert states["dcat_ap"] == "fail"
    assert json.dumps(stored(zones["id"]).checks)
