"""RDF of the editions of a dataset: what it replaces and is replaced by (Dublin Core terms, DCAT 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdflib import BNode, Graph

from ckanext.dcat.profiles import DCAT, DCT
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.dcat.utils import dataset_uri
from ckanext.ecosphere.schemas.fields.stored import packages_of
from ckanext.ecosphere.schemas.fields.values import as_list

#: Properties of each field; the first one is written, all are read.
PROPERTIES = {"replaces": (DCT.replaces, DCAT.previousVersion), "replaced_by": (DCT.isReplacedBy,)}


def write(graph: Graph, ref: Any, dataset: Mapping[str, Any]) -> None:
    """Write the public editions on the portal."""
    for field, (predicate, *_others) in PROPERTIES.items():
        for edition in packages_of([str(name) for name in as_list(dataset.get(field) or [])]):
            if edition is not None and not edition.private and edition.state == "active":
                graph.add((ref, predicate, CleanedURIRef(dataset_uri({"id": edition.id}))))


def read(graph: Graph, ref: Any) -> dict[str, list[str]]:
    """Return the URIs of the editions by field."""
    return {
        field: sorted(
            {
                str(node)
                for predicate in predicates
                for node in graph.objects(ref, predicate)
                if not isinstance(node, BNode)
            }
        )
        for field, predicates in PROPERTIES.items()
    }
