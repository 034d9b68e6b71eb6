"""Read texts, labels, codes and URIs of RDF nodes, in a stable order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

from rdflib import DCTERMS, RDFS, SKOS, Graph, Literal, URIRef
from rdflib.namespace import FOAF
from rdflib.term import BNode, Node

from ckanext.ecosphere.harvest.dcat.namespaces import VCARD
from ckanext.ecosphere.vocabularies import languages

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
    return sorted(nodes, key=lambda node: (not isinstance(node, BNode), _content(graph, node, _DEPTH)))


def _content(graph: Graph, node: Node, depth: int) -> str:
    if not isinstance(node, BNode):
        return str(node)
    if not depth:
        return ""
    known = _contents.setdefault(graph, {})
    if (node, depth) not in known:
        told = "\n".join(sorted(f"{p} {_content(graph, o, depth - 1)}" for p, o in graph.predicate_objects(node)))
        known[node, depth] = told[:_COMPARED] + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
    return known[node, depth]


def first_of(graph: Graph, subject: Node, *predicates: URIRef) -> Iterator[Node]:
    """Yield the values of the first of some predicates that has any."""
    for predicate in predicates:
        found = in_order(graph, graph.objects(subject, predicate))
        if found:
            yield from found
            return


def texts_of(graph: Graph, subject: Node, *predicates: URIRef) -> list[str]:
    """Return the texts of the first predicate that has any, French ones first."""
    found = list(first_of(graph, subject, *predicates))
    found.sort(key=lambda v: not (isinstance(v, Literal) and (v.language or "fr").lower().startswith("fr")))
    return [str(value) for value in found if str(value).strip()]


def text_of(graph: Graph, subject: Node, *predicates: URIRef) -> str | None:
    """Return the first text of the first predicate that has any, preferably a French one."""
    return next(iter(texts_of(graph, subject, *predicates)), None)


def in_languages(graph: Graph, subject: Node, *predicates: URIRef) -> tuple[str | None, dict[str, str]]:
    """Return the text of the first predicate that has any, and its translations if there are several languages.

    The text is French, else without a language, else English, else that of the first language.

    Returns:
        the text, and BCP 47 tag → text, including the language of the text itself when it is known.
    """
    found = [
        (v.language or "" if isinstance(v, Literal) else "", str(v)) for v in first_of(graph, subject, *predicates)
    ]
    found = [(language, text) for language, text in found if text.strip()]
    if len(found) < 2:  # noqa: PLR2004 - as in most records
        return next((text for _language, text in found), None), {}
    texts, _left = languages.by_tag((language, text) for language, text in found if language)
    plain = next((text for language, text in found if not language), None)
    main = texts.get(languages.FRENCH) or plain or texts.get(languages.best(texts)) or found[0][1]
    return main, texts if any(text != main for text in texts.values()) else {}


def label_of(graph: Graph, node: Node) -> str:
    """Return the label of a node; a literal is its own label."""
    if isinstance(node, Literal):
        return str(node)
    return text_of(graph, node, SKOS.prefLabel, RDFS.label, DCTERMS.title, FOAF.name, VCARD.fn) or ""


def labels_of(graph: Graph, subject: Node, predicate: URIRef, other: URIRef) -> list[str]:
    """Return the labels of the values of a predicate, or else their texts under another predicate."""
    nodes = first_of(graph, subject, predicate)
    return [label for node in nodes if (label := label_of(graph, node) or text_of(graph, node, other))]


def last_part(value: Node) -> str:
    """Return the last part of a URI, the code of a controlled list; "" for blank nodes, whose labels mean nothing."""
    if isinstance(value, BNode):
        return ""
    return re.split(r"[/#:]", str(value).rstrip("/"))[-1] if isinstance(value, URIRef) else str(value)


def address_of(value: Node) -> str | None:
    """Return the URI of a node if it is an http or https URL."""
    return str(value) if isinstance(value, URIRef) and str(value).startswith(("http://", "https://")) else None
