"""Mark search words in a text, ignoring accents, case and French plurals; the text is escaped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup, escape

from ckanext.ecosphere import vocabularies as voc

_STOP_WORDS = Path(__file__).parents[1] / "data" / "stopwords_fr.txt"
_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 2
_ENDINGS = (
    ("eaux", "eau"),
    ("aux", "al"),
    ("ales", "al"),
    ("ees", "e"),
    ("es", ""),
    ("s", ""),
    ("x", ""),
    ("e", ""),
)
_SHORTEST_STEM = 3
MOST_WORDS = 20


@lru_cache(maxsize=256)
def words_of(query: str) -> frozenset[str]:
    """Return the stems of the words of a query without stop words, at most `MOST_WORDS`."""
    words = [stem(word) for word in _WORD.findall(query) if word.casefold() not in _stop_words()]
    return frozenset([word for word in words if len(word) >= _SHORTEST][:MOST_WORDS])


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a word without case, accents and plural and feminine endings.

    >>> stem("Protégées"), stem("réseaux"), stem("régionales"), stem("ain")
    ('proteg', 'reseau', 'regional', 'ain')
    """
    folded = voc.normalise(word)
    for ending, instead in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= _SHORTEST_STEM:
            folded = folded[: len(folded) - len(ending)] + instead
            break
    return folded[:-1] if folded.endswith("e") and len(folded) > _SHORTEST_STEM else folded


def mark(text: str, words: Collection[str]) -> Markup:
    """Return a text as HTML with `<mark>` around the words.

    Args:
        text: plain text.
        words: stems, as returned by `words_of`.
    """
    if not words:
        return escape(text)
    parts: list[str] = []
    end = 0
    for begin, until in _places(text, words):
        parts += [
            escape(text[end:begin]),
            Markup("<mark>"),
            escape(text[begin:until]),
            Markup("</mark>"),
        ]
        end = until
    return Markup("").join([*parts, escape(text[end:])])


def excerpt(text: str, words: Collection[str], length: int) -> str:
    """Return the beginning of a text, or the part with the first search word if the beginning has none.

    Args:
        text: plain text.
        words: stems, as returned by `words_of`.
        length: maximum number of characters, without ellipses.
    """
    if len(text) <= length:
        return text
    first = next((begin for begin, _end in _places(text, words)), 0) if words else 0
    begin = 0
    if first > length * 3 // 4:
        begin = text.rfind(" ", 0, max(first - length // 4, 0)) + 1
    cut = text[begin : begin + length]
    if begin + length < len(text):
        cut = cut.rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
    return f"…{cut}" if begin else cut


def _places(text: str, words: Collection[str]) -> Iterator[tuple[int, int]]:
    for match in _WORD.finditer(text):
        if stem(match[0]) in words:
            yield match.span()


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    lines = _STOP_WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
