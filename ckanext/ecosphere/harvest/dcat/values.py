"""Read texts, labels, codes and URIs of RDF nodes, in a stable order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

from rdflib import DCTERMS, RDFS, SKOS, Graph, Literal, URIRef
from rdflib.namespace import FOAF
from rdflib.term import BNode, Node

from ckanext.ecosphere.shared.rdf import NAMESPACES
from ckanext.ecosphere.vocabularies import languages

VCARD = NAMESPACES["vcard"]

_DEPTH = 3
"""Depth to which the content of a blank node is compared with others."""


_COMPARED = 500
"""Characters of that content compared verbatim, before the hash, so that small changes rarely alter the order."""
_contents: WeakKeyDictionary[Graph, dict[tuple[Node, int], str]] = WeakKeyDictionary()
"""Cache of the content of blank nodes, per graph (graphs are not modified here)."""


def in_order(graph: Graph, nodes: Iterable[Node]) -> list[Node]:
    """Return nodes in an order that is the same at each parse: blank nodes first, sorted by content.

    Labels of blank nodes change whenever a file is parsed.
    """
    return sorted(
        nodes, key=lambda node: (not isinstance(node, BNode), _content(graph, node, _DEPTH))
    )


def _content(graph: Graph, node: Node, depth: int) -> str:
    if not isinstance(node, BNode):
        return str(node)
    if not depth:
        return ""
    contents = _contents.setdefault(graph, {})
    if (node, depth) not in contents:
        lines = [f"{p} {_content(graph, o, depth - 1)}" for p, o in graph.predicate_objects(node)]
        content = "\n".join(sorted(lines))
        digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
        contents[node, depth] = content[:_COMPARED] + digest
    return contents[node, depth]


def first_of(graph: Graph, subject: Node, *predicates: URIRef) -> Iterator[Node]:
    """Yield the values of the first of some predicates that has any."""
    for predicate in predicates:
        nodes = in_order(graph, graph.objects(subject, predicate))
        if nodes:
            yield from nodes
            return


def first_node(graph: Graph, subject: Node, *predicates: URIRef) -> Node | None:
    """Return the first value of the first of some predicates that has any."""
    return next(first_of(graph, subject, *predicates), None)


def texts_of(graph: Graph, subject: Node, *predicates: URIRef) -> list[str]:
    """Return the texts of the first predicate that has any, French ones first."""
    nodes = sorted(first_of(graph, subject, *predicates), key=_is_foreign)
    return [str(node) for node in nodes if str(node).strip()]


def _is_foreign(node: Node) -> bool:
    return not isinstance(node, Literal) or not (node.language or "fr").lower().startswith("fr")


def text_of(graph: Graph, subject: Node, *predicates: URIRef) -> str | None:
    """Return the first text of the first predicate that has any, preferably a French one."""
    return next(iter(texts_of(graph, subject, *predicates)), None)


def in_languages(
    graph: Graph, subject: Node, *predicates: URIRef
) -> tuple[str | None, dict[str, str]]:
    """Return the text of the first predicate that has any, and its translations if there are several languages.

    The text is French, else without a language, else English, else that of the first language.

    Returns:
        the text, and BCP 47 tag → text, including the language of the text itself when it is known.
    """
    stated = []
    for node in first_of(graph, subject, *predicates):
        language = node.language if isinstance(node, Literal) else None
        if str(node).strip():
            stated.append((language or "", str(node)))
    if len(stated) < 2:  # noqa: PLR2004 - as in most records
        return stated[0][1] if stated else None, {}
    texts, _others = languages.by_tag((language, text) for language, text in stated if language)
    plain = [text for language, text in stated if not language]
    preferred = [texts.get(languages.FRENCH), *plain[:1], texts.get(languages.best(texts))]
    main = next(filter(None, preferred), stated[0][1])
    if all(text == main for text in texts.values()):
        return main, {}
    return main, texts


def label_of(graph: Graph, node: Node) -> str:
    """Return the label of a node; a literal is its own label."""
    if isinstance(node, Literal):
        return str(node)
    predicates = (SKOS.prefLabel, RDFS.label, DCTERMS.title, FOAF.name, VCARD.fn)
    return text_of(graph, node, *predicates) or ""


def labels_of(graph: Graph, subject: Node, predicate: URIRef, other: URIRef) -> list[str]:
    """Return the labels of the values of a predicate, or else their texts under another predicate."""
    nodes = first_of(graph, subject, predicate)
    labels = [label_of(graph, node) or text_of(graph, node, other) for node in nodes]
    return [label for label in labels if label]


def last_part(value: Node) -> str:
    """Return the last part of a URI, the code of a controlled list; "" for blank nodes, whose labels mean nothing."""
    if isinstance(value, BNode):
        return ""
    if not isinstance(value, URIRef):
        return str(value)
    return re.split(r"[/#:]", str(value).rstrip("/"))[-1]


def address_of(value: Node) -> str | None:
    """Return the URI of a node if it is an http or https URL."""
    if isinstance(value, URIRef) and str(value).startswith(("http://", "https://")):
        return str(value)
    return None


def addresses_of(graph: Graph, subject: Node, predicate: URIRef) -> list[str]:
    """Return the http and https URLs of a predicate."""
    addresses = map(address_of, first_of(graph, subject, predicate))
    return [address for address in addresses if address]
