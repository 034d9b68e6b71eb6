"""Classes of a vocabulary: an ordered, immutable list of concepts, with look-up by URI, id and label."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
        data: further columns of the list, typed (for a territory: ``type``, ``code``,
            ``bbox`` as ``(west, south, east, north)`` in WGS 84 degrees, ...).
    """

    uri: str
    id: str
    label_fr: str
    label_en: str
    broader: str | None = None
    alt_labels: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, hash=False, compare=False)

    def label(self, lang: str = "fr") -> str:
        """Return the label in ``lang`` ("en", "en_GB" ...): English, or French for any other language."""
        return self.label_en if lang[:2].lower() == "en" else self.label_fr


class Vocabulary:
    """The concepts of one list, in the order of its file."""

    def __init__(self, name: str, concepts: tuple[Concept, ...], normalise: Callable[[str], str]) -> None:
        self.name = name
        self.concepts = concepts
        self._normalise = normalise
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

        The scheme (``http`` or ``https``) and a final slash are ignored, since records vary in both.
        """
        found = self._by_key.get(key)
        if found is None and key.startswith("http"):
            found = self._by_key.get(_canonical(key))
        return found

    def find(self, label: str) -> Concept | None:
        """Return the concept that has this label, in French, English or as an alternative label.

        Labels are compared without case, accents and punctuation. A preferred label wins over an
        alternative one; among equals, the first concept of the file wins. A withdrawn concept that has a replacement
        yields the replacement.
        """
        found = self._by_label.get(self._normalise(label)) if label and len(label) <= LONGEST_LABEL else None
        return (self.get(str(found.data.get("replaced_by") or "")) or found) if found else None

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
                    self._by_label.setdefault(self._normalise(label), concept)


def _canonical(uri: str) -> str:
    return uri.split("://", 1)[-1].rstrip("/")


def _preferred(concept: Concept) -> tuple[str, ...]:
    return concept.label_fr, concept.label_en


def _alternative(concept: Concept) -> tuple[str, ...]:
    return (*concept.alt_labels, concept.id)
