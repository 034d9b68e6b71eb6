"""Related datasets, found in one query: other years, the same subject nearby and elsewhere, similar datasets.

The subject is the title without places and year: "Inventaire des zones humides d'Ille-et-Vilaine – 2023" and
"… du Morbihan – 2021" have the same. Similar datasets share a theme and a territory.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import spatial
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import relations
from ckanext.ecosphere.vocabularies import languages

ROWS = 40
MOST_SHOWN = 6
MOST_WORDS, SHORTEST_WORD = 8, 3
MOST_THEMES, MOST_TERRITORIES = 4, 4
THEME, TERRITORY, EXACT = "vocab_ecosphere_theme", "vocab_ecosphere_territory", "vocab_ecosphere_territory_exact"
FIELDS = ("id", "name", "title", "extras_title_translated", EXACT, relations.SERIES_FIELD)
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


def of(dataset: Dataset) -> dict[str, list[dict[str, Any]]]:
    """Return what is around a dataset, as its reader may see it.

    Returns:
        ``years`` (the same subject and place in other years, or other parts of its series), ``nearby`` (the same
        subject elsewhere, neighbours first), ``similar`` (another subject of the same theme and place) and ``later``
        (of ``years``, the one of the same title and place with the latest year after this one's); each a list of
        ``name``, ``title``, ``title_translated`` and ``language``, as datasets have them.
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


def nothing() -> dict[str, list[dict[str, Any]]]:
    """Return what is around a dataset of which nothing is known."""
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
) -> dict[str, list[dict[str, Any]]]:
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


def _later(dataset: Dataset, found: Iterable[Dataset], places: list[str]) -> list[dict[str, Any]]:
    """Return the dataset of the same title but for a later year; a year to come is a horizon, no edition."""
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


def _shown(datasets: Iterable[Dataset]) -> list[dict[str, Any]]:
    """Return what a list shows; the index does not keep languages and types of resource."""
    shown = list(itertools.islice(datasets, MOST_SHOWN))
    ids = [str(each["id"]) for each in shown]
    extras = sa.select(model.Package.id, model.Package.extras).where(model.Package.id.in_(ids))
    stored = dict(model.Session.execute(extras).tuples().all()) if ids else {}
    return [_of_index(each, stored.get(str(each["id"])) or {}) for each in shown]


def _of_index(found: Dataset, extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a dataset; of the translations the index keeps the English one, where it is another."""
    english = found.get("title_translated")
    return {
        "name": str(found["name"]),
        "title": str(found.get("title") or found["name"]),
        "title_translated": {languages.ENGLISH: english} if english else {},
        "language": as_list(extras.get("language") or []),
        "dcat_type": extras.get("dcat_type"),
    }


def _ids(dataset: Dataset, field: str, vocabulary: str) -> list[str]:
    known = (voc.get(vocabulary).get(str(uri)) for uri in as_list(dataset.get(field) or []))
    return [concept.id for concept in known if concept]


def _others(dataset: Dataset) -> str:
    return f"+dataset_type:dataset -id:{_quoted(str(dataset['id']))}"


def _any(values: Iterable[str]) -> str:
    return " OR ".join(map(_quoted, values))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
