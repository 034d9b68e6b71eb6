"""RDF of lineage, quality measurements and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import DCT, RDF, RDFS, SKOS
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.schemas.fields.stored import packages_of
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import references
from ckanext.ecosphere.schemas.rdf.terms import DQV, GEODCAT, PROV, TERM, UNIT
from ckanext.ecosphere.vocabularies import information


def write(graph: Graph, ref: Any, dataset: Mapping[str, Any]) -> None:
    """Write the fields of a dataset.

    They are ``source`` (prov:wasDerivedFrom), ``method`` (prov:wasGeneratedBy), ``quality_measure`` (DQV) and
    ``other_information`` (skos:note).

    Args:
        graph: receives the triples.
        ref: node of the dataset.
        dataset: the dataset, from ``package_show``.
    """
    sources = [str(text) for text in as_list(dataset.get("source") or [])]
    packages = packages_of(sources)
    for text, package in zip(sources, packages, strict=True):
        _write_source(graph, ref, text, package)
        if any(packages):  # written by URI: the texts are needed to read them again
            graph.add((ref, TERM.source, Literal(text)))
    if dataset.get("method"):
        node = BNode()
        graph.add((ref, PROV.wasGeneratedBy, node))
        graph.add((node, RDF.type, PROV.Activity))
        graph.add((node, DCT.description, Literal(dataset["method"])))
    for row in as_list(dataset.get("quality_measure") or []):
        if isinstance(row, Mapping):
            _write_measure(graph, ref, row)
    for row in as_list(dataset.get("other_information") or []):
        if isinstance(row, Mapping) and (text := information.written(row)):
            graph.add((ref, SKOS.note, Literal(text)))


def _write_source(graph: Graph, ref: Any, text: str, package: Any) -> None:
    """Write a source as a public dataset of the portal (`package`), a URI, or a blank node with a title.

    DCAT-AP reserves dct:source for resources described as datasets, which most sources are not.
    """
    if package is not None and references.is_public(package):
        graph.add((ref, PROV.wasDerivedFrom, references.uri_of(package)))
    elif urls.is_uri(text):
        graph.add((ref, PROV.wasDerivedFrom, URIRef(text)))
    else:
        node = BNode()
        graph.add((ref, PROV.wasDerivedFrom, node))
        graph.add((node, DCT.title, Literal(text)))


def _write_measure(graph: Graph, ref: Any, row: Mapping[str, Any]) -> None:
    node, metric = BNode(), BNode()
    graph.add((ref, DQV.hasQualityMeasurement, node))
    graph.add((node, RDF.type, DQV.QualityMeasurement))
    graph.add((node, DQV.isMeasurementOf, metric))
    graph.add((metric, RDF.type, DQV.Metric))
    dimension = voc.get("quality-dimension").get(str(row.get("dimension") or ""))
    if dimension:
        graph.add((metric, DQV.inDimension, URIRef(dimension.uri)))
    for key, subject, predicate in (
        ("name", metric, SKOS.prefLabel),
        ("value", node, DQV.value),
        ("unit", node, UNIT),
    ):
        if row.get(key):
            graph.add((subject, predicate, Literal(row[key])))


def read(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read the fields written by :func:`write`.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: changed in place.
    """
    dataset.pop("source", None)
    sources = sorted(
        filter(
            None,
            {_source(graph, node) for each in (DCT.source, PROV.wasDerivedFrom) for node in graph.objects(ref, each)},
        )
    )
    if sources:
        dataset["source"] = sources
    activities = list(graph.objects(ref, PROV.wasGeneratedBy))
    steps = sorted(str(text) for node in activities for text in graph.objects(node, DCT.description))
    if steps:
        dataset["method"] = "\n\n".join(steps)
        dataset.pop("provenance_activity", None)
    rows = list(_measures(graph, ref))
    if rows:
        dataset["quality_measure"] = rows
    notes = sorted(str(note).strip() for note in graph.objects(ref, SKOS.note) if isinstance(note, Literal))
    if found := [information.row_of(note) for note in notes if note]:
        dataset["other_information"] = sorted(found, key=information.order)


def _source(graph: Graph, node: Any) -> str:
    if not isinstance(node, BNode):
        return str(node)
    return str(graph.value(node, DCT.title) or graph.value(node, RDFS.label) or "")


def _measures(graph: Graph, ref: Any) -> Iterator[dict[str, str]]:
    for node in graph.objects(ref, DQV.hasQualityMeasurement):
        metric = graph.value(node, DQV.isMeasurementOf)
        if metric is None or metric == GEODCAT.spatialResolutionAsScale:
            continue
        if graph.value(node, DQV.computedOn) is not None:  # a score that a portal computed of the metadata
            continue
        dimension = voc.get("quality-dimension").get(str(graph.value(metric, DQV.inDimension) or ""))
        row = {
            "dimension": dimension.id if dimension else "",
            "name": str(graph.value(metric, SKOS.prefLabel) or ""),
            "value": str(graph.value(node, DQV.value) or ""),
            "unit": str(graph.value(node, UNIT) or ""),
        }
        if any(row.values()):
            yield {key: value for key, value in row.items() if value}
