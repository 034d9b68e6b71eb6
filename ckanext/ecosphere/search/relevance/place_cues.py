"""Context rules: whether a name in a query denotes a place, a common word, or part of an expression. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from ckanext.ecosphere.search.relevance.words import (
    DATA,
    LONGEST_PHRASE,
    Word,
    expressions,
    read_all,
    stop_words,
)
from ckanext.ecosphere.vocabularies.gazetteer import Place

SHORTEST = 2
"""Length of names that count as a place only with a capital ("GE", "Eu")."""


@cache
def cues() -> dict[str, Any]:
    """Return the lists of `place_cues.yaml`."""
    with (DATA / "place_cues.yaml").open(encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def led(words: list[Word], start: int, kind: str = "before_commune") -> bool:
    """Return whether a preceding word announces a place: `before_commune`, or `before_territory`."""
    before = start - 1
    if before >= 0 and words[before].folded in cues()[kind]:
        return True
    while before >= 0 and words[before].folded in cues()["between"]:
        before -= 1
    return 0 <= before < start - 1 and words[before].folded in cues()[kind]


def capital(word: Word, start: int, text: str) -> bool:
    """Return whether a word is capitalised in mid-query, in a query that is not all capitals."""
    return start > 0 and word.typed[:1].isupper() and not text.isupper()


def cuts_compound(words: list[Word], start: int, end: int) -> bool:
    """Return whether the words are only part of a hyphenated name ("Sancy" in "Chastreix-Sancy")."""
    return (start > 0 and words[start - 1].glued) or words[end - 1].glued


def is_in_expression(words: list[Word], start: int, end: int, place: Place) -> bool:
    """Return whether a name is only part of a known expression ("passe à Poissons", "feu de la Forêt").

    A département or région counts as a place even then, unless it is short ("OCS GE") or a lower-case homonym ("pas
    cher").
    """
    name = words[start:end]
    if place.kind not in ("commune", "epci", "country"):
        is_word = (
            len(name) == 1 and name[0].typed.islower() and name[0].folded in cues()["homonyms"]
        )
        if len("".join(word.folded for word in name)) > SHORTEST and not is_word:
            return False
    for first in range(max(0, end - LONGEST_PHRASE), start + 1):
        for last in range(end, min(len(words), first + LONGEST_PHRASE) + 1):
            inner = words[first:last]
            ends = (inner[0].folded, inner[-1].folded)
            if last - first <= end - start or set(ends) & stop_words():
                continue
            key = " ".join(word.stem for word in inner if word.folded not in stop_words())
            if " " in key and key in expressions():
                return True
    return False


def is_place(words: list[Word], start: int, end: int, text: str) -> bool:
    """Return whether a homonym denotes the place: by the preceding word, a capital, or as the last of several words."""
    denied_after = end < len(words) and words[end].folded in cues()["not_place_after"]
    if denied_after or denied_before(words, start):
        return False
    if led(words, start, "before_territory") or (capital(words[start], start, text) and start):
        return True
    # References are not among the words ("N2000 var").
    return end == len(words) and (start > 0 or len(read_all(text)) > end)


def denied_before(words: list[Word], start: int) -> bool:
    """Return whether the word before a name makes it a common word: "mer du Nord", "côte Allier".

    A word that ends an expression of its own does not: "trait de côte Allier".
    """
    if not start or words[start - 1].folded not in cues()["not_place_before"]:
        return False
    for first in range(max(0, start - LONGEST_PHRASE), start - 1):
        subject = [word.stem for word in words[first:start] if word.folded not in stop_words()]
        if len(subject) > 1 and " ".join(subject) in expressions():
            return False
    return True
