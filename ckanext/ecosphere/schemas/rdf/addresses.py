"""Write URLs as they are: ckanext-dcat 2.4 percent-encodes commas and the like, which changes the URL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rdflib import Graph, Literal, URIRef

from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.schemas.rdf.terms import TERM

_NOT_IN_AN_IRI = re.compile(r"[\s<>\"{}|\\^`\[\]]")


def restore(graph: Graph, dataset: Mapping[str, Any]) -> None:
    """Restore the URLs of a dataset in its graph; one that is no IRI remains encoded, with the original beside it."""
    for address in set(_texts(dataset)):
        cleaned = CleanedURIRef(address)
        if str(cleaned) == address or not urls.is_web_address(address):
            continue
        if _NOT_IN_AN_IRI.search(address):
            graph.add((cleaned, TERM.address, Literal(address)))
            continue
        for subject, predicate in list(graph.subject_predicates(cleaned)):
            graph.remove((subject, predicate, cleaned))
            graph.add((subject, predicate, URIRef(address)))
        for predicate, value in list(graph.predicate_objects(cleaned)):
            graph.remove((cleaned, predicate, value))
            graph.add((URIRef(address), predicate, value))


def read(graph: Graph, value: Any) -> Any:
    """Return a value of a dataset, possibly nested, with the original URLs."""
    originals = {str(node): str(address) for node, address in graph.subject_objects(TERM.address)}
    return _replaced(value, originals) if originals else value


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(part, texts) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, texts) for part in value]
    return texts.get(value, value) if isinstance(value, str) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("http"):
            yield value
        return
    for part in list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _texts(part)
