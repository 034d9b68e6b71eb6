"""Answer queries in words through CKAN's `package_search`, relaxing them step by step.

Every query goes through CKAN's action, so that permissions, other plugins and the result format remain CKAN's.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError, SearchQueryError
from ckan.types import Context
from flask import has_request_context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import bounds, config, query, setup
from ckanext.ecosphere.search.relevance import (
    catalogue_words,
    corrections,
    counts,
    missing,
    solr_language,
    solr_query,
    understanding,
    words,
)
from ckanext.ecosphere.search.relevance.asked import Asked
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.solr_client import SolrAdminError
from ckanext.ecosphere.shared import dates

log = logging.getLogger(__name__)

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
MOST_FORESEEN = 20
"""Maximum queries counted in one request before one of them is run."""
SEVERAL = 2
"""Minimum queries for which counting in advance is worthwhile."""
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
_SCHEMA_SECONDS = {True: 600, False: 30}


@dataclass(frozen=True)
class Choice:
    """An interpretation of a query, the query chosen for it, and the corrected spelling, if any."""

    understood: Understood
    asked: Asked
    corrected: str = ""


def is_question(data_dict: dict[str, Any]) -> bool:
    """Return whether a search is in words, without Solr syntax, fields or parser of its own."""
    text = data_dict.get("q")
    if not isinstance(text, str) or not text.strip() or any(data_dict.get(name) for name in _OWN_WAY):
        return False
    if query.is_fielded(text) or (solr_language.is_written(text) and not solr_language.is_choice(text)):
        return False
    filters = [data_dict.get("fq"), *(data_dict.get("fq_list") or [])]
    return not any(isinstance(each, str) and _OTHER_TYPES.search(each) for each in filters)


def answer(original: Callable[..., Any], context: Context, data_dict: dict[str, Any]) -> dict[str, Any]:
    """Run a search by the meaning of its query.

    Args:
        original: CKAN's `package_search`.
        context: action context, with the reader's permissions.
        data_dict: parameters of `package_search` for which `is_question` is true.

    Returns:
        the result of `package_search`, with the interpretation under `KEY`.
    """
    extras = data_dict.get("extras") or {}
    without = config.without() | ({"spelling", "steps"} if extras.get(TYPED_PARAMETER) else frozenset())
    place = str(extras.get(PLACE_PARAMETER) or "")

    def understand(text: str) -> Understood:
        return understanding.understand(text, place=place, without=without)

    bounds.check(data_dict, fielded=False)
    typed = data_dict["q"]
    index = Index(original, context, data_dict, without)
    identified = _identified(index, typed)
    understood = identified.understood if identified else understand(typed)
    if "steps" not in without and not identified:
        understood = _with_common_name(index, understood, understand, place)
    best = identified or _chosen(index, understood, understand)
    told = _told(best, index)
    told["as_asked"] = 0 if told["missing"] else index.count(understood.asked)
    if has_request_context() and data_dict.get("rows") != 0:
        # For the page, to which CKAN passes only results and facets.
        tk.g.setdefault(KEY, {})[typed] = {**told, "marked": _marked(best, typed)}
    return {**index.find(best.asked), KEY: told}


def _identified(index: Index, typed: str) -> Choice | None:
    """Return the query for a dataset whose identifier, name or URL was typed; None if there is none."""
    if not _IDENTIFIER.fullmatch(typed.strip()):
        return None
    for each in dict.fromkeys((typed.strip(), typed.strip().lower(), re.split("[/=#:]", typed.strip())[-1])):
        asked = Asked((), identifier=each)
        if each and index.count(asked):
            return Choice(Understood(typed, asked), asked)
    return None


class Index:
    """Results and counts of queries, each requested from Solr once: run fully, or counted together in advance."""

    def __init__(
        self, original: Callable[..., Any], context: Context, data_dict: dict[str, Any], without: frozenset[str]
    ) -> None:
        self.original, self.context, self.data_dict, self.without = original, context, data_dict, without
        self._counts: dict[Asked, int] = {}
        self._found: dict[Asked, dict[str, Any]] = {}

    def find(self, asked: Asked) -> dict[str, Any]:
        """Return the result of `package_search` for a query."""
        if asked not in self._found:
            found = self._found[asked] = _run(self.original, self.context, self.data_dict, asked, self.without)
            self._counts[asked] = found["count"]
        return self._found[asked]

    @property
    def has_titles(self) -> bool:
        """Return whether the results have titles and keywords, which a client can leave out."""
        return self.data_dict.get("rows") != 0 and not self.data_dict.get("fl")

    def page(self, asked: Asked) -> list[dict[str, Any]]:
        """Return the datasets found on this page."""
        return self.find(asked)["results"]

    def knows(self, asked: Asked) -> bool:
        """Return whether a query has been run or counted."""
        return asked in self._counts

    def count(self, asked: Asked) -> int:
        """Return the number of results of a query."""
        return self._counts[asked] if self.knows(asked) else self.find(asked)["count"]

    def near(self, word: str) -> str:
        """Return a corrected spelling of a word; empty if none finds anything for the reader."""
        other = corrections.near(voc.normalise(word), known=self.count(_alone(word)) > 0)
        # The catalogue's words may be some minutes old: a dataset may have become private since.
        return other if corrections.is_of_lists(other) or self.count(_alone(other)) else ""

    def foresee(self, questions: Iterable[Asked]) -> None:
        """Count several queries in advance; a single one is counted when it is run."""
        asked = list(dict.fromkeys(questions))
        if sum(not self.knows(each) for each in asked) >= SEVERAL:
            self.count_at_once(asked)

    def count_at_once(self, questions: Iterable[Asked]) -> None:
        """Count the results of queries with one request to Solr."""
        unknown = [each for each in dict.fromkeys(questions) if not self.knows(each)][:MOST_FORESEEN]
        if not unknown:
            return
        minimum = config.minimum_match()
        written = [solr_query.parameters(each, minimum=minimum, ranked=False, year=None) for each in unknown]
        asked = counts.parameters(written)
        asked["fq_list"] = [*(self.data_dict.get("fq_list") or []), *asked["fq_list"]]
        try:
            with query.written(asked["q"]):
                answer = self.original(self.context, {**self.data_dict, "qf": config.query_fields(), **asked})
        except SearchError as error:
            # Each query is then run, and may fail, separately.
            log.warning("The questions cannot be counted together: %s", error)
            return
        self._counts.update(zip(unknown, counts.read(answer, len(unknown)), strict=True))


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
    unknown = corrections.unknown(understood) if "spelling" not in index.without else []
    foreseen = _foreseen(understood, unknown, understand)
    index.foresee([understood.asked, *_foreseen(placed, [], understand), *foreseen])
    return placed if not index.count(understood.asked) and index.count(placed.asked) else understood


def _chosen(index: Index, understood: Understood, understand: Callable[[str], Understood]) -> Choice:
    """Return the final query for one that may find little or nothing: corrected, at a namesake, or relaxed."""
    spelling_on, steps_on = "spelling" not in index.without, "steps" not in index.without
    unknown = corrections.unknown(understood) if spelling_on else []
    if steps_on and _may_find_little(understood, unknown):
        index.foresee(_foreseen(understood, unknown, understand))
    best = first = Choice(understood, understood.asked)
    count = index.count(best.asked)
    corrected = corrections.corrected(understood, unknown, index.near) if count <= FEW and spelling_on else ""
    if corrected:
        again = understand(corrected)
        found = index.count(again.asked)
        if found > FEW * count or not count:
            best, count = Choice(again, again.asked, corrected), found
    if not count and steps_on:
        best = _at_namesake(best, index)
        count = index.count(best.asked)
    if count <= FEW and steps_on:
        best = _with_less(best, index)
    # Do not report a correction that did not help.
    return best if index.count(best.asked) or not best.corrected else first


def _may_find_little(understood: Understood, unknown: list[str]) -> bool:
    """Return whether a query is likely to find nothing as it is: unknown words, an ambiguous place, or many units."""
    strong = [unit for unit in understood.asked.units if not unit.weak]
    strange = unknown or [unit for unit in strong if not unit.others and catalogue_words.has(unit.words) is False]
    several = len(strong) == MOST_AT_ONCE or bool(understood.others)
    return bool(strange) or len(strong) > MOST_AT_ONCE or (several and understood.place is not None)


def _foreseen(understood: Understood, unknown: list[str], understand: Callable[[str], Understood]) -> list[Asked]:
    """Return the queries that may be needed, most likely first."""
    texts = [understood.text, *_foreseen_corrections(understood, unknown)]
    readings = [understood, *map(understand, (each for each in dict.fromkeys(texts) if each != understood.text))]
    found = [each.asked for each in readings]
    found += map(_alone, unknown)
    near = [corrections.near(voc.normalise(word), foreseen=True) for word in unknown]
    found += [_alone(other) for other in near if not corrections.is_of_lists(other)]
    for each in reversed(readings):
        found += [replace(each.asked, place=other) for other in (each.others if each.place else ())[:MOST_NAMESAKES]]
        found += understanding.steps(each.asked)[:MOST_STEPS]
    for each in reversed(readings):
        found += understanding.steps(each.asked)[MOST_STEPS:]
    return found


def _foreseen_corrections(understood: Understood, unknown: list[str]) -> Iterator[str]:
    """Yield the possible corrections of the query, whichever of its unknown words the catalogue has."""
    in_doubt = unknown[:MOST_IN_DOUBT]
    for number in range(len(in_doubt) + 1) if unknown else ():
        for known in map(set, combinations(in_doubt, number)):
            near = {word: corrections.near(voc.normalise(word), known=word in known, foreseen=True) for word in unknown}
            if text := corrections.corrected(understood, unknown, near.__getitem__):
                yield text


def _at_namesake(best: Choice, index: Index) -> Choice:
    """Move the query to another place of the same name if the first has no results ("bruit saint-denis")."""
    understood = best.understood
    name = voc.normalise(understood.place.label) if understood.place else ""
    for place in understood.others if understood.place else ():
        if name != voc.normalise(place.label) and f"{name} " in voc.normalise(place.label):
            continue  # only part of the other's name: "Saint-Martin" in Saint-Martin-d'Hères
        asked = replace(best.asked, place=place)
        if index.count(asked):
            others = tuple(each for each in (best.asked.place, *understood.others) if each and each != place)
            return replace(best, asked=asked, understood=replace(understood, asked=asked, others=others))
    return best


def _with_less(best: Choice, index: Index) -> Choice:
    """Relax the query step by step (words, the place, then more) until it has enough results."""
    steps = understanding.steps(best.understood.asked)
    count = index.count(best.asked)
    for number, asked in enumerate(steps):
        # Steps that drop the place or most words are only for queries without any results.
        if count and (not asked.strict or asked.optional or not asked.units):
            break
        if number and not index.knows(asked):
            index.foresee(steps[number:])
        found = index.count(asked)
        if found > count:
            best, count = replace(best, asked=asked), found
        if count > FEW:
            break
    return best


def _run(
    original: Callable[..., Any], context: Context, data_dict: dict[str, Any], asked: Asked, without: frozenset[str]
) -> dict[str, Any]:
    def ask(year: int | None) -> dict[str, Any]:
        ranked = "ranking" not in without
        parameters = solr_query.parameters(asked, minimum=config.minimum_match(), ranked=ranked, year=year)
        parameters["fq_list"] = [*(data_dict.get("fq_list") or []), *parameters["fq_list"]]
        with query.written(parameters["q"]):
            # CKAN's action changes its parameters.
            return original(context, {**data_dict, "qf": config.query_fields(), "tie": config.tie(), **parameters})

    if not has_numbers():
        return ask(None)
    try:
        return ask(dates.today().year)
    except SearchQueryError:
        raise
    except SearchError:
        # The schema of the index may have changed.
        forget_schema()
        return ask(None)


def _alone(word: str) -> Asked:
    return Asked((words.Unit((word,)),))


def _told(best: Choice, index: Index) -> dict[str, Any]:
    """Return the interpretation of the query, for pages and API clients."""
    asked, place = best.asked, best.understood.place
    # What is shown of other places says nothing about this one.
    shown = index.page(asked) if asked.strict else []
    lacking = missing.subjects(best.understood, index, shown) if index.has_titles else []
    dropped = not lacking and (
        asked.optional > best.understood.asked.optional
        or asked.core
        or (not asked.units and bool(best.understood.asked.units))
    )
    return {
        "place": {"id": place.ids[0], "title": place.title, "kind": place.kind} if place else None,
        "other_places": [{"id": each.ids[0], "title": each.title} for each in best.understood.others],
        "place_words": " ".join(best.understood.place_words),
        "elsewhere": bool(place) and not asked.strict and not index.count(replace(asked, strict=True)),
        "words": [unit.text for unit in best.understood.asked.units],
        "corrected": best.corrected,
        "fewer_words": dropped,
        "unsaid": missing.everyday(asked, index),
        "missing": lacking,
        "place_only": not asked.units and bool(best.understood.asked.units),
        "excluded": [{"kind": each.kind, "title": each.title} for each in asked.excluded],
        "wanted": best.understood.wanted,
    }


def _marked(best: Choice, typed: str) -> str:
    """Return the words to mark in results: as typed or corrected, and the catalogue's names for them."""
    called = (name for unit in best.asked.units for name in unit.others[: unit.called])
    return " ".join([best.understood.wanted or typed, *called])


_schema: dict[str, tuple[float, bool]] = {}


def has_numbers() -> bool:
    """Return whether the index has the numeric fields of the record's boost.

    Cached for ten minutes, or for half a minute if it has not, since the schema may be being set up.
    """
    url = tk.config["solr_url"]
    read, known = _schema.get(url, (0.0, False))
    if not read or time.monotonic() - read > _SCHEMA_SECONDS[known]:
        try:
            fields = setup.solr().schema()["fields"]
            numbers = {each["name"] for each in fields if each["type"] == "pint"}
            known = numbers.issuperset(solr_query.NUMBER_FIELDS)
        except SolrAdminError:
            known = False
        _schema[url] = (time.monotonic(), known)
    return known


def forget_schema() -> None:
    """Clear the cached schema information."""
    _schema.clear()
