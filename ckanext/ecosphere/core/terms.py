"""Terms of the editable lists: the values of their form, validation, and what is stored of a change."""

from __future__ import annotations

import re
from collections.abc import Mapping

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import journal, lists
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.local import EditableList

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
_SEPARATOR = re.compile(r"[\n;|]")
Errors = dict[str, list[str]]
"""Field of the form → what is wrong."""


def from_form(form: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the fields of a submitted form, as typed."""
    fields = ("label_fr", "label_en", "broader", "alt_labels", "withdrawn", "replaced_by", "uri")
    return {name: form.get(name, "") for name in fields}


def of_concept(concept: voc.Concept) -> dict[str, str]:
    """Return the form values of an existing term."""
    fields = local.fields_of(concept)
    return {
        **{name: str(fields[name]) for name in ("label_fr", "label_en", "replaced_by")},
        "broader": concept.broader or "",
        "alt_labels": "\n".join(fields["alt_labels"]),
        "withdrawn": "yes" if fields["withdrawn"] else "",
        "uri": concept.uri,
    }


def add(edited: EditableList, form: Mapping[str, str], person: str | None) -> str:
    """Add a term and return its id.

    Raises:
        ValidationError: errors by field.
    """
    if not edited.own:
        raise tk.ValidationError(
            {"label_fr": [_("This list is kept by somebody else: no term is added here.")]}
        )
    vocabulary = voc.get(edited.name)
    errors: Errors = {}
    value = _validated(vocabulary, None, edited, form, errors)
    id_ = _NOT_ID.sub("-", voc.normalise(value["label_fr"])).strip("-")[:LONGEST_ID].strip("-")
    uri = form.get("uri", "").strip()
    if uri and (len(uri) > LONGEST_URI or not _URI.fullmatch(uri)):
        errors["uri"] = [_("Give a whole address (https://…) or a URN, or leave this empty.")]
    elif uri and uri in vocabulary:
        errors["uri"] = [_("Another term of the list has this address.")]
    if not errors and (not id_ or id_ in vocabulary):
        errors["label_fr"] = [_("Another term of the list has this name.")]
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
    errors: Errors = {}
    value = _validated(vocabulary, concept, edited, form, errors)
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    if value == local.fields_of(concept):
        return False
    former = concept.label_fr
    names = map(voc.normalise, (value["label_fr"], value["label_en"], *value["alt_labels"]))
    if voc.normalise(former) not in names and len(value["alt_labels"]) < MOST_SYNONYMS:
        value["alt_labels"].append(former)
    before = lists.stored_value(edited.area, concept.id)
    if before and before.get("uri"):  # the term was added here
        value["uri"] = before["uri"]
    return _put(edited, concept.id, value, person) is not None


def _put(
    edited: EditableList, id_: str, value: DataDict, person: str | None
) -> journal.JournalEntry | None:
    """Store a term; a full list is an error of the form."""
    try:
        return lists.store(edited.area, id_, value, person)
    except lists.FullError:
        message = _("The list is full: {number} terms were changed here.")
        errors: Errors = {"label_fr": [message.format(number=lists.MOST)]}
        raise tk.ValidationError(errors) from None  # pyright: ignore[reportArgumentType]


def _validated(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    edited: EditableList,
    form: Mapping[str, str],
    errors: Errors,
) -> DataDict:
    """Validate the form of a term; what is wrong is added to the errors.

    Args:
        vocabulary: the list, as it is now.
        concept: the term, None for a new one.
        edited: the list; of one that is kept by somebody else, only names and synonyms are changed.
        form: values as typed.
        errors: by field; the result is only valid if nothing is added.

    Returns:
        the fields of a stored change, see `local.fields_of`.
    """
    value: DataDict = {
        "label_fr": _label(vocabulary, concept, form, "label_fr", errors),
        "label_en": _label(vocabulary, concept, form, "label_en", errors),
        "alt_labels": _synonyms(form.get("alt_labels", ""), errors),
    }
    if not edited.own and concept is not None:
        fields = local.fields_of(concept)
        return value | {name: fields[name] for name in ("broader", "withdrawn", "replaced_by")}
    value["broader"] = _broader(vocabulary, concept, form.get("broader", ""), errors)
    value["withdrawn"] = concept is not None and bool(form.get("withdrawn"))
    if value["withdrawn"]:
        value["replaced_by"] = _replacement(vocabulary, concept, form, errors)
    else:
        value["replaced_by"] = ""
    return value


def _label(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    form: Mapping[str, str],
    field: str,
    errors: Errors,
) -> str:
    text = characters.one_line(form.get(field, "")[: LONGEST_LABEL * 10])
    if not voc.normalise(text):
        errors[field] = [_("Give a name, with letters.")]
    elif len(text) > LONGEST_LABEL:
        errors[field] = [_("Too long: {number} characters at most.").format(number=LONGEST_LABEL)]
    elif "|" in text or "<" in text or ">" in text:
        errors[field] = [_("A name has none of these signs: | < >")]
    elif field == "label_fr":
        folded = voc.normalise(text)
        same = (other for other in vocabulary if voc.normalise(other.label_fr) == folded)
        if any(concept is None or other.uri != concept.uri for other in same):
            errors[field] = [_("Another term of the list has this name.")]
    return text


def _synonyms(text: str, errors: Errors) -> list[str]:
    parts = [characters.one_line(part) for part in _SEPARATOR.split(text[:LONGEST_SYNONYMS])]
    by_folded = {voc.normalise(part): part for part in parts}
    by_folded.pop("", None)
    synonyms = list(by_folded.values())
    if len(text) > LONGEST_SYNONYMS:
        errors["alt_labels"] = [
            _("Too long: {number} characters at most.").format(number=LONGEST_SYNONYMS)
        ]
    elif any(len(synonym) > LONGEST_SYNONYM for synonym in synonyms):
        errors["alt_labels"] = [
            _("A synonym has {number} characters at most.").format(number=LONGEST_SYNONYM)
        ]
    elif len(synonyms) > MOST_SYNONYMS:
        errors["alt_labels"] = [
            _("There are {number} synonyms at most.").format(number=MOST_SYNONYMS)
        ]
    elif any("<" in synonym or ">" in synonym for synonym in synonyms):
        errors["alt_labels"] = [_("A name has none of these signs: | < >")]
    return synonyms


def _broader(
    vocabulary: voc.Vocabulary, concept: voc.Concept | None, key: str, errors: Errors
) -> str:
    if not key:
        return ""
    above = vocabulary.get(key)
    if above is None:
        errors["broader"] = [_("The list has no such term.")]
        return ""
    chain = (above, *vocabulary.ancestors(above.uri))
    levels = 1
    if concept is not None:
        levels = _depth(vocabulary, concept)
    if concept is not None and any(broader.uri == concept.uri for broader in chain):
        errors["broader"] = [_("A term cannot stand below itself.")]
    elif len(chain) + levels > DEEPEST:
        errors["broader"] = [_("The tree has {number} levels at most.").format(number=DEEPEST)]
    return above.uri


def _depth(vocabulary: voc.Vocabulary, concept: voc.Concept) -> int:
    """Return the number of levels from a concept down, its own included."""
    depths = [_depth(vocabulary, child) for child in vocabulary.children(concept.uri)]
    return 1 + max(depths, default=0)


def _replacement(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    form: Mapping[str, str],
    errors: Errors,
) -> str:
    key = form.get("replaced_by", "")
    if not key:
        return ""
    other = vocabulary.get(key)
    if other is None or other.data.get("withdrawn") or other == concept:
        errors["replaced_by"] = [_("Choose another term of the list that is not withdrawn.")]
        return ""
    return other.id
