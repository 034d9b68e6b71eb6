"""Classes of a vocabulary, the reader of its CSV file, and its new editions.

The first lines of a file start with ``#`` and give the source of the list; a header and one concept
per line follow. Every file has the columns ``uri, id, label_fr, label_en, broader, alt_labels``;
the others are further data, typed by column name (:data:`COLUMN_TYPES`). Multiple values are
separated by ``|``.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, Any] = MappingProxyType({})


#: Longest text that may be a label, in characters.
LONGEST_LABEL = 1_000


@dataclass(frozen=True)
class Concept:
    """One entry of a controlled vocabulary (a ``skos:Concept``).

    Attributes:
        uri: URI, as stored in datasets and written in RDF.
        id: short name, unique in the vocabulary; used in URLs and index values.
        label_fr: preferred label in French.
        label_en: preferred label in English.
        broader: URI of the broader concept, if any.
        alt_labels: alternative labels, in any language.
        data: further columns of the list, typed (for a territory: ``type``, ``code``, ``bbox`` as
            ``(west, south, east, north)`` in WGS 84 degrees, ...).
    """

    uri: str
    id: str
    label_fr: str
    label_en: str
    broader: str | None = None
    alt_labels: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, hash=False, compare=False)

    def label(self, lang: str = "fr") -> str:
        """Return the label in ``lang`` ("en", "en_GB" ...): English,
        or French for any other language.
        """
        if lang[:2].lower() == "en":
            return self.label_en
        return self.label_fr


class Vocabulary:
    """The concepts of one list, in the order of its file."""

    def __init__(
        self, name: str, concepts: tuple[Concept, ...], normalise: Callable[[str], str]
    ) -> None:
        self.name = name
        self.concepts = concepts
        self.normalise = normalise
        self._by_key: dict[str, Concept] = {}
        self._by_label: dict[str, Concept] = {}
        self._children: dict[str, tuple[Concept, ...]] = {}
        self._index()

    def __repr__(self) -> str:
        return f"<Vocabulary {self.name}: {len(self.concepts)} concepts>"

    def __len__(self) -> int:
        return len(self.concepts)

    def __iter__(self) -> Iterator[Concept]:
        return iter(self.concepts)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __getitem__(self, key: str) -> Concept:
        """Return the concept with this URI or id.

        Raises:
            KeyError: there is none.
        """
        concept = self.get(key)
        if concept is None:
            raise KeyError(key)
        return concept

    def get(self, key: str) -> Concept | None:
        """Return the concept with this URI (or one of its ``other_uris``) or id, else ``None``.

        The scheme (``http`` or ``https``) and a final slash are ignored, since records vary in
        both.
        """
        concept = self._by_key.get(key)
        if concept is None and key.startswith("http"):
            concept = self._by_key.get(_canonical(key))
        return concept

    def find(self, label: str) -> Concept | None:
        """Return the concept that has this label, in French, English or as an alternative label.

        Labels are compared without case, accents and punctuation. A preferred label wins over an
        alternative one; among equals, the first concept of the file wins. A withdrawn concept that
        has a replacement yields the replacement.
        """
        if not label or len(label) > LONGEST_LABEL:
            return None
        concept = self._by_label.get(self.normalise(label))
        if concept is None:
            return None
        return self.get(str(concept.data.get("replaced_by") or "")) or concept

    def lookup(self, text: str | None) -> Concept | None:
        """Return the concept that a text means: by URI or id,
        else by label (`get`, then `find`).
        """
        if not text:
            return None
        return self.get(text) or self.find(text)

    def label(self, key: str | None, lang: str = "fr") -> str:
        """Return the label of the concept with this URI or id in a language,
        "" if there is none.
        """
        concept = self.get(key or "")
        if concept is None:
            return ""
        return concept.label(lang)

    def as_stored(self, value: str, attribute: str = "uri") -> str:
        """Return the `uri` or `id` of the concept with this URI or id.

        The value itself if there is none.
        """
        concept = self.get(value)
        if concept is None:
            return value
        return getattr(concept, attribute)

    def children(self, uri: str) -> tuple[Concept, ...]:
        """Return the direct narrower concepts of ``uri``, in the order of the file."""
        return self._children.get(uri, ())

    def ancestors(self, uri: str) -> tuple[Concept, ...]:
        """Return the broader concepts of ``uri`` (or id), nearest first.

        Raises:
            KeyError: no concept has this URI or id.
        """
        chain: list[Concept] = []
        broader = self[uri].broader
        while broader:
            concept = self[broader]
            chain.append(concept)
            broader = concept.broader
        return tuple(chain)

    def roots(self) -> tuple[Concept, ...]:
        """Return the concepts that have no broader one."""
        return tuple(concept for concept in self.concepts if not concept.broader)

    def in_tree_order(self) -> Iterator[tuple[Concept, int]]:
        """Yield the concepts with their depth, narrower ones after their broader one."""

        def below(concept: Concept, depth: int) -> Iterator[tuple[Concept, int]]:
            yield concept, depth
            for child in self.children(concept.uri):
                yield from below(child, depth + 1)

        for root in self.roots():
            yield from below(root, 0)

    def _index(self) -> None:
        children: dict[str, list[Concept]] = {}
        for concept in self.concepts:
            self._by_key[concept.uri] = concept
            self._by_key.setdefault(concept.id, concept)
            self._by_key.setdefault(_canonical(concept.uri), concept)
            if concept.broader:
                children.setdefault(concept.broader, []).append(concept)
        for concept in self.concepts:
            for other in concept.data.get("other_uris", ()):
                self._by_key.setdefault(other, concept)
                self._by_key.setdefault(_canonical(other), concept)
        self._children = {uri: tuple(below) for uri, below in children.items()}
        for labels_of in (_preferred, _alternative):
            for concept in self.concepts:
                for label in labels_of(concept):
                    self._by_label.setdefault(self.normalise(label), concept)


def _canonical(uri: str) -> str:
    return uri.split("://", 1)[-1].rstrip("/")


def _preferred(concept: Concept) -> tuple[str, ...]:
    return concept.label_fr, concept.label_en


def _alternative(concept: Concept) -> tuple[str, ...]:
    return (*concept.alt_labels, concept.id)


BASE_COLUMNS = ("uri", "id", "label_fr", "label_en", "broader", "alt_labels")
BOX_COLUMNS = ("west", "south", "east", "north")


def _many(value: str) -> tuple[str, ...]:
    return tuple(part for part in value.split("|") if part)


def _yes(value: str) -> bool:
    return value == "yes"


def _whole(value: str) -> int | None:
    if value:
        return int(value)
    return None


COLUMN_TYPES: dict[str, Callable[[str], Any]] = {
    "authorised": _yes,
    "distribution": _yes,
    "eurovoc": _many,
    "extensions": _many,
    "machine_readable": _yes,
    "kinds": _many,
    "largest": _whole,
    "max_days": _whole,
    "open": _yes,
    "other_uris": _many,
    "restricts": _yes,
    "stars": _whole,
    "withdrawn": _yes,
}


def read_vocabulary(path: Path) -> tuple[Concept, ...]:
    """Return the concepts of the CSV file at ``path``, in its order.

    Raises:
        ValueError: the file is not in UTF-8, a column or cell is missing, or an id or URI is
            duplicated.
    """
    columns, rows = read_rows(path)
    missing = set(BASE_COLUMNS) - set(columns)
    if missing:
        raise ValueError(f"{path.name}: no column {', '.join(sorted(missing))}")
    concepts = tuple(map(_concept, rows))
    for key in ("uri", "id"):
        values: set[str] = set()
        for concept in concepts:
            value = getattr(concept, key)
            if value in values:
                raise ValueError(f"{path.name}: {key} {value} comes twice")
            values.add(value)
    return concepts


def read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns and rows of the CSV file at ``path``, as texts.

    Raises:
        ValueError: the file is not in UTF-8, or a line has more or fewer cells than there are
            columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: it is not in UTF-8, save it in that encoding") from error
    rows = csv.DictReader(
        line for line in text.splitlines(keepends=True) if not line.startswith("#")
    )
    texts = []
    for row in rows:
        if None in row or None in row.values():
            raise ValueError(
                f"{path.name}: the line of {row.get('id') or row.get('uri')} has too many or too "
                "few cells"
            )
        texts.append(row)
    return list(rows.fieldnames or ()), texts


def _concept(row: dict[str, str]) -> Concept:
    data: dict[str, Any] = {
        column: COLUMN_TYPES.get(column, str)(value)
        for column, value in row.items()
        if column not in BASE_COLUMNS and column not in BOX_COLUMNS
    }
    if "west" in row:
        data["bbox"] = tuple(float(row[side]) for side in BOX_COLUMNS)
    return Concept(
        uri=row["uri"],
        id=row["id"],
        label_fr=row["label_fr"],
        label_en=row["label_en"],
        broader=row["broader"] or None,
        alt_labels=_many(row["alt_labels"]),
        data=MappingProxyType(data),
    )


@cache
def _titles() -> dict[str, tuple[str, str]]:
    _columns, rows = read_rows(Path(__file__).with_name("titles.csv"))
    return {row["list"]: (row["title_fr"], row["title_en"]) for row in rows}


def title(name: str, lang: str) -> str:
    """Return the title of a list in a language.

    For a list of the administrator's own, its file name.
    """
    french, english = _titles().get(name, (name, name))
    if lang.startswith("en"):
        return english
    return french


# --- new editions, in which removed concepts stay as withdrawn ---

#: Rows of a CSV file by URI.
Rows = dict[str, dict[str, str]]
#: Faults that are listed when a new edition is refused.
MOST_FAULTS = 10


def merged(
    present: Path, edition: Path, normalise: Callable[[str], str]
) -> tuple[str, dict[str, list[str]]]:
    """Return the merged CSV text, and the ids of concepts "added", "changed", "withdrawn" and
    "returned".

    Args:
        present: the CSV file in use; its comment header is kept.
        edition: the new CSV file.
        normalise: see `Vocabulary`.

    Raises:
        ValueError: the new file cannot be read, is empty, or has one of the :func:`faults`.
    """
    concepts = read_vocabulary(edition)
    if not concepts:
        raise ValueError(f"{edition.name}: it has no concept")
    head, columns, before = _read_file(present)
    _head, new_columns, after = _read_file(edition)
    faults_of_edition = faults(Vocabulary(present.stem, concepts, normalise))
    if faults_of_edition:
        raise ValueError(f"{edition.name}: " + "; ".join(faults_of_edition[:MOST_FAULTS]))
    columns = list(dict.fromkeys([*columns, *new_columns, "withdrawn"]))
    rows = {**after, **_withdrawn(before, after)}
    common = [uri for uri in after if uri in before]
    removed = [row for uri, row in before.items() if uri not in after]
    outcome = {
        "added": [row["id"] for uri, row in after.items() if uri not in before],
        "changed": [after[uri]["id"] for uri in common if _differ(after[uri], before[uri])],
        "withdrawn": [row["id"] for row in removed if row.get("withdrawn") != "yes"],
        "returned": [after[uri]["id"] for uri in common if before[uri].get("withdrawn") == "yes"],
    }
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    return head + buffer.getvalue(), outcome


def _differ(row: dict[str, str], other: dict[str, str]) -> bool:
    return any(row.get(column) != other.get(column) for column in BASE_COLUMNS)


def faults(vocabulary: Vocabulary) -> list[str]:
    """Return the faults found: missing or duplicate labels,
    missing or circular broader concepts.
    """
    sentences = []
    labels: Counter[str] = Counter()
    for concept in vocabulary:
        if not (concept.label_fr and concept.label_en):
            sentences.append(f"{concept.id} has no label in both languages")
        if concept.broader and concept.broader not in vocabulary:
            sentences.append(f"{concept.id} is below {concept.broader}, which is missing")
        elif _is_below_itself(vocabulary, concept):
            sentences.append(f"{concept.id} is below itself")
        if not concept.data.get("withdrawn"):
            labels[vocabulary.normalise(concept.label_fr)] += 1
    repeated = [label for label, count in labels.items() if label and count > 1]
    return sentences + [f"several concepts are called {label}" for label in repeated]


def _is_below_itself(vocabulary: Vocabulary, concept: Concept) -> bool:
    above = vocabulary.get(concept.broader or "")
    for _step in range(len(vocabulary)):
        if above is None or above is concept:
            break
        above = vocabulary.get(above.broader or "")
    return above is concept


def _withdrawn(before: Rows, after: Rows) -> Rows:
    """Return the removed rows, marked as withdrawn.

    A row whose id is now used by another concept gets a new id.
    """
    removed = {uri: row for uri, row in before.items() if uri not in after}
    new_ids = {row["id"] for row in after.values()}
    used_ids = new_ids | {row["id"] for row in removed.values()}
    withdrawn = {}
    for uri, row in removed.items():
        id_ = row["id"]
        if id_ in new_ids:
            candidates = (f"{row['id']}-{number}" for number in itertools.count(1))
            id_ = next(candidate for candidate in candidates if candidate not in used_ids)
            used_ids.add(id_)
        withdrawn[uri] = {**row, "id": id_, "withdrawn": "yes"}
    return withdrawn


def _read_file(path: Path) -> tuple[str, list[str], Rows]:
    """Return the comment lines, columns and rows of a CSV file."""
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    head = "".join(line for line in lines if line.startswith("#"))
    columns, rows = read_rows(path)
    return head, columns, {row["uri"]: row for row in rows}
