"""Changes that administrators can make to the search: lines of words, weights, judged queries."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance import solr_query, words
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import tables

JUDGED = "search:judged"
"""Area of the queries judged by administrators."""
AREAS = (words.EVERYDAY, solr_query.WEIGHTS, JUDGED)
MOST_TERMS = 12
LONGEST_TERM = 80
LONGEST_TERMS = 2_000
"""Maximum characters of one side of a line, separators included."""
SHORTEST_TERM = 2
_BETWEEN = re.compile(r"[\n;]")


@dataclass(frozen=True)
class Weight:
    """A weight that can be changed.

    Attributes:
        key: group and name in `ranking.yaml` ("place.exact").
        title_fr: French title.
        title_en: English title.
        least: minimum value.
        most: maximum value.
    """

    key: str
    title_fr: str
    title_en: str
    least: float
    most: float

    def title(self, lang: str) -> str:
        """Return its title in a language."""
        return self.title_en if lang.startswith("en") else self.title_fr

    @property
    def packaged(self) -> float:
        """Return the default value."""
        return _value_of(solr_query.packaged_weights(), self.key)

    @property
    def value(self) -> float:
        """Return the value in force."""
        return _value_of(solr_query.weights(), self.key)


def _value_of(weights: dict[str, Any], key: str) -> float:
    group, _dot, name = key.partition(".")
    return float(weights[group][name])


@cache
def weights() -> dict[str, Weight]:
    """Weights that may be changed, by key, in their order."""
    rows = tables.rows(words.DATA / "weights.csv")
    found = [Weight(r["key"], r["title_fr"], r["title_en"], float(r["least"]), float(r["most"])) for r in rows]
    return {each.key: each for each in found}


def new_key() -> str:
    """Return a key for a new line or query."""
    return uuid.uuid4().hex[:12]


def line(form: Mapping[str, str]) -> dict[str, Any]:
    """Return a line of words, ready to store.

    Raises:
        ValidationError: errors by field.
    """
    errors: dict[str, list[str]] = {}
    value = {
        "asked": terms(form.get("asked", ""), "asked", errors),
        "called": terms(form.get("called", ""), "called", errors),
        "both": bool(form.get("both")),
    }
    if not errors and {words.key_of(each) for each in value["asked"]} == {
        words.key_of(each) for each in value["called"]
    }:
        errors["called"] = [tk._("These are the same words: give another name of it.")]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return value


def weight(key: str, form: Mapping[str, str]) -> dict[str, float] | None:
    """Return a weight, ready to store; None for the default.

    Raises:
        ValidationError: it is not a number, or out of range.
    """
    known, text = weights()[key], form.get("value", "").strip()[:40].replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not known.least <= value <= known.most:
        sentence = tk._("Give a number between {least} and {most}.").format(
            least=f"{known.least:g}", most=f"{known.most:g}"
        )
        raise tk.ValidationError({"value": [sentence]})
    return None if value == known.packaged else {"value": round(value, 4)}


def terms(text: str, field: str, errors: dict[str, list[str]]) -> list[str]:
    """Parse words or expressions separated by line breaks or semicolons, adding errors under `field`."""
    parts = [characters.one_line(part) for part in _BETWEEN.split(text[:LONGEST_TERMS])]
    found = list({voc.normalise(part): part for part in parts if part}.values())
    if len(text) > LONGEST_TERMS:
        errors[field] = [tk._("Too long: {number} characters at most.").format(number=LONGEST_TERMS)]
    elif not found:
        errors[field] = [tk._("Give at least one word or expression.")]
    elif len(found) > MOST_TERMS:
        errors[field] = [tk._("Give {number} words or expressions at most.").format(number=MOST_TERMS)]
    elif wrong := next(filter(None, map(_wrong, found)), None):
        errors[field] = [wrong]
    return found


def _wrong(term: str) -> str | None:
    if len(term) > LONGEST_TERM:
        return tk._("A word or expression has {number} characters at most.").format(number=LONGEST_TERM)
    if len(words.read(term)) > words.LONGEST_PHRASE:
        return tk._("An expression has {number} words at most.").format(number=words.LONGEST_PHRASE)
    if re.search(r'["<>|*~^\\{}\[\]]', term):
        return tk._("“{term}” has signs that are no words.").format(term=term)
    if len(words.key_of(term)) < SHORTEST_TERM:
        return tk._("“{term}” has no word that carries a subject.").format(term=term)
    return None


def packaged_lines(text: str, most: int = 30) -> Iterator[dict[str, list[str]]]:
    """Yield the package's lines that contain the given words."""
    wanted = words.stem(voc.normalise(text))
    for asked, called in words.packaged_everyday():
        if most and wanted and any(wanted in words.stem(voc.normalise(each)) for each in (*asked, *called)):
            most -= 1
            yield {"asked": asked, "called": called}
