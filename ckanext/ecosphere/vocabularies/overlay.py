"""The concepts of a list with what the administrators of the portal changed in them. Pure.

A change holds every field that can be changed (:data:`FIELDS`); one whose id the package does not know is a concept of
the portal's own, and has its ``uri`` as well. Nothing is ever taken away: a withdrawn concept stays with the datasets
that have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.model import Concept
from ckanext.ecosphere.vocabularies.reader import COLUMN_TYPES, read_rows, title

AREA = "vocabulary:"
"""How the areas of vocabularies begin, see ``local.py``."""
FIELDS = ("label_fr", "label_en", "broader", "alt_labels", "withdrawn", "replaced_by")


def over(name: str, concepts: tuple[Concept, ...]) -> tuple[Concept, ...]:
    """Return the concepts of a list as they are on this portal: those of the package first, in their order."""
    changes = local.of(AREA + name)
    if not changes:
        return concepts
    uris = {concept.uri for concept in concepts}
    known = {concept.id for concept in concepts}
    columns = concepts[0].data if concepts else {}
    own = [
        _changed(_new(id_, change["uri"], columns), change)
        for id_, change in changes.items()
        if id_ not in known and change.get("uri") and change["uri"] not in uris
    ]
    changed = [_changed(each, changes[each.id]) if each.id in changes else each for each in concepts]
    return _in_place([*changed, *own])


def fields_of(concept: Concept) -> dict[str, Any]:
    """Return what can be changed of a concept, as it is now."""
    return {
        "label_fr": concept.label_fr,
        "label_en": concept.label_en,
        "broader": concept.broader or "",
        "alt_labels": list(concept.alt_labels),
        "withdrawn": bool(concept.data.get("withdrawn")),
        "replaced_by": str(concept.data.get("replaced_by") or ""),
    }


def own_synonyms(name: str, packaged: tuple[Concept, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the terms of a list that were given synonyms on this portal: name in French, and these synonyms.

    Those that the package brings are mostly what other catalogues write: they name a term, and would find too much.

    Args:
        name: of the list.
        packaged: its concepts as the package brings them.
    """
    brought = {concept.id: {*concept.alt_labels, concept.label_fr} for concept in packaged}
    found = []
    for id_, change in local.of(AREA + name).items():
        known = brought.get(id_, set[str]())
        synonyms = tuple(each for each in change.get("alt_labels") or () if each not in known)
        if synonyms:
            found.append((str(change["label_fr"]), synonyms))
    return found


def _new(id_: str, uri: str, columns: Mapping[str, Any]) -> Concept:
    """A concept whose further columns are empty."""
    data = {column: COLUMN_TYPES.get(column, str)("") for column in columns if column != "bbox"}
    return Concept(uri, id_, "", "", data=MappingProxyType(data))


def _changed(concept: Concept, change: Mapping[str, Any]) -> Concept:
    data = {**concept.data, "withdrawn": bool(change.get("withdrawn")), "replaced_by": change.get("replaced_by") or ""}
    return replace(
        concept,
        label_fr=change["label_fr"],
        label_en=change["label_en"],
        broader=change.get("broader") or None,
        alt_labels=tuple(change.get("alt_labels") or ()),
        data=MappingProxyType(data),
    )


def _in_place(concepts: list[Concept]) -> tuple[Concept, ...]:
    """Take away what is broader but missing, or leads in a circle: a package may drop what a change rests on."""
    uris = {concept.uri: concept for concept in concepts}
    return tuple(replace(each, broader=None) if _lost(each, uris) else each for each in concepts)


def _lost(concept: Concept, uris: Mapping[str, Concept]) -> bool:
    above = concept.broader
    for _step in range(len(uris)):
        if above is None:
            return False
        if above not in uris or above == concept.uri:
            return above in {concept.uri, concept.broader}
        above = uris[above].broader
    return True


@dataclass(frozen=True, slots=True)
class EditableList:
    """A list that administrators change on the pages of the portal (`editable.csv`).

    Attributes:
        name: of the vocabulary.
        field: of datasets.
        own: whether terms may be added and withdrawn.
        facet: field of the facet of the page of datasets, "" without one.
    """

    name: str
    field: str
    own: bool
    facet: str

    @property
    def area(self) -> str:
        """Where its changes are kept."""
        return AREA + self.name

    def title(self, lang: str) -> str:
        """What people call it, in a language."""
        return title(self.name, lang)


@cache
def editable() -> dict[str, EditableList]:
    """Lists that administrators may change, by name."""
    _columns, rows = read_rows(Path(__file__).with_name("editable.csv"))
    lists = (EditableList(r["list"], r["field"], r["own"] == "yes", r["facet"]) for r in rows)
    return {each.name: each for each in lists}
