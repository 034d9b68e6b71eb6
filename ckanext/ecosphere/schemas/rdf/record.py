"""The description itself: the record that the portal holds of a dataset, and the one that it was made from.

DCAT-AP 3 keeps apart the dataset and its ``dcat:CatalogRecord``. The portal's has the identifier under which the
description travels and says with ``dct:source`` which record of another catalogue it was taken over from, and of when.
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
    """Write the record of a dataset that the portal has saved.

    Args:
        graph: receives the triples.
        dataset_ref: node of the dataset.
        dataset: as ``package_show`` gives it.
        add_date: ckanext-dcat's own way to write a date: (subject, predicate, value).
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
    if urls.is_web_address(source) and when:  # DCAT-AP wants the date of every record
        node = BNode()  # several datasets may name one page
        graph.add((record, DCT.source, node))
        graph.add((node, FOAF.page, CleanedURIRef(source)))
        _describe(graph, node, dataset_ref)
        add_date(node, DCT.modified, when)


def _describe(graph: Graph, record: Any, dataset_ref: Any) -> None:
    graph.add((record, RDF.type, DCAT.CatalogRecord))
    graph.add((record, FOAF.primaryTopic, dataset_ref))


def read(graph: Graph, dataset_ref: Any, dataset: dict[str, Any]) -> None:
    """Read back what :func:`write` wrote.

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
