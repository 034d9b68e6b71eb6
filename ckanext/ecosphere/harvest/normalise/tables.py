"""Matching tables of ``data/``, loaded once, and functions to look up and compare texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

from ckanext.ecosphere.vocabularies import normalise, tables

DATA = Path(__file__).with_name("data")
SEPARATOR = "|"
MAX_CACHED = 200
MAX_KEYWORDS = 5_000
"""Maximum keywords of a record that rules read; more are reported by the rule of the tags."""
MAX_PLACEHOLDER, MAX_UNFILLED = 60, 300
_NOT_WORD = re.compile(r"[^0-9a-z]+")
_ELEMENT = re.compile(r"<([a-z]{2,10})>")
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
    pieces = (unicodedata.normalize("NFKD", folded[at : at + _PIECE]) for at in range(0, len(folded), _PIECE))
    return _NOT_WORD.sub(" ", _MARKS.sub("", "".join(pieces))).strip()


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of ``data/<name>.csv``; lines that start with ``#`` are notes."""
    return tuple(tables.rows(DATA / f"{name}.csv"))


def written_out(pattern: str) -> str:
    """Replace ``<name>`` in a pattern by the element of that name in `pattern-elements.csv`."""
    pieces = {row["element"]: row["pattern"] for row in rows("pattern-elements")}
    return _ELEMENT.sub(lambda found: f"(?:{pieces[found.group(1)]})", pattern)


def parts(value: str) -> list[str]:
    """Split a cell with several values."""
    return [part for part in value.split(SEPARATOR) if part]


@cache
def by_label(name: str, key: str, labels: str) -> dict[str, str]:
    """Return normalised label → key, for a table whose column ``labels`` lists several labels."""
    found: dict[str, str] = {}
    for row in rows(name):
        for label in parts(row[labels]):
            found.setdefault(normalise(label), row[key])
    return found


@cache
def placeholders() -> frozenset[str]:
    """Return the normalised placeholder texts."""
    return frozenset(row["text"] for row in rows("placeholders"))


@cache
def _unfilled() -> re.Pattern[str]:
    """Return the pattern of unfilled templates: ``${title}``, ``-- Titre de la spécification``, ``Copy of record…``."""
    return re.compile("|".join(f"(?:{row['pattern']})" for row in rows("placeholder-patterns")))


def is_placeholder(text: str | None) -> bool:
    """Tell whether a text is empty or a placeholder."""
    if text and len(text) > MAX_UNFILLED:
        return False
    if text and _unfilled().fullmatch(text.strip().casefold()):
        return True
    if text and len(text) > MAX_PLACEHOLDER:
        return False
    bare = plain(text or "")
    return not bare or bare in placeholders()


def stem(token: str) -> str:
    """Remove the plural ending; applied to both sides of every comparison."""
    return token[:-1] if len(token) > 3 and token[-1] in "sx" else token  # noqa: PLR2004


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
            found = self._at(tokens, position) if tokens[position] in self._starts else None
            if found is None:
                position += 1
            else:
                length, value = found
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
