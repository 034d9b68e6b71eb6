"""Extract conditions from a query: formats and period. Pure."""

from __future__ import annotations

import re
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance.words import Word, fillers, generic, stem

EARLIEST, LATEST = 0, 9999
"""Years of a period without a beginning or an end."""
_YEAR = r"(?:19|20)\d\d"
_SINCE = r"depuis|après|apres|dès|à partir de|a partir de|since|from|after"
_UNTIL = r"avant|jusqu['’ ]?en|jusqu['’ ][àa]|before|until"
_BETWEEN = rf"(?:(?:entre|de|between|from)\s+)?(?P<first>{_YEAR})\s?(?:-|–|/|à|a|et|au|to|and)\s?(?P<last>{_YEAR})"
_FROM_OR_TO = rf"(?:(?P<since>{_SINCE})|(?P<until>{_UNTIL}))\s+(?:l['’]ann[ée]e\s+)?(?P<year>{_YEAR})"
PERIOD = re.compile(
    rf"(?:(?<!natura )(?<![\w/-]){_BETWEEN}|(?<!\w){_FROM_OR_TO})(?![\w/-])",
    re.IGNORECASE,
)
"""A period: "2015-2020", "de 2015 à 2020", "depuis 2020", "avant 2015"."""
_LAST_BEFORE = re.compile(r"avant|before", re.IGNORECASE)


def take_period(text: str) -> tuple[str, tuple[int, int] | None]:
    """Extract the period from a query.

    Args:
        text: as typed.

    Returns:
        the text without it, and the first and last year; None if there is no period.
    """
    match = PERIOD.search(text)
    if match is None:
        return text, None
    left = f"{text[: match.start()]} {text[match.end() :]}"
    if match["first"]:
        first, last = sorted((int(match["first"]), int(match["last"])))
        return left, (first, last)
    year = int(match["year"])
    if match["since"]:
        return left, (year, LATEST)
    return left, (EARLIEST, year - 1 if _LAST_BEFORE.match(match["until"]) else year)


@voc.derived
@cache
def format_names() -> dict[str, tuple[str, ...]]:
    """Return stem of a format's name → index values of the formats."""
    found: dict[str, dict[str, None]] = {}
    for concept in voc.get("format"):
        names = (concept.id, *concept.alt_labels, *str(concept.data["extensions"] or "").split("|"))
        for word in {stem(name) for name in map(voc.normalise, names) if name.isalnum()}:
            found.setdefault(word, {}).setdefault(concept.id)
    return {word: tuple(values) for word, values in found.items()}


def formats(words: list[Word]) -> tuple[str, ...]:
    """Return the index values of the formats named in a query ("shapefile", "gpkg"), without duplicates.

    Args:
        words: words of the query. Only filler and generic words count, since others may be a subject ("image", "text").
    """
    named = (word.stem for word in words if word.stem in fillers() or word.stem in generic())
    return tuple(dict.fromkeys(value for word in named for value in format_names().get(word, ())))
