"""Corrections of misspelt words from the term lists and place names. Pure.

Words of the catalogue are found through `package_search` (see `search/suggest.py`), with the reader's permissions.
"""

from __future__ import annotations

from functools import cache, lru_cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import synonyms
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.search.suggest import MIN_FUZZY_LENGTH, VERY_LONG_WORD, allowed_distance, distance
from ckanext.ecosphere.vocabularies import gazetteer

SHORTEST_PART = 4
"""Minimum letters of each part of two joined words."""


def is_known(folded: str) -> bool:
    """Return whether a word, singular or plural, is in the term lists."""
    return words.stem(folded) in _stems()


def is_french(folded: str) -> bool:
    """Return whether a word, singular or plural, is a common French word, so that it is not corrected.

    For instance "fret" must not become "forêt", nor "gîtes" "sites".
    """
    return not {folded, words.stem(folded)}.isdisjoint(words.words_of_language())


@voc.derived
@lru_cache(maxsize=1_000)
def nearest(folded: str) -> tuple[str, int] | None:
    """Return the nearest word of the lists or place name, and its distance; None if none is near.

    Args:
        folded: a normalised word.
    """
    if len(folded) < MIN_FUZZY_LENGTH or not folded.isalpha():
        return None
    allowed = allowed_distance(folded)
    best: tuple[int, int, str] | None = None
    for order, candidates in enumerate((_words(), gazetteer.large_names())):
        for candidate in candidates:
            # The first letter is rarely wrong.
            if candidate[0] != folded[0] or abs(len(candidate) - len(folded)) > allowed:
                continue
            gap = distance(folded, candidate)
            if gap <= allowed and (best is None or (gap, order, candidate) < best):
                best = (gap, order, candidate)
    return (best[2], best[0]) if best else None


def apart(folded: str) -> str:
    """Split two words that were written as one ("localurbanisme"); empty if it is not such a word.

    Both must be in the lists, or one of them and the other a common French word.
    """
    for position in range(len(folded) - SHORTEST_PART, SHORTEST_PART - 1, -1):
        left, right = folded[:position], folded[position:]
        known = [is_known(each) for each in (left, right)]
        usual = [len(each) >= MIN_FUZZY_LENGTH and is_french(each) for each in (left, right)]
        if all(known) or (any(known) and all(one or other for one, other in zip(known, usual, strict=True))):
            return f"{left} {right}"
    return ""


def without_number(folded: str) -> str:
    """Return a word of the lists to which a number was appended ("natura200"); empty if it is not such a word."""
    letters = folded.rstrip("0123456789")
    return letters if len(letters) >= MIN_FUZZY_LENGTH and letters != folded and is_known(letters) else ""


def nearest_expression(key: str) -> str | None:
    """Return the listed expression that differs by a letter from the words ("qualité de l'aire"); None if none.

    Two letters may differ in a long one ("qualitée de l'aire"). A number is not a typo ("zones humides 5").

    Args:
        key: stems of consecutive words.

    Returns:
        the expression as written in the lists.
    """
    if " " not in key or len(key) < VERY_LONG_WORD or key in words.expressions():
        return None
    allowed = 1 + (len(key) > VERY_LONG_WORD)
    near = [
        (gap, each)
        for each in words.expressions()
        if " " in each and abs(len(each) - len(key)) <= allowed and (gap := distance(key, each)) <= allowed
        if _numbers(each) == _numbers(key)
    ]
    found = min(near)[1] if near else None
    return words.written().get(found, found) if found else None


def _numbers(key: str) -> int:
    return sum(any(map(str.isdigit, word)) for word in key.split())


def is_place(folded: str) -> bool:
    """Return whether a word is the name of a large place."""
    return folded in gazetteer.large_names()


@voc.derived
@cache
def _words() -> tuple[str, ...]:
    texts = [*words.expressions(), *words.fillers(), *words.purposes(), *words.generic_terms()]
    texts += [voc.normalise(name) for names, _called in words.expressions().values() for name in names]
    texts += [voc.normalise(term) for line in synonyms.read_lines() for term in (*line.terms, *line.broader)]
    texts += [voc.normalise(concept.label_fr) for name in ("themes", "inspire-theme") for concept in voc.get(name)]
    found = {word for text in texts for word in text.split() if word.isalpha()}
    return tuple(sorted(word for word in found if len(word) >= MIN_FUZZY_LENGTH))


@voc.derived
@cache
def _stems() -> frozenset[str]:
    return frozenset(words.stem(word) for word in _words())
