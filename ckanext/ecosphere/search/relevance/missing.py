"""Report what a query asks for and no dataset is about, before what comes nearest is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance import catalogue_words, spelling
from ckanext.ecosphere.search.relevance.results import Index
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.relevance.words import Question, Unit, is_translated, read_all, stem

MOST = 3
"""Maximum number of subjects reported as missing."""
MOST_NAMES = 3
"""Maximum alternative names reported per expression."""
_BETWEEN = r"\W+(?:\w{1,4}\W+){0,3}"
"""What stands between the words of an expression: "restriction d'eau"."""


def subjects(
    understood: Understood, index: Index, datasets: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the subjects that no dataset of the place has in its title or keywords.

    Solr is only queried for those that no dataset of the page has.

    Args:
        understood: the interpreted query.
        index: the index as the reader sees it.
        datasets: those of the page.

    Returns:
        for each `words`, as typed; `place`, "" for everywhere; `mentioned`: number of datasets there that have the
        words elsewhere; `elsewhere`: number of datasets of other places about it; `names`: what was searched beside it.
    """
    question = understood.question
    texts = [_stems_of(dataset) for dataset in datasets]
    strong = [unit for unit in question.units if not unit.weak]
    if any(unit.core for unit in strong):
        # An ordinary word beside a subject need not be one itself ("quelles espèces faut-il prendre en compte").
        strong = [unit for unit in strong if unit.core or not _is_ordinary(unit)]
    unseen = [unit for unit in strong if _is_subject(unit, question) and not _is_in(unit, texts)]
    queries = {unit: _queries(unit, question) for unit in unseen[:MOST]}
    index.count_at_once(query for of_unit in queries.values() for query in of_unit)
    place_title = question.place.title if question.place else ""
    lacking = []
    for unit, (about, mentioned, anywhere) in queries.items():
        if index.count(about):
            continue
        number = index.count(mentioned)
        if not number or unit.core or len(strong) == 1:
            elsewhere = index.count(anywhere) if question.place else 0
            lacking.append(
                {
                    "words": quoted(unit, understood.wanted),
                    "place": place_title,
                    "mentioned": number,
                    "elsewhere": elsewhere,
                    "names": list(unit.others[: unit.called])[:MOST_NAMES],
                }
            )
    return lacking


def _queries(unit: Unit, question: Question) -> tuple[Question, Question, Question]:
    """Return the queries for what is about a subject at the place, mentions it there, and is about it anywhere."""
    mentioned = Question(
        (_alone(unit),), place=question.place, service=question.service, excluded=question.excluded
    )
    about = replace(mentioned, about=True)
    return about, mentioned, replace(about, place=None, service=())


def _is_subject(unit: Unit, question: Question) -> bool:
    """Return whether a unit can be missing: neither a number, a table name, a possible place, nor an everyday word.

    An everyday word that the catalogue uses itself is a subject of it.
    """
    if "_" in unit.text or unit.text.isdigit() or unit.words == question.maybe_words:
        return False
    return not is_translated(unit) or bool(catalogue_words.has(unit.words))


def _is_ordinary(unit: Unit) -> bool:
    folded = [voc.normalise(word) for word in unit.words]
    return all(spelling.is_french(word) or spelling.is_place(word) for word in folded)


def _stems_of(dataset: Mapping[str, Any]) -> frozenset[str]:
    """Return the stems of title and keywords of a dataset, as `package_search` returns it."""
    texts = [str(dataset.get("title") or "")]
    for tag in dataset.get("tags") or ():
        if isinstance(tag, dict):
            texts.append(tag["display_name"])
        else:
            texts.append(tag)
    return frozenset(word.stem for word in read_all(" ".join(texts)))


def _is_in(unit: Unit, texts: list[frozenset[str]]) -> bool:
    stems = {stem(voc.normalise(word)) for word in unit.words}
    return any(stems <= text for text in texts)


def quoted(unit: Unit, text: str) -> str:
    """Return a unit as it was typed, with the small words that the unit lacks.

    >>> quoted(Unit(("restriction", "eau")), "Restriction d'eau dans le Tarn")
    "Restriction d'eau"
    """
    match = re.search(_BETWEEN.join(map(re.escape, unit.words)), text, re.IGNORECASE)
    if match:
        return match[0]
    return unit.text


def everyday(question: Question, index: Index) -> list[dict[str, Any]]:
    """Return everyday expressions that no dataset contains, found by alternative names only: `words` and `names`."""
    strange = [unit for unit in spelling.strange(question.units) if is_translated(unit)]
    queries = {unit: Question((_alone(unit),)) for unit in strange}
    index.count_at_once(queries.values())
    return [
        {"words": unit.text, "names": list(unit.others[: unit.called])[:MOST_NAMES]}
        for unit, query in queries.items()
        if not index.count(query) and index.count(question)
    ]


def _alone(unit: Unit) -> Unit:
    return replace(unit, others=(), called=0)
