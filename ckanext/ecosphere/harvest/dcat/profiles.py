"""Read an RDF dataset with the ckanext-dcat profiles of the portal (option `ckanext.dcat.rdf.profiles`)."""

from __future__ import annotations

import logging
from typing import Any

from rdflib import Graph

from ckanext.dcat.exceptions import RDFProfileException
from ckanext.dcat.processors import RDFParser

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
