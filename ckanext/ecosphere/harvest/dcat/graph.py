"""Parse untrusted RDF without following references,
and split it into one small graph per dataset.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

import shapely
from lxml import etree
from rdflib import DCTERMS, RDF, RDFS, SKOS, BNode, Graph, Literal, URIRef
from rdflib.namespace import FOAF
from rdflib.term import Node

from ckanext.ecosphere.dataset.geometry import Box as Sides
from ckanext.ecosphere.dataset.geometry import (
    Position,
    boxes_around,
    geometries_in,
    parts_of,
    swapped,
)
from ckanext.ecosphere.dataset.places import touches_france
from ckanext.ecosphere.harvest.iso import parts
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Box, as_boxes
from ckanext.ecosphere.harvest.sources.base import PageError
from ckanext.ecosphere.shared import parsing, rdf
from ckanext.ecosphere.shared.http_guard import joined
from ckanext.ecosphere.shared.rdf import NAMESPACES
from ckanext.ecosphere.vocabularies import languages

DCAT = rdf.NAMESPACES["dcat"]
log = logging.getLogger(__name__)

# rdflib logs every invalid date with a traceback; our own rules report them.
logging.getLogger("rdflib.term").setLevel(logging.ERROR)

MAX_DEPTH = 6
MAX_PAGE_TRIPLES = 200_000
"""Maximum triples per page; a hundred datasets (2 MB) have about 20 000."""
MAX_TRIPLES = 100_000
"""Maximum triples per dataset; 8 000 distributions have about 80 000."""
DATASETS = (DCAT.Dataset, DCAT.DatasetSeries, DCAT.DataService)
_NOT_FOLLOWED = {*DATASETS, DCAT.Catalog, DCAT.CatalogRecord}
_SINGLE_NODES = {
    f"{{{DCAT}}}{name}"
    for name in ("Catalog", "CatalogRecord", "Dataset", "DatasetSeries", "DataService")
}
_ALWAYS_FOLLOWED = {FOAF.isPrimaryTopicOf, DCAT.accessService}
_UNSOUND = re.compile(r"[\x00-\x20<>\"{}|\\^`]+")
_TURTLE = {"text/turtle", "application/x-turtle", "text/n3"}


def parse(
    body: bytes, content_type: str, max_bytes: int, url: str = "", lost: list[str] | None = None
) -> Graph:
    """Parse a page of a feed.

    The format is detected from the first character; the content type is used only where that is
    ambiguous.

    Args:
        body: the response body.
        content_type: content type stated by the server.
        max_bytes: maximum size that the XML parser accepts.
        url: URL of the page, against which relative URIs are resolved.
        lost: receives an error message for each JSON-LD node that cannot be read although others
            can.

    Raises:
        PageError: it is not RDF, or it refers to a remote document.
    """
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        if start == b"<" and content_type not in _TURTLE and not body.lstrip().startswith(b"<http"):
            root = parse_xml(body, max_bytes)
            # A document of one node needs no rdf:RDF around it (RDF/XML, 7.2.8).
            if str(root.tag) in _SINGLE_NODES:
                whole = etree.Element(f"{{{RDF}}}RDF", nsmap=root.nsmap)
                whole.append(root)
                root = whole
            if etree.QName(root).localname != "RDF":
                raise PageError(
                    "not-rdf", misunderstood=True, detail=f"<{etree.QName(root).localname}>"
                )
            return rdf.parse(etree.tostring(root), "xml", url, _page(url))
        if start in (b"{", b"[") and content_type not in _TURTLE:
            return _json_ld(parsing.load_json(body), url, [] if lost is None else lost)
        return rdf.parse(body, "turtle", url, _page(url))
    except PageError:
        raise
    except rdf.RemoteDocumentError as error:
        raise PageError("remote-context", context=error.address[:200]) from error
    except rdf.TooManyTriplesError as error:
        raise PageError(
            "xml-too-many-elements", count=error.limit + 1, limit=error.limit
        ) from error
    except MemoryError:
        raise
    except RecordError as error:
        raise PageError(f"xml-{error.code}", **error.params) from error
    except Exception as error:  # rdflib's parsers raise anything
        raise PageError("not-rdf", detail=" ".join(str(error).split())[:200]) from error


def _json_ld(document: Any, url: str, lost: list[str]) -> Graph:
    """Read JSON-LD as a whole, else node by node, so that an invalid
    node does not lose the others.
    """
    try:
        return rdf.parse(json.dumps(document), "json-ld", url, _page(url))
    except (rdf.RemoteDocumentError, rdf.TooManyTriplesError, MemoryError):
        raise
    except Exception as error:  # rdflib's parsers raise anything
        context: Any = {}
        nodes = document
        if isinstance(document, dict):
            nodes, context = document.get("@graph"), document.get("@context", {})
        if not isinstance(nodes, list) or len(nodes) < 2:  # noqa: PLR2004 - there are no others
            raise
        log.debug("JSON-LD is read node by node", exc_info=error)
    graph = _page(url)
    for node in nodes:
        try:
            # Into a graph of its own first, so that a node that fails midway leaves nothing behind.
            text = json.dumps({"@context": context, "@graph": [node]})
            graph += rdf.parse(text, "json-ld", url, _page(url))
        except (rdf.RemoteDocumentError, rdf.TooManyTriplesError, MemoryError):
            raise
        except Exception as error:
            lost.append(" ".join(str(error).split())[:200] or type(error).__name__)
    return graph


def _page(url: str) -> Graph:
    """Return an empty graph for a page, which accepts at most `MAX_PAGE_TRIPLES` triples.

    It resolves relative URIs, and escapes characters that are not allowed in URIs (GeoNetwork
    leaves spaces in them).
    """

    def sound(node: Node) -> Node:
        if not isinstance(node, URIRef):
            return node
        text = str(node)
        if ":" not in node:
            text = joined(url, node) or text
        return URIRef(_UNSOUND.sub(lambda match: quote(match[0]), text))

    return rdf.bounded_graph(MAX_PAGE_TRIPLES, sound)


def datasets(graph: Graph) -> list[Node]:
    """Return the datasets, series and services that a graph describes, ordered by URI.

    Blank nodes first.
    """
    subjects: set[Node] = set()
    for kind in DATASETS:
        subjects.update(graph.subjects(RDF.type, kind))
        subjects.update(graph.subjects(RDF.type, Literal(str(kind))))  # Opendatasoft
    # The primary topic of a catalogue record is a dataset, even without a type.
    topics = set(graph.objects(None, FOAF.primaryTopic))
    for record in graph.subjects(RDF.type, DCAT.CatalogRecord):  # untyped: only the property above
        topics |= set(graph.subjects(FOAF.isPrimaryTopicOf, record))
    for topic in topics:
        if (topic, DCTERMS.title, None) in graph and (topic, RDF.type, None) not in graph:
            subjects.add(topic)
    # The access service of a distribution is part of its dataset.
    subjects -= set(graph.objects(None, DCAT.accessService))
    return in_order(graph, subjects - _series_elsewhere(graph))


def _series_elsewhere(graph: Graph) -> set[Node]:
    """Return the series that are only described for their members,
    as on a page of a feed without the series itself.
    """
    series = set(graph.objects(None, DCAT.inSeries))
    listed = {*graph.objects(None, DCAT.dataset), *graph.objects(None, FOAF.primaryTopic)}
    if not listed:
        return set()
    return series - listed


def _entries_elsewhere(graph: Graph, subject: Node) -> list[Node]:
    """Return the GeoNetwork 4 catalogue records of a dataset ``…/datasets/ID``,
    which refer to it as ``…/ID``.
    """
    base, is_so, _rest = str(subject).partition("/datasets/")
    if not is_so or not isinstance(subject, URIRef):
        return []
    records: list[Node] = []
    for identifier in graph.objects(subject, DCTERMS.identifier):
        name = URIRef(f"{base}/{quote(str(identifier), safe='')}")
        records += graph.subjects(FOAF.primaryTopic, name)
    return records


def around(graph: Graph, subject: Node) -> Graph:
    """Return the part of a graph about a dataset: its own triples and those of the nodes reachable
    from it.

    Other datasets and catalogues are named but not followed; the catalogue record of the dataset is
    included.

    Raises:
        RecordError: there are too many triples.
    """
    part = Graph()
    todo: list[tuple[Node, int]] = [(subject, 0)]
    todo += [(record, 1) for record in graph.subjects(FOAF.primaryTopic, subject)]
    for record in _entries_elsewhere(graph, subject):
        part.add((subject, FOAF.isPrimaryTopicOf, record))
        todo.append((record, 1))
    visited = {node for node, _depth in todo}
    while todo:
        node, depth = todo.pop()
        for _s, predicate, value in graph.triples((node, None, None)):
            part.add((node, predicate, value))
            if (
                isinstance(value, Literal)
                or value in visited
                or depth >= MAX_DEPTH
                or predicate == RDF.type
            ):
                continue
            if predicate in _ALWAYS_FOLLOWED or _NOT_FOLLOWED.isdisjoint(
                graph.objects(value, RDF.type)
            ):
                visited.add(value)
                todo.append((value, depth + 1))
        if len(part) > MAX_TRIPLES:
            raise RecordError("too-many-elements", count=len(part), limit=MAX_TRIPLES)
    return part


def as_text(part: Graph, subject: Node) -> str:
    """Serialise a dataset for storage: N-Triples after a line with its URI."""
    names: dict[Node, Node] = {subject: subject}
    if isinstance(subject, BNode):
        names[subject] = URIRef("urn:x-ecosphere:dataset")

    def named(node: Node) -> Node:
        # Labels of blank nodes may contain characters that N-Triples does not allow.
        if isinstance(node, BNode):
            return names.setdefault(node, BNode(f"b{len(names)}"))
        return node

    renamed = Graph()
    for triple in part:
        renamed.add(tuple(map(named, triple)))  # type: ignore[arg-type]
    lines = renamed.serialize(format="nt").splitlines()
    return "\n".join([f"# {names[subject]}", *sorted(filter(None, lines))])


def from_text(text: str) -> tuple[Graph, URIRef]:
    """Parse what `as_text` wrote.

    Raises:
        RecordError: the text cannot be parsed.
    """
    first, _newline, _rest = text.partition("\n")
    try:
        return rdf.parse(text, "nt"), URIRef(first.removeprefix("# ").strip())
    except Exception as error:  # rdflib's parsers raise anything
        raise RecordError("not-rdf") from error


def tree_text(part: Graph, subject: Node) -> str:
    """Return a canonical text of a dataset, independent of the labels of blank nodes."""

    def written(node: Node, path: tuple[Node, ...]) -> str:
        if not isinstance(node, BNode):
            return node.n3()
        if node in path:
            return ""
        inside = []
        for predicate, value in part.predicate_objects(node):
            inside.append(f"{predicate.n3()} {written(value, (*path, node))}")
        return f"[{'; '.join(sorted(inside))}]"

    subjects = {node for node in part.subjects() if not isinstance(node, BNode)} | {subject}
    lines = []
    for node in subjects:
        name = ""
        if node != subject:
            name = node.n3()
        for predicate, value in part.predicate_objects(node):
            lines.append(f"{name} {predicate.n3()} {written(value, (node,))}")
    return "\n".join(sorted(lines))


VCARD = NAMESPACES["vcard"]

# --- values of nodes ---
#
# Read texts, labels, codes and URIs of RDF nodes, in a stable order.

_DEPTH = 3
"""Depth to which the content of a blank node is compared with others."""


_COMPARED = 500
"""Characters of that content compared verbatim, before the hash, so that small changes rarely alter
the order."""
_contents: WeakKeyDictionary[Graph, dict[tuple[Node, int], str]] = WeakKeyDictionary()
"""Cache of the content of blank nodes, per graph (graphs are not modified here)."""


def in_order(graph: Graph, nodes: Iterable[Node]) -> list[Node]:
    """Return nodes in an order that is the same at each parse: blank nodes first, sorted by
    content.

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


def is_foreign(node: Node) -> bool:
    """Tell whether a node is no literal, or one in another language than French."""
    return not isinstance(node, Literal) or not (node.language or "fr").lower().startswith("fr")


@dataclass(slots=True)
class Described:
    """A node, with what its graph says about it."""

    graph: Graph
    node: Node

    def __str__(self) -> str:
        return str(self.node)

    def values(self, *predicates: URIRef) -> list[Described]:
        """Return the values of the first of some predicates that has any."""
        for predicate in predicates:
            nodes = in_order(self.graph, self.graph.objects(self.node, predicate))
            if nodes:
                return [Described(self.graph, node) for node in nodes]
        return []

    def value(self, *predicates: URIRef) -> Described | None:
        """Return the first value of the first of some predicates that has any."""
        return next(iter(self.values(*predicates)), None)

    def stated(self, inner: URIRef, *predicates: URIRef) -> str | None:
        """Return the first value of the first predicate that has any as text, or the text in it."""
        value = self.value(*predicates)
        if value is None:
            return None
        return value.text(inner) or str(value)

    def has(self, predicate: URIRef, node: Node | None = None) -> bool:
        """Tell whether a predicate has a value, or this one."""
        return (self.node, predicate, node) in self.graph

    def texts(self, *predicates: URIRef) -> list[str]:
        """Return the texts of the first predicate that has any, French ones first."""
        values = sorted(self.values(*predicates), key=lambda value: is_foreign(value.node))
        return [str(value) for value in values if str(value).strip()]

    def text(self, *predicates: URIRef) -> str | None:
        """Return the first text of the first predicate that has any, preferably a French one."""
        return next(iter(self.texts(*predicates)), None)

    def in_languages(self, *predicates: URIRef) -> tuple[str | None, dict[str, str]]:
        """Return the text of the first predicate that has any, and its translations if there are
        several languages.

        The text is French, else without a language, else English, else that of the first language.

        Returns:
            the text, and BCP 47 tag → text, including the language of the text itself when it is
            known.
        """
        literals = []
        for value in self.values(*predicates):
            language = value.node.language if isinstance(value.node, Literal) else None
            if str(value).strip():
                literals.append((language or "", str(value)))
        if len(literals) < 2:  # noqa: PLR2004 - as in most records
            return literals[0][1] if literals else None, {}
        texts, _others = languages.by_tag(
            (language, text) for language, text in literals if language
        )
        plain = [text for language, text in literals if not language]
        preferred = [texts.get(languages.FRENCH), *plain[:1], texts.get(languages.best(texts))]
        main = next(filter(None, preferred), literals[0][1])
        if all(text == main for text in texts.values()):
            return main, {}
        return main, texts

    @property
    def label(self) -> str:
        """The label; a literal is its own label."""
        if isinstance(self.node, Literal):
            return str(self)
        return self.text(SKOS.prefLabel, RDFS.label, DCTERMS.title, FOAF.name, VCARD.fn) or ""

    def labels(self, predicate: URIRef, other: URIRef) -> list[str]:
        """Return the labels of the values of a predicate,
        or else their texts under another predicate.
        """
        labels = (value.label or value.text(other) for value in self.values(predicate))
        return list(filter(None, labels))

    @property
    def code(self) -> str:
        """The last part of a URI, the code of a controlled list; "" for blank nodes,
        whose labels mean nothing.
        """
        if isinstance(self.node, BNode):
            return ""
        if not isinstance(self.node, URIRef):
            return str(self)
        return re.split(r"[/#:]", str(self).rstrip("/"))[-1]

    @property
    def address(self) -> str | None:
        """The URI, if it is an http or https URL."""
        if isinstance(self.node, URIRef) and str(self).startswith(("http://", "https://")):
            return str(self)
        return None

    def addresses(self, predicate: URIRef) -> list[str]:
        """Return the http and https URLs of a predicate."""
        return list(filter(None, (value.address for value in self.values(predicate))))


# --- geometries ---
#
# Bounding boxes of geometry literals in RDF: WKT, GeoJSON, GML.

MAX_TEXT = 1_000_000
"""Maximum length of a geometry, in characters; the rest is ignored."""
_FOUR_NUMBERS = re.compile(r"\s*-?\d+(?:\.\d+)?(?:\s*,\s*-?\d+(?:\.\d+)?){3}\s*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_SYSTEM = re.compile(r"\s*(?:<([^<>]*)>|SRID=\d{1,6};)", re.IGNORECASE)
_WKT = re.compile(
    r"(?:MULTI)?(?:POLYGON|POINT|LINESTRING)|ENVELOPE|GEOMETRYCOLLECTION", re.IGNORECASE
)
_GML = re.compile(
    r"<(?:[\w.-]{1,40}:)?(?:Envelope|Point|LineString|Polygon|Multi[A-Z][a-z]{3,10})[\s>]"
)
_EPSG = re.compile(r"epsg[/:][\d.]*[/:](\d{4,5})$", re.IGNORECASE)
_LATITUDE_FIRST = {"4326", "4258", "4171", "4979", "4937", "4964"}
"""EPSG codes of geographic systems (WGS 84, ETRS89, RGF93) that are defined with latitude first."""


def boxes_of(text: str) -> list[Box]:
    """Return the bounding boxes of a WKT, GeoJSON or GML geometry, one per group of nearby parts;
    none if unreadable.

    Longitude comes first in CRS84 and without a reference system (GeoSPARQL 1.1, 8.5.1), latitude
    in EPSG:4326 and similar systems. A geometry that touches France only in the other order is read
    in that order.
    """
    bare = text[:MAX_TEXT].strip()
    if _GML.match(bare):
        return as_boxes(boxes_around(_of_gml(bare)))
    latitude_first = False
    system = _SYSTEM.match(bare)
    if system:
        bare = bare[system.end() :].strip()
        code = _EPSG.search((system.group(1) or "").strip())
        latitude_first = bool(code and code.group(1) in _LATITUDE_FIRST)
    if bare.startswith("{"):
        return as_boxes(boxes_around(_of_geojson(bare)))
    if _FOUR_NUMBERS.fullmatch(bare):  # ArcGIS: west, south, east, north
        west, south, east, north = (number.strip() for number in bare.split(","))
        return [Box(west, east, south, north)]
    return _of_wkt(bare, latitude_first)


def _of_wkt(text: str, latitude_first: bool) -> list[Box]:
    if not _WKT.match(text):
        return []
    if text[:8].upper() == "ENVELOPE":
        numbers = _NUMBER.findall(text)
        if len(numbers) != 4:  # noqa: PLR2004 - west, east, north, south
            return []
        west, east, north, south = map(float, numbers)
        return as_boxes([(west, south, east, north)])
    shape = shapely.from_wkt(text, on_invalid="ignore")
    positions = [shapely.get_coordinates(part).tolist() for part in shapely.get_parts(shape)]
    sides = boxes_around(list(filter(None, positions)) or _in_pairs(text))
    turned = list(map(swapped, sides))
    if latitude_first and not _only_straight(sides, turned):
        sides = turned
    return as_boxes(sides)


def _in_pairs(text: str) -> list[list[Position]]:
    """Read positions written with other separators than WKT's."""
    numbers = [float(number) for number in _NUMBER.findall(text)]
    if not numbers or len(numbers) % 2:
        return []
    return [list(zip(numbers[::2], numbers[1::2], strict=True))]


def _of_gml(text: str) -> list[list[Position]]:
    try:
        geometry = parts.geojson_of(parse_xml(text.encode("utf-8", "replace")))
    except RecordError:
        return []
    if geometry is None:
        return []
    return parts_of(geometry)


def _of_geojson(text: str) -> list[list[Position]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    parts: list[list[Position]] = []
    for geometry in geometries_in(document):
        parts += parts_of(geometry)
    return parts


def _only_straight(sides: list[Sides], turned: list[Sides]) -> bool:
    """Tell whether a geometry touches France as written, and not with its axes swapped."""
    about = any(touches_france(box, widest=False) for box in sides)
    return about and not any(map(touches_france, turned))
