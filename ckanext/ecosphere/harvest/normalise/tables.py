"""Matching tables of ``data/``, loaded once, and functions to look up and compare texts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ckanext.ecosphere.vocabularies import normalise, tables
from ckanext.ecosphere.vocabularies.phrases import plain

__all__ = ["DATA", "MAX_KEYWORDS", "is_placeholder", "normalise", "parts", "plain", "rows"]

DATA = Path(__file__).with_name("data")
SEPARATOR = "|"
MAX_KEYWORDS = 5_000
"""Maximum keywords of a record that rules read; more are reported by the rule of the tags."""
MAX_PLACEHOLDER, MAX_UNFILLED = 60, 300
_ELEMENT = re.compile(r"<([a-z]{2,10})>")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of ``data/<name>.csv``; lines that start with ``#`` are notes."""
    return tuple(tables.rows(DATA / f"{name}.csv"))


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern with each ``<name>`` written out as in `pattern-elements.csv`."""
    pieces = {row["element"]: row["pattern"] for row in rows("pattern-elements")}
    return re.compile(_ELEMENT.sub(lambda match: f"(?:{pieces[match.group(1)]})", pattern))


def parts(value: str) -> list[str]:
    """Split a cell with several values."""
    return [part for part in value.split(SEPARATOR) if part]


@cache
def by_label(name: str, key: str, labels: str) -> dict[str, str]:
    """Return normalised label → key, for a table whose column ``labels`` lists several labels."""
    keys: dict[str, str] = {}
    for row in rows(name):
        for label in parts(row[labels]):
            keys.setdefault(normalise(label), row[key])
    return keys


@cache
def words(name: str, column: str = "word") -> frozenset[str]:
    """Return the words of a table, one in each row."""
    return frozenset(row[column] for row in rows(name))


@cache
def _unfilled() -> re.Pattern[str]:
    """Return the pattern of unfilled templates: ``${title}``, ``-- Titre de la spécification``."""
    return re.compile("|".join(f"(?:{row['pattern']})" for row in rows("placeholder-patterns")))


def is_placeholder(text: str | None) -> bool:
    """Tell whether a text is empty or a placeholder."""
    if not text:
        return True
    if len(text) > MAX_UNFILLED:
        return False
    if _unfilled().fullmatch(text.strip().casefold()):
        return True
    if len(text) > MAX_PLACEHOLDER:
        return False
    bare = plain(text)
    return not bare or bare in words("placeholders", "text")
