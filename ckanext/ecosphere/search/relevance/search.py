"""Answer a question in words through CKAN's own `package_search`, in as many steps as it needs.

Whatever is asked goes through the action of CKAN, so that rights, other plugins and the form of the answer are its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError, SearchQueryError
from ckan.types import Context
from flask import has_request_context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import bounds, config, query, setup, suggest
from ckanext.ecosphere.search.relevance import solr_query, spelling, understanding, words
from ckanext.ecosphere.search.relevance.solr_query import Asked
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.solr_client import SolrAdminError
from ckanext.ecosphere.shared import dates

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
MOST_CORRECTED = 4
"""Words of a question that another spelling is looked for: each costs a question to Solr."""
MOST_UNITS = 8
"""Words and expressions among which one that is misspelt as a whole is looked for."""
_OWN_WAY = ("qf", "mm", "defType", "bf", "boost", "df")
_SIGNS = re.compile(r'["+*~^()\[\]{}|]|(?:^|\s)[-!]\w|\b(?:AND|OR|NOT)\b')
_OTHER_TYPES = re.compile(r"(?<![\w-])dataset_type:(?!\"?dataset\b)")
_SCHEMA_SECONDS = {True: 600, False: 30}


@dataclass(frozen=True)
class Answer:
    """What was found, and by which question."""

    found: dict[str, Any]
    understood: Understood
    asked: Asked
    corrected: str = ""


def is_question(data_dict: dict[str, Any]) -> bool:
    """Whether a search asks in words, with no sign of Solr's language and no way of its own."""
    text = data_dict.get("q")
    if not isinstance(text, str) or not text.strip() or any(data_dict.get(name) for name in _OWN_WAY):
        return False
    if query.is_fielded(text) or _SIGNS.search(text):
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

    def run(asked: Asked, **changes: Any) -> dict[str, Any]:
        return _run(original, context, {**data_dict, **changes}, asked, without)

    def understand(text: str) -> Understood:
        return understanding.understand(text, place=place, without=without)

    bounds.check(data_dict, fielded=False)
    typed = data_dict["q"]
    understood = understand(typed)
    best = first = Answer(run(understood.asked), understood, understood.asked)
    as_asked = best.found["count"]
    if best.found["count"] <= FEW and "spelling" not in without:
        corrected = _corrected(understood, lambda asked: bool(run(asked, rows=0, start=0, facet="false")["count"]))
        if corrected:
            again = understand(corrected)
            found = run(again.asked)
            if found["count"] > FEW * best.found["count"] or not best.found["count"]:
                best = Answer(found, again, again.asked, corrected)
    if not best.found["count"] and "steps" not in without:
        best = _at_namesake(best, run)
    if best.found["count"] <= FEW and "steps" not in without:
        for asked in understanding.steps(best.understood.asked):
            # A step that leaves the place or most words out is for a question that finds nothing at all.
            if best.found["count"] and (not asked.strict or asked.optional or not asked.units):
                break
            found = run(asked)
            if found["count"] > best.found["count"]:
                best = replace(best, found=found, asked=asked)
            if best.found["count"] > FEW:
                break
    if best.corrected and not best.found["count"]:
        # Another spelling that helped nobody is not named.
        best = first
    told = {**_told(best), "as_asked": as_asked}
    if has_request_context() and data_dict.get("rows") != 0:
        # The page has no other way to know: CKAN hands it results and facets only.
        tk.g.setdefault(KEY, {})[typed] = told
    return {**best.found, KEY: told}


def _at_namesake(best: Answer, run: Callable[[Asked], dict[str, Any]]) -> Answer:
    """The answer at another place of the same name, when the first one has none ("bruit saint-denis")."""
    understood = best.understood
    for place in understood.others if understood.place else ():
        asked = replace(best.asked, place=place)
        found = run(asked)
        if found["count"]:
            others = tuple(each for each in (best.asked.place, *understood.others) if each and each != place)
            return replace(best, found=found, asked=asked, understood=replace(understood, asked=asked, others=others))
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


def _corrected(understood: Understood, finds: Callable[[Asked], bool]) -> str:
    """The question with words that the catalogue does not have replaced by near ones; empty when there are none."""
    text = understood.text
    typed = (word for unit in understood.asked.units for word in unit.words)
    unknown = [word for word in typed if _may_be_misspelt(voc.normalise(word))]
    for word in unknown[:MOST_CORRECTED]:
        folded = voc.normalise(word)
        near = _near(folded, known=finds(Asked((words.Unit((word,)),))))
        if near:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", near, text, count=1)
    if text == understood.text:
        text = _expression_corrected(understood)
    return text if text != understood.text else ""


def _may_be_misspelt(folded: str) -> bool:
    if any(map(str.isdigit, folded)):
        return False  # a reference
    return len(folded) >= suggest.MIN_FUZZY_LENGTH and not spelling.is_known(folded) and not spelling.is_french(folded)


def _near(folded: str, *, known: bool) -> str:
    """A near word; for one that the catalogue knows only the name of a place, one letter away ("nante")."""
    of_lists = spelling.nearest(folded)
    if of_lists and of_lists[1] == 1 and (not known or spelling.is_place(of_lists[0])):
        return of_lists[0]
    if known:
        return ""
    if two := spelling.apart(folded):
        return two
    of_catalogue = suggest.nearest_word(Context(), folded)
    return of_catalogue or (of_lists[0] if of_lists else "")


def _expression_corrected(understood: Understood) -> str:
    """The question with two or three words replaced by an expression one letter away."""
    units, text = understood.asked.units[:MOST_UNITS], understood.text
    for number in (3, 2):
        for start in range(len(units) - number + 1):
            typed = [word for unit in units[start : start + number] for word in unit.words]
            near = spelling.nearest_expression(" ".join(words.stem(voc.normalise(word)) for word in typed))
            if near:
                between = r"\W+(?:\w{1,3}\W+){0,3}".join(map(re.escape, typed))
                return re.sub(between, near, text, count=1)
    return text


def _told(best: Answer) -> dict[str, Any]:
    """What was understood, for pages and for whoever asks through the API."""
    asked, place = best.asked, best.understood.place
    dropped = asked.optional > 0 or asked.core or (not asked.units and bool(best.understood.asked.units))
    return {
        "place": {"id": place.ids[0], "title": place.title, "kind": place.kind} if place else None,
        "other_places": [{"id": each.ids[0], "title": each.title} for each in best.understood.others],
        "place_words": " ".join(best.understood.place_words),
        "elsewhere": bool(place) and not asked.strict,
        "words": [unit.text for unit in best.understood.asked.units],
        "corrected": best.corrected,
        "fewer_words": dropped,
    }


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
