"""Apply the changes of the portal's administrators to the concepts of a list. No CKAN imports.

A change holds all editable fields (:data:`FIELDS`). A change whose id is not in the package is a concept of the
portal's own, and also has a ``uri``. Concepts are never removed: datasets keep the withdrawn concepts that they use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.model import Concept
from ckanext.ecosphere.vocabularies.reader import COLUMN_TYPES, title

AREA = "vocabulary:"
"""Prefix of the areas of vocabularies, see ``local.py``."""
FIELDS = ("label_fr", "label_en", "broader", "alt_labels", "withdrawn", "replaced_by")


def over(name: str, concepts: tuple[Concept, ...]) -> tuple[Concept, ...]:
    """Return the concepts of a list with the portal's changes: those of the package first, in their order."""
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
    """Return the editable fields of a concept with their current values."""
    return {
        "label_fr": concept.label_fr,
        "label_en": concept.label_en,
        "broader": concept.broader or "",
        "alt_labels": list(concept.alt_labels),
        "withdrawn": bool(concept.data.get("withdrawn")),
        "replaced_by": str(concept.data.get("replaced_by") or ""),
    }


def own_synonyms(name: str, packaged: tuple[Concept, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the terms of a list that have synonyms added on this portal, as (French name, added synonyms).

    The package's own synonyms are left out: most are spellings of other catalogues, which identify a term but would
    match too much in a search.

    Args:
        name: name of the list.
        packaged: its concepts without the portal's changes.
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
    """Return a concept with empty labels and further columns."""
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
    """Clear `broader` where it is missing or circular: a new edition may drop a concept that a change refers to."""
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
    """A list that administrators can edit on the portal (`editable` of the field).

    Attributes:
        name: name of the vocabulary.
        field: dataset field that uses it.
        own: whether terms may be added and withdrawn.
        facet: field of its facet on the dataset search page, "" if it has none.
    """

    name: str
    field: str
    own: bool
    facet: str

    @property
    def area(self) -> str:
        """Area of its changes."""
        return AREA + self.name

    def title(self, lang: str) -> str:
        """Return its title in a language."""
        return title(self.name, lang)


@cache
def editable() -> dict[str, EditableList]:
    """Return the editable lists by name, those of the portal itself first."""
    lists = []
    for field in fields.fields():
        entry = field.entry
        if "editable" in entry:
            own = entry["editable"] == "terms"
            lists.append(EditableList(field.vocabulary, field.name, own, entry.get("facet", "")))
    lists.sort(key=lambda editable_list: not editable_list.own)
    return {editable_list.name: editable_list for editable_list in lists}
