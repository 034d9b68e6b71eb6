"""French genitive of the names of services: “de la DDT 80”, “du CGDD”, “de l’OFB”. Pure."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc

ARTICLES = Path(__file__).parents[1] / "data" / "articles.csv"
VOWELS = "aeiou"
#: A leading article that contracts with “de”: “Le Havre”, “Les Abymes”.
LEADING = re.compile(r"(les?)\s+", re.IGNORECASE)
CONTRACTED = {"la": "de la {title}", "le": "du {title}", "l": "de l’{title}", "les": "des {title}"}


@cache
def _articles() -> dict[str, str]:
    with ARTICLES.open(encoding="utf-8", newline="") as stream:
        return {row["word"]: row["article"] for row in csv.DictReader(stream)}


def of_the(title: str) -> str:
    """Return the name of a service preceded by “de” and its article; without an article where its gender is unknown.

    Args:
        title: as the portal shows it, e.g. “DDT 80” or “Direction départementale des territoires de la Somme”.
    """
    if leading := LEADING.match(title):
        return f"{'des' if leading[1].lower() == 'les' else 'du'} {title[leading.end() :]}"
    words = voc.normalise(title).split()
    article = _articles().get(words[0]) if words else None
    if article is None:
        return f"d’{title}" if words and words[0][0] in VOWELS else f"de {title}"
    return CONTRACTED[article].format(title=title)
