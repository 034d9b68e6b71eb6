"""Choices of the form's fields, and the long lists that its script fetches when a field is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.vocabularies import tables

LONG_LIST = 8
"""Number of choices above which the page contains only those that are chosen."""
WHOLE, PART = "tout", "partie"
"""Parameters of the form's URL: the page contains everything, for browsers without scripts; a part, for the script."""
SERVICES = "services"
STORES = ("uri", "id")
#: Words by which the harvest deduces the themes: people look for a theme by the same ones.
THEME_TERMS = Path(__file__).parents[2] / "harvest" / "normalise" / "data" / "theme-terms.csv"
_SEPARATOR = "|"

Field = Mapping[str, Any]


@voc.derived
@cache
def _choices(name: str, store: str) -> tuple[dict[str, Any], ...]:
    vocabulary = voc.get(name)
    usual_words: dict[str, list[str]] = {}
    if name == "themes":
        usual_words = _usual_words()
    choices = []
    for concept in _in_tree_order(vocabulary):
        if concept.data.get("withdrawn"):  # datasets keep it, but it can no longer be chosen
            continue
        terms = (_labels(concept), *usual_words.get(concept.id, ()))
        choices.append(
            {
                "value": getattr(concept, store),
                "label": {"fr": concept.label_fr, "en": concept.label_en},
                "depth": len(vocabulary.ancestors(concept.uri)),
                "terms": _SEPARATOR.join(terms),
            }
        )
    return tuple(choices)


def _labels(concept: voc.Concept) -> str:
    return voc.normalise(" ".join((concept.label_fr, concept.label_en, *concept.alt_labels)))


def _usual_words() -> dict[str, list[str]]:
    """Return the usual words of each theme, by its id."""
    words: dict[str, list[str]] = {}
    for row in tables.rows(THEME_TERMS):
        words.setdefault(row["theme"], []).extend(
            map(voc.normalise, row["terms"].split(_SEPARATOR))
        )
    return words


def _in_tree_order(vocabulary: voc.Vocabulary) -> Iterable[voc.Concept]:
    def below(concept: voc.Concept) -> Iterable[voc.Concept]:
        yield concept
        for child in vocabulary.children(concept.uri):
            yield from below(child)

    for root in vocabulary.roots():
        yield from below(root)


def ecosphere_concept_choices(field: Field) -> tuple[dict[str, Any], ...]:
    """Return the choices of a vocabulary field (``choices_helper`` of ckanext-scheming).

    Narrower concepts follow their broader one; ``depth`` is the distance from the root and ``terms`` the normalised
    words that match the choice: its labels, and after each "|" another usual word or phrase.
    """
    return _choices(field["vocabulary"], field.get("vocabulary_store", "uri"))


def ecosphere_media_types() -> list[tuple[str, str]]:
    """Return the media types of the vocabulary of formats, each with the labels of its formats."""
    formats: dict[str, list[str]] = {}
    for concept in voc.get("format"):
        media_type = concept.data["media_type"]
        if media_type:
            formats.setdefault(media_type, []).append(concept.label(wording.page_language()))
    return sorted((media_type, ", ".join(labels)) for media_type, labels in formats.items())


def ecosphere_registry_services() -> list[dict[str, str]]:
    """Return the services of the registry for a choice field: full ``name``, ``short`` name and ``uri``."""
    spoken = wording.short_language()
    return [
        {
            "name": concept.data[f"long_label_{spoken}"],
            "short": concept.label(wording.page_language()),
            "uri": concept.uri,
        }
        for concept in voc.get("organisations")
        if not concept.data.get("withdrawn")
    ]


def ecosphere_whole_form(part: str = "") -> bool:
    """Return whether the page is to contain all fields and lists, or the fields of a part."""
    parameters = tk.request.args
    return bool(parameters.get(WHOLE)) or bool(part and parameters.get(PART) == part)


def ecosphere_late_list(field: Field, choices: Iterable[Any]) -> str:
    """Return the URL of a list that the page leaves out, "" if the page contains it."""
    if len(list(choices)) <= LONG_LIST or ecosphere_whole_form():
        return ""
    return _url(field["vocabulary"], field.get("vocabulary_store", "uri"))


def ecosphere_late_services() -> str:
    """Return the URL of the registered services."""
    return _url(SERVICES, "uri")


def _url(name: str, store: str) -> str:
    version = hashlib.sha256(written(name, store).encode()).hexdigest()[:12]
    return tk.url_for("ecosphere_schemas.choice_list", name=name, store=store, version=version)


def is_list(name: str, store: str) -> bool:
    """Return whether there is a list of this name with values of this kind."""
    return store in STORES and (name == SERVICES or name in voc.names())


def written(name: str, store: str) -> str:
    """Return a list in the language of the page as JSON: (value, label, depth, terms) of each choice.

    Args:
        name: a vocabulary, or `SERVICES`, whose values are names and whose labels are short names, with their URI as
            terms.
        store: "uri" or "id".
    """
    return _written(name, store, wording.short_language())


@voc.derived
@cache
def _written(name: str, store: str, language: str) -> str:
    rows: list[tuple[Any, ...]] = []
    if name == SERVICES:
        for service in ecosphere_registry_services():
            rows.append((service["name"], service["short"], 0, service["uri"]))
    else:
        for choice in _choices(name, store):
            label = choice["label"][language]
            rows.append((choice["value"], label, choice["depth"], choice["terms"]))
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
