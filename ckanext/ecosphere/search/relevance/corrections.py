"""Spelling correction of a query: which words may be misspelt, and the nearest known words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice

from ckan.types import Context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import suggest
from ckanext.ecosphere.search.relevance import catalogue_words, spelling, words
from ckanext.ecosphere.search.relevance.understanding import Understood

MOST_STRANGE = 3
"""Maximum number of expressions reported as missing from the catalogue."""
MOST_CORRECTED = 4
"""Maximum number of words to correct."""
MOST_UNITS = 8
"""Maximum number of units searched for a misspelt expression."""


def strange(units: Iterable[words.Unit]) -> list[words.Unit]:
    """Return some expressions that have another name in the catalogue and occur in no title or keyword."""
    found = (each for each in units if each.called and not each.weak and catalogue_words.has(each.words) is False)
    return list(islice(found, MOST_STRANGE))


def unknown(understood: Understood) -> list[str]:
    """Return the words, as typed, that may be misspelt."""
    typed = (word for unit in understood.asked.units for word in unit.words)
    return [word for word in typed if _may_be_misspelt(voc.normalise(word))][:MOST_CORRECTED]


def _may_be_misspelt(folded: str) -> bool:
    if any(map(str.isdigit, folded)):
        return bool(spelling.without_number(folded))  # else a reference
    return len(folded) >= suggest.MIN_FUZZY_LENGTH and not spelling.is_known(folded) and not spelling.is_french(folded)


def corrected(understood: Understood, unknown: list[str], near: Callable[[str], str]) -> str:
    """Return the query with an expression or words replaced by near ones; empty if nothing was replaced.

    Args:
        understood: the interpreted query.
        unknown: words that may be misspelt.
        near: returns the replacement of a word, or "".
    """
    # A near match of a whole expression is more reliable than one of a single word.
    text = _expression_corrected(understood)
    left = [word for word in unknown if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    text = _replaced(text, left, near)
    return text if text != understood.text else ""


def _replaced(text: str, typed: list[str], near: Callable[[str], str]) -> str:
    """Return a text with words replaced; `near` returns the replacement of a word, or ""."""
    for word in typed:
        if other := near(word):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", other, text, count=1)
    return text


def is_of_lists(word: str) -> bool:
    """Return whether a word, or two joined words, are in the lists or the name of a place."""
    folded = voc.normalise(word)
    return not folded or " " in folded or spelling.is_known(folded) or spelling.is_place(folded)


def near(folded: str, *, known: bool = False, foreseen: bool = False) -> str:
    """Return a near word; for a word known to the catalogue only a place name one letter away ("nante").

    Args:
        folded: a normalised word.
        known: whether the catalogue has it.
        foreseen: whether to avoid querying Solr for words of the catalogue.
    """
    if any(map(str.isdigit, folded)):
        return "" if known else spelling.without_number(folded)
    if of_lists := _of_lists(folded, known=known):
        return of_lists
    if known:
        return ""
    of_catalogue = catalogue_words.nearest(folded, suggest.allowed_distance(folded))
    if of_catalogue is None and not foreseen:
        of_catalogue = suggest.nearest_word(Context(), folded)
    farther = spelling.nearest(folded)
    return of_catalogue or (farther[0] if farther else "")


def _of_lists(folded: str, *, known: bool) -> str:
    near = spelling.nearest(folded)
    if near and near[1] == 1 and (not known or spelling.is_place(near[0])):
        return near[0]
    return "" if known else spelling.apart(folded)


def _expression_corrected(understood: Understood) -> str:
    """Return the query with two or three words replaced by a near expression."""
    units, text = understood.asked.units[:MOST_UNITS], understood.text
    for number in (3, 2):
        for start in range(len(units) - number + 1):
            typed = [word for unit in units[start : start + number] for word in unit.words]
            near = spelling.nearest_expression(" ".join(words.stem(voc.normalise(word)) for word in typed))
            if near and not _takes_known(units[start : start + number], near):
                between = r"\W+(?:\w{1,3}\W+){0,3}".join(map(re.escape, typed))
                return re.sub(between, near, text, count=1)
    return text


def _takes_known(units: tuple[words.Unit, ...], near: str) -> bool:
    """Return whether an expression would replace correct text.

    That is another listed expression ("SIS"), or a word too short to be misspelt ("PO").
    """
    kept = {word.stem for word in words.read(near)}
    other = [word for unit in units for word in unit.words if words.stem(voc.normalise(word)) not in kept]
    known = {word for unit in units if unit.core for word in unit.words}
    return any(len(word) < suggest.MIN_FUZZY_LENGTH or word in known for word in other)
