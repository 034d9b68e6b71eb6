"""RDF of catalogue records (``dcat:CatalogRecord``): the portal's record and the one that it was imported from.

DCAT-AP 3 distinguishes a dataset from its record. The portal's record has the metadata identifier, conforms to the
profile of the suite, and refers to the original record in another catalogue: with ``dct:source`` if its date is known,
which DCAT-AP requires of every record, else with ``prov:wasDerivedFrom``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from rdflib import BNode, Graph, Literal

from ckanext.dcat.profiles import DCAT, DCT, FOAF, RDF
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.schemas.rdf import catalogues
from ckanext.ecosphere.schemas.rdf.terms import PROV
from ckanext.ecosphere.shared.rdf import PROFILE


def write(graph: Graph, dataset_ref: Any, dataset: Mapping[str, Any], add_date: Callable[..., None]) -> None:
    """Write the record of a dataset; one that is not saved yet is described just now.

    Args:
        graph: receives the triples.
        dataset_ref: node of the dataset.
        dataset: the dataset, from ``package_show``.
        add_date: ckanext-dcat's method that writes dates: (subject, predicate, value).
    """
    record = BNode()
    _describe(graph, record, dataset_ref)
    add_date(record, DCT.issued, dataset.get("metadata_created"))
    add_date(record, DCT.modified, dataset.get("metadata_modified") or datetime.now(tz=timezone.utc).isoformat())
    graph.add((dataset_ref, FOAF.isPrimaryTopicOf, record))
    graph.add((record, DCT.conformsTo, PROFILE))
    catalogues.add_record(graph, record)
    if dataset.get("metadata_identifier"):
        graph.add((record, DCT.identifier, Literal(dataset["metadata_identifier"])))
    _write_original(graph, record, dataset_ref, dataset, add_date)


def _write_original(
    graph: Graph, record: Any, dataset_ref: Any, dataset: Mapping[str, Any], add_date: Callable[..., None]
) -> None:
    fields = ("source_record", "source_catalogue", "metadata_date")
    page, catalogue, date = (str(dataset.get(field) or "") for field in fields)
    node = BNode()  # blank, since several datasets may refer to the same page
    if urls.is_web_address(page):
        graph.add((node, FOAF.page, CleanedURIRef(page)))
    if catalogue:
        whole = BNode()
        graph.add((node, DCT.isPartOf, whole))
        graph.add((whole, DCT.title, Literal(catalogue)))
    if date:
        _describe(graph, node, dataset_ref)
        add_date(node, DCT.modified, date)
    if (node, None, None) in graph:
        graph.add((record, DCT.source if date else PROV.wasDerivedFrom, node))


def _describe(graph: Graph, record: Any, dataset_ref: Any) -> None:
    graph.add((record, RDF.type, DCAT.CatalogRecord))
    graph.add((record, FOAF.primaryTopic, dataset_ref))


def read(graph: Graph, dataset_ref: Any, dataset: dict[str, Any]) -> None:
    """Read the record written by :func:`write`.

    Args:
        graph: the whole graph.
        dataset_ref: node of the dataset.
        dataset: changed in place.
    """
    for record in graph.objects(dataset_ref, FOAF.isPrimaryTopicOf):
        found = {"metadata_identifier": graph.value(record, DCT.identifier)}
        original = graph.value(record, DCT.source) or graph.value(record, PROV.wasDerivedFrom)
        if original is not None:
            catalogue = graph.value(original, DCT.isPartOf)
            found["source_record"] = graph.value(original, FOAF.page)
            found["source_catalogue"] = graph.value(catalogue, DCT.title) if catalogue is not None else None
            found["metadata_date"] = graph.value(original, DCT.modified)
        dataset |= {field: str(value) for field, value in found.items() if value is not None}
