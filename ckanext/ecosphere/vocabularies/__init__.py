"""Controlled vocabularies: CSV lists of concepts, and the functions that read them.

Pure Python without CKAN, so every room may import it::

    from ckanext.ecosphere import vocabularies as voc

    voc.get("frequency").find("annuelle").uri
    voc.get("territories")["departement-01"].data["bbox"]

The lists are the CSV files in ``data/``; their sources are documented in ``SOURCES.md`` beside
them. A folder of the administrator (:func:`use`) takes precedence: it can hold other editions of
these lists, and further lists. Changes made by administrators on the pages of the portal are
applied on top of both (``local.py``).
A list is read at first use and cached until it changes; all returned objects are immutable.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.local import derived
from ckanext.ecosphere.vocabularies.model import Concept, Vocabulary, read_vocabulary, title

__all__ = [
    "DATA",
    "Concept",
    "Vocabulary",
    "derived",
    "file_of",
    "folder",
    "get",
    "names",
    "normalise",
    "own_synonyms",
    "title",
    "use",
]

DATA = Path(__file__).with_name("data")

_FOLDERS = [DATA]

_NOT_WORD = re.compile(r"[^0-9a-z]+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o"})


_SMALL_WORDS = "a au aux avec d dans de des du en et l la le les n ou par pour s sur un une"
#: Words of French names and titles that say nothing alone, normalised.
SMALL_WORDS = frozenset(_SMALL_WORDS.split())


@lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """Return ``text`` without case, accents or punctuation, for comparing labels.

    >>> normalise("Éoliennes d’Île-de-France")
    'eoliennes d ile de france'
    """
    return _NOT_WORD.sub(
        " ", characters.without_accents(text.casefold().translate(_LIGATURES))
    ).strip()


def use(own: str) -> None:
    """Prefer the lists of a folder to those of the project; an empty path undoes this."""
    _FOLDERS[:] = [Path(own), DATA] if own else [DATA]
    local.forget()


def folder() -> Path:
    """Return the folder that new editions of lists are written to."""
    return _FOLDERS[0]


def file_of(name: str) -> Path:
    """Return the CSV file of a vocabulary: the administrator's if there is one,
    else the project's.
    """
    files = [lists / f"{name}.csv" for lists in _FOLDERS]
    return next(filter(Path.exists, files), files[-1])


@derived
@cache
def names() -> tuple[str, ...]:
    """Return the names of all vocabularies, sorted."""
    return tuple(sorted({path.stem for lists in _FOLDERS for path in lists.glob("*.csv")}))


@derived
@cache
def get(name: str) -> Vocabulary:
    """Return the vocabulary called ``name``.

    Raises:
        KeyError: no vocabulary has this name.
    """
    if name not in names():
        raise KeyError(name)
    return Vocabulary(name, local.with_changes(name, _packaged(name)), normalise)


def own_synonyms() -> list[tuple[str, tuple[str, ...]]]:
    """Return the terms of all lists that have synonyms added on this portal,
    as (French name, added synonyms).
    """
    return [pair for name in local.editable() for pair in local.own_synonyms(name, _packaged(name))]


@derived
@cache
def _packaged(name: str) -> tuple[Concept, ...]:
    """Return the concepts of a list as its CSV file has them,
    without changes made on the portal.
    """
    return read_vocabulary(file_of(name))
