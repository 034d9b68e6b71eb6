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
"""How far from a blank node its content is looked at, to tell it from others."""


_COMPARED = 500
"""Characters of that content that are compared as they are, so that a small change leaves most orders as they were."""
_contents: WeakKeyDictionary[Graph, dict[tuple[Node, int], str]] = WeakKeyDictionary()
"""Contents of the blank nodes of a graph, which is only read here: each is made once, however many lead to it."""


def in_order(graph: Graph, nodes: Iterable[Node]) -> list[Node]:
    """Return nodes in the same order at each reading: blank ones, first, by their content.

    A blank node has another name whenever its file is read.
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
    """Values of the first of some predicates that has any."""
    for predicate in predicates:
        found = in_order(graph, graph.objects(subject, predicate))
        if found:
            yield from found
            return


def texts_of(graph: Graph, subject: Node, *predicates: URIRef) -> list[str]:
    """Texts of the first predicate that has any, French ones first."""
    found = list(first_of(graph, subject, *predicates))
    found.sort(key=lambda v: not (isinstance(v, Literal) and (v.language or "fr").lower().startswith("fr")))
    return [str(value) for value in found if str(value).strip()]


def text_of(graph: Graph, subject: Node, *predicates: URIRef) -> str | None:
    """The first text of the first predicate that has any, a French one when there is one."""
    return next(iter(texts_of(graph, subject, *predicates)), None)


def in_languages(graph: Graph, subject: Node, *predicates: URIRef) -> tuple[str | None, dict[str, str]]:
    """The text of the first predicate that has any, and the texts of all its languages when there are several.

    The text is French, else without a language, else English, else that of the first language.

    Returns:
        the text, and BCP 47 tag → text, the language of the text itself included when it is known.
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
    """What a thing is called; a text is its own name."""
    if isinstance(node, Literal):
        return str(node)
    return text_of(graph, node, SKOS.prefLabel, RDFS.label, DCTERMS.title, FOAF.name, VCARD.fn) or ""


def labels_of(graph: Graph, subject: Node, predicate: URIRef, other: URIRef) -> list[str]:
    """What the things that a predicate names are called, or say under another predicate."""
    nodes = first_of(graph, subject, predicate)
    return [label for node in nodes if (label := label_of(graph, node) or text_of(graph, node, other))]


def last_part(value: Node) -> str:
    """The last part of an address: the code of a controlled list; nothing of a blank node, whose name says nothing."""
    if isinstance(value, BNode):
        return ""
    return re.split(r"[/#:]", str(value).rstrip("/"))[-1] if isinstance(value, URIRef) else str(value)


def address_of(value: Node) -> str | None:
    """The address that a node is, if it is one of the web."""
    return str(value) if isinstance(value, URIRef) and str(value).startswith(("http://", "https://")) else None
