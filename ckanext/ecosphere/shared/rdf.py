"""RDF that strangers wrote, parsed without anything being fetched.

rdflib fetches by itself what a document names: the contexts of JSON-LD, wherever they stand (in a list, in the scope
of a term, behind `@import`), by http and by `file://`. The loader is ours from the moment this module is imported, for
the whole process: contexts that we have as files are answered from them, any other one is refused. rdflib's own way
out to the web is closed as well.
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
from rdflib import Graph
from rdflib.plugins.shared.jsonld import context as jsonld_context
from rdflib.plugins.stores.memory import Memory
from rdflib.term import Node

_CONTEXTS = Path(__file__).parent / "contexts"


class RemoteDocumentError(ValueError):
    """A document refers to another one elsewhere, which is not fetched.

    Attributes:
        address: what it refers to.
    """

    def __init__(self, address: str):
        super().__init__(address)
        self.address = address


class TooManyTriplesError(ValueError):
    """A document says more than it may.

    Attributes:
        limit: triples that it may have.
    """

    def __init__(self, limit: int):
        super().__init__(f"more than {limit} triples")
        self.limit = limit


class DoctypeError(ValueError):
    """An RDF/XML document declares a DOCTYPE, which is refused for safety."""


def parse(data: str | bytes, syntax: str, base: str | None = None, graph: Graph | None = None) -> Graph:
    """Parse a document; nothing is fetched for it.

    Args:
        data: the document.
        syntax: rdflib's name of the syntax (`xml`, `turtle`, `json-ld`, `n3`, `trig`, `nt`…).
        base: address to which relative addresses are relative.
        graph: receives the triples; a new one if not given.

    Raises:
        RemoteDocumentError: it refers to something elsewhere.
        DoctypeError: it is XML with a DOCTYPE.
        Exception: whatever rdflib's parsers raise when it is not well-formed.
    """
    if syntax == "xml":
        _refuse_doctype(data)
    graph = Graph() if graph is None else graph
    return graph.parse(data=data, format=syntax, publicID=base)


def bounded_graph(limit: int, change: Callable[[Node], Node] = lambda node: node) -> Graph:
    """An empty graph that takes so many triples and no more: a few bytes of Turtle make one that takes a kilobyte.

    Args:
        limit: triples that may be added.
        change: what becomes of each node as it is added.
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


@cache
def bundled_contexts() -> dict[str, str]:
    """Address of a context, without its scheme → its text."""
    with (_CONTEXTS / "index.csv").open(encoding="utf-8", newline="") as file:
        return {row["address"]: (_CONTEXTS / row["file"]).read_text("utf-8") for row in csv.DictReader(file)}


def load_context(source: Any, *arguments: Any, **options: Any) -> tuple[Any, Any]:
    """Answer what rdflib's JSON-LD parser wants to load: from our files, or not at all.

    Returns:
        the context, made anew since rdflib changes it in place, and no base.

    Raises:
        RemoteDocumentError: it is none of ours.
    """
    address = str(source)
    parts = urlsplit(address)
    text = bundled_contexts().get(f"{parts.netloc}{parts.path}") if parts.scheme in {"http", "https"} else None
    if text is None:
        # A document without a base has its relative addresses beside the process, which is nobody's business.
        raise RemoteDocumentError(address.removeprefix(f"{Path.cwd().as_uri()}/"))
    return json.loads(text), None


class _ClosedInput:
    """What stands in for rdflib's source of documents on the web."""

    def __init__(self, system_id: str | None = None, *_arguments: Any, **_options: Any):
        raise RemoteDocumentError(str(system_id))


def _refuse_doctype(data: str | bytes) -> None:
    """Let expat look for a DOCTYPE; what else may be wrong is left to the parser."""
    found: list[str] = []

    def doctype(name: str, *_declaration: Any) -> None:
        found.append(name)
        raise DoctypeError

    def root(*_element: Any) -> None:
        raise StopIteration  # a DOCTYPE can no longer come

    scanner = expat.ParserCreate()
    scanner.StartDoctypeDeclHandler = doctype
    scanner.StartElementHandler = root
    # Whatever else is wrong, the parser says it better.
    with suppress(DoctypeError, StopIteration, expat.ExpatError, ValueError):
        scanner.Parse(data, True)
    if found:
        raise DoctypeError


def close_rdflib() -> None:
    """Put our loader in the place of rdflib's; done when this module is imported, and harmless when repeated.

    Raises:
        ImportError: this version of rdflib loads contexts in another way: better no RDF than one that fetches.
    """
    if not callable(getattr(jsonld_context, "source_to_json", None)):
        raise ImportError("rdflib loads JSON-LD contexts in an unknown way")
    jsonld_context.source_to_json = load_context  # type: ignore[attr-defined]
    rdflib.parser.URLInputSource = _ClosedInput  # type: ignore[misc,assignment]


close_rdflib()
