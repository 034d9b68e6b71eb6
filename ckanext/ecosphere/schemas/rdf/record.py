"""RDF of catalogue records (``dcat:CatalogRecord``): the portal's record and the one that it was imported from.

DCAT-AP 3 distinguishes a dataset from its record. The portal's record has the metadata identifier, and refers with
``dct:source`` to the original record in another catalogue and its date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rdflib import BNode, Graph, Literal

from ckanext.dcat.profiles import DCAT, DCT, FOAF, RDF
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.schemas.rdf import catalogues


def write(graph: Graph, dataset_ref: Any, dataset: Mapping[str, Any], add_date: Callable[..., None]) -> None:
    """Write the record of a saved dataset.

    Args:
        graph: receives the triples.
        dataset_ref: node of the dataset.
        dataset: the dataset, from ``package_show``.
        add_date: ckanext-dcat's method that writes dates: (subject, predicate, value).
    """
    saved = dataset.get("metadata_modified")
    if not saved:
        return
    record = BNode()
    _describe(graph, record, dataset_ref)
    add_date(record, DCT.issued, dataset.get("metadata_created"))
    add_date(record, DCT.modified, saved)
    graph.add((dataset_ref, FOAF.isPrimaryTopicOf, record))
    catalogues.add_record(graph, record)
    if dataset.get("metadata_identifier"):
        graph.add((record, DCT.identifier, Literal(dataset["metadata_identifier"])))
    source, when = str(dataset.get("source_record") or ""), str(dataset.get("metadata_date") or "")
    if urls.is_web_address(source) and when:  # DCAT-AP requires a date for every record
        node = BNode()  # blank, since several datasets may refer to the same page
        graph.add((record, DCT.source, node))
        graph.add((node, FOAF.page, CleanedURIRef(source)))
        _describe(graph, node, dataset_ref)
        add_date(node, DCT.modified, when)


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
        identifier, source = graph.value(record, DCT.identifier), graph.value(record, DCT.source)
        if identifier is not None:
            dataset["metadata_identifier"] = str(identifier)
        page = graph.value(source, FOAF.page) if source is not None else None
        if page is not None:
            dataset["source_record"] = str(page)
            when = graph.value(source, DCT.modified)
            if when is not None:
                dataset["metadata_date"] = str(when)
