"""RDF of references to other datasets: series, served datasets, editions.

Public datasets of the portal are linked by URI. The reference itself (a name, or the identifier of a record) is also
written as it is, since it may name a dataset that only other catalogues have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdflib import BNode, Graph, Literal

from ckanext.dcat.profiles import DCAT, DCT, FOAF, RDF
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.dcat.utils import dataset_uri
from ckanext.ecosphere.schemas.fields.stored import packages_of
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf.terms import TERM

#: Properties of each field; the first one is written, all are read.
PROPERTIES = {
    "in_series": (DCAT.inSeries,),
    "serves_dataset": (DCAT.servesDataset,),
    "replaces": (DCT.replaces, DCAT.previousVersion),
    "replaced_by": (DCT.isReplacedBy,),
}


def write(graph: Graph, ref: Any, dataset: Mapping[str, Any]) -> None:
    """Write the references of a dataset, except those to datasets that are not public."""
    for field, (predicate, *_others) in PROPERTIES.items():
        names = [str(name) for name in as_list(dataset.get(field) or [])]
        for name, package in zip(names, packages_of(names), strict=True):
            if package is not None and not is_public(package):
                continue
            graph.add((ref, TERM[field], Literal(name)))
            if package is None:
                continue
            node = uri_of(package)
            graph.add((ref, predicate, node))
            if field == "in_series":
                _describe_series(graph, node, package)


def is_public(package: Any) -> bool:
    """Return whether anyone may see a `model.Package`."""
    return not package.private and package.state == "active"


def uri_of(package: Any) -> Any:
    """Return the node of a `model.Package`."""
    return CleanedURIRef(dataset_uri({"id": package.id, "uri": package.extras.get("uri")}))


def _describe_series(graph: Graph, node: Any, series: Any) -> None:
    """Write the properties of a series required by DCAT-AP, unless the graph describes it anyway."""
    if (node, FOAF.isPrimaryTopicOf, None) in graph:
        return
    graph.add((node, RDF.type, DCAT.DatasetSeries))
    graph.add((node, DCT.title, Literal(series.title or series.name)))
    graph.add((node, DCT.description, Literal(series.notes or series.title or series.name)))


def read(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read the references: as they are if they are written so, else the last part of each URI.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: changed in place.
    """
    for field, predicates in PROPERTIES.items():
        names = {str(name) for name in graph.objects(ref, TERM[field])}
        nodes = [node for predicate in predicates for node in graph.objects(ref, predicate)]
        names = names or {_last_part(node) for node in nodes if not isinstance(node, BNode)}
        if names:
            dataset[field] = sorted(names)


def _last_part(node: Any) -> str:
    return str(node).rstrip("/").rpartition("/")[2]
