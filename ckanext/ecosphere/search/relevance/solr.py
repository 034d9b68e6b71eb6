"""Build parameters of Solr's edismax parser from an interpreted query, within what CKAN allows.
Pure.

CKAN refuses `pf`, `bq` and local parameters, so phrases are part of the query itself, and place and
quality are a function that multiplies the score (`boost`), see Solr's reference guide, "Extended
DisMax".
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.relevance.words import (
    DATA,
    Excluded,
    Question,
    Unit,
    longest_synonyms,
    stem,
)
from ckanext.ecosphere.shared.reach import DOWNLOAD, SERVICE
from ckanext.ecosphere.vocabularies import gazetteer, tables
from ckanext.ecosphere.vocabularies.gazetteer import Place

PLACE_FIELD = "vocab_ecosphere_place"
"""Index field of a dataset's own places."""
INSIDE_FIELD = "vocab_ecosphere_inside"
"""Index field of a dataset's places and all that contains them, except the country."""
FORMAT_FIELD = "vocab_ecosphere_format"
"""Index field of a dataset's formats and their families."""
TITLE_FIELD = "title_string"
"""Index field of the whole title, normalised: see `search/index.py`."""
TITLE_FORM_FIELD = "vocab_ecosphere_title_form"
"""Index field of the form of a title."""
TECHNICAL_TITLE = "titretechnique"
"""Its value for the name of a table: a single word that nobody would search for."""
IDENTIFIER_FIELDS = (
    "id",
    "name",
    "url",
    "extras_metadata_identifier",
    "extras_identifier",
    "extras_guid",
)
QUALITY_FIELD = "ecosphere_quality_score"
YEAR_NUMBER_FIELD = "ecosphere_year"
POPULARITY_FIELD = "ecosphere_popularity"
NUMBER_FIELDS = (QUALITY_FIELD, YEAR_NUMBER_FIELD, POPULARITY_FIELD)
"""Fields of the French schema from which the record's boost is computed."""
ACCESS_FIELD = "vocab_ecosphere_access"
"""Ids of the vocabulary `data-access`."""
OLD_YEARS = 10
"""Age of data, in years, at which freshness is 0."""
MOST_OTHERS = 12
"""Maximum alternative names per expression."""
MOST_NAMES = 60
"""Maximum alternative names per query: Solr allows 1 024 clauses, and each name is one for every
field."""
SAME_NAME = 1.25
"""Factor for the département named like a river, among those that it flows through."""
NEAR, CLOSE = 1000, 20
"""Boost of what is at the distance 0 of a place where nothing was found; kilometres that leave a
quarter of it."""
_DIGITS_OF_YEAR = 4
_FEW_WORDS, _FAR = 2, 20
"""Words of an expression that may occur anywhere in a text; maximum distance between those of a
longer one."""
_HARDLY = 0.001
"""Weight of a clause that should match without adding to the score."""
MOST_YEARS = 12
"""Maximum years of a period, from the latest, searched in titles."""
MOST_PAIRED = 4
"""Maximum other words combined with domain expressions."""


SUBJECT_FIELDS = ("title", "ecosphere_tags")
"""Index fields that say what a dataset is about; a description also mentions other things."""


@cache
def weights() -> dict[str, dict[str, float]]:
    """Return the weights of `weights.csv`: factor of the score → name → weight."""
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for row in tables.rows(DATA / "weights.csv"):
        # Whole numbers remain whole, as the slop of a phrase has to be.
        table[row["factor"]][row["name"]] = json.loads(row["weight"])
    return dict(table)


def parameters(question: Question, *, minimum: str, year: int | None) -> dict[str, Any]:
    """Return the parameters of `package_search`.

    Args:
        question: the query.
        minimum: Solr's `mm`, used if nothing is optional.
        year: the current year, for the age of data; None if the index lacks `NUMBER_FIELDS`.

    Returns:
        `q`, `defType`, `mm`, `fq_list`, `boost`.
    """
    if question.identifier:
        clauses = [f'{field}:"{question.identifier}"' for field in IDENTIFIER_FIELDS]
        return {"q": " OR ".join(clauses), "defType": "edismax", "mm": "1", "fq_list": []}
    strong = [unit for unit in question.units if not unit.weak]
    clauses = _clauses(question, strong)
    if question.core and 0 < sum(unit.core for unit in strong) < len(strong):
        clauses = _core_first(clauses, strong)
        minimum = "1"
    elif clauses:
        clauses[0] = _with_extras(clauses[0], question, strong)
        if question.optional:
            minimum = str(max(len(clauses) - question.optional, 1))
    else:
        minimum = "0"
    return {
        # CKAN sets `q.op=AND`; explicit "OR" leaves it to `mm`.
        "q": " OR ".join(clauses) or "*:*",
        "defType": "edismax",
        "mm": minimum,
        "fq_list": list(filter(None, [_where(question), _who(question), *_without(question)])),
        "boost": _boost(question, year),
    }


def _clauses(question: Question, strong: list[Unit]) -> list[str]:
    """Return a clause for each unit that says what is searched for."""
    if question.about:
        return [f"({_about([unit.text])})" for unit in strong]
    others = max(1, min(MOST_OTHERS, MOST_NAMES // _copies(question, strong)))
    clauses = [_clause(unit, question, others) for unit in strong]
    if question.title:
        return [f"({clause} OR {_titled(question)}^{_HARDLY})" for clause in clauses]
    return clauses


def _copies(question: Question, strong: list[Unit]) -> int:
    """Return how many times a unit occurs in the query."""
    if not question.core:
        return max(1, len(strong))
    core = sum(unit.core for unit in strong)
    return max(1, core * (1 + min(MOST_PAIRED, len(strong) - core)))


def _core_first(clauses: list[str], strong: list[Unit]) -> list[str]:
    """Return clauses of which one suffices: all domain expressions,
    or these with each of the other words.
    """
    pairs = list(zip(clauses, strong, strict=True))
    core = f"({' AND '.join(clause for clause, unit in pairs if unit.core)})"
    beside = [clause for clause, unit in pairs if not unit.core][:MOST_PAIRED]
    return [core, *(f"({core} AND {clause})" for clause in beside)]


def _clause(unit: Unit, question: Question, others: int) -> str:
    """Return the clause of a unit: its words, or any of up to `others` alternative names."""
    weight = weights()["words"]
    parts = _whole(unit.words, weight["apart"])
    typed = unit.text.casefold()
    for rank, other in enumerate(unit.others[:others]):
        if other.casefold() != typed:
            boost = weight["called"] if rank < unit.called else weight["sibling"]
            parts.append(f"{_name(other)}^{boost}")
    if question.maybe and unit.words == question.maybe_words:
        parts.append(f"{INSIDE_FIELD}:({_any(question.maybe.ids)})^0.1")
    return _either(parts)


def _either(parts: list[str]) -> str:
    """Return a clause that any of its parts satisfies."""
    if len(parts) == 1:
        return parts[0]
    return f"({' OR '.join(parts)})"


def _whole(words: tuple[str, ...], apart: float) -> list[str]:
    """Return the alternatives of the words of a unit: together, or apart with a lower weight."""
    if len(words) == 1:
        return [_term(words[0])]
    phrase, slop = f'"{" ".join(words)}"', _slop(words)
    near = f"{phrase}~{slop}^1.0"
    if len(words) > _FEW_WORDS:
        # The words of a long expression may occur in a text by chance ("zone de répartition des
        # eaux").
        return [near, f"{phrase}~{slop + _FAR}^{apart}"]
    return [near, f"({' AND '.join(map(_term, words))})^{apart}"]


def _name(name: str) -> str:
    """Return the clause of an alternative name."""
    if name.isalnum():
        return name
    return f'"{name}"~{_slop(name.split())}'


def _slop(parts: Iterable[str]) -> float:
    """Return the slop of an expression: larger where the index has a long synonym of one of its
    words.

    The last word does not count, as it has no neighbour after it.
    """
    longest = longest_synonyms()
    *before, _last = parts
    stretched = sum(longest.get(stem(voc.normalise(word)), 1) - 1 for word in before)
    return weights()["words"]["slop"] + stretched


def _term(word: str) -> str:
    """Return a word for Solr's parser: quoted if it is an operator
    or contains special characters.
    """
    plain = word.isalnum() and word.upper() not in ("AND", "OR", "NOT", "TO")
    if plain:
        return word
    return f'"{word}"'


def _with_extras(clause: str, question: Question, strong: list[Unit]) -> str:
    """Add to the first clause what only affects the score: adjacent words of the query,
    and the purpose.
    """
    weight = weights()["words"]
    extras = [
        f'"{unit.words[-1]} {other.words[0]}"~{weight["slop"]}^{weight["phrase"]}'
        for unit, other in pairwise(strong)
    ]
    # Combined with the clause, so that the purpose alone does not satisfy it.
    extras += [
        f'({clause} AND "{unit.text}"~{weight["slop"]})^{weight["purpose"]}'
        for unit in question.units
        if unit.weak
    ]
    return _either([clause, *extras])


def _where(question: Question) -> str:
    """Return the filter of a place: datasets of it, of what contains it,
    or of what lies within it.
    """
    if not question.place or not question.strict or question.service:
        return ""
    place = question.place
    own = (*place.ids, *place.around, *gazetteer.COUNTRIES)
    return _or_titled(
        f"{PLACE_FIELD}:({_any(own)}) OR {INSIDE_FIELD}:({_any(place.ids)})", question
    )


def _who(question: Question) -> str:
    """Return the filter of a service that was named."""
    if not question.service:
        return ""
    return _or_titled(f"organization:({_any(question.service)})", question)


def _without(question: Question) -> list[str]:
    """Return the filters of what is excluded.

    Of an excluded place, datasets of the areas around it remain.
    """
    return [_or_titled(f"(*:* -({_having(excluded)}))", question) for excluded in question.excluded]


def _having(excluded: Excluded) -> str:
    conditions = []
    if excluded.field:
        conditions.append(f"{excluded.field}:({_any(excluded.values)})")
    if excluded.names:
        conditions.append(_about(excluded.names))
    return " OR ".join(conditions)


def _about(names: Iterable[str]) -> str:
    """Return the clause of datasets that have one of the names in their title or keywords.

    CKAN's plain schema has no field of analysed keywords: it is then empty.
    """
    clauses = []
    for name in names:
        write = _name if " " in name else _term
        clauses.append(write(name))
    any_name = " OR ".join(clauses)
    return " OR ".join(f"{field}:({any_name})" for field in SUBJECT_FIELDS)


def _or_titled(clause: str, question: Question) -> str:
    """Return a filter that datasets with exactly the query's title pass in any case."""
    if question.title:
        return f"{clause} OR {_titled(question)}"
    return clause


def _titled(question: Question) -> str:
    return f'{TITLE_FIELD}:"{question.title}"'


def _any(values: tuple[str, ...]) -> str:
    return " OR ".join(f'"{value}"' for value in dict.fromkeys(values))


def _boost(question: Question, year: int | None) -> str:
    factors = list(filter(None, [_fit(question), _exact(question), _formatted(question)]))
    if year:
        technical = f"termfreq({TITLE_FORM_FIELD},'{TECHNICAL_TITLE}')"
        factors.append(f"if({technical},{weights()['record']['technical_title']},1)")
        factors += _of_years(question, year)
        factors.append(f"sum(1,{','.join(_record(year))})")
    if not factors:
        return ""
    if len(factors) == 1:
        return factors[0]
    return f"product({','.join(factors)})"


def _formatted(question: Question) -> str:
    """Return the Solr function that boosts datasets in one of the formats named.

    Empty if none is named.
    """
    tests = ",".join(f"termfreq({FORMAT_FIELD},'{value}')" for value in question.formats)
    if tests:
        return f"if(sum({tests},0),{weights()['words']['format']},1)"
    return ""


def _of_years(question: Question, year: int) -> list[str]:
    """Return Solr functions that boost data of the years named,
    more so if the title has the year.
    """
    weight = weights()["words"]
    texts = [unit.text for unit in question.units if unit.weak or len(question.units) == 1]
    years = [int(text) for text in texts if len(text) == _DIGITS_OF_YEAR and text.isdigit()]
    periods = [(data_year, data_year) for data_year in years[:1]]
    if question.period:
        periods.append(question.period)
    functions = []
    for first, last in periods:
        # 0 means unknown, not an early year.
        beginning = max(first, 1)
        of_data = f"map(def({YEAR_NUMBER_FIELD},0),{beginning},{last},{weight['year_of_data']},1)"
        latest = min(last, year)
        in_title = ",".join(
            f"termfreq(title,'{data_year}')"
            for data_year in range(max(first, latest - MOST_YEARS + 1), latest + 1)
        )
        if in_title:
            functions.append(f"if(sum({in_title},0),{weight['year']},{of_data})")
        else:
            functions.append(of_data)
    return functions


def _exact(question: Question) -> str:
    """Return the Solr function that boosts datasets with exactly the query's title.

    Empty without a title.
    """
    if not question.title:
        return ""
    return f"sum(1,mul({weights()['words']['title']},termfreq({TITLE_FIELD},'{question.title}')))"


def _record(year: int) -> list[str]:
    """Return Solr functions for the boosts of a record, each from 0 to its weight.

    Solr evaluates them for every match, so they use as few operations as possible. A field without
    a value counts as 0, but is ignored by `min` and `max`, hence `def`.
    """
    weight = weights()["record"]
    fresh = weight["freshness"]
    slope, start = fresh / OLD_YEARS, fresh * (1 - year / OLD_YEARS)
    age = f"linear(def({YEAR_NUMBER_FIELD},0),{slope:.9f},{start:.9f})"
    at_once = f"sum(termfreq({ACCESS_FIELD},'{DOWNLOAD}'),termfreq({ACCESS_FIELD},'{SERVICE}'))"
    return [
        f"linear({QUALITY_FIELD},{weight['quality'] / 100:.9f},0)",
        f"max(0,min({fresh},{age}))",
        f"mul({weight['access']},min(1,{at_once}))",
        f"linear({POPULARITY_FIELD},{weight['popularity'] / 100:.9f},0)",
    ]


def _fit(question: Question) -> str:
    """Return the Solr function of how well a dataset's place fits: 1 if not at all or unknown;
    "" without a place.
    """
    tests = [
        f"mul({weight},termfreq({field},'{value}'))" for weight, field, value in fits(question)
    ]
    if tests:
        return f"max(1,{','.join(tests)})"
    return ""


def fits(question: Question) -> list[tuple[float, str, str]]:
    """Return the boosts by index value of a dataset's places: weight, field, value.

    If the place is not required, datasets are ordered by their distance from it.
    """
    place = question.place or question.maybe
    if not place:
        return []
    weight = weights()["place"]
    boosts = [(weight["exact"], PLACE_FIELD, value) for value in place.ids]
    if question.first:
        boosts.append((weight["exact"] * SAME_NAME, PLACE_FIELD, question.first))
    boosts += [(weight["inside"], INSIDE_FIELD, value) for value in place.ids]
    for value in place.around:
        if value not in gazetteer.COUNTRIES:
            boosts.append((weight[_kind(value)], PLACE_FIELD, value))
        if _kind(value) == "region":
            boosts.append((weight["nearby"], INSIDE_FIELD, value))
    if question.place and not question.strict:
        boosts = [*_multiplied(boosts), *_by_distance(place)]
    boosts += [(weight["country"], PLACE_FIELD, value) for value in gazetteer.COUNTRIES]
    return boosts


def _multiplied(boosts: list[tuple[float, str, str]]) -> Iterator[tuple[float, str, str]]:
    """Yield boosts with which what covers a place comes before what is near."""
    nearby = weights()["place"]["nearby"]
    for boost, field, value in boosts:
        if boost == nearby:
            yield boost, field, value
        else:
            yield boost * NEAR, field, value


def _by_distance(place: Place) -> Iterator[tuple[float, str, str]]:
    """Yield boosts of the départements and régions by their distance from a place."""
    values = (*place.ids, *place.around)
    larger = (value for value in values if _kind(value) in ("departement", "region"))
    for value, kilometres in boxes.distances(next(larger, "")):
        # Within a région, the départements are ordered.
        field = PLACE_FIELD if _kind(value) == "region" else INSIDE_FIELD
        yield _near(kilometres), field, value


def _near(kilometres: float) -> float:
    """Return the boost of a distance: high enough to count before the words,
    which differ little within one subject.
    """
    return 1 + NEAR / (1 + kilometres / CLOSE) ** 2


def _kind(value: str) -> str:
    kind = value.split("-", 1)[0]
    return {"outre": "departement", "zone": "sea"}.get(kind, kind)
