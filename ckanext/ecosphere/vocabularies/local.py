"""Changes that administrators of a portal made to its lists, on top of those of the package. No
CKAN imports.

A change is a value under an area (``vocabulary:themes``) and a key (the id of a concept). This
module does not store changes: the module that does registers a function to read them with
:func:`follow`. That function is called at most every :data:`SECONDS`, when a list is used, so that
changes reach every process.

A change of a concept holds all editable fields (:data:`FIELDS`). A change whose id is not in the
package is a concept of the portal's own, and also has a ``uri``. Concepts are never removed:
datasets keep the withdrawn concepts that they use.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, wraps
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.vocabularies.model import COLUMN_TYPES, Concept, title

# --- how changes reach this process ---

SECONDS = 2.0
"""Time for which changes are used without being read again."""

Changes = Mapping[str, Mapping[str, Any]]
"""{area: {key: value}}."""
_AnswerT_co = TypeVar("_AnswerT_co", covariant=True)
_NONE: Mapping[str, Any] = MappingProxyType({})


class _Cached(Protocol[_AnswerT_co]):
    """A function with the decorator `functools.cache`."""

    def __call__(self, *args: Any) -> _AnswerT_co: ...

    def cache_clear(self) -> None: ...


@dataclass(slots=True)
class _State:
    """What this process knows of the changes.

    Attributes:
        changes: the changes in use.
        read: the function that reads them, None if nothing follows them.
        due: time of the next read, on the clock of `time.monotonic`.
        clear_again: whether the caches must be cleared at the next read too, since another thread
            may have derived something from the lists while they changed.
    """

    changes: Changes
    read: Callable[[], Changes | None] | None = None
    due: float = math.inf
    clear_again: bool = False


_state = _State({})
_cache_clears: list[Callable[[], None]] = []
"""Functions that clear the caches of the functions marked with `derived`."""
_reading = threading.Lock()


def follow(read: Callable[[], Changes | None] | None) -> None:
    """Read changes with this function, which returns None when there are no new ones.

    Pass None to drop all changes.
    """
    _state.read = read
    if read is None:
        _state.due = math.inf
        apply({})
    else:
        _state.due = 0.0


def of(area: str) -> Mapping[str, Any]:
    """Return the changes of an area as {key: value}, in the order in which they were first made."""
    look()
    return _state.changes.get(area, _NONE)


def look(now: bool = False) -> None:
    """Read the changes again if they are due, or at once with `now`.

    Only one thread reads; the others continue with the known changes.
    """
    is_due = now or time.monotonic() >= _state.due
    if not is_due or _state.read is None or not _reading.acquire(blocking=False):
        return
    try:
        _state.due = time.monotonic() + SECONDS
        if _state.clear_again:
            _state.clear_again = False
            forget()
        changes = _state.read()
        if changes is not None:
            apply(changes)
    finally:
        _reading.release()


def apply(changes: Changes) -> None:
    """Set the changes, and clear the caches derived from the lists."""
    if changes != _state.changes:
        _state.changes = changes
        _state.clear_again = True
        forget()


def forget() -> None:
    """Clear the caches of functions marked with :func:`derived`."""
    for clear in _cache_clears:
        clear()


@contextmanager
def tried(area: str, key: str, value: Any) -> Iterator[None]:
    """Apply a change in this process for the duration of a block, to see its effects; None removes
    the value.

    For worker processes only: in a multi-threaded process, all threads would see the change.
    """
    before = _state.changes
    read, due = _state.read, _state.due
    values = {**before.get(area, {}), key: value}
    if value is None:
        del values[key]
    _state.read, _state.due = None, math.inf  # nothing is read meanwhile
    apply({**before, area: values})
    try:
        yield
    finally:
        apply(before)
        _state.read, _state.due = read, due


def derived(cached: _Cached[_AnswerT_co]) -> _Cached[_AnswerT_co]:
    """Mark a cached function (``functools.cache``) that depends on the lists:
    a change clears its cache.
    """
    _cache_clears.append(cached.cache_clear)
    # Local variables, since the function is called hundreds of times for each harvested record.
    state, clock = _state, time.monotonic

    @wraps(cached)
    def current(*args: Any) -> _AnswerT_co:
        if clock() >= state.due:
            look()
        return cached(*args)

    setattr(current, "cache_clear", cached.cache_clear)  # noqa: B010 - for the type checker
    return current  # pyright: ignore[reportReturnType]


# --- concepts with their changes ---

AREA = "vocabulary:"
"""Prefix of the areas of vocabularies; the name of the list follows."""
FIELDS = ("label_fr", "label_en", "broader", "alt_labels", "withdrawn", "replaced_by")


def with_changes(name: str, packaged: tuple[Concept, ...]) -> tuple[Concept, ...]:
    """Return the concepts of a list with the portal's changes: those of the package first,
    in their order.
    """
    changes = of(AREA + name)
    if not changes:
        return packaged
    concepts: list[Concept] = []
    for concept in packaged:
        if concept.id in changes:
            concepts.append(_changed(concept, changes[concept.id]))
        else:
            concepts.append(concept)
    ids = {concept.id for concept in packaged}
    uris = {concept.uri for concept in packaged}
    columns = next((concept.data for concept in packaged), {})  # the same for all of a list
    for id_, change in changes.items():
        uri = change.get("uri")
        # A new edition of the package may have a concept that the portal once added.
        if uri and id_ not in ids and uri not in uris:
            concepts.append(_changed(_new(id_, uri, columns), change))
    return _without_lost_places(concepts)


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
    """Return the terms of a list that have synonyms added on this portal, as (French name, added
    synonyms).

    The package's own synonyms are left out: most are spellings of other catalogues, which identify
    a term but would match too much in a search.

    Args:
        name: name of the list.
        packaged: its concepts without the portal's changes.
    """
    names_of = {concept.id: {*concept.alt_labels, concept.label_fr} for concept in packaged}
    terms = []
    for id_, change in of(AREA + name).items():
        packaged_names = names_of.get(id_, set[str]())
        labels = change.get("alt_labels") or ()
        synonyms = tuple(label for label in labels if label not in packaged_names)
        if synonyms:
            terms.append((str(change["label_fr"]), synonyms))
    return terms


def _new(id_: str, uri: str, columns: Mapping[str, Any]) -> Concept:
    """Return a concept with empty labels and further columns."""
    data = {column: COLUMN_TYPES.get(column, str)("") for column in columns if column != "bbox"}
    return Concept(uri, id_, "", "", data=MappingProxyType(data))


def _changed(concept: Concept, change: Mapping[str, Any]) -> Concept:
    """Return a concept with the fields of a change."""
    data = {
        **concept.data,
        "withdrawn": bool(change.get("withdrawn")),
        "replaced_by": change.get("replaced_by") or "",
    }
    return replace(
        concept,
        label_fr=change["label_fr"],
        label_en=change["label_en"],
        broader=change.get("broader") or None,
        alt_labels=tuple(change.get("alt_labels") or ()),
        data=MappingProxyType(data),
    )


def _without_lost_places(concepts: list[Concept]) -> tuple[Concept, ...]:
    """Clear `broader` where it is missing or circular:
    a new edition may drop a concept that a change refers to.
    """
    by_uri = {concept.uri: concept for concept in concepts}
    placed = []
    for concept in concepts:
        if _is_lost(concept, by_uri):
            placed.append(replace(concept, broader=None))
        else:
            placed.append(concept)
    return tuple(placed)


def _is_lost(concept: Concept, by_uri: Mapping[str, Concept]) -> bool:
    """Tell whether the broader concept of a concept is missing, or leads into a circle."""
    above = concept.broader
    if above is not None and above not in by_uri:
        return True
    for _step in range(len(by_uri)):
        if above is None or above not in by_uri:
            return False  # one that is missing further up is the matter of the concept below it
        if above == concept.uri:
            return True
        above = by_uri[above].broader
    return True


# --- lists that may be changed ---


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
