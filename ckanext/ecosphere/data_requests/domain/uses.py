"""Intended uses of the requested data.

Stating one is optional, since no interest has to be stated (directive 2003/4/EC, article 3(1)).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import tables

TABLE = Path(__file__).parents[1] / "data" / "uses.csv"
VOCABULARY = "regulatory-use"


@cache
def _own() -> Mapping[str, tuple[str, str]]:
    return {row["id"]: (row["label_fr"], row["label_en"]) for row in tables.rows(TABLE)}


def label(key: str, lang: str) -> str:
    """Return the label of a use in a language, "" when there is no such use."""
    if key in _own():
        french, english = _own()[key]
        return english if lang.startswith("en") else french
    concept = voc.get(VOCABULARY).get(key) if key else None
    return concept.label(lang) if concept else ""


def choices(lang: str) -> list[tuple[str, str]]:
    """Return the uses to choose from as (id, label): that of citizens first, “prefer not to say” last."""
    first, *last = _own()
    ids = [first, *(each.id for each in voc.get(VOCABULARY)), *last]
    return [(key, label(key, lang)) for key in ids]


def find(value: str) -> str:
    """Return the id of a use named by id, URI or label, "" when there is none."""
    for key, labels in _own().items():
        if voc.normalise(value) in (key, *(voc.normalise(each) for each in labels)):
            return key
    known = voc.get(VOCABULARY)
    concept = known.get(value) or known.find(value)
    return concept.id if concept else ""
