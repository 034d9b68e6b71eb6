"""The command `ckan ecosphere vocabularies`, which checks and renews vocabularies,
and vocabularies as SKOS.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from rdflib import RDF, SKOS, Literal, URIRef

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.cli import vocabularies
from ckanext.ecosphere.schemas.rdf import skos
from ckanext.ecosphere.schemas.tests import samples


def run(*arguments: str):
    return CliRunner().invoke(vocabularies, list(arguments))


def test_an_unknown_vocabulary_is_told_with_those_that_exist():
    result = run("refresh", "colours", __file__)
    assert result.exit_code == 2
    assert "themes" in result.output


@pytest.mark.parametrize("name", ["themes", "territories", "licences"])
def test_skos_holds_every_concept_with_both_labels(name):
    graph = skos.graph(voc.get(name), "urn:list")
    concepts = set(graph.subjects(RDF.type, SKOS.Concept))
    assert concepts == {URIRef(concept.uri) for concept in voc.get(name)}
    for concept in voc.get(name):
        labels = {Literal(concept.label_fr, lang="fr"), Literal(concept.label_en, lang="en")}
        assert set(graph.objects(URIRef(concept.uri), SKOS.prefLabel)) == labels


def test_skos_tells_broader_concepts_and_other_uris():
    graph = skos.graph(voc.get("territories"), "urn:list")
    ain = URIRef(samples.AIN)
    assert (ain, SKOS.broader, URIRef("http://id.insee.fr/geo/region/84")) in graph
    assert (
        ain,
        SKOS.exactMatch,
        URIRef("http://publications.europa.eu/resource/authority/atu/FRA_DPT_001"),
    ) in graph
    assert (ain, SKOS.notation, Literal("departement-01")) in graph


def test_the_check_finds_nothing_in_our_lists():
    result = run("check")
    assert result.exit_code == 0
    assert "no fault" in result.output


def test_the_check_tells_each_fault(tmp_path: Path):
    head = "uri,id,label_fr,label_en,broader,alt_labels\n"
    (tmp_path / "orphans.csv").write_text(head + "u:1,a,A,A,u:9,\nu:2,b,A,,,\n", encoding="utf-8")
    (tmp_path / "twice.csv").write_text(head + "u:1,a,A,A,,\nu:1,b,B,B,,\n", encoding="utf-8")
    voc.use(str(tmp_path))
    try:
        result = run("check")
    finally:
        voc.use("")
    assert result.exit_code == 1
    for fault in (
        "a is below u:9",
        "b has no label",
        "several concepts are called a",
        "u:1 comes twice",
    ):
        assert fault in result.output
