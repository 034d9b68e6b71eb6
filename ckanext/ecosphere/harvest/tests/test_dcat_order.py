"""Independence from blank node labels, which differ at each parse:
same order and same texts of a dataset.
"""

from __future__ import annotations

import dataclasses

import pytest
from rdflib import Graph, URIRef

from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.normalise import Context, normalise

SUBJECT = URIRef("https://example.org/d")
DISTRIBUTION = """[ a dcat:Distribution ; dct:title "{name}" ; dcat:accessURL <https://example.org/{name}> ;
    dct:format [ a dct:MediaTypeOrExtent ] ; dcat:mediaType [ a dct:MediaType ] ;
    dcat:accessService [ dcat:endpointURL <https://example.org/ows?{name}> ; dct:title "Service {name}" ] ]"""
TURTLE = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix adms: <http://www.w3.org/ns/adms#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<https://example.org/d> a dcat:Dataset ; dct:title "Zones humides" ; dct:description "Inventaire" ;
  dct:accessRights [ a dct:RightsStatement ] ; dct:language [ a dct:LinguisticSystem ] ;
  adms:identifier {identifiers} ; dct:temporal {periods} ; dcat:distribution {distributions} .
"""


def a_reading() -> Graph:
    names = ("a", "b", "c", "d", "e", "f")
    text = TURTLE.format(
        identifiers=", ".join(f'[ skos:notation "{name}" ]' for name in names),
        periods=", ".join(f'[ dcat:startDate "20{n}0" ]' for n in range(6)),
        distributions=", ".join(DISTRIBUTION.format(name=name) for name in names),
    )
    return Graph().parse(data=text, format="turtle")


def test_a_file_says_the_same_at_each_reading():
    first = dataclasses.asdict(read_dataset(a_reading(), SUBJECT))
    for _again in range(5):
        assert dataclasses.asdict(read_dataset(a_reading(), SUBJECT)) == first
    assert [link["name"] for link in first["links"]][:2] == ["a", "Service a"]


@pytest.mark.parametrize(
    "rights", ["[ a dct:RightsStatement ]", '[ dct:description "Sur demande" ]']
)
def test_the_name_of_a_blank_node_is_told_to_nobody(rights):
    graph = a_reading()
    graph.remove((SUBJECT, URIRef("http://purl.org/dc/terms/accessRights"), None))
    prefix = "@prefix dct: <http://purl.org/dc/terms/> . "
    graph.parse(data=f"{prefix}<{SUBJECT}> dct:accessRights {rights} .", format="turtle")
    names = {str(node) for node in graph.all_nodes() if node.__class__.__name__ == "BNode"}
    record = read_dataset(graph, SUBJECT)
    result = normalise(
        record, Context(fallback_organisation="administration-centrale-ou-ministere_172120")
    )
    told = repr((dataclasses.asdict(record), result.dataset, result.unread, result.log))
    assert not [name for name in names if name in told]
    assert ("Sur demande" in told) == ("Sur demande" in rights)
    assert len(result.dataset["resources"]) == 12
