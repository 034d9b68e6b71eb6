"""Facts of a record, read independently of the harvest's readers, to measure what the harvest keeps of them.

An ISO record is read leaf by leaf (plain XPath over local names: texts, code list values, URLs), an RDF dataset triple
by triple. The table `kinds` classifies the paths; others are of the kind "other", so that every fact is
measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from lxml import etree
from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.term import Node

from ckanext.ecosphere.harvest.dcat.graph import in_order

XLINK = "{http://www.w3.org/1999/xlink}href"
_RECORDS = "//*[local-name()='MD_Metadata' or local-name()='MI_Metadata']"


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of information of a record.

    Attributes:
        kind: subject, a kind of the tables `kinds` or `predicates`.
        path: path of property names.
        value: the text, code or URL.
        beside: texts and codes of the same parent, by name.
    """

    kind: str
    path: str
    value: str
    beside: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """Return a text of the same parent, by its name; empty if there is none."""
        return next((value for key, value in self.beside if key == name), "")


TABLES = yaml.safe_load(Path(__file__).with_name("data").joinpath("fidelity.yaml").read_text(encoding="utf-8"))


@cache
def _kind(path: str) -> str:
    return next((kind for pattern, kind in TABLES["kinds"] if re.search(pattern, path)), "other")


def iso_records(root: etree._Element) -> list[etree._Element]:
    """Return the records of a document, whose root may be a record itself."""
    return root.xpath(_RECORDS)


def iso_facts(record: etree._Element) -> list[Fact]:
    """Return every text, code and URL of a record, in document order and without duplicates."""
    return list(dict.fromkeys(_leaves(record, ())))


def _leaves(element: etree._Element, path: tuple[str, ...]) -> Iterator[Fact]:
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = etree.QName(child).localname
        # Properties start with a small letter, types with a capital; PT_FreeText holds translations.
        here = (*path, name) if name[:1].islower() or name in ("DCP", "PT_FreeText") else path
        if name in ("Polygon", "MultiSurface", "Point", "LineString"):
            yield _fact(child, here, " ".join(" ".join(child.itertext()).split()), "shape")
            continue
        inner = [each for each in child if isinstance(each.tag, str)]
        text = " ".join((child.text or "").split())
        for value in (child.get("codeListValue"), child.get(XLINK), child.get("uuidref")):
            if value and value.strip() and not _is_code_list(value) and not (inner and value.startswith("local://")):
                yield _fact(child, here, value.strip())
        if text and not (child.get("codeListValue") and text) and not inner:
            yield _fact(child, here, text)
        yield from _leaves(child, here)


def _is_code_list(value: str) -> bool:
    """Return whether a URL is that of a code list or a fragment, which say nothing about the data."""
    return value.startswith("#") or bool(re.search(r"codelists?\.xml|/codelist/ML_gmx", value, re.IGNORECASE))


def _fact(element: etree._Element, path: tuple[str, ...], value: str, kind: str = "") -> Fact:
    around = element
    while (above := around.getparent()) is not None:
        if around is not element and etree.QName(around).localname[:1].isupper():
            break
        around = above
    beside = []
    for each in around:
        if isinstance(each.tag, str):
            codes = each.xpath(".//@codeListValue")
            text = " ".join(" ".join(each.itertext()).split()) or (codes[0] if codes else "")
            beside.append((etree.QName(each).localname, text[:500]))
    joined = "/".join(path)
    return Fact(kind or _kind(joined), joined, value, tuple(beside))


# --- RDF ----------------------------------------------------------------------------------------

#: Last part of a predicate → kind of fact.
PREDICATES: dict[str, str] = {name: kind for kind, names in TABLES["predicates"].items() for name in names}
_DATASETS = {"Dataset", "DatasetSeries", "DataService"}
_ENTRIES = {"Catalog", "CatalogRecord"}


def _last(node: Node) -> str:
    return re.split(r"[/#]", str(node).rstrip("/#"))[-1]


def rdf_subjects(graph: Graph) -> list[Node]:
    """Return the datasets of a graph: by their type, or as primary topic of a catalogue record."""
    found = {s for s, o in graph.subject_objects(RDF.type) if _last(o) in _DATASETS}
    found |= {o for p in set(graph.predicates()) if _last(p) == "primaryTopic" for o in graph.objects(None, p)}
    found |= {s for p in set(graph.predicates()) if _last(p) == "isPrimaryTopicOf" for s in graph.subjects(p)}
    # A service that gives access to a distribution counts as part of its dataset.
    found -= {o for p in set(graph.predicates()) if _last(p) == "accessService" for o in graph.objects(None, p)}
    return in_order(graph, (each for each in found if (each, None, None) in graph))


def rdf_facts(graph: Graph, subject: Node) -> list[Fact]:
    """Return every literal and URI reachable from a dataset through nodes that are not datasets themselves."""
    others = set(rdf_subjects(graph)) - {subject}
    others |= {s for s, o in graph.subject_objects(RDF.type) if _last(o) in _ENTRIES}
    return list(dict.fromkeys(_triples(graph, subject, (), others, {subject})))


def _triples(graph: Graph, node: Node, path: tuple[str, ...], others: set, seen: set) -> Iterator[Fact]:
    pairs = sorted(graph.predicate_objects(node), key=lambda pair: (str(pair[0]), str(pair[1])))
    beside = tuple((_last(p), str(o)[:500]) for p, o in pairs if not isinstance(o, BNode))
    for predicate, value in pairs:
        name = _last(predicate)
        if name == "type" and str(predicate).endswith("22-rdf-syntax-ns#type"):
            continue
        here = (*path, name)
        if isinstance(value, Literal):
            if str(value).strip():
                yield Fact(_kind_of(here), "/".join(here), str(value).strip(), beside)
            continue
        known = (value, None, None) in graph and value not in others
        if isinstance(value, URIRef) and not (known and name in ("distribution", "isPrimaryTopicOf", "primaryTopic")):
            yield Fact(_kind_of(here), "/".join(here), str(value), beside)
        if known and value not in seen and len(here) < 6:
            seen.add(value)
            yield from _triples(graph, value, here, others, seen)


def _kind_of(path: tuple[str, ...]) -> str:
    of_distribution = path[:1] == ("distribution",)
    if path == ("type",):
        return "type"
    for name in reversed(path):
        if name in ("label", "prefLabel", "value", "hasValue", "title", "type", "name") and len(path) > 1:
            continue
        kind = PREDICATES.get(name)
        if kind == "organisation" and of_distribution:
            return "link text"
        if kind in ("abstract", "title") and of_distribution:
            return "link text"
        if kind == "date" and of_distribution:
            return "link code"
        return kind or "other"
    return "link text" if of_distribution else PREDICATES.get(path[0], "other")
