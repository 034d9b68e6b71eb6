"""Other spellings of a misspelt word: words of the lists and names of places. Pure.

Words of the catalogue itself are found through `package_search` (see `search/suggest.py`), with the reader's rights.
"""

from __future__ import annotations

from functools import cache, lru_cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import synonyms
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.search.suggest import MIN_FUZZY_LENGTH, VERY_LONG_WORD, allowed_distance, distance
from ckanext.ecosphere.vocabularies import gazetteer

SHORTEST_PART = 4
"""Letters of each of two words that were written together."""


def is_known(folded: str) -> bool:
    """Whether a word is one of the lists, as it is or as a plural."""
    return words.stem(folded) in _stems()


def is_french(folded: str) -> bool:
    """Whether a word is one of the usual words of the language, as it is or as a plural, so that nobody misspelt it
    ("fret" is no "forêt", nor are "gîtes" "sites")."""
    return not {folded, words.stem(folded)}.isdisjoint(words.words_of_language())


@voc.derived
@lru_cache(maxsize=1_000)
def nearest(folded: str) -> tuple[str, int] | None:
    """The nearest word of the lists or name of a place, and its distance; None when none is near.

    Args:
        folded: a normalised word.
    """
    if len(folded) < MIN_FUZZY_LENGTH or not folded.isalpha():
        return None
    allowed = allowed_distance(folded)
    best: tuple[int, int, str] | None = None
    for order, candidates in enumerate((_words(), gazetteer.large_names())):
        for candidate in candidates:
            # People rarely miss the first letter.
            if candidate[0] != folded[0] or abs(len(candidate) - len(folded)) > allowed:
                continue
            gap = distance(folded, candidate)
            if gap <= allowed and (best is None or (gap, order, candidate) < best):
                best = (gap, order, candidate)
    return (best[2], best[0]) if best else None


def apart(folded: str) -> str:
    """A word as the two that it was written together of ("localurbanisme"); empty when it is no such word.

    Both are words of the lists, or one of them and a usual word of the language.
    """
    for position in range(len(folded) - SHORTEST_PART, SHORTEST_PART - 1, -1):
        left, right = folded[:position], folded[position:]
        known = [is_known(each) for each in (left, right)]
        usual = [len(each) >= MIN_FUZZY_LENGTH and is_french(each) for each in (left, right)]
        if all(known) or (any(known) and all(one or other for one, other in zip(known, usual, strict=True))):
            return f"{left} {right}"
    return ""


def without_number(folded: str) -> str:
    """A word of the lists that a number was written to ("natura200"); empty when it is no such word."""
    letters = folded.rstrip("0123456789")
    return letters if len(letters) >= MIN_FUZZY_LENGTH and letters != folded and is_known(letters) else ""


def nearest_expression(key: str) -> str | None:
    """The expression of the lists that differs by a letter from some words ("qualité de l'aire"); None without one.

    Of a long one two letters may be wrong ("qualitée de l'aire"). A number is no slip ("zones humides 5").

    Args:
        key: stems of words that follow each other.

    Returns:
        the expression as the lists write it.
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
    """Whether a word is the name of a large place."""
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
