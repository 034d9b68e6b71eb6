"""Read names of tables ("N_DFCI_PISTE_L_040"), by the ministry's naming standard. Pure."""

from __future__ import annotations

from ckanext.ecosphere.search.relevance import places, title_forms, words
from ckanext.ecosphere.vocabularies.gazetteer import Place

SHORTEST_PART = 3
"""Minimum letters of a meaningful part."""


def parts(name: str) -> tuple[list[str], Place | None]:
    """Return the meaningful parts of a table name and its place: without prefix, kind of geometry and code."""
    place = places.of_table(name)
    found = name.split("_")[: -1 if place else None]
    return [part for part in found if len(part) >= SHORTEST_PART and not part.isdigit()], place


def readable(title: str) -> str:
    """Return what a table name used as a title stands for; "" for other titles.

    >>> readable("N_DFCI_PISTE_L_040")
    'DFCI piste – Landes'
    """
    if not title_forms.is_table(title):
        return ""
    own, place = parts(title.strip())
    units = words.units(words.read(" ".join(own)), synonyms_on=False)
    names = [words.written().get(words.key_of(unit.text), unit.text.lower()) for unit in units]
    text = " ".join(names)
    text = text[:1].upper() + text[1:]
    return f"{text} – {place.title}" if place and text else text
