"""Report by path what a dataset's graph holds beyond the neutral record, so that nothing is lost silently."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rdflib import RDF, Graph, Literal, URIRef
from rdflib.term import BNode, Node

from ckanext.ecosphere.harvest.dcat.geometry import boxes_of
from ckanext.ecosphere.harvest.dcat.values import in_order

MAX_NOTES, MAX_NOTE = 300, 2_000
"""Maximum notes per dataset (of the rest only the number is reported), and characters per note."""
MAX_DEPTH = 5
_DATES = {"created", "issued", "modified"}
_DATED = {"", "distribution", "isPrimaryTopicOf"}
"""Parts of a dataset whose dates the record keeps; "" is the dataset itself."""
_GEOMETRIES = {"bbox", "geometry", "asWKT", "asGML", "asGeoJSON"}


def rest_of(graph: Graph, subject: Node, record: Any) -> list[str]:
    """Return ``path: text`` for each literal and URI that the record does not hold; translations are grouped.

    Args:
        graph: the triples of one dataset.
        subject: the dataset.
        record: the neutral record that was made of it.
    """
    texts = {_bare(text) for text in _strings(record)}
    notes: dict[str, None] = {}
    translations: dict[str, list[str]] = {}
    for path, value in _values(graph, subject):
        text = _bare(value)
        if not text or _is_held(path, value, text, texts) or _is_box_of(record, path, value):
            continue
        texts.add(text)
        line = " ".join(str(value).split())
        language = "fr"
        if isinstance(value, Literal) and value.language:
            language = value.language
        if language.lower().startswith("fr"):
            notes[f"{path}: {line}"[:MAX_NOTE]] = None
        else:
            translations.setdefault(path, []).append(f"[{language}] {line}")
    lines = list(notes)
    for path, others in translations.items():
        lines += _packed(path, others)
    if len(lines) > MAX_NOTES:
        lines[MAX_NOTES:] = [f"…: {len(lines) - MAX_NOTES}"]
    return lines


def _is_held(path: str, value: Node, text: str, texts: set[str]) -> bool:
    """Return whether a text is among those of the record; a URI may be there as a code."""
    if isinstance(value, URIRef) and _code(text) in texts:
        return True
    part, _slash, last = path.rpartition("/")
    is_other_date = last in _DATES and part not in _DATED  # equal dates of parts are separate facts
    return text in texts and not is_other_date


def _is_box_of(record: Any, path: str, value: Node) -> bool:
    """Return whether a value is a geometry that the record holds as boxes."""
    if path.rpartition("/")[2] not in _GEOMETRIES:
        return False
    boxes = boxes_of(str(value))
    return bool(boxes) and all(box in record.boxes for box in boxes)


def _packed(path: str, texts: list[str]) -> Iterator[str]:
    """Pack many short texts into few notes."""
    note = f"{path}:"
    for text in texts:
        if len(note) + len(text) > MAX_NOTE and note != f"{path}:":
            yield note
            note = f"{path}:"
        note = f"{note} {text}"[:MAX_NOTE]
    yield note


def _values(graph: Graph, subject: Node) -> Iterator[tuple[str, Node]]:
    """Yield path and value of each literal and URI reachable from a dataset, in an order independent of the graph's."""
    seen = {subject}
    todo: list[tuple[Node, str, int]] = [(subject, "", 0)]
    while todo:
        node, path, depth = todo.pop()
        for predicate, value in _ordered(graph, node):
            if predicate == RDF.type:
                continue
            here = f"{path}/{_last(predicate)}" if path else _last(predicate)
            if not isinstance(value, BNode):
                yield here, value
            if not isinstance(value, Literal) and value not in seen and depth < MAX_DEPTH:
                seen.add(value)
                todo.append((value, here, depth + 1))


def _ordered(graph: Graph, node: Node) -> Iterator[tuple[Node, Node]]:
    for predicate in sorted(set(graph.predicates(node)), key=str):
        yield from ((predicate, value) for value in in_order(graph, graph.objects(node, predicate)))


def _last(node: Node) -> str:
    return str(node).rstrip("/#").replace("#", "/").rpartition("/")[2]


def _code(text: str) -> str:
    return text.rstrip("/#").replace("#", "/").rpartition("/")[2].casefold()


def _bare(value: Any) -> str:
    return " ".join(str(value).split()).casefold().removeprefix("mailto:").removeprefix("tel:")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for each in dataclasses.fields(value):
            yield from _strings(getattr(value, each.name))
