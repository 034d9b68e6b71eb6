"""Add, change and withdraw terms of the vocabularies that administrators may edit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core.lists import store
from ckanext.ecosphere.core.lists.model import JournalEntry
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import overlay
from ckanext.ecosphere.vocabularies.overlay import EditableList

LONGEST_LABEL = 150
LONGEST_SYNONYM = 100
MOST_SYNONYMS = 40
LONGEST_SYNONYMS = 5_000
"""Characters of all synonyms of a term, separators included."""
LONGEST_ID = 80
LONGEST_URI = 300
DEEPEST = 4
"""Maximum depth of a tree."""
_URI = re.compile(r"(?:https?://|urn:)[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")
_NOT_ID = re.compile(r"[^a-z0-9]+")
_BETWEEN = re.compile(r"[\n;|]")


def written(form: Mapping[str, str]) -> dict[str, str]:
    """Return the raw form values of a term."""
    fields = ("label_fr", "label_en", "broader", "alt_labels", "withdrawn", "replaced_by", "uri")
    return {name: form.get(name, "") for name in fields}


def of_concept(concept: voc.Concept) -> dict[str, str]:
    """Return the form values of an existing term."""
    known = overlay.fields_of(concept)
    return {
        **{name: str(known[name]) for name in ("label_fr", "label_en", "replaced_by")},
        "broader": concept.broader or "",
        "alt_labels": "\n".join(known["alt_labels"]),
        "withdrawn": "yes" if known["withdrawn"] else "",
        "uri": concept.uri,
    }


def add(edited: EditableList, form: Mapping[str, str], person: str | None) -> str:
    """Add a term and return its id.

    Raises:
        ValidationError: errors by field.
    """
    if not edited.own:
        raise tk.ValidationError({"label_fr": [tk._("This list is kept by somebody else: no term is added here.")]})
    vocabulary = voc.get(edited.name)
    errors: dict[str, list[str]] = {}
    value = _value(vocabulary, None, edited, form, errors)
    id_ = _NOT_ID.sub("-", voc.normalise(value["label_fr"])).strip("-")[:LONGEST_ID].strip("-")
    uri = form.get("uri", "").strip()
    if uri and (len(uri) > LONGEST_URI or not _URI.fullmatch(uri)):
        errors["uri"] = [tk._("Give a whole address (https://…) or a URN, or leave this empty.")]
    elif uri and uri in vocabulary:
        errors["uri"] = [tk._("Another term of the list has this address.")]
    if not errors and (not id_ or id_ in vocabulary):
        errors["label_fr"] = [tk._("Another term of the list has this name.")]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    _put(edited, id_, {"uri": uri or f"urn:ecosphere:{edited.name}:{id_}", **value}, person)
    return id_


def change(edited: EditableList, id_: str, form: Mapping[str, str], person: str | None) -> bool:
    """Change or withdraw a term; return whether anything changed.

    A replaced name is kept as a synonym, so that searches for it still find the term.

    Raises:
        ValidationError: errors by field.
        KeyError: there is no such term.
    """
    vocabulary = voc.get(edited.name)
    concept = vocabulary[id_]
    errors: dict[str, list[str]] = {}
    value = _value(vocabulary, concept, edited, form, errors)
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    if value == overlay.fields_of(concept):
        return False
    former = concept.label_fr
    known = {voc.normalise(each) for each in (value["label_fr"], value["label_en"], *value["alt_labels"])}
    if voc.normalise(former) not in known and len(value["alt_labels"]) < MOST_SYNONYMS:
        value["alt_labels"].append(former)
    before = store.value(edited.area, concept.id)
    own = {"uri": before["uri"]} if before and before.get("uri") else {}
    return _put(edited, concept.id, {**own, **value}, person) is not None


def _put(edited: EditableList, id_: str, value: dict[str, Any], person: str | None) -> JournalEntry | None:
    try:
        return store.put(edited.area, id_, value, person)
    except store.FullError:
        raise tk.ValidationError(
            {"label_fr": [tk._("The list is full: {number} terms were changed here.").format(number=store.MOST)]}
        ) from None


def _value(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    edited: EditableList,
    form: Mapping[str, str],
    errors: dict[str, list[str]],
) -> dict[str, Any]:
    value: dict[str, Any] = {
        "label_fr": _label(vocabulary, concept, form, "label_fr", errors),
        "label_en": _label(vocabulary, concept, form, "label_en", errors),
        "alt_labels": _synonyms(form.get("alt_labels", ""), errors),
    }
    if not edited.own and concept is not None:
        kept = overlay.fields_of(concept)
        return value | {name: kept[name] for name in ("broader", "withdrawn", "replaced_by")}
    value["broader"] = _broader(vocabulary, concept, form.get("broader", ""), errors)
    value["withdrawn"] = concept is not None and bool(form.get("withdrawn"))
    value["replaced_by"] = _replacement(vocabulary, concept, form, errors) if value["withdrawn"] else ""
    return value


def _label(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    form: Mapping[str, str],
    field: str,
    errors: dict[str, list[str]],
) -> str:
    text = characters.one_line(form.get(field, "")[: LONGEST_LABEL * 10])
    if not voc.normalise(text):
        errors[field] = [tk._("Give a name, with letters.")]
    elif len(text) > LONGEST_LABEL:
        errors[field] = [tk._("Too long: {number} characters at most.").format(number=LONGEST_LABEL)]
    elif "|" in text or "<" in text or ">" in text:
        errors[field] = [tk._("A name has none of these signs: | < >")]
    elif field == "label_fr":
        folded = voc.normalise(text)
        same = (each for each in vocabulary if voc.normalise(each.label_fr) == folded)
        if any(concept is None or each.uri != concept.uri for each in same):
            errors[field] = [tk._("Another term of the list has this name.")]
    return text


def _synonyms(text: str, errors: dict[str, list[str]]) -> list[str]:
    parts = [characters.one_line(part) for part in _BETWEEN.split(text[:LONGEST_SYNONYMS])]
    found = list({voc.normalise(part): part for part in parts if voc.normalise(part)}.values())
    if len(text) > LONGEST_SYNONYMS:
        errors["alt_labels"] = [tk._("Too long: {number} characters at most.").format(number=LONGEST_SYNONYMS)]
    elif any(len(each) > LONGEST_SYNONYM for each in found):
        errors["alt_labels"] = [tk._("A synonym has {number} characters at most.").format(number=LONGEST_SYNONYM)]
    elif len(found) > MOST_SYNONYMS:
        errors["alt_labels"] = [tk._("There are {number} synonyms at most.").format(number=MOST_SYNONYMS)]
    elif any("<" in each or ">" in each for each in found):
        errors["alt_labels"] = [tk._("A name has none of these signs: | < >")]
    return found


def _broader(vocabulary: voc.Vocabulary, concept: voc.Concept | None, key: str, errors: dict[str, list[str]]) -> str:
    if not key:
        return ""
    above = vocabulary.get(key)
    if above is None:
        errors["broader"] = [tk._("The list has no such term.")]
        return ""
    chain = (above, *vocabulary.ancestors(above.uri))
    if concept is not None and any(each.uri == concept.uri for each in chain):
        errors["broader"] = [tk._("A term cannot stand below itself.")]
    elif len(chain) + (_depth(vocabulary, concept) if concept else 1) > DEEPEST:
        errors["broader"] = [tk._("The tree has {number} levels at most.").format(number=DEEPEST)]
    return above.uri


def _depth(vocabulary: voc.Vocabulary, concept: voc.Concept) -> int:
    """Return the number of levels from a concept down, its own included."""
    return 1 + max((_depth(vocabulary, each) for each in vocabulary.children(concept.uri)), default=0)


def _replacement(
    vocabulary: voc.Vocabulary, concept: voc.Concept | None, form: Mapping[str, str], errors: dict[str, list[str]]
) -> str:
    key = form.get("replaced_by", "")
    other = vocabulary.get(key) if key else None
    if key and (other is None or other.data.get("withdrawn") or (concept and other.uri == concept.uri)):
        errors["replaced_by"] = [tk._("Choose another term of the list that is not withdrawn.")]
        return ""
    return other.id if other else ""
