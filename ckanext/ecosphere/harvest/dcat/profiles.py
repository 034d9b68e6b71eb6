"""Read an RDF dataset with the ckanext-dcat profiles of the portal (option `ckanext.dcat.rdf.profiles`)."""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins.toolkit as tk
from rdflib import Graph, URIRef

from ckanext.dcat.exceptions import RDFProfileException
from ckanext.dcat.processors import RDFParser
from ckanext.ecosphere.shared import rdf

log = logging.getLogger(__name__)


def fields(graph: Graph) -> dict[str, Any]:
    """Read the only dataset of a graph.

    Args:
        graph: the triples of the dataset, already parsed and bounded: the profiles fetch nothing.

    Returns:
        fields of the dataset; empty when the profiles cannot read it, since that must not lose the record.
    """
    try:
        parser: Any = RDFParser(dataset_type="dataset")
        parser.g = graph
        return next(iter(parser.datasets()), {})
    except RDFProfileException:
        log.warning("No profile of ckanext-dcat is enabled", exc_info=True)
    except Exception:  # a profile of any plugin, on an untrusted graph
        log.warning("A profile of ckanext-dcat failed", exc_info=True)
    return {}


def reads_exactly(graph: Graph, dataset: URIRef) -> bool:
    """Return whether a portal of the suite published a dataset, and this one has the profile that reads it exactly."""
    return rdf.is_exact(graph, dataset) and rdf.PROFILE_NAME in tk.aslist(
        tk.config.get("ckanext.dcat.rdf.profiles")
    )
