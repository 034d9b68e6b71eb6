"""Related datasets, found in one query: other years, the same subject nearby and elsewhere, similar datasets.

The subject is the title without places and year: "Inventaire des zones humides d'Ille-et-Vilaine – 2023" and
"… du Morbihan – 2021" have the same. Similar datasets share a theme and a territory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import spatial
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import relations

ROWS = 40
MOST_SHOWN = 6
MOST_WORDS, SHORTEST_WORD = 8, 3
MOST_THEMES, MOST_TERRITORIES = 4, 4
THEME, TERRITORY, EXACT = "vocab_ecosphere_theme", "vocab_ecosphere_territory", "vocab_ecosphere_territory_exact"
FIELDS = ("id", "name", "title", EXACT, relations.SERIES_FIELD)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_LOT = "lot"
#: Words that link a subject and a place, also dropped by the French analysis of the index.
_LINKS = frozenset(
    ["d", "de", "des", "du", "l", "la", "le", "les", "en", "et", "a", "au", "aux", "par", "pour", "sur", "dans"]
)

Dataset = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """Subject of a title, without places and year.

    Attributes:
        words: normalised words of the subject.
        year: year in the title, "" without one.
    """

    words: tuple[str, ...]
    year: str


def subject(title: str, territories: Iterable[str]) -> Subject:
    """Return the subject of a title.

    Args:
        title: title of a dataset.
        territories: ids of its territories, whose names are removed.

    >>> subject("Inventaire des zones humides de l'Ain – 2023", ["departement-01"])
    Subject(words=('inventaire', 'zones', 'humides'), year='2023')
    """
    year = _YEAR.search(title)
    words = voc.normalise(_YEAR.sub(" ", title))
    for place in territories:
        if concept := voc.get("territories").get(place):
            words = f" {words} ".replace(f" {voc.normalise(concept.label_fr)} ", " ")
    kept = [word for word in words.split() if word not in _LINKS and word != _LOT and len(word) >= SHORTEST_WORD]
    return Subject(tuple(dict.fromkeys(kept))[:MOST_WORDS], year.group() if year else "")


def of(dataset: Dataset) -> dict[str, list[dict[str, str]]]:
    """Return the related datasets that the current user may see.

    Returns:
        ``years`` (same subject and places, or same series), ``nearby`` (same subject elsewhere, nearest first),
        ``similar`` (another subject of the same theme and place) and ``later`` (the dataset with the same title and
        places and the latest year after this one's); each is a list of dicts with ``name`` and ``title``.
    """
    places = _ids(dataset, "territory", "territories")
    themes = _ids(dataset, "theme", "themes")
    series = [str(each) for each in as_list(dataset.get("in_series") or [])]
    about = subject(str(dataset.get("title") or ""), places)
    query = _query(about, themes, places, series)
    if not query:
        return nothing()
    search = {"q": query, "fq": _others(dataset), "fl": ",".join(FIELDS), "rows": ROWS, "facet": "false"}
    found = tk.get_action("package_search")({}, {**search, "include_private": True})["results"]
    return {**_grouped(found, about, places, series), "later": _later(dataset, found, places)}


def nothing() -> dict[str, list[dict[str, str]]]:
    """Return the empty result."""
    return {"years": [], "nearby": [], "similar": [], "later": []}


def _query(about: Subject, themes: list[str], places: list[str], series: list[str]) -> str:
    parts = []
    if series:
        parts.append(f"{relations.SERIES_FIELD}:({_any(series[:MOST_TERRITORIES])})^8")
    if about.words:
        parts.append(f"title:({' AND '.join(_quoted(word) for word in about.words)})^4")
    if themes and places:
        parts.append(f"({THEME}:({_any(themes[:MOST_THEMES])}) AND {TERRITORY}:({_any(places[:MOST_TERRITORIES])}))")
    return " OR ".join(parts)


def _grouped(
    found: Iterable[Dataset], about: Subject, places: list[str], series: list[str]
) -> dict[str, list[dict[str, str]]]:
    years, nearby, similar = [], [], []
    for each in found:
        where = [str(place) for place in as_list(each.get(EXACT) or [])]
        other = subject(str(each.get("title") or ""), where)
        same_series = set(series) & set(map(str, as_list(each.get(relations.SERIES_FIELD) or [])))
        same_subject = other.words == about.words
        if same_series or (same_subject and set(where) == set(places)):
            years.append((other.year, each))
        elif same_subject:
            nearby.append((distance(places, where), each))
        else:
            similar.append(each)
    years.sort(key=lambda one: one[0], reverse=True)
    nearby.sort(key=lambda one: one[0])
    return {
        "years": _shown(each for _year, each in years),
        "nearby": _shown(each for _far, each in nearby),
        "similar": _shown(similar),
    }


def _later(dataset: Dataset, found: Iterable[Dataset], places: list[str]) -> list[dict[str, str]]:
    """Return the dataset with the same title and the latest later year; a future year is a horizon, not an edition."""
    name, year = _dated(dataset)
    others = [each for each in found if set(map(str, as_list(each.get(EXACT) or []))) == set(places)]
    same = [(other, each) for each in others for title, other in [_dated(each)] if title == name]
    later = [(other, each) for other, each in same if year and year < other <= str(date.today().year)]
    return _shown(each for _year, each in sorted(later, key=lambda one: one[0])[-1:])


def _dated(dataset: Dataset) -> tuple[str, str]:
    """Return the normalised title without its last year, and that year; the title and "" without a year."""
    title = str(dataset.get("title") or "")
    last = next(reversed(list(_YEAR.finditer(title))), None)
    return (voc.normalise(f"{title[: last.start()]} {title[last.end() :]}"), last.group()) if last else (title, "")


def distance(places: Iterable[str], others: Iterable[str]) -> float:
    """Return the smallest distance between two sets of territories in degrees; 0 when boxes intersect."""
    gaps = [
        0.0 if spatial.boxes_meet(one, other) else _gap(one, other)
        for one in filter(None, map(spatial.territory_box, places))
        for other in filter(None, map(spatial.territory_box, others))
    ]
    return min(gaps, default=360.0)


def _gap(one: spatial.Box, other: spatial.Box) -> float:
    return max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3], 0.0)


def _shown(datasets: Iterable[Dataset]) -> list[dict[str, str]]:
    return [{"name": str(each["name"]), "title": str(each.get("title") or each["name"])} for each in datasets][
        :MOST_SHOWN
    ]


def _ids(dataset: Dataset, field: str, vocabulary: str) -> list[str]:
    known = (voc.get(vocabulary).get(str(uri)) for uri in as_list(dataset.get(field) or []))
    return [concept.id for concept in known if concept]


def _others(dataset: Dataset) -> str:
    return f"+dataset_type:dataset -id:{_quoted(str(dataset['id']))}"


def _any(values: Iterable[str]) -> str:
    return " OR ".join(map(_quoted, values))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
