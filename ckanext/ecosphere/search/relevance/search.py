"""Answer queries in words: `package_search` chooses the query for Solr, and says how it was read.

`understanding` interprets the text (`Understood`) as a query for Solr (`Question`). If it finds
little or nothing, others are tried: corrected, at a place of the same name, or relaxed. Every query
goes through CKAN's action, so that permissions, other plugins and the format of the result remain
CKAN's.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError, SearchQueryError
from ckan.types import Context, DataDict
from flask import has_request_context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.search import config, facets, query, solr_schema, unfound
from ckanext.ecosphere.search.relevance import solr, spelling, understanding
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.relevance.words import Question, Unit, is_translated, read_all, stem
from ckanext.ecosphere.shared import dates

log = logging.getLogger(__name__)

KEY = "ecosphere_search"
"""Key of the result under which the interpretation of the query is returned."""
PLACE_PARAMETER = "ext_place"
"""Parameter in `extras`: index value of the place chosen on the page, or `EVERYWHERE`."""
EVERYWHERE = "off"
TYPED_PARAMETER = "ext_typed"
"""Parameter in `extras`: when set, all words are required as typed."""

FEW = 5
"""Number of results up to which other queries are tried: a corrected one, which is used if it finds
more than `FEW` times as many, then a relaxed one."""
MOST_COUNTED = 20
"""Maximum queries counted with one request to Solr."""
FEWEST_COUNTED = 2
"""Minimum queries for which such a request is worthwhile."""
_TYPE_FIELD = "dataset_type"
"""Field with exactly one value per dataset: the sum over its values is the number of datasets."""
_SCHEMA_SECONDS = {True: 600, False: 30}
"""Answer of `_has_record_fields` → seconds for which it is remembered."""
MOST_MISSING = 3
"""Maximum number of subjects reported as missing."""
MOST_NAMES = 3
"""Maximum alternative names reported per expression."""
_BETWEEN_WORDS = r"\W+(?:\w{1,4}\W+){0,3}"
"""Pattern of what is between the words of an expression: "restriction d'eau"."""
_SOLR_PARAMETERS = ("qf", "mm", "defType", "bf", "boost", "df")
"""Parameters with which a client queries Solr in its own way."""
_IDENTIFIER = re.compile(
    r"(?:https?://|urn:)[\w.:/?=&#%~+-]{4,300}"
    r"|(?=[\w.-]*\d)(?=[\w.-]*[_-])[\w.-]{8,200}"
    r"|[a-z0-9]+(?:-[a-z0-9]+){2,99}"
)
"""Possible identifier or dataset name: a single word of several parts."""
_OF_OTHER_TYPES = re.compile(r"(?<![\w-])dataset_type:(?!\"?dataset\b)")
"""Part of a filter for packages of other types, such as harvest sources."""


@dataclass(frozen=True)
class Choice:
    """A query chosen for Solr.

    Attributes:
        understood: the interpretation of the text.
        question: the query: that of the interpretation, or a relaxed one.
        corrected: the text with its spelling corrected, "" if it is as typed.
    """

    understood: Understood
    question: Question
    corrected: str = ""


@tk.chained_action
@tk.side_effect_free
def package_search(original_action: Any, context: Context, data_dict: DataDict) -> Any:
    """Search datasets: interpret a query in words, and try others if it finds little or nothing.

    Queries in Solr's syntax, and those that set fields or a parser, are passed to CKAN unchanged.
    Beside CKAN's keys, the result has `ecosphere_search`: the place recognised and others of the
    same name, the words, corrections, and whether the query was relaxed. Several values of one
    facet are alternatives, on pages, in feeds and (as `ext_facets`) in the API.

    Raises:
        ValidationError: `extras` is not an object.
        SearchQueryError: `ext_facets` is not an object of fields with lists of values, or too
            large.
    """
    # CKAN and ckanext-spatial would fail with an internal error.
    if not isinstance(data_dict.get("extras") or {}, dict):
        raise tk.ValidationError(
            {"extras": [tk._("This must be an object with names and values.")]}
        )
    search_params = facets.prepare(data_dict)
    if not is_question(search_params):
        return original_action(context, search_params)
    result = answer(original_action, context, search_params)
    if result[KEY]["as_asked"] == 0:
        unfound.note(search_params)
    return result


def is_question(data_dict: DataDict) -> bool:
    """Return whether a search is in words, without Solr syntax, fields or parser of its own."""
    text = data_dict.get("q")
    if not isinstance(text, str) or not text.strip():
        return False
    if any(data_dict.get(name) for name in _SOLR_PARAMETERS) or query.is_fielded(text):
        return False
    if query.has_syntax(text) and not query.is_choice(text):
        return False
    filters = [data_dict.get("fq"), *(data_dict.get("fq_list") or [])]
    return not any(isinstance(clause, str) and _OF_OTHER_TYPES.search(clause) for clause in filters)


def answer(original: Callable[..., Any], context: Context, data_dict: DataDict) -> DataDict:
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
    place = str(extras.get(PLACE_PARAMETER) or "")
    typed = data_dict["q"]
    index = Index(original, context, data_dict)
    choice = _identified(index, typed)
    if choice:
        understood = choice.understood
    else:
        understood = understanding.understand(typed, place=place)
        choice = Choice(understood, understood.question)
        if not extras.get(TYPED_PARAMETER):
            understood = _with_common_name(index, understood, place)
            choice = _choose(index, understood, place)
    summary = _summary(choice, index)
    # Number of results of the text as typed; none if a subject of it is missing.
    summary["as_asked"] = 0
    if not summary["missing"]:
        summary["as_asked"] = index.count(understood.question)
    if has_request_context() and data_dict.get("rows") != 0:
        # For the page, to which CKAN passes only results and facets.
        marked = _words_to_mark(choice, typed)
        tk.g.setdefault(KEY, {})[typed] = {**summary, "marked": marked}
    return {**index.find(choice.question), KEY: summary}


def _identified(index: Index, typed: str) -> Choice | None:
    """Return the query for the dataset whose identifier, name or URL was typed, if there is one."""
    text = typed.strip()
    if not _IDENTIFIER.fullmatch(text):
        return None
    last_part = re.split("[/=#:]", text)[-1]
    for identifier in dict.fromkeys((text, text.lower(), last_part)):
        question = Question((), identifier=identifier)
        if identifier and index.count(question):
            return Choice(Understood(typed, question), question)
    return None


def _with_common_name(index: Index, understood: Understood, place: str) -> Understood:
    """Return the query with a common word read as a commune, if it finds something only then."""
    placed = understanding.with_common_name(understood, place=place)
    if placed and not index.count(understood.question) and index.count(placed.question):
        return placed
    return understood


# --- other queries, if one finds little or nothing ---


def _choose(index: Index, understood: Understood, place: str) -> Choice:
    """Return the query to run: as typed, or else corrected, at a namesake, or relaxed.

    Each of these is only tried if those before it do not find enough.

    Args:
        index: results and counts.
        understood: the interpretation of the query.
        place: the chosen place, see `PLACE_PARAMETER`.
    """
    first = Choice(understood, understood.question)
    best = first
    count = index.count(first.question)
    if count <= FEW:
        corrected = _corrected(index, understood, place)
        if corrected:
            corrected_count = index.count(corrected.question)
            if not count or corrected_count > FEW * count:
                best, count = corrected, corrected_count
    if not count:
        best = _at_namesake(best, index)
        count = index.count(best.question)
    if count <= FEW:
        best = _relaxed(best, index)
    # Do not report a correction that did not help.
    if best.corrected and not index.count(best.question):
        return first
    return best


def _corrected(index: Index, understood: Understood, place: str) -> Choice | None:
    """Return the query with its misspelt words corrected; None if there are none.

    All that has to be counted for this is counted with one request.
    """
    # A near match of a whole expression is more reliable than one of a single word.
    with_expression = spelling.with_expression_corrected(understood)
    candidates: dict[str, str] = {}
    for word in spelling.unknown(understood):
        other = spelling.near(voc.normalise(word))
        if other and word in with_expression:
            candidates[word] = other
    text = spelling.with_words_replaced(with_expression, candidates)
    corrected = understanding.understand(text, place=place)
    if candidates:
        uncertain = [other for other in candidates.values() if not spelling.is_of_lists(other)]
        words = map(alone, [*candidates, *uncertain])
        index.count_at_once([*words, corrected.question])
        misspelt = {}
        for word, other in candidates.items():
            if _is_misspelt(index, word, other):
                misspelt[word] = other
        if misspelt != candidates:
            text = spelling.with_words_replaced(with_expression, misspelt)
            corrected = understanding.understand(text, place=place)
    if text == understood.text:
        return None
    return Choice(corrected, corrected.question, text)


def _is_misspelt(index: Index, word: str, other: str) -> bool:
    """Return whether no dataset that the reader may see has a word, but some have the other one.

    The name of a place with a wrong letter is misspelt even if datasets have it.
    """
    if index.count(alone(word)) and not spelling.is_place_misspelt(voc.normalise(word), other):
        return False
    # The catalogue's words may be some minutes old: a dataset may have become private since.
    return spelling.is_of_lists(other) or index.count(alone(other)) > 0


def _at_namesake(best: Choice, index: Index) -> Choice:
    """Return the query at the first other place of the same name that has results.

    As it is if there is none. "bruit saint-denis" may mean one of several communes.
    """
    understood = best.understood
    if not understood.place:
        return best
    name = voc.normalise(understood.place.label)
    index.count_at_once(replace(best.question, place=place) for place in understood.others)
    for place in understood.others:
        other_name = voc.normalise(place.label)
        if name != other_name and f"{name} " in other_name:
            continue  # only part of the other's name: "Saint-Martin" in Saint-Martin-d'Hères
        question = replace(best.question, place=place)
        if index.count(question):
            namesakes = (understood.place, *understood.others)
            others = tuple(other for other in namesakes if other != place)
            moved = replace(understood, question=question, others=others)
            return replace(best, question=question, understood=moved)
    return best


def _relaxed(best: Choice, index: Index) -> Choice:
    """Return the query relaxed step by step (`understanding.steps`) until it finds enough."""
    steps = understanding.steps(best.understood.question)
    count = index.count(best.question)
    index.count_at_once(steps)
    for question in steps:
        # Steps that drop the place or most words are only for queries without any results.
        if count and (not question.strict or question.optional or not question.units):
            break
        count_of_step = index.count(question)
        if count_of_step > count:
            best, count = replace(best, question=question), count_of_step
        if count > FEW:
            break
    return best


# --- what is said of the query ---


def _summary(choice: Choice, index: Index) -> DataDict:
    """Return the interpretation of the query, for pages and API clients."""
    question, understood = choice.question, choice.understood
    place = understood.place
    first = understood.question  # before it was relaxed
    results = []
    if question.strict:  # datasets of other places say nothing about this one
        results = index.find(question)["results"]
    missing = []
    if index.has_titles:
        missing = missing_subjects(understood, index, results)
    place_only = not question.units and bool(first.units)
    relaxed = question.core or place_only or question.optional > first.optional
    place_read = None
    elsewhere = False
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
        "fewer_words": relaxed and not missing,
        "unsaid": unsaid(question, index),
        "missing": missing,
        "place_only": place_only,
        "excluded": [
            {"kind": excluded.kind, "title": excluded.title} for excluded in question.excluded
        ],
        "wanted": understood.wanted,
    }


def _words_to_mark(choice: Choice, typed: str) -> str:
    """Return the words to mark in results: those of the query, and their names in the catalogue."""
    words = [choice.understood.wanted or typed]
    for unit in choice.question.units:
        words += unit.names_in_catalogue
    return " ".join(words)


def missing_subjects(
    understood: Understood, index: Index, datasets: Sequence[Row]
) -> list[DataDict]:
    """Return the subjects that no dataset of the place has in its title or keywords.

    Solr is only queried for those that no dataset of the page has.

    Args:
        understood: the interpreted query.
        index: the index as the reader sees it.
        datasets: those of the page.

    Returns:
        for each `words`, as typed; `place`, "" for everywhere; `mentioned`: number of datasets
        there that have the words elsewhere, as in the description; `elsewhere`: number of datasets
        of other places about it; `names`: alternative names that were searched, too.
    """
    question = understood.question
    texts = [_stems_of(dataset) for dataset in datasets]
    strong = [unit for unit in question.units if not unit.weak]
    if any(unit.core for unit in strong):
        # An ordinary word beside a subject need not be one itself ("quelles espèces faut-il prendre
        # en compte").
        strong = [unit for unit in strong if unit.core or not _is_ordinary(unit)]
    unseen = [unit for unit in strong if _is_subject(unit, question) and not _is_in(unit, texts)]
    queries = {unit: _queries(unit, question) for unit in unseen[:MOST_MISSING]}
    index.count_at_once(chain.from_iterable(queries.values()))
    missing = []
    for unit, (about, mentioned, anywhere) in queries.items():
        if index.count(about):
            continue
        number = index.count(mentioned)
        if not number or unit.core or len(strong) == 1:
            place_title, elsewhere = "", 0
            if question.place:
                place_title, elsewhere = question.place.title, index.count(anywhere)
            missing.append(
                {
                    "words": quoted(unit, understood.wanted),
                    "place": place_title,
                    "mentioned": number,
                    "elsewhere": elsewhere,
                    "names": list(unit.names_in_catalogue[:MOST_NAMES]),
                }
            )
    return missing


def _queries(unit: Unit, question: Question) -> tuple[Question, Question, Question]:
    """Return three queries: what is about a subject at the place, mentions it there, is about it
    anywhere.
    """
    mentioned = Question(
        (_without_names(unit),),
        place=question.place,
        service=question.service,
        excluded=question.excluded,
    )
    about = replace(mentioned, about=True)
    return about, mentioned, replace(about, place=None, service=())


def _is_subject(unit: Unit, question: Question) -> bool:
    """Return whether a unit can be missing.

    Numbers, names of tables, words that may be a place and everyday words cannot; an everyday word
    that the catalogue uses itself can.
    """
    if "_" in unit.text or unit.text.isdigit() or unit.words == question.maybe_words:
        return False
    return not is_translated(unit) or bool(spelling.catalogue_has(unit.words))


def _is_ordinary(unit: Unit) -> bool:
    """Return whether a unit has only common words of French and names of places."""
    folded = [voc.normalise(word) for word in unit.words]
    return all(spelling.is_french(word) or spelling.is_place(word) for word in folded)


def _stems_of(dataset: Row) -> frozenset[str]:
    """Return the stems of title and keywords of a dataset, as `package_search` returns it."""
    texts = [str(dataset.get("title") or "")]
    for tag in dataset.get("tags") or ():
        if isinstance(tag, dict):
            texts.append(tag["display_name"])
        else:
            texts.append(tag)
    return frozenset(word.stem for word in read_all(" ".join(texts)))


def _is_in(unit: Unit, texts: list[frozenset[str]]) -> bool:
    """Return whether one of the texts, given as their stems, has all words of a unit."""
    stems = {stem(voc.normalise(word)) for word in unit.words}
    return any(stems <= text for text in texts)


def quoted(unit: Unit, text: str) -> str:
    """Return a unit as it was typed in a text, with the small words that the unit lacks.

    >>> quoted(Unit(("restriction", "eau")), "Restriction d'eau dans le Tarn")
    "Restriction d'eau"
    """
    match = re.search(_BETWEEN_WORDS.join(map(re.escape, unit.words)), text, re.IGNORECASE)
    if match:
        return match[0]
    return unit.text


def unsaid(question: Question, index: Index) -> list[DataDict]:
    """Return the everyday expressions that were found by their alternative names only.

    Returns:
        `words`, as typed, which no dataset contains; `names`, those of the catalogue.
    """
    strange = [unit for unit in spelling.strange(question.units) if is_translated(unit)]
    queries = {unit: Question((_without_names(unit),)) for unit in strange}
    index.count_at_once(queries.values())
    return [
        {"words": unit.text, "names": list(unit.names_in_catalogue[:MOST_NAMES])}
        for unit, query in queries.items()
        if not index.count(query) and index.count(question)
    ]


def _without_names(unit: Unit) -> Unit:
    """Return a unit that only finds its words as typed."""
    return replace(unit, others=(), called=0)


# --- results and counts ---

# Each query goes to Solr once: it is run, or counted together with others by a single request. In
# such a request, each query is a filter, and each count a facet that excludes the filters of all
# other queries (Solr's reference guide, "Tagging and excluding filters"). The tags of a filter name
# the queries to which it does not belong. Two queries, numbered 0 and 1:
#
#     fq={!edismax tag='not1' mm='1'}zones AND humides
#     facet.field={!lucene ex=not0 key=ask0}dataset_type
#     fq={!edismax tag='not0' mm='1'}zones OR humides
#     facet.field={!lucene ex=not1 key=ask1}dataset_type
#
# CKAN's filters (permission labels, state, site) and the reader's own have no such tag, so they
# apply to each query.


class Index:
    """The portal's index as one reader sees it, with the results and counts of one search.

    Args:
        original: CKAN's `package_search`.
        context: action context, with the reader's permissions.
        data_dict: parameters of the reader's `package_search`.
    """

    def __init__(self, original: Callable[..., Any], context: Context, data_dict: DataDict) -> None:
        self.original = original
        self.context = context
        self.data_dict = data_dict
        self._counts: dict[Question, int] = {}
        self._results: dict[Question, DataDict] = {}

    def find(self, question: Question) -> DataDict:
        """Return the result of `package_search` for a query."""
        if question not in self._results:
            result = self._run(question)
            self._results[question] = result
            self._counts[question] = result["count"]
        return self._results[question]

    @property
    def has_titles(self) -> bool:
        """Whether results have titles and keywords, which a client can leave out."""
        return self.data_dict.get("rows") != 0 and not self.data_dict.get("fl")

    def count(self, question: Question) -> int:
        """Return the number of results of a query."""
        if question in self._counts:
            return self._counts[question]
        return self.find(question)["count"]

    def count_at_once(self, queries: Iterable[Question]) -> None:
        """Count the results of several queries with one request to Solr, for `count`.

        A single one is counted when it is run.
        """
        distinct = dict.fromkeys(queries)
        unknown = [question for question in distinct if question not in self._counts]
        unknown = unknown[:MOST_COUNTED]
        if len(unknown) < FEWEST_COUNTED:
            return
        minimum = config.minimum_match()
        parameters = []
        for question in unknown:
            parameters.append(solr.parameters(question, minimum=minimum, year=None))
        counting = counting_parameters(parameters)
        try:
            result = self._search({"qf": config.query_fields(), **counting})
        except SearchError as error:
            # Each query is then run, and may fail, separately.
            log.warning("The questions cannot be counted together: %s", error)
            return
        self._counts.update(zip(unknown, read_counts(result, len(unknown)), strict=True))

    def _run(self, question: Question) -> DataDict:
        """Run a query; rank results by age, quality and use as well, if the index has them."""
        if not _has_record_fields():
            return self._search_ranked(question, None)
        try:
            return self._search_ranked(question, dates.today().year)
        except SearchQueryError:
            raise
        except SearchError:
            # The schema of the index may have changed.
            forget_schema()
            return self._search_ranked(question, None)

    def _search_ranked(self, question: Question, year: int | None) -> DataDict:
        parameters = solr.parameters(question, minimum=config.minimum_match(), year=year)
        return self._search({"qf": config.query_fields(), "tie": config.tie(), **parameters})

    def _search(self, parameters: DataDict) -> DataDict:
        """Run `package_search` with the reader's parameters and those of a query.

        Those of the query replace the reader's; its filters are added to theirs.
        """
        filters = [*(self.data_dict.get("fq_list") or []), *parameters["fq_list"]]
        with query.written(parameters["q"]):
            # A new dict, since CKAN's action changes its parameters.
            return self.original(self.context, {**self.data_dict, **parameters, "fq_list": filters})


def alone(word: str) -> Question:
    """Return the query for a single word."""
    return Question((Unit((word,)),))


def counting_parameters(queries: Sequence[Row]) -> DataDict:
    """Return parameters of `package_search` that count the results of queries.

    Args:
        queries: `q`, `mm` and `fq_list` of each, as returned by `solr.parameters`.

    Returns:
        `q`, `fq_list`, `facet`, `facet.field`, `rows` and `start`.
    """
    queries_by_filter: dict[str, set[int]] = {}
    for number, parameters in enumerate(queries):
        # The tags take the place of `%s` once it is known which queries share a filter.
        filters = [f"{{!edismax tag='%s' mm='{parameters['mm']}'}}{parameters['q']}"]
        filters += [f"{{!lucene tag='%s'}}{clause}" for clause in parameters["fq_list"]]
        for untagged in filters:
            queries_by_filter.setdefault(untagged, set()).add(number)
    numbers = range(len(queries))
    tagged = []
    for untagged, own in queries_by_filter.items():
        others = [f"not{number}" for number in numbers if number not in own]
        tagged.append(untagged.replace("%s", ",".join(others) or "all", 1))
    return {
        "q": "*:*",
        "fq_list": tagged,
        "facet": "true",
        "facet.field": [
            f"{{!lucene ex=not{number} key=ask{number}}}{_TYPE_FIELD}" for number in numbers
        ],
        "rows": 0,
        "start": 0,
    }


def read_counts(result: Row, number: int) -> list[int]:
    """Return the counts of queries from a result of `package_search`, in their order.

    Args:
        result: of a search with `counting_parameters`.
        number: how many queries were counted.
    """
    counts = []
    for position in range(number):
        items = result["search_facets"][f"ask{position}"]["items"]
        counts.append(sum(item["count"] for item in items))
    return counts


_schema: dict[str, tuple[float, bool]] = {}
"""URL of Solr → when its schema was read, and the answer of `_has_record_fields`."""


def _has_record_fields() -> bool:
    """Return whether the index has `solr.NUMBER_FIELDS`, by which records are ranked.

    The answer is remembered, for a shorter time if it has not: somebody may be setting it up.
    """
    url = tk.config["solr_url"]
    moment, has_fields = _schema.get(url, (-math.inf, False))
    if time.monotonic() - moment > _SCHEMA_SECONDS[has_fields]:
        try:
            fields = solr_schema.solr().schema()["fields"]
        except solr_schema.SolrAdminError:
            has_fields = False
        else:
            numbers = {field["name"] for field in fields if field["type"] == "pint"}
            has_fields = numbers.issuperset(solr.NUMBER_FIELDS)
        _schema[url] = (time.monotonic(), has_fields)
    return has_fields


def forget_schema() -> None:
    """Clear the cached schema information."""
    _schema.clear()
