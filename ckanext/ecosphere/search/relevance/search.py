"""Answer a question in words through CKAN's own `package_search`, in as many steps as it needs.

Whatever is asked goes through the action of CKAN, so that rights, other plugins and the form of the answer are its own.
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
    solr_language,
    solr_query,
    understanding,
    words,
)
from ckanext.ecosphere.search.relevance.solr_query import Asked
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.solr_client import SolrAdminError
from ckanext.ecosphere.shared import dates

log = logging.getLogger(__name__)

KEY = "ecosphere_search"
"""Key of the answer under which it says how the question was understood."""
PLACE_PARAMETER = "ext_place"
"""Parameter of the page, among `extras`: index value of the place that was chosen, or `off`."""
EVERYWHERE = "off"
TYPED_PARAMETER = "ext_typed"
"""Parameter of the page: when set, the words are looked for as they were typed, all of them."""

FEW = 5
"""Datasets up to which another spelling is tried, which counts when it finds more than as many times as many, and then
the words of the field alone."""
MOST_FORESEEN = 20
"""Questions that are counted at once before one of them is asked."""
SEVERAL = 2
"""Questions from which on it is worth while to count them beforehand."""
MOST_STEPS = 4
"""Steps of a reading that are counted before those of the others: most questions end within so many."""
MOST_IN_DOUBT = 2
"""Strange words of a question of which it is foreseen that the catalogue has them, and that it has not."""
MOST_AT_ONCE = 2
"""Words and expressions that a dataset of one place often has together."""
MOST_NAMES_TOLD = 3
"""Other names of one that are told."""
MOST_NAMESAKES = 2
"""Other places of a name that are counted beforehand."""
_OWN_WAY = ("qf", "mm", "defType", "bf", "boost", "df")
_IDENTIFIER = re.compile(
    r"(?:https?://|urn:)[\w.:/?=&#%~+-]{4,300}"
    r"|(?=[\w.-]*\d)(?=[\w.-]*[_-])[\w.-]{8,200}"
    r"|[a-z0-9]+(?:-[a-z0-9]+){2,99}"
)
"""What may be an identifier or the name of a dataset: one word of several parts."""
_OTHER_TYPES = re.compile(r"(?<![\w-])dataset_type:(?!\"?dataset\b)")
_SCHEMA_SECONDS = {True: 600, False: 30}


@dataclass(frozen=True)
class Choice:
    """A question as it was understood, what is asked of it, and the other spelling that this came from."""

    understood: Understood
    asked: Asked
    corrected: str = ""


def is_question(data_dict: dict[str, Any]) -> bool:
    """Whether a search asks in words, with no sign of Solr's language and no way of its own."""
    text = data_dict.get("q")
    if not isinstance(text, str) or not text.strip() or any(data_dict.get(name) for name in _OWN_WAY):
        return False
    if query.is_fielded(text) or (solr_language.is_written(text) and not solr_language.is_choice(text)):
        return False
    filters = [data_dict.get("fq"), *(data_dict.get("fq_list") or [])]
    return not any(isinstance(each, str) and _OTHER_TYPES.search(each) for each in filters)


def answer(original: Callable[..., Any], context: Context, data_dict: dict[str, Any]) -> dict[str, Any]:
    """Search for what a question means.

    Args:
        original: CKAN's `package_search`.
        context: action context; the reader's rights apply.
        data_dict: parameters of `package_search`; `is_question` holds for them.

    Returns:
        the answer of `package_search`, with what was understood under `KEY`.
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
    told = {**_told(best, index), "as_asked": index.count(understood.asked)}
    if has_request_context() and data_dict.get("rows") != 0:
        # The page has no other way to know: CKAN hands it results and facets only.
        tk.g.setdefault(KEY, {})[typed] = {**told, "marked": _marked(best, typed)}
    return {**index.find(best.asked), KEY: told}


def _identified(index: Index, typed: str) -> Choice | None:
    """The dataset of which an identifier was typed, or its name or address; None when there is none."""
    if not _IDENTIFIER.fullmatch(typed.strip()):
        return None
    for each in dict.fromkeys((typed.strip(), typed.strip().lower(), re.split("[/=#:]", typed.strip())[-1])):
        asked = Asked((), identifier=each)
        if each and index.count(asked):
            return Choice(Understood(typed, asked), asked)
    return None


class Index:
    """What questions find, each asked of Solr once: whole, or beforehand with others as numbers only."""

    def __init__(
        self, original: Callable[..., Any], context: Context, data_dict: dict[str, Any], without: frozenset[str]
    ) -> None:
        self.original, self.context, self.data_dict, self.without = original, context, data_dict, without
        self._counts: dict[Asked, int] = {}
        self._found: dict[Asked, dict[str, Any]] = {}

    def find(self, asked: Asked) -> dict[str, Any]:
        """The answer of `package_search` to a question."""
        if asked not in self._found:
            found = self._found[asked] = _run(self.original, self.context, self.data_dict, asked, self.without)
            self._counts[asked] = found["count"]
        return self._found[asked]

    def knows(self, asked: Asked) -> bool:
        """Whether a question was asked or counted already."""
        return asked in self._counts

    def count(self, asked: Asked) -> int:
        """How many datasets a question finds."""
        return self._counts[asked] if self.knows(asked) else self.find(asked)["count"]

    def near(self, word: str) -> str:
        """The other spelling of a word of a question, empty when there is none that finds something for the reader."""
        other = corrections.near(voc.normalise(word), known=self.count(_alone(word)) > 0)
        # The words of the catalogue were counted some minutes ago: a dataset may have become private since.
        return other if corrections.is_of_lists(other) or self.count(_alone(other)) else ""

    def foresee(self, questions: Iterable[Asked]) -> None:
        """Count what several questions find; one alone is counted as it is asked."""
        asked = list(dict.fromkeys(questions))
        if sum(not self.knows(each) for each in asked) >= SEVERAL:
            self.count_at_once(asked)

    def count_at_once(self, questions: Iterable[Asked]) -> None:
        """Count what questions find, with one question to Solr."""
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
            # Each question is then asked by itself, and fails by itself.
            log.warning("The questions cannot be counted together: %s", error)
            return
        self._counts.update(zip(unknown, counts.read(answer, len(unknown)), strict=True))


def _with_common_name(
    index: Index, understood: Understood, understand: Callable[[str], Understood], place: str
) -> Understood:
    """The question with a usual word read as the commune of that name, when nothing has the word.

    Args:
        index: what is there to be found.
        understood: the question as it was typed.
        understand: reads another spelling of it.
        place: what was chosen for the place, see `PLACE_PARAMETER`.
    """
    placed = understanding.with_common_name(understood, place=place, without=index.without)
    if placed is None:
        return understood
    # With what comes next if it is none, so that Solr is asked once.
    unknown = corrections.unknown(understood) if "spelling" not in index.without else []
    foreseen = _foreseen(understood, unknown, understand)
    index.foresee([understood.asked, *_foreseen(placed, [], understand), *foreseen])
    return placed if not index.count(understood.asked) and index.count(placed.asked) else understood


def _chosen(index: Index, understood: Understood, understand: Callable[[str], Understood]) -> Choice:
    """What is asked at last, of a question that as it is may find nothing or little."""
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
    # Another spelling that helped nobody is not named.
    return best if index.count(best.asked) or not best.corrected else first


def _may_find_little(understood: Understood, unknown: list[str]) -> bool:
    """Whether a question often finds nothing as it is: a strange word, a place of several, much at once."""
    strong = [unit for unit in understood.asked.units if not unit.weak]
    strange = unknown or [unit for unit in strong if not unit.others and catalogue_words.has(unit.words) is False]
    several = len(strong) == MOST_AT_ONCE or bool(understood.others)
    return bool(strange) or len(strong) > MOST_AT_ONCE or (several and understood.place is not None)


def _foreseen(understood: Understood, unknown: list[str], understand: Callable[[str], Understood]) -> list[Asked]:
    """What may be asked in the end, the likeliest first."""
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
    """The question as it will be corrected, whichever of its strange words the catalogue turns out to have."""
    in_doubt = unknown[:MOST_IN_DOUBT]
    for number in range(len(in_doubt) + 1) if unknown else ():
        for known in map(set, combinations(in_doubt, number)):
            near = {word: corrections.near(voc.normalise(word), known=word in known, foreseen=True) for word in unknown}
            if text := corrections.corrected(understood, unknown, near.__getitem__):
                yield text


def _at_namesake(best: Choice, index: Index) -> Choice:
    """The question at another place of the same name, when the first one has nothing ("bruit saint-denis")."""
    understood = best.understood
    name = voc.normalise(understood.place.label) if understood.place else ""
    for place in understood.others if understood.place else ():
        if name != voc.normalise(place.label) and f"{name} " in voc.normalise(place.label):
            continue  # only a part of its name: "Saint-Martin" of Saint-Martin-d'Hères
        asked = replace(best.asked, place=place)
        if index.count(asked):
            others = tuple(each for each in (best.asked.place, *understood.others) if each and each != place)
            return replace(best, asked=asked, understood=replace(understood, asked=asked, others=others))
    return best


def _with_less(best: Choice, index: Index) -> Choice:
    """The question with a word, the place, then more left out, as far as it takes to find some datasets."""
    steps = understanding.steps(best.understood.asked)
    count = index.count(best.asked)
    for number, asked in enumerate(steps):
        # A step that leaves the place or most words out is for a question that finds nothing at all.
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
            # CKAN's action changes what it is given.
            return original(context, {**data_dict, "qf": config.query_fields(), "tie": config.tie(), **parameters})

    if not has_numbers():
        return ask(None)
    try:
        return ask(dates.today().year)
    except SearchQueryError:
        raise
    except SearchError:
        # The index was given another schema meanwhile.
        forget_schema()
        return ask(None)


def _alone(word: str) -> Asked:
    return Asked((words.Unit((word,)),))


def _told(best: Choice, index: Index) -> dict[str, Any]:
    """What was understood, for pages and for whoever asks through the API."""
    asked, place = best.asked, best.understood.place
    dropped = (
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
        "unsaid": _unsaid(best, index),
        "left_out": asked.not_at.title if asked.not_at else "",
    }


def _unsaid(best: Choice, index: Index) -> list[dict[str, Any]]:
    """Expressions that no dataset has, of which only other names were found: `words`, and these `names`."""
    asked = best.asked
    strange = corrections.strange(asked.units)
    index.count_at_once(map(_written, strange))
    return [
        {"words": unit.text, "names": list(unit.others[: unit.called])[:MOST_NAMES_TOLD]}
        for unit in strange
        if not index.count(_written(unit)) and index.count(asked)
    ]


def _written(unit: words.Unit) -> Asked:
    return Asked((replace(unit, others=(), called=0),))


def _marked(best: Choice, typed: str) -> str:
    """The words that a page marks in what was found: as typed or corrected, and what the catalogue calls the same."""
    called = (name for unit in best.asked.units for name in unit.others[: unit.called])
    return " ".join([best.corrected or typed, *called])


_schema: dict[str, tuple[float, bool]] = {}


def has_numbers() -> bool:
    """Whether the index has what the record weighs by as numbers.

    Asked of Solr every ten minutes at most; every half minute as long as it has not, for it may be set up meanwhile.
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
    """Have Solr asked for its fields again: it was given another schema."""
    _schema.clear()
