"""Find the names of concepts in texts of any length, without case, accents,
punctuation and plural.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from ckanext.ecosphere.vocabularies import normalise

MAX_CACHED = 200
_NOT_WORD = re.compile(r"[^0-9a-z]+")
_PIECE = 1_000
_MARKS = re.compile("[\u0300-\u036f]+")
"""Combining accents and cedillas, after decomposition."""

Value = TypeVar("Value")


def plain(text: str) -> str:
    """Normalise a text of any length; long ones bypass the cache of the vocabularies."""
    if len(text) <= MAX_CACHED:
        return normalise(text)
    folded = text.casefold().replace("œ", "oe").replace("æ", "ae")
    # In pieces, since sorting a long run of combining marks takes quadratic time.
    pieces = (
        unicodedata.normalize("NFKD", folded[at : at + _PIECE])
        for at in range(0, len(folded), _PIECE)
    )
    return _NOT_WORD.sub(" ", _MARKS.sub("", "".join(pieces))).strip()


def stem(token: str) -> str:
    """Remove the plural ending; applied to both sides of every comparison."""
    if len(token) > 3 and token[-1] in "sx":  # noqa: PLR2004
        return token[:-1]
    return token


class Phrases(Generic[Value]):
    """Finds whole phrases in texts: longest first, from left to right, without overlap."""

    def __init__(self, phrases: Iterable[tuple[str, Value]]):
        self._values: dict[tuple[str, ...], Value] = {}
        for phrase, value in phrases:
            tokens = tuple(map(stem, normalise(phrase).split()))
            if tokens:
                self._values.setdefault(tokens, value)
        self._longest = max(map(len, self._values), default=0)
        self._starts = frozenset(tokens[0] for tokens in self._values)

    def find(self, text: str) -> Iterator[tuple[int, int, Value]]:
        """Yield start, end (in words) and value of each phrase found in a text."""
        tokens = [stem(token) for token in plain(text).split()]
        position = 0
        while position < len(tokens):
            phrase = None
            if tokens[position] in self._starts:
                phrase = self._at(tokens, position)
            if phrase is None:
                position += 1
            else:
                length, value = phrase
                yield position, position + length, value
                position += length

    def exact(self, text: str) -> Value | None:
        """Return the value of the phrase that is the whole text."""
        return self._values.get(tuple(stem(token) for token in plain(text).split()))

    def _at(self, tokens: list[str], position: int) -> tuple[int, Value] | None:
        for length in range(min(self._longest, len(tokens) - position), 0, -1):
            key = tuple(tokens[position : position + length])
            if key in self._values:
                return length, self._values[key]
        return None
