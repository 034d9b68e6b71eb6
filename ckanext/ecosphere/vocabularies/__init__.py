"""Controlled vocabularies: lists of concepts kept as data, and the one module that reads them.

Pure Python: nothing here knows CKAN, so every room may import it::

    from ckanext.ecosphere import vocabularies as voc

    voc.get("frequency").find("annuelle").uri
    voc.get("territories")["departement-01"].data["bbox"]

The lists are the CSV files in ``data/``; ``SOURCES.md`` beside them says where each comes from. Those of a folder of
the administrator (:func:`use`) stand before them: other editions, and lists of their own. What administrators changed
on the pages of the portal stands over both (``local.py``, ``overlay.py``).
A list is read at first use and kept until it changes; everything handed out is immutable.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import local, overlay
from ckanext.ecosphere.vocabularies.local import derived
from ckanext.ecosphere.vocabularies.model import Concept, Vocabulary
from ckanext.ecosphere.vocabularies.reader import read_vocabulary, title

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


@lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """Return ``text`` without case, accents or punctuation, for comparing labels.

    >>> normalise("Éoliennes d’Île-de-France")
    'eoliennes d ile de france'
    """
    return _NOT_WORD.sub(" ", characters.without_accents(text.casefold().translate(_LIGATURES))).strip()


def use(own: str) -> None:
    """Let the lists of a folder stand before those of the project; an empty path takes that back."""
    _FOLDERS[:] = [Path(own), DATA] if own else [DATA]
    local.forget()


def folder() -> Path:
    """Return where new editions are written."""
    return _FOLDERS[0]


def file_of(name: str) -> Path:
    """Return the file of a vocabulary: the administrator's, else the project's."""
    return next((file for each in _FOLDERS if (file := each / f"{name}.csv").exists()), DATA / f"{name}.csv")


@derived
@cache
def names() -> tuple[str, ...]:
    """Return the names of all vocabularies, sorted."""
    return tuple(sorted({path.stem for each in _FOLDERS for path in each.glob("*.csv")}))


@derived
@cache
def get(name: str) -> Vocabulary:
    """Return the vocabulary called ``name``.

    Raises:
        KeyError: no vocabulary has this name.
    """
    if name not in names():
        raise KeyError(name)
    return Vocabulary(name, overlay.over(name, _packaged(name)), normalise)


def own_synonyms() -> list[tuple[str, tuple[str, ...]]]:
    """Return the terms that were given synonyms on this portal, of all lists: name in French, and these synonyms."""
    return [pair for name in overlay.editable() for pair in overlay.own_synonyms(name, _packaged(name))]


@derived
@cache
def _packaged(name: str) -> tuple[Concept, ...]:
    """The concepts of a list as the package, or the folder of the administrator, brings them."""
    return read_vocabulary(file_of(name))
