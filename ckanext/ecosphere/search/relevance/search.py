"""Answer queries in words through CKAN's `package_search`: choose the query, and say how it was
understood.

Every query goes through CKAN's action, so that permissions, other plugins and the result format
remain CKAN's.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
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
"""Parameter in `extras`: index value of the place chosen on the page, or `off`."""
EVERYWHERE = "off"
TYPED_PARAMETER = "ext_typed"
"""Parameter in `extras`: when set, all words are required as typed."""

FEW = 5
"""Maximum number of results up to which a corrected spelling is tried (and used if it finds more
than `FEW` times as many), then a relaxed query."""
MOST_FORESEEN = 20
"""Maximum queries counted in one request before one of them is run."""
SEVERAL = 2
"""Minimum queries for which counting in advance is worthwhile."""
_TYPE_FIELD = "dataset_type"
"""Field with exactly one value per dataset: the sum over its values is the number of datasets."""
_SCHEMA_SECONDS = {True: 600, False: 30}
"""Answer of `_has_record_fields` → how long it is remembered."""
MOST_MISSING = 3
"""Maximum number of subjects reported as missing."""
MOST_NAMES = 3
"""Maximum alternative names reported per expression."""
_BETWEEN_WORDS = r"\W+(?:\w{1,4}\W+){0,3}"
"""What stands between the words of an expression: "restriction d'eau"."""
_OWN_WAY = ("qf", "mm", "defType", "bf", "boost", "df")
"""Parameters with which a client queries Solr in its own way."""
_IDENTIFIER = re.compile(
    r"(?:https?://|urn:)[\w.:/?=&#%~+-]{4,300}"
    r"|(?=[\w.-]*\d)(?=[\w.-]*[_-])[\w.-]{8,200}"
    r"|[a-z0-9]+(?:-[a-z0-9]+){2,99}"
)
"""Possible identifier or dataset name: a single word of several parts."""
_OF_OTHER_TYPES = re.compile(r"(?<![\w-])dataset_type:(?!\"?dataset\b)")


@dataclass(frozen=True)
class Choice:
    """An interpretation of a query, the query chosen for it, and the corrected spelling, if any."""

    understood: Understood
    question: Question
    corrected: str = ""


@tk.chained_action
@tk.side_effect_free
def package_search(original_action: Any, context: Context, data_dict: DataDict) -> Any:
    """Interpret a query in words: find the place, the subject, and relax the query step by step if
    nothing is found.

    Queries in Solr's syntax, and those that set fields or a parser, are passed to CKAN unchanged.
    Beside CKAN's keys, the result has `ecosphere_search`: the place recognised and others of the
    same name, the words, corrections, and whether the query was relaxed. Several values of one
    facet are alternatives, on pages, in feeds and (as `ext_facets`) in the API.

    Raises:
        ValidationError: `extras` is not an object; CKAN and ckanext-spatial would fail with an
            internal error.
        SearchQueryError: `ext_facets` is not an object of fields with lists of values, or too
            large.
    """
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
    if any(data_dict.get(name) for name in _OWN_WAY) or query.is_fielded(text):
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
    place, typed = str(extras.get(PLACE_PARAMETER) or ""), data_dict["q"]
    index = Index(original, context, data_dict)
    choice = _identified(index, typed)
    if choice:
        understood = choice.understood
    else:
        understood = understanding.understand(typed, place=place)
        choice = Choice(understood, understood.question)
        if not extras.get(TYPED_PARAMETER):
            understood = _with_common_name(index, understood, place)
            choice = _chosen(index, understood, place)
    summary = _summary(choice, index)
    summary["as_asked"] = 0
    if not summary["missing"]:
        summary["as_asked"] = index.count(understood.question)
    if has_request_context() and data_dict.get("rows") != 0:
        # For the page, to which CKAN passes only results and facets.
        marked = _words_to_mark(choice, typed)
        tk.g.setdefault(KEY, {})[typed] = {**summary, "marked": marked}
    return {**index.find(choice.question), KEY: summary}


def _identified(index: Index, typed: str) -> Choice | None:
    """Return the query for a dataset whose identifier, name or URL was typed.

    None if there is none.
    """
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
    """Interpret a common word as the commune of that name, if the query finds nothing otherwise."""
    placed = understanding.with_common_name(understood, place=place)
    if placed and not index.count(understood.question) and index.count(placed.question):
        return placed
    return understood


def _chosen(index: Index, understood: Understood, place: str) -> Choice:
    """Return the final query for one that may find little or nothing: corrected, at a namesake, or
    relaxed.

    Each way is only tried if the ones before it do not find enough.

    Args:
        index: results and counts.
        understood: the interpretation of the query.
        place: the chosen place, see `PLACE_PARAMETER`.
    """
    first = Choice(understood, understood.question)
    best, count = first, index.count(first.question)
    if count <= FEW:
        corrected = _corrected(index, understood, place)
        if corrected:
            count_again = index.count(corrected.question)
            if not count or count_again > FEW * count:
                best, count = corrected, count_again
    if not count:
        best = _at_namesake(best, index)
        count = index.count(best.question)
    if count <= FEW:
        best = _with_less(best, index)
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
    near: dict[str, str] = {}
    for word in spelling.unknown(understood):
        other = spelling.near(voc.normalise(word))
        if other and word in with_expression:
            near[word] = other
    text = spelling.with_words_replaced(with_expression, near)
    again = understanding.understand(text, place=place)
    if near:
        uncertain = [other for other in near.values() if not spelling.is_of_lists(other)]
        index.count_at_once([*map(alone, near), *map(alone, uncertain), again.question])
        misspelt = {word: other for word, other in near.items() if _is_misspelt(index, word, other)}
        if misspelt != near:
            text = spelling.with_words_replaced(with_expression, misspelt)
            again = understanding.understand(text, place=place)
    if text == understood.text:
        return None
    return Choice(again, again.question, text)


def _is_misspelt(index: Index, word: str, other: str) -> bool:
    """Return whether no dataset that the reader may see has a word, but some have the other one."""
    if index.count(alone(word)) and not spelling.is_place_misspelt(voc.normalise(word), other):
        return False
    # The catalogue's words may be some minutes old: a dataset may have become private since.
    return spelling.is_of_lists(other) or index.count(alone(other)) > 0


def _at_namesake(best: Choice, index: Index) -> Choice:
    """Move the query to another place of the same name if the first has no
    results ("bruit saint-denis").
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


def _with_less(best: Choice, index: Index) -> Choice:
    """Relax the query step by step (words, the place, then more) until it has enough results."""
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
    place, first = understood.place, understood.question
    results = []
    if question.strict:  # datasets of other places say nothing about this one
        results = index.find(question)["results"]
    lacking = []
    if index.has_titles:
        lacking = missing_subjects(understood, index, results)
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
        "unsaid": unsaid(question, index),
        "missing": lacking,
        "place_only": place_only,
        "excluded": [
            {"kind": excluded.kind, "title": excluded.title} for excluded in question.excluded
        ],
        "wanted": understood.wanted,
    }


def _words_to_mark(choice: Choice, typed: str) -> str:
    """Return the words to mark in results: as typed or corrected,
    and the catalogue's names for them.
    """
    names = [name for unit in choice.question.units for name in unit.names_in_catalogue]
    return " ".join([choice.understood.wanted or typed, *names])


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
        there that have the words elsewhere; `elsewhere`: number of datasets of other places about
        it; `names`: what was searched beside it.
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
    index.count_at_once(query for of_unit in queries.values() for query in of_unit)
    lacking = []
    for unit, (about, mentioned, anywhere) in queries.items():
        if index.count(about):
            continue
        number = index.count(mentioned)
        if not number or unit.core or len(strong) == 1:
            place_title, elsewhere = "", 0
            if question.place:
                place_title, elsewhere = question.place.title, index.count(anywhere)
            lacking.append(
                {
                    "words": quoted(unit, understood.wanted),
                    "place": place_title,
                    "mentioned": number,
                    "elsewhere": elsewhere,
                    "names": list(unit.names_in_catalogue[:MOST_NAMES]),
                }
            )
    return lacking


def _queries(unit: Unit, question: Question) -> tuple[Question, Question, Question]:
    """Return the queries for what is about a subject at the place, mentions it there,
    and is about it anywhere.
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
    """Return whether a unit can be missing: neither a number, a table name, a possible place, nor
    an everyday word.

    An everyday word that the catalogue uses itself is a subject of it.
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
    """Return a unit as it was typed, with the small words that the unit lacks.

    >>> quoted(Unit(("restriction", "eau")), "Restriction d'eau dans le Tarn")
    "Restriction d'eau"
    """
    match = re.search(_BETWEEN_WORDS.join(map(re.escape, unit.words)), text, re.IGNORECASE)
    if match:
        return match[0]
    return unit.text


def unsaid(question: Question, index: Index) -> list[DataDict]:
    """Return everyday expressions that no dataset contains, found by alternative names only:
    `words` and `names`.
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
    """Return a unit that only finds what is called as typed."""
    return replace(unit, others=(), called=0)


# --- results and counts ---

# Each query is requested from Solr once: run fully, or counted with others in advance, with a
# single request. Each is then a filter, and each count a facet that excludes the filters of all
# others (Solr's reference guide, "Tagging and excluding filters"). A tag names a query to which the
# filter does not belong:
#
#     fq={!edismax tag='not1' mm=1}zones AND humides    facet.field={!lucene ex=not0
#     key=ask0}dataset_type fq={!edismax tag='not0' mm=1}zones OR humides     facet.field={!lucene
#     ex=not1 key=ask1}dataset_type
#
# CKAN's filters (permission labels, state, site) and the reader's own have no such tag, so they
# apply to each query.


class Index:
    """The portal's index as one reader sees it, during one search.

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
        self._answers: dict[Question, DataDict] = {}

    def find(self, question: Question) -> DataDict:
        """Return the result of `package_search` for a query."""
        if question not in self._answers:
            answer = self._run(question)
            self._answers[question] = answer
            self._counts[question] = answer["count"]
        return self._answers[question]

    @property
    def has_titles(self) -> bool:
        """Return whether the results have titles and keywords, which a client can leave out."""
        return self.data_dict.get("rows") != 0 and not self.data_dict.get("fl")

    def count(self, question: Question) -> int:
        """Return the number of results of a query."""
        if question in self._counts:
            return self._counts[question]
        return self.find(question)["count"]

    def count_at_once(self, queries: Iterable[Question]) -> None:
        """Count the results of several queries with one request to Solr.

        A single one is counted when it is run.
        """
        distinct = dict.fromkeys(queries)
        unknown = [question for question in distinct if question not in self._counts]
        unknown = unknown[:MOST_FORESEEN]
        if len(unknown) < SEVERAL:
            return
        minimum = config.minimum_match()
        parameters = []
        for question in unknown:
            parameters.append(solr.parameters(question, minimum=minimum, year=None))
        counting = counting_parameters(parameters)
        try:
            answer = self._ask({"qf": config.query_fields(), **counting})
        except SearchError as error:
            # Each query is then run, and may fail, separately.
            log.warning("The questions cannot be counted together: %s", error)
            return
        self._counts.update(zip(unknown, read_counts(answer, len(unknown)), strict=True))

    def _run(self, question: Question) -> DataDict:
        """Run a query; its results are ranked by their record as well,
        if the index has the fields for this.
        """
        if not _has_record_fields():
            return self._ask_ranked(question, None)
        try:
            return self._ask_ranked(question, dates.today().year)
        except SearchQueryError:
            raise
        except SearchError:
            # The schema of the index may have changed.
            forget_schema()
            return self._ask_ranked(question, None)

    def _ask_ranked(self, question: Question, year: int | None) -> DataDict:
        parameters = solr.parameters(question, minimum=config.minimum_match(), year=year)
        return self._ask({"qf": config.query_fields(), "tie": config.tie(), **parameters})

    def _ask(self, parameters: DataDict) -> DataDict:
        """Run `package_search` with the reader's parameters,
        replaced or narrowed by those of a query.
        """
        filters = [*(self.data_dict.get("fq_list") or []), *parameters["fq_list"]]
        with query.written(parameters["q"]):
            # CKAN's action changes its parameters.
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
        filters = [f"{{!edismax tag='%s' mm='{parameters['mm']}'}}{parameters['q']}"]
        filters += [f"{{!lucene tag='%s'}}{clause}" for clause in parameters["fq_list"]]
        for written in filters:
            queries_by_filter.setdefault(written, set()).add(number)
    numbers = range(len(queries))
    tagged = []
    for written, own in queries_by_filter.items():
        others = [f"not{number}" for number in numbers if number not in own]
        tagged.append(written.replace("%s", ",".join(others) or "all", 1))
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


def read_counts(answer: Row, number: int) -> list[int]:
    """Return the counts from a result of `package_search`, in the order of the queries."""
    counts = []
    for position in range(number):
        items = answer["search_facets"][f"ask{position}"]["items"]
        counts.append(sum(item["count"] for item in items))
    return counts


_schema: dict[str, tuple[float, bool]] = {}
"""URL of Solr → when its schema was read, and the answer of `_has_record_fields`."""


def _has_record_fields() -> bool:
    """Return whether the index has the numeric fields by which `solr.parameters` ranks records:
    age, quality, use.

    Cached for ten minutes, or for half a minute if it has not, since the schema may be being set
    up.
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
