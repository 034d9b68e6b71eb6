"""Parse untrusted RDF without any network access.

rdflib fetches the JSON-LD contexts that a document names, wherever they occur (in a list, in a
scoped context, behind `@import`), by http and by `file://`. Importing this module replaces its
loader for the whole process: bundled contexts are answered from files, all others are refused.
rdflib's own access to the web is closed as well.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.parsers import expat

import rdflib.parser
from rdflib import DCTERMS, FOAF, Graph, Namespace, URIRef
from rdflib.plugins.shared.jsonld import context as jsonld_context
from rdflib.plugins.stores.memory import Memory
from rdflib.term import Node

_CONTEXTS = Path(__file__).parent / "contexts"
PROFILE = URIRef("urn:ecosphere:profile:dcat-ap")
"""Profile (``dct:conformsTo``) of the catalogue records from which a portal of the suite reads the
dataset exactly."""
PROFILE_NAME = "ecosphere_dcat_ap"
"""Name of the ckanext-dcat profile that writes and reads them."""
TERM = Namespace("urn:ecosphere:term:")
"""The suite's own terms, see `schemas/rdf/own_terms.py`."""
NAMESPACES = {
    "adms": Namespace("http://www.w3.org/ns/adms#"),
    "cnt": Namespace("http://www.w3.org/2011/content#"),  # Representing Content in RDF
    # Version 3; rdflib only defines the terms of version 2.
    "dcat": Namespace("http://www.w3.org/ns/dcat#"),
    "dcatap": Namespace("http://data.europa.eu/r5r/"),
    "dct": Namespace(str(DCTERMS)),
    "dqv": Namespace("http://www.w3.org/ns/dqv#"),
    "foaf": Namespace(str(FOAF)),
    "geodcat": Namespace("http://data.europa.eu/930/"),
    "locn": Namespace("http://www.w3.org/ns/locn#"),
    "org": Namespace("http://www.w3.org/ns/org#"),
    "prov": Namespace("http://www.w3.org/ns/prov#"),
    "schema": Namespace("https://schema.org/"),
    "skos": Namespace("http://www.w3.org/2004/02/skos/core#"),
    "spdx": Namespace("http://spdx.org/rdf/terms#"),
    "time": Namespace("http://www.w3.org/2006/time#"),
    "vcard": Namespace("http://www.w3.org/2006/vcard/ns#"),
}
"""Vocabularies of DCAT-AP, by their usual prefixes."""


class RemoteDocumentError(ValueError):
    """The document refers to a remote one, which is not fetched.

    Attributes:
        address: URL of the remote document.
    """

    def __init__(self, address: str):
        super().__init__(address)
        self.address = address


class TooManyTriplesError(ValueError):
    """The document contains more triples than allowed.

    Attributes:
        limit: maximum number of triples.
    """

    def __init__(self, limit: int):
        super().__init__(f"more than {limit} triples")
        self.limit = limit


class DoctypeError(ValueError):
    """The RDF/XML document declares a DOCTYPE, which is refused for security."""


def parse(
    data: str | bytes, syntax: str, base: str | None = None, graph: Graph | None = None
) -> Graph:
    """Parse a document without network access.

    Args:
        data: the document.
        syntax: rdflib's name of the syntax (`xml`, `turtle`, `json-ld`, `n3`, `trig`, `nt`…).
        base: base IRI.
        graph: receives the triples; a new one if not given.

    Raises:
        RemoteDocumentError: it refers to a remote document.
        DoctypeError: it is XML with a DOCTYPE.
        Exception: any error of rdflib's parsers if it is not well-formed.
    """
    if syntax == "xml":
        _refuse_doctype(data)
    graph = Graph() if graph is None else graph
    return graph.parse(data=data, format=syntax, publicID=base)


def bounded_graph(limit: int, change: Callable[[Node], Node]) -> Graph:
    """Return an empty graph with a maximum number of triples.

    A few bytes of Turtle make a triple that takes a kilobyte of memory.

    Args:
        limit: maximum number of triples.
        change: applied to each node before it is added.
    """
    return Graph(store=_BoundedMemory(limit, change))


class _BoundedMemory(Memory):
    def __init__(self, limit: int, change: Callable[[Node], Node]):
        super().__init__()
        self._limit, self._added, self._change = limit, 0, change

    def add(self, triple: Any, context: Any, quoted: bool = False) -> None:
        """Add a triple.

        Raises:
            TooManyTriplesError: there are too many.
        """
        self._added += 1
        if self._added > self._limit:
            raise TooManyTriplesError(self._limit)
        super().add(tuple(map(self._change, triple)), context, quoted)  # type: ignore[arg-type]


def is_exact(graph: Graph, dataset: Node) -> bool:
    """Return whether a dataset was published by a portal of the suite,
    so that it can be read exactly.
    """
    records = graph.objects(dataset, FOAF.isPrimaryTopicOf)
    return any((record, DCTERMS.conformsTo, PROFILE) in graph for record in records)


@cache
def bundled_contexts() -> dict[str, str]:
    """Return the bundled contexts: URL without scheme → text."""
    with (_CONTEXTS / "index.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["address"]: (_CONTEXTS / row["file"]).read_text("utf-8")
            for row in csv.DictReader(file)
        }


def load_context(source: Any, *arguments: Any, **options: Any) -> tuple[Any, Any]:
    """Replacement of rdflib's JSON-LD loader: return a bundled context, or refuse.

    Returns:
        a fresh copy of the context, since rdflib changes it in place, and no base.

    Raises:
        RemoteDocumentError: the context is not bundled.
    """
    address = str(source)
    parts = urlsplit(address)
    text = None
    if parts.scheme in {"http", "https"}:
        text = bundled_contexts().get(f"{parts.netloc}{parts.path}")
    if text is None:
        # rdflib resolves relative URLs against the working directory, which must not be revealed.
        raise RemoteDocumentError(address.removeprefix(f"{Path.cwd().as_uri()}/"))
    return json.loads(text), None


class _ClosedInput:
    """Replacement of rdflib's `URLInputSource` that refuses every URL."""

    def __init__(self, system_id: str | None = None, *_arguments: Any, **_options: Any):
        raise RemoteDocumentError(str(system_id))


def _refuse_doctype(data: str | bytes) -> None:
    """Detect a DOCTYPE with expat; other errors are left to the parser."""
    urls: list[str] = []

    def doctype(name: str, *_declaration: Any) -> None:
        urls.append(name)
        raise DoctypeError

    def root(*_element: Any) -> None:
        raise StopIteration  # a DOCTYPE can no longer come

    scanner = expat.ParserCreate()
    scanner.StartDoctypeDeclHandler = doctype
    scanner.StartElementHandler = root
    # The parser reports all other errors.
    with suppress(DoctypeError, StopIteration, expat.ExpatError, ValueError):
        scanner.Parse(data, True)
    if urls:
        raise DoctypeError


def close_rdflib() -> None:
    """Replace rdflib's loaders; called on import, idempotent.

    Raises:
        ImportError: this version of rdflib loads contexts in an unknown way: rather no RDF than
            network access.
    """
    if not callable(getattr(jsonld_context, "source_to_json", None)):
        raise ImportError("rdflib loads JSON-LD contexts in an unknown way")
    jsonld_context.source_to_json = load_context  # type: ignore[attr-defined]
    rdflib.parser.URLInputSource = _ClosedInput  # type: ignore[misc,assignment]


close_rdflib()
