"""Names of tables used as titles ("N_DFCI_PISTE_L_040"), by the ministry's naming standard. Pure."""

from __future__ import annotations

import re

from ckanext.ecosphere.search.relevance import places, words

TECHNICAL = "titretechnique"
"""Index value of datasets with such a title: a single word that nobody would search for."""
_TABLE = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+")
SHORTEST_PART = 3
"""Minimum letters of a meaningful part."""


def is_table(title: str) -> bool:
    """Return whether a title is only the name of a table."""
    return bool(_TABLE.fullmatch(title.strip()))


def parts(name: str) -> tuple[list[str], places.Place | None]:
    """Return the meaningful parts of a table name and its place: without prefix, kind of geometry and code."""
    place = places.of_table(name)
    found = name.split("_")[: -1 if place else None]
    return [part for part in found if len(part) >= SHORTEST_PART and not part.isdigit()], place


def readable(title: str) -> str:
    """Return what a table name used as a title stands for; "" for other titles.

    >>> readable("N_DFCI_PISTE_L_040")
    'DFCI piste – Landes'
    """
    if not is_table(title):
        return ""
    own, place = parts(title.strip())
    units = words.units(words.read(" ".join(own)), synonyms_on=False)
    names = [words.written().get(words.key_of(unit.text), unit.text.lower()) for unit in units]
    text = " ".join(names)
    text = text[:1].upper() + text[1:]
    return f"{text} – {place.title}" if place and text else text
