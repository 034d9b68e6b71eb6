"""Suggestions of the search box: completion while typing.

All queries go through `package_search`, so that datasets and counts respect the reader's
permissions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import facets
from ckanext.ecosphere.search.index import TERRITORY_FIELD, THEME_FIELD
from ckanext.ecosphere.search.relevance import spelling
from ckanext.ecosphere.search.relevance.words import everyday, stem
from ckanext.ecosphere.shared.template_helpers import shown_title
from ckanext.ecosphere.vocabularies import communes, gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import in_full

SUGGEST_FIELD = "ecosphere_suggest"

#: Facet fields whose values are suggested beside datasets, and how many of each.
PLACES = {THEME_FIELD: 3, TERRITORY_FIELD: 3, "organization": 3}

SHORTEST_PLACE = 3
"""Minimum letters of a prefix."""
LONGEST_PLACE = 4
"""Maximum words of a prefix."""
MOST_PLACES = 3
SMALLEST_COMMUNE = 2_000
"""Minimum population of suggested communes."""
_LENGTH_OF_CODE = 5
"""Length of an INSEE code of a commune, and of a postal code."""

MIN_LENGTH = 2

_ELIDED = re.compile(r"\b[ldLD]['’](?=\w)")
_CONTENT = re.compile(r"\w{3,}")
"""Words of a term that a title that is about it has."""


def datasets(context: Context, text: str, limit: int) -> list[dict[str, str]]:
    """Return datasets whose title or keywords contain words beginning with those typed.

    Args:
        context: action context, with the reader's permissions.
        text: the text typed, with or without accents.
        limit: maximum number of results.

    Returns:
        `name`, `title` and `type` of each dataset, best first.
    """
    # Elided articles are not indexed.
    words = in_full(voc.normalise(_ELIDED.sub("", text))).split()
    if not words:
        return []
    search = {"rows": limit, "fl": ["id", "name", "title", "dataset_type"], "facet": "false"}
    answer = _search(context, q=" ".join(words), qf=SUGGEST_FIELD, mm="100%", **search)
    if not answer["count"]:
        # CKAN's plain schema lacks the field: search its own for prefixes.
        prefixes = " AND ".join(f"{word}*" for word in words)
        answer = _search(context, q=f"title:({prefixes})", **search)
    kinds = _kinds([dataset["id"] for dataset in answer["results"]])
    suggested = []
    for dataset in answer["results"]:
        name, kind = dataset["name"], kinds.get(dataset["id"])
        title = shown_title(dataset.get("title") or name, kind)
        suggested.append({"name": name, "title": title, "type": dataset["dataset_type"]})
    return suggested


def _kinds(package_ids: list[str]) -> dict[str, str | None]:
    """Return the types of resource of some datasets by their ids; the index does not keep them."""
    kind = model.Package.extras["dcat_type"].astext
    query = sa.select(model.Package.id, kind).where(model.Package.id.in_(package_ids))
    return dict(model.Session.execute(query).tuples().all())


def subjects(text: str, limit: int) -> list[str]:
    """Return the subjects of the lists that begin with a text and of which public titles or
    keywords have the words.

    Args:
        text: the text typed, with or without accents.
        limit: maximum number of results.
    """
    start = stem(voc.normalise(text))
    candidates = (term for folded, term in _subjects() if folded.startswith(start))
    present = (term for term in candidates if spelling.catalogue_has(_CONTENT.findall(term)))
    return list(islice(present, limit))


@voc.derived
@cache
def _subjects() -> tuple[tuple[str, str], ...]:
    """Return the catalogue's terms of the lists, as stems and as written, the shortest first."""
    terms = {stem(voc.normalise(term)): term for _asked, called in everyday() for term in called}
    return tuple(sorted(terms.items(), key=lambda each: (len(each[0]), each[0])))


def places(context: Context, text: str) -> dict[str, list[DataDict]]:
    """Return themes, territories and services whose names contain words beginning with those typed.

    Only those with datasets visible to the reader are suggested.

    Returns:
        for each facet field, items with `name`, `label` and `count`, most used first.
    """
    words = voc.normalise(text).split()
    if not words:
        return {}
    answer = _search(context, q="*:*", rows=0, **{"facet.field": list(PLACES)})
    matches: dict[str, list[DataDict]] = {}
    for field, limit in PLACES.items():
        items = [
            {"name": item["name"], "label": item["display_name"], "count": item["count"]}
            for item in answer["search_facets"].get(field, {}).get("items", [])
            if _begins(words, _names(field, item))
        ]
        if items:
            matches[field] = sorted(items, key=lambda item: -item["count"])[:limit]
    return matches


def places_typed(text: str) -> list[dict[str, str]]:
    """Complete a query whose last words are the prefix of a place name, or the code of a commune.

    Args:
        text: the text typed ("zones humides saint-naz", "natura 2000 loz", "38185").

    Returns:
        `kind` and `label` of the place, and `query`, the query with its name; territories and
        natural regions come before communes.
    """
    typed = text.split()
    for number in range(min(len(typed), LONGEST_PLACE), 0, -1):
        start = in_full(voc.normalise(" ".join(typed[-number:])))
        if len(start) < SHORTEST_PLACE:
            continue
        before = " ".join(typed[:-number])
        places = [("territory", name, name) for name in _territories(start, alone=not before)]
        for commune in _communes(start):
            places.append(("commune", commune.label, f"{commune.name} {commune.departement}"))
        if places:
            return [
                {"kind": kind, "label": label, "query": f"{before} {name}".strip()}
                for kind, label, name in places[:MOST_PLACES]
            ]
    return []


def _territories(start: str, *, alone: bool) -> Iterator[str]:
    """Yield names of départements, régions and natural regions.

    Of the latter only, if there are no other words.
    """
    for folded, name, is_area in _place_names():
        if folded.startswith(start) and (is_area or not alone):
            yield name


@cache
def _place_names() -> tuple[tuple[str, str, bool], ...]:
    """Return normalised name, name, and whether it is a natural region,
    of territories and natural regions.
    """
    kinds = ("departement", "region", "outre-mer")
    is_area_by_name: dict[str, bool] = {}
    for concept in voc.get("territories"):
        if concept.data["type"] in kinds:
            is_area_by_name[concept.label_fr] = False
    for name in gazetteer.area_names():
        if not name.startswith(("Bassin ", "Vallée ")):
            is_area_by_name.setdefault(name, True)
    return tuple((voc.normalise(name), name, is_area) for name, is_area in is_area_by_name.items())


def _communes(start: str) -> list[communes.Commune]:
    if len(start) == _LENGTH_OF_CODE and start[-3:].isdigit():
        places = [place for place in gazetteer.named(start) if place.kind == "commune"]
        codes = [place.ids[0].removeprefix("commune-") for place in places]
        return list(filter(None, map(communes.of_code, codes)))
    return communes.beginning(start, MOST_PLACES, SMALLEST_COMMUNE)


def _names(field: str, item: DataDict) -> list[str]:
    """Return the names by which a facet value can be typed: label, alternative labels, code."""
    names = [item["display_name"]]
    concept = voc.get(facets.VOCABULARIES.get(field, "organisations")).get(item["name"])
    if concept:
        names += [*concept.alt_labels, str(concept.data.get("code") or "")]
    return names


def _begins(typed: list[str], names: list[str]) -> bool:
    """Return whether each typed word is a prefix of some word of one of the names."""
    for name in names:
        text = f" {voc.normalise(name)}"  # each word follows a space
        if all(f" {start}" in text for start in typed):
            return True
    return False


def _search(context: Context, **params: Any) -> DataDict:
    fresh = Context(user=context.get("user", ""), auth_user_obj=context.get("auth_user_obj"))
    # Like the search page, include private datasets of the reader's own services.
    return tk.get_action("package_search")(fresh, {"include_private": True, **params})
