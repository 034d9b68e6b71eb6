"""Answer queries in words through CKAN's `package_search`, relaxing them step by step.

Every query goes through CKAN's action, so that permissions, other plugins and the result format remain CKAN's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context
from flask import has_request_context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import config, query
from ckanext.ecosphere.search.relevance import (
    catalogue_words,
    missing,
    solr_language,
    spelling,
    understanding,
)
from ckanext.ecosphere.search.relevance.results import Index, alone
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.relevance.words import Question

KEY = "ecosphere_search"
"""Key of the result under which the interpretation of the query is returned."""
PLACE_PARAMETER = "ext_place"
"""Parameter in `extras`: index value of the place chosen on the page, or `off`."""
EVERYWHERE = "off"
TYPED_PARAMETER = "ext_typed"
"""Parameter in `extras`: when set, all words are required as typed."""

FEW = 5
"""Maximum number of results up to which a corrected spelling is tried (and used if it finds more than `FEW` times as
many), then a relaxed query."""
MOST_STEPS = 4
"""Steps of an interpretation counted before those of the others: most queries end within these."""
MOST_IN_DOUBT = 2
"""Unknown words for which both cases, present in or missing from the catalogue, are counted in advance."""
MOST_AT_ONCE = 2
"""Units that datasets of one place often have together."""
MOST_NAMESAKES = 2
"""Namesakes counted in advance."""
_OWN_WAY = ("qf", "mm", "defType", "bf", "boost", "df")
_IDENTIFIER = re.compile(
    r"(?:https?://|urn:)[\w.:/?=&#%~+-]{4,300}"
    r"|(?=[\w.-]*\d)(?=[\w.-]*[_-])[\w.-]{8,200}"
    r"|[a-z0-9]+(?:-[a-z0-9]+){2,99}"
)
"""Possible identifier or dataset name: a single word of several parts."""
_OTHER_TYPES = re.compile(r"(?<![\w-])dataset_type:(?!\"?dataset\b)")


@dataclass(frozen=True)
class Choice:
    """An interpretation of a query, the query chosen for it, and the corrected spelling, if any."""

    understood: Understood
    question: Question
    corrected: str = ""


def is_question(data_dict: dict[str, Any]) -> bool:
    """Return whether a search is in words, without Solr syntax, fields or parser of its own."""
    text = data_dict.get("q")
    if (
        not isinstance(text, str)
        or not text.strip()
        or any(data_dict.get(name) for name in _OWN_WAY)
    ):
        return False
    if query.is_fielded(text):
        return False
    if solr_language.is_written(text) and not solr_language.is_choice(text):
        return False
    filters = [data_dict.get("fq"), *(data_dict.get("fq_list") or [])]
    return not any(isinstance(text, str) and _OTHER_TYPES.search(text) for text in filters)


def answer(
    original: Callable[..., Any], context: Context, data_dict: dict[str, Any]
) -> dict[str, Any]:
    """Run a search by the meaning of its query.

    Args:
        original: CKAN's `package_search`.
        context: action context, with the reader's permissions.
        data_dict: parameters of `package_search` for which `is_question` is true.

    Returns:
        the result of `package_search`, with the interpretation under `KEY`.
    """
    query.check(data_dict, fielded=False)
    extras = data_dict.get("extras") or {}
    without = config.without()
    if extras.get(TYPED_PARAMETER):
        without |= {"spelling", "steps"}
    place = str(extras.get(PLACE_PARAMETER) or "")

    def understand(text: str) -> Understood:
        return understanding.understand(text, place=place, without=without)

    typed = data_dict["q"]
    index = Index(original, context, data_dict, without)
    choice = _identified(index, typed)
    if choice:
        understood = choice.understood
    else:
        understood = understand(typed)
        if "steps" not in without:
            understood = _with_common_name(index, understood, understand, place)
        choice = _chosen(index, understood, understand)
    summary = _summary(choice, index)
    summary["as_asked"] = 0 if summary["missing"] else index.count(understood.question)
    if has_request_context() and data_dict.get("rows") != 0:
        # For the page, to which CKAN passes only results and facets.
        marked = _words_to_mark(choice, typed)
        tk.g.setdefault(KEY, {})[typed] = {**summary, "marked": marked}
    return {**index.find(choice.question), KEY: summary}


def _identified(index: Index, typed: str) -> Choice | None:
    """Return the query for a dataset whose identifier, name or URL was typed; None if there is none."""
    text = typed.strip()
    if not _IDENTIFIER.fullmatch(text):
        return None
    last_part = re.split("[/=#:]", text)[-1]
    for identifier in dict.fromkeys((text, text.lower(), last_part)):
        question = Question((), identifier=identifier)
        if identifier and index.count(question):
            return Choice(Understood(typed, question), question)
    return None


def _with_common_name(
    index: Index, understood: Understood, understand: Callable[[str], Understood], place: str
) -> Understood:
    """Interpret a common word as the commune of that name, if the query finds nothing otherwise.

    Args:
        index: results and counts.
        understood: the interpretation of the query.
        understand: interprets another text.
        place: the chosen place, see `PLACE_PARAMETER`.
    """
    placed = understanding.with_common_name(understood, place=place, without=index.without)
    if placed is None:
        return understood
    # Count the next candidates as well, so that Solr is queried once.
    unknown = []
    if "spelling" not in index.without:
        unknown = spelling.unknown(understood)
    candidates = [understood.question, *_candidates(placed, [], understand)]
    index.foresee([*candidates, *_candidates(understood, unknown, understand)])
    if not index.count(understood.question) and index.count(placed.question):
        return placed
    return understood


def _chosen(
    index: Index, understood: Understood, understand: Callable[[str], Understood]
) -> Choice:
    """Return the final query for one that may find little or nothing: corrected, at a namesake, or relaxed."""
    corrects, relaxes = "spelling" not in index.without, "steps" not in index.without
    unknown = spelling.unknown(understood) if corrects else []
    if relaxes and _may_find_little(understood, unknown):
        index.foresee(_candidates(understood, unknown, understand))
    first = Choice(understood, understood.question)
    best, count = first, index.count(first.question)
    if corrects and count <= FEW:
        corrected = spelling.corrected(understood, unknown, index.near)
        if corrected:
            again = understand(corrected)
            count_again = index.count(again.question)
            if not count or count_again > FEW * count:
                best, count = Choice(again, again.question, corrected), count_again
    if relaxes and not count:
        best = _at_namesake(best, index)
        count = index.count(best.question)
    if relaxes and count <= FEW:
        best = _with_less(best, index)
    # Do not report a correction that did not help.
    if best.corrected and not index.count(best.question):
        return first
    return best


def _may_find_little(understood: Understood, unknown: list[str]) -> bool:
    """Return whether a query is likely to find nothing as it is: unknown words, an ambiguous place, or many units."""
    strong = [unit for unit in understood.question.units if not unit.weak]
    if unknown or len(strong) > MOST_AT_ONCE:
        return True
    if any(not unit.others and catalogue_words.has(unit.words) is False for unit in strong):
        return True
    several = len(strong) == MOST_AT_ONCE or bool(understood.others)
    return several and understood.place is not None


def _candidates(
    understood: Understood, unknown: list[str], understand: Callable[[str], Understood]
) -> list[Question]:
    """Return the queries that may be needed, most likely first.

    Args:
        understood: the interpretation of the query.
        unknown: its words that may be misspelt.
        understand: interprets another text.
    """
    texts = dict.fromkeys(_possible_corrections(understood, unknown))
    readings = [understood, *(understand(text) for text in texts if text != understood.text)]
    candidates = [reading.question for reading in readings]
    candidates += map(alone, unknown)
    for word in unknown:
        near = spelling.near(voc.normalise(word), foreseen=True)
        if not spelling.is_of_lists(near):
            candidates.append(alone(near))
    for reading in reversed(readings):
        if reading.place:
            namesakes = reading.others[:MOST_NAMESAKES]
            candidates += [replace(reading.question, place=namesake) for namesake in namesakes]
        candidates += understanding.steps(reading.question)[:MOST_STEPS]
    for reading in reversed(readings):
        candidates += understanding.steps(reading.question)[MOST_STEPS:]
    return candidates


def _possible_corrections(understood: Understood, unknown: list[str]) -> Iterator[str]:
    """Yield the possible corrections of the query, whichever of its unknown words the catalogue has."""
    if not unknown:
        return
    in_doubt = unknown[:MOST_IN_DOUBT]
    for number in range(len(in_doubt) + 1):
        for of_catalogue in combinations(in_doubt, number):
            near = {
                word: spelling.near(voc.normalise(word), known=word in of_catalogue, foreseen=True)
                for word in unknown
            }
            text = spelling.corrected(understood, unknown, near.__getitem__)
            if text:
                yield text


def _at_namesake(best: Choice, index: Index) -> Choice:
    """Move the query to another place of the same name if the first has no results ("bruit saint-denis")."""
    understood = best.understood
    if not understood.place:
        return best
    name = voc.normalise(understood.place.label)
    for place in understood.others:
        other_name = voc.normalise(place.label)
        if name != other_name and f"{name} " in other_name:
            continue  # only part of the other's name: "Saint-Martin" in Saint-Martin-d'Hères
        question = replace(best.question, place=place)
        if index.count(question):
            others = (best.question.place, *understood.others)
            others = tuple(other for other in others if other and other != place)
            moved = replace(understood, question=question, others=others)
            return replace(best, question=question, understood=moved)
    return best


def _with_less(best: Choice, index: Index) -> Choice:
    """Relax the query step by step (words, the place, then more) until it has enough results."""
    steps = understanding.steps(best.understood.question)
    count = index.count(best.question)
    for number, question in enumerate(steps):
        # Steps that drop the place or most words are only for queries without any results.
        if count and (not question.strict or question.optional or not question.units):
            break
        if number and not index.knows(question):
            index.foresee(steps[number:])
        count_of_step = index.count(question)
        if count_of_step > count:
            best, count = replace(best, question=question), count_of_step
        if count > FEW:
            break
    return best


def _summary(choice: Choice, index: Index) -> dict[str, Any]:
    """Return the interpretation of the query, for pages and API clients."""
    question, understood = choice.question, choice.understood
    place, first = understood.place, understood.question
    # What is shown of other places says nothing about this one.
    results = index.find(question)["results"] if question.strict else []
    lacking = []
    if index.has_titles:
        lacking = missing.subjects(understood, index, results)
    place_only = not question.units and bool(first.units)
    relaxed = question.core or place_only or question.optional > first.optional
    place_read, elsewhere = None, False
    if place:
        place_read = {"id": place.ids[0], "title": place.title, "kind": place.kind}
        elsewhere = not question.strict and not index.count(replace(question, strict=True))
    return {
        "place": place_read,
        "other_places": [{"id": other.ids[0], "title": other.title} for other in understood.others],
        "place_words": " ".join(understood.place_words),
        "elsewhere": elsewhere,
        "words": [unit.text for unit in first.units],
        "corrected": choice.corrected,
        "fewer_words": relaxed and not lacking,
        "unsaid": missing.everyday(question, index),
        "missing": lacking,
        "place_only": place_only,
        "excluded": [
            {"kind": excluded.kind, "title": excluded.title} for excluded in question.excluded
        ],
        "wanted": understood.wanted,
    }


def _words_to_mark(choice: Choice, typed: str) -> str:
    """Return the words to mark in results: as typed or corrected, and the catalogue's names for them."""
    names = [name for unit in choice.question.units for name in unit.others[: unit.called]]
    return " ".join([choice.understood.wanted or typed, *names])
