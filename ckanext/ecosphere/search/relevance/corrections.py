"""The other spelling of a question: which words may be misspelt, and what stands near them."""

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
"""Expressions of a question of which it is told that no dataset has them."""
MOST_CORRECTED = 4
"""Words of a question that another spelling is looked for."""
MOST_UNITS = 8
"""Words and expressions among which one that is misspelt as a whole is looked for."""


def strange(units: Iterable[words.Unit]) -> list[words.Unit]:
    """Expressions that the catalogue calls otherwise and that no title or keyword has, some of them."""
    found = (each for each in units if each.called and not each.weak and catalogue_words.has(each.words) is False)
    return list(islice(found, MOST_STRANGE))


def unknown(understood: Understood) -> list[str]:
    """Words as typed that may be misspelt."""
    typed = (word for unit in understood.asked.units for word in unit.words)
    return [word for word in typed if _may_be_misspelt(voc.normalise(word))][:MOST_CORRECTED]


def _may_be_misspelt(folded: str) -> bool:
    if any(map(str.isdigit, folded)):
        return bool(spelling.without_number(folded))  # else a reference
    return len(folded) >= suggest.MIN_FUZZY_LENGTH and not spelling.is_known(folded) and not spelling.is_french(folded)


def corrected(understood: Understood, unknown: list[str], near: Callable[[str], str]) -> str:
    """The question with an expression or words replaced by near ones; empty when there are none.

    Args:
        understood: the question.
        unknown: words of it that may be misspelt.
        near: gives the other word for one of them, or nothing.
    """
    # Words that are near an expression together tell more than each of them.
    text = _expression_corrected(understood)
    left = [word for word in unknown if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    text = _replaced(text, left, near)
    return text if text != understood.text else ""


def _replaced(text: str, typed: list[str], near: Callable[[str], str]) -> str:
    """A question with words replaced; `near` gives the other word for one, or nothing."""
    for word in typed:
        if other := near(word):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", other, text, count=1)
    return text


def is_of_lists(word: str) -> bool:
    """Whether a word, or the two that it was written together of, are of the lists or the name of a place."""
    folded = voc.normalise(word)
    return not folded or " " in folded or spelling.is_known(folded) or spelling.is_place(folded)


def near(folded: str, *, known: bool = False, foreseen: bool = False) -> str:
    """A near word; for one that the catalogue knows only the name of a place, one letter away ("nante").

    Args:
        folded: a normalised word.
        known: whether the catalogue has it.
        foreseen: without asking Solr for words of the catalogue.
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
    """The question with two or three words replaced by an expression one letter away."""
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
    """Whether an expression would take the place of what is right as it is: of an expression of the lists ("SIS") or of
    a word too short to be misspelt ("PO")."""
    kept = {word.stem for word in words.read(near)}
    other = [word for unit in units for word in unit.words if words.stem(voc.normalise(word)) not in kept]
    known = {word for unit in units if unit.core for word in unit.words}
    return any(len(word) < suggest.MIN_FUZZY_LENGTH or word in known for word in other)
