"""Write an understood question as parameters of Solr's edismax parser, within what CKAN lets through. Pure.

CKAN refuses `pf`, `bq` and local parameters, so phrases stand in the query itself, and place and quality are a function
that multiplies the score (`boost`), see Solr's reference guide, "Extended DisMax".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.relevance.words import DATA, Unit, longest_synonyms, stem
from ckanext.ecosphere.vocabularies import gazetteer, local
from ckanext.ecosphere.vocabularies.gazetteer import Place

PLACE_FIELD = "vocab_ecosphere_place"
"""Index field of a dataset's own places."""
INSIDE_FIELD = "vocab_ecosphere_inside"
"""Index field of a dataset's places and all that contains them but the country."""
FORMAT_FIELD = "vocab_ecosphere_format"
"""Index field of a dataset's formats and their families."""
TITLE_FIELD = "title_string"
"""Index field of the whole title, normalised: see `search/index.py`."""
IDENTIFIER_FIELDS = ("id", "name", "url", "extras_metadata_identifier", "extras_identifier", "extras_guid")
QUALITY_FIELD = "ecosphere_quality_score"
YEAR_NUMBER_FIELD = "ecosphere_year"
POPULARITY_FIELD = "ecosphere_popularity"
NUMBER_FIELDS = (QUALITY_FIELD, YEAR_NUMBER_FIELD, POPULARITY_FIELD)
"""Fields of the French schema that the weights of the record are reckoned from."""
ACCESS_FIELD = "vocab_ecosphere_access"
DOWNLOAD, SERVICE = "accestelechargement", "accesservice"
"""How data are had at once, of the vocabulary `data-access`."""
OLD_YEARS = 10
"""Age of data, in years, from which they are not fresh at all."""
WEIGHTS = "search:weights"
"""Area of the weights that administrators set, see `vocabularies/local.py`."""
MOST_OTHERS = 12
"""Other names of an expression that are looked for."""
MOST_NAMES = 60
"""Other names in a whole query: Solr refuses one of more than 1 024 clauses, and each name is one for every field."""
SAME_NAME = 1.25
"""By how much more the département that has the name of a river fits than the others that it flows through."""
_DIGITS_OF_YEAR = 4
_FEW_WORDS, _FAR = 2, 20
"""Words of an expression that may stand anywhere in a text; how many may stand between those of a longer one."""
_HARDLY = 0.001
"""Weight of a clause that only lets a dataset be found."""
MOST_YEARS = 12
"""Years of a period, the latest, that are looked for in titles."""
MOST_PAIRED = 4
"""Words beside the expressions of the field that weigh."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of Solr.

    Attributes:
        units: what is looked for.
        place: where; None for anywhere.
        strict: whether only datasets of this place, of what contains it and of what lies in it are wanted.
        service: organisations, when one was named.
        optional: how many units a dataset may lack.
        core: whether only expressions of the field are required, and other words just weigh.
        maybe: a place that one of the words may be: it weighs, and does not hide.
        maybe_words: that word.
        first: index value of the one of the place's own that comes first: the département of the river's name.
        title: the whole question, normalised: datasets with this very title come before all others.
        not_at: the place that is left out ("sauf Vendée"): nothing that lies in it.
        formats: index values of formats: datasets that have one of them come first.
        period: first and last year, of several: data of these years come first.
        identifier: what was typed, when it is an identifier or the name of a dataset: then nothing else is asked.
    """

    units: tuple[Unit, ...]
    place: Place | None = None
    strict: bool = True
    service: tuple[str, ...] = ()
    optional: int = 0
    core: bool = False
    maybe: Place | None = None
    maybe_words: tuple[str, ...] = ()
    first: str = ""
    title: str = ""
    not_at: Place | None = None
    formats: tuple[str, ...] = ()
    period: tuple[int, int] | None = None
    identifier: str = ""


@voc.derived
@cache
def weights() -> dict[str, Any]:
    """The weights that are in force: those of `ranking.yaml`, and what administrators put in their place."""
    found = packaged_weights()
    for key, change in local.of(WEIGHTS).items():
        group, _dot, name = key.partition(".")
        if name in found.get(group, ()):
            found[group][name] = change["value"]
    return found


def packaged_weights() -> dict[str, Any]:
    """The weights of `ranking.yaml`."""
    with (DATA / "ranking.yaml").open(encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def parameters(asked: Asked, *, minimum: str, ranked: bool, year: int | None) -> dict[str, Any]:
    """Parameters of `package_search`.

    Args:
        asked: what is asked.
        minimum: Solr's mm as long as nothing is optional.
        ranked: whether place and record weigh.
        year: the current one, for the age of data; None when the index has no numbers of records (`NUMBER_FIELDS`).

    Returns:
        `q`, `defType`, `mm`, and as needed `boost` and `fq_list`.
    """
    if asked.identifier:
        clauses = [f'{field}:"{asked.identifier}"' for field in IDENTIFIER_FIELDS]
        return {"q": " OR ".join(clauses), "defType": "edismax", "mm": "1", "fq_list": []}
    strong = [unit for unit in asked.units if not unit.weak]
    others = max(1, min(MOST_OTHERS, MOST_NAMES // _copies(asked, strong)))
    clauses = [_clause(unit, asked, others) for unit in strong]
    if asked.title:
        clauses = [f"({clause} OR {_titled(asked)}^{_HARDLY})" for clause in clauses]
    mixed = asked.core and 0 < sum(unit.core for unit in strong) < len(strong)
    if mixed:
        clauses = _core_first(clauses, strong)
    elif clauses:
        clauses[0] = _with_extras(clauses[0], asked, strong)
    found: dict[str, Any] = {
        # CKAN has Solr require every clause; "OR" between them leaves that to mm.
        "q": " OR ".join(clauses) or "*:*",
        "defType": "edismax",
        "mm": "1" if mixed else _minimum(len(clauses), asked, minimum),
        "fq_list": [each for each in (_where(asked), _who(asked), _not_there(asked)) if each],
    }
    if ranked:
        found["boost"] = _boost(asked, year)
    return found


def _minimum(clauses: int, asked: Asked, minimum: str) -> str:
    if not clauses:
        return "0"
    return str(max(clauses - asked.optional, 1)) if asked.optional else minimum


def _copies(asked: Asked, strong: list[Unit]) -> int:
    """How many times a unit stands in the query."""
    core = sum(unit.core for unit in strong)
    return max(1, core * (1 + min(MOST_PAIRED, len(strong) - core)) if asked.core else len(strong))


def _core_first(clauses: list[str], strong: list[Unit]) -> list[str]:
    """Clauses of which one is enough: all expressions of the field, then these with each of the other words."""
    pairs = list(zip(clauses, strong, strict=True))
    core = f"({' AND '.join(clause for clause, unit in pairs if unit.core)})"
    beside = [clause for clause, unit in pairs if not unit.core][:MOST_PAIRED]
    return [core, *(f"({core} AND {clause})" for clause in beside)]


def _clause(unit: Unit, asked: Asked, others: int) -> str:
    """A unit as one clause: its words, or any of so many of its other names."""
    weight = weights()["words"]
    parts = _whole(unit.words, 1.0, apart=weight["apart"])
    typed = {unit.text.casefold()}
    for rank, other in enumerate(unit.others[:others]):
        if other.casefold() not in typed:
            parts.append(_named(other, weight["called"] if rank < unit.called else weight["sibling"]))
    if asked.maybe and unit.words == asked.maybe_words:
        parts.append(f"{INSIDE_FIELD}:({_any(asked.maybe.ids)})^0.1")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _whole(words: tuple[str, ...], boost: float, apart: float) -> list[str]:
    quoted = [_term(word) for word in words]
    if len(quoted) == 1:
        return [quoted[0]]
    near = f'"{" ".join(words)}"~{_slop(words)}^{boost}'
    if len(words) > _FEW_WORDS:
        # Many words of a long expression are in some text by chance ("zone de répartition des eaux").
        return [near, f'"{" ".join(words)}"~{_slop(words) + _FAR}^{apart}']
    return [near, f"({' AND '.join(quoted)})^{apart}"]


def _named(name: str, boost: float) -> str:
    return f"{name}^{boost}" if name.isalnum() else f'"{name}"~{_slop(name.split())}^{boost}'


def _slop(parts: Iterable[str]) -> int:
    """How many words may stand between those of an expression: more where the index has a long synonym of one.

    The last one has no neighbour after it.
    """
    longest = longest_synonyms()
    *before, _last = parts
    return weights()["words"]["slop"] + sum(longest.get(stem(voc.normalise(each)), 1) - 1 for each in before)


def _term(word: str) -> str:
    """A word as Solr's parser takes it: one that is an operator, or has signs, in quotes."""
    return word if word.isalnum() and word.upper() not in ("AND", "OR", "NOT", "TO") else f'"{word}"'


def _with_extras(clause: str, asked: Asked, strong: list[Unit]) -> str:
    """Add to the first clause what only weighs: words of the question beside each other, the purpose."""
    weight = weights()["words"]
    extras = [
        f'"{one.words[-1]} {other.words[0]}"~{weight["slop"]}^{weight["phrase"]}' for one, other in pairwise(strong)
    ]
    # Without the clause itself, the purpose must not make a dataset count as one that has it.
    extras += [
        f'({clause} AND "{unit.text}"~{weight["slop"]})^{weight["purpose"]}' for unit in asked.units if unit.weak
    ]
    return f"({' OR '.join([clause, *extras])})" if extras else clause


def _where(asked: Asked) -> str:
    """The filter of a place: what it is, what contains it, what lies in it."""
    if not asked.place or not asked.strict or asked.service:
        return ""
    place = asked.place
    own = (*place.ids, *place.around, *gazetteer.COUNTRIES)
    return _or_titled(f"{PLACE_FIELD}:({_any(own)}) OR {INSIDE_FIELD}:({_any(place.ids)})", asked)


def _who(asked: Asked) -> str:
    return _or_titled(f"organization:({_any(asked.service)})", asked) if asked.service else ""


def _not_there(asked: Asked) -> str:
    """The filter of what does not lie in the place that is left out; what contains it may stay."""
    return f"*:* -{INSIDE_FIELD}:({_any(asked.not_at.ids)})" if asked.not_at else ""


def _or_titled(clause: str, asked: Asked) -> str:
    """A filter, which a dataset with the very title of the question passes all the same."""
    return f"{clause} OR {_titled(asked)}" if asked.title else clause


def _titled(asked: Asked) -> str:
    return f'{TITLE_FIELD}:"{asked.title}"'


def _any(values: tuple[str, ...]) -> str:
    return " OR ".join(f'"{value}"' for value in dict.fromkeys(values))


def _boost(asked: Asked, year: int | None) -> str:
    factors = list(filter(None, [_fit(asked), _exact(asked), _formatted(asked)]))
    if year:
        factors += _of_years(asked, year)
        factors.append(f"sum(1,{','.join(_record(year))})")
    if not factors:
        return ""
    return factors[0] if len(factors) == 1 else f"product({','.join(factors)})"


def _formatted(asked: Asked) -> str:
    """Solr function of whether a dataset has one of the formats that a question names; empty when it names none."""
    tests = ",".join(f"termfreq({FORMAT_FIELD},'{value}')" for value in asked.formats)
    return f"if(sum({tests},0),{weights()['words']['format']},1)" if tests else ""


def _of_years(asked: Asked, year: int) -> list[str]:
    """Solr functions of whether data are of the years that a question names; the title is what people see."""
    weight = weights()["words"]
    periods = [(int(each), int(each)) for each in _years(asked)] + ([asked.period] if asked.period else [])
    found = []
    for first, last in periods:
        # 0 is no early year: it is not known.
        of_data = f"map(def({YEAR_NUMBER_FIELD},0),{max(first, 1)},{last},{weight['year_of_data']},1)"
        named = range(max(first, min(last, year) - MOST_YEARS + 1), min(last, year) + 1)
        titled = ",".join(f"termfreq(title,'{each}')" for each in named)
        found.append(f"if(sum({titled},0),{weight['year']},{of_data})" if titled else of_data)
    return found


def _years(asked: Asked) -> list[str]:
    """Years that a question names."""
    texts = (unit.text for unit in asked.units if unit.weak or len(asked.units) == 1)
    return [each for each in texts if len(each) == _DIGITS_OF_YEAR and each.isdigit()][:1]


def _exact(asked: Asked) -> str:
    """Solr function of whether a dataset has the very title of the question; empty without one."""
    return f"sum(1,mul({weights()['words']['title']},termfreq({TITLE_FIELD},'{asked.title}')))" if asked.title else ""


def _record(year: int) -> list[str]:
    """What a dataset gains by its record, as Solr functions from 0 to the weight of each; see `gains`.

    Solr reckons them for every dataset that a question finds, so they are written with as few steps as can be. A field
    without a value counts as 0, but is passed over by `min` and `max`, hence `def`.
    """
    weight = weights()["record"]
    fresh = weight["freshness"]
    age = f"linear(def({YEAR_NUMBER_FIELD},0),{fresh / OLD_YEARS:.9f},{fresh * (1 - year / OLD_YEARS):.9f})"
    at_once = f"sum(termfreq({ACCESS_FIELD},'{DOWNLOAD}'),termfreq({ACCESS_FIELD},'{SERVICE}'))"
    return [
        f"linear({QUALITY_FIELD},{weight['quality'] / 100:.9f},0)",
        f"max(0,min({fresh},{age}))",
        f"mul({weight['access']},min(1,{at_once}))",
        f"linear({POPULARITY_FIELD},{weight['popularity'] / 100:.9f},0)",
    ]


def gains(document: Mapping[str, Any], year: int) -> dict[str, float]:
    """What the record of a dataset adds to a factor of 1: weight of `ranking.yaml` → share, as `_record` reckons it."""
    weight = weights()["record"]
    age = year - int(document.get(YEAR_NUMBER_FIELD) or 0)
    shares = {
        "quality": int(document.get(QUALITY_FIELD) or 0) / 100,
        "freshness": max(0.0, min(1.0, 1 - age / OLD_YEARS)),
        "access": float(bool({DOWNLOAD, SERVICE}.intersection(document.get(ACCESS_FIELD) or ()))),
        "popularity": int(document.get(POPULARITY_FIELD) or 0) / 100,
    }
    return {name: weight[name] * share for name, share in shares.items()}


def _fit(asked: Asked) -> str:
    """Solr function of how well a dataset's place fits: 1 when it does not, or is not known; empty without a place."""
    tests = [f"mul({weight},termfreq({field},'{value}'))" for weight, field, value in fits(asked)]
    return f"max(1,{','.join(tests)})" if tests else ""


def fits(asked: Asked) -> list[tuple[float, str, str]]:
    """What a dataset gains for each value that an index field of its places has: weight, field, value.

    Where datasets of other places are found too, those beside the place come before those far from it.
    """
    place = asked.place or asked.maybe
    if not place:
        return []
    weight = weights()["place"]
    found = [(weight["exact"], PLACE_FIELD, value) for value in place.ids]
    found += [(weight["exact"] * SAME_NAME, PLACE_FIELD, asked.first)] if asked.first else []
    found += [(weight["inside"], INSIDE_FIELD, value) for value in place.ids]
    for value in place.around:
        if value not in gazetteer.COUNTRIES:
            found.append((weight[_kind(value)], PLACE_FIELD, value))
        if _kind(value) == "region":
            found.append((weight["nearby"], INSIDE_FIELD, value))
    for value in (*place.ids, *place.around) if asked.place and not asked.strict else ():
        if kind := {"departement": "nearby", "region": "beyond"}.get(_kind(value)):
            found += [(weight[kind], PLACE_FIELD, each.id) for each in boxes.neighbours(value)]
    return [*found, *((weight["country"], PLACE_FIELD, value) for value in gazetteer.COUNTRIES)]


def _kind(value: str) -> str:
    kind = value.split("-", 1)[0]
    return {"outre": "departement", "zone": "sea"}.get(kind, kind)
