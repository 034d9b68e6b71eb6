"""Recognise the place in a query. Pure.

Names of places can be common words (Lot, Nord, Mer, Vannes), so each reading has a certainty: the place of an uncertain
`Reading` only affects the score beside the word, and never filters.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache

from rapidfuzz.distance import OSA

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance.place_cues import (
    SHORTEST,
    capital,
    cues,
    cuts_compound,
    denied_before,
    is_in_expression,
    is_place,
    led,
)
from ckanext.ecosphere.search.relevance.words import (
    Word,
    expressions,
    fillers,
    stop_words,
    words_of_language,
)
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

LARGE = 10_000
"""Population from which a commune named like a common word counts as a place at the end of a query."""
COMPARABLE = 0.5
"""Minimum population of an offered namesake, relative to the first one."""
SHORTEST_MISSPELT = 7
"""Minimum letters of a territory's name that is recognised with one letter wrong."""
LONG_NAME = 9
"""Minimum letters of a name that is recognised with two letters wrong."""
LONGEST_MISSPELT = 5
"""Maximum words of such a name."""
_POSTAL = 5
_MOST_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """A place recognised in a query.

    Attributes:
        place: the most likely place.
        words: positions of the words that name it, and of redundant words ("commune de").
        certain: whether the words can only denote the place.
        service: names of the organisations if a service was named ("ddt 44"), else empty.
        others: other places of the same name and comparable size, offered as alternatives.
        namesakes: all places of this name.
    """

    place: Place
    words: tuple[int, ...]
    certain: bool
    service: tuple[str, ...] = ()
    others: tuple[Place, ...] = ()
    namesakes: tuple[Place, ...] = ()


def read_word(words: list[Word]) -> Reading | None:
    """Return the commune named by a common word at an end of the query, if it makes no other sense ("plu pithiviers").

    Args:
        words: words of the query; all others are domain terms.
    """
    for first, last in ((len(words) - 1, len(words)), (0, 1), (len(words) - 2, len(words)), (0, 2)):
        inner = words[max(first, 0) : last]
        bare = [word for word in inner if word.folded not in ("l", "la", "le", "les")]
        name = " ".join(word.folded for word in inner)
        if (
            first < 0
            or len(bare) != 1
            or bare[0].folded not in gazetteer.common_words()
            or bare[0].glued
        ):
            continue
        places = tuple(each for each in gazetteer.named(name) if each.kind == "commune")
        if places and _may_be_name(words, first, last, places[0]):
            return Reading(
                places[0],
                tuple(range(first, last)),
                True,
                (),
                places[1:][:_MOST_ALTERNATIVES],
                places,
            )
    return None


def read(words: list[Word], text: str) -> Reading | None:
    """Return the place in a query; None if there is none.

    Args:
        words: words of the query.
        text: the query as typed, since a capital in the middle indicates a name.
    """
    if by_service := service(words):
        return by_service
    found: list[Reading] = []
    for start in range(len(words)):
        for end in range(min(len(words), start + gazetteer.LONGEST_NAME), start, -1):
            reading = _span(words, start, end, text)
            if reading is not None:
                found.append(reading)
                break
    found += _misspelt(words, found)
    found = [each for each in found if not _is_elsewhere(words, each, found)]
    # Ignore names within longer ones ("Centre-Val de Loire", "mer du Nord").
    outer = [
        each for each in found if not any(set(each.words) < set(other.words) for other in found)
    ]
    if not outer:
        return None
    # Prefer the smallest place (a commune beside its département), then the last one.
    best = max(
        outer, key=lambda each: (each.certain, _size(each.place), len(each.words), each.words[0])
    )
    beside = _beside(words, text, best)
    return replace(
        beside,
        words=tuple(each for each in beside.words if words[each].folded not in cues()["kept"]),
    )


def _is_elsewhere(words: list[Word], reading: Reading, found: list[Reading]) -> bool:
    """Return whether a small commune's name is only a word, as the territory in the query lacks that commune
    ("bio")."""
    if (
        reading.place.kind != "commune"
        or len(reading.words) != 1
        or reading.place.population >= LARGE
    ):
        return False
    (position,) = reading.words
    word = words[position]
    if word.typed[:1].isupper() or any(map(str.isdigit, word.folded)):
        return False
    territories = [
        each.place for each in found if each.certain and each.place.kind not in ("commune", "epci")
    ]
    around = {value for each in (reading.place, *reading.namesakes) for value in each.around}
    return bool(territories) and not any(around & set(place.ids) for place in territories)


@voc.derived
@cache
def _written_together() -> dict[str, dict[str, str]]:
    """Return first letter → name of a territory or area without spaces → the name."""
    kinds = ("departement", "region", "outre-mer")
    names = [
        (concept.label_fr, 1) for concept in voc.get("territories") if concept.data["type"] in kinds
    ]
    # Names of rivers and massifs are many and short: take only long ones. Skip those that end with another name
    # ("Loire-Bretagne"), which are too similar to that name with another word ("loutre Bretagne").
    areas = [
        name for name in gazetteer.area_names() if not name.startswith(("Bassin", "Vallée", "DIR"))
    ]
    names += [
        (name, LONG_NAME)
        for name in areas
        if not gazetteer.named(" ".join(voc.normalise(name).split()[1:][-1:]))
    ]
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for label, shortest in names:
        name = voc.normalise(label)
        joined = name.replace(" ", "")
        if len(joined) >= max(shortest, SHORTEST_MISSPELT):
            found[joined[0]].setdefault(joined, name)
    return found


def _misspelt(words: list[Word], found: list[Reading]) -> list[Reading]:
    """Return départements and régions with a letter or two wrong in the name: "alpes maritime", "tarn et garone"."""
    readings: list[Reading] = []
    exact = [each.words for each in found if each.place.kind != "area"]
    towns = [
        each.words
        for each in found
        if each.place.kind == "commune" and each.place.population >= LARGE
    ]
    for start in range(len(words)):
        for end in range(min(len(words), start + LONGEST_MISSPELT), start, -1):
            inner = words[start:end]
            joined = "".join(word.folded for word in inner)
            if len(joined) < SHORTEST_MISSPELT or not joined.isalpha():
                continue
            if len(inner) == 1 and (
                joined in words_of_language() or inner[0].stem in expressions()
            ):
                continue
            span = set(range(start, end))
            if any(span <= set(each) for each in exact) or any(span & set(each) for each in towns):
                continue
            if {inner[0].folded, inner[-1].folded} & {*cues()["between"], *stop_words()}:
                continue
            allowed = 1 + (len(joined) >= LONG_NAME)
            near = [
                (gap, name)
                for together, name in _written_together().get(joined[0], {}).items()
                if abs(len(together) - len(joined)) <= allowed
                and (gap := OSA.distance(joined, together)) <= allowed
            ]
            if near:
                places = gazetteer.named(min(near)[1])
                readings.append(Reading(places[0], tuple(range(start, end)), True, (), (), places))
                break
    return readings


def _size(place: Place) -> int:
    """Return a sort key by size, highest for the smallest kind."""
    return ("country", "region", "area", "sea", "overseas", "departement", "epci", "commune").index(
        place.kind
    )


def _beside(words: list[Word], text: str, reading: Reading) -> Reading:
    """Combine a reading with other places in the query: "nantes 44", "Saint-Denis (Réunion)"."""
    used, place = set(reading.words), reading.place
    for start in range(len(words)):
        for end in range(min(len(words), start + gazetteer.LONGEST_NAME), start, -1):
            span = range(start, end)
            if used.intersection(span):
                continue
            other = _span(words, start, end, text)
            if other is None or not (other.certain or reading.certain):
                continue
            namesake = next(
                (
                    each
                    for each in (place, *reading.namesakes)
                    if set(other.place.ids) & {*each.ids, *each.around}
                ),
                None,
            )
            if namesake:
                place = namesake
                used.update(span)
                break
    if place == reading.place and place.kind in ("departement", "overseas"):
        place, more = _commune_beside(words, reading)
        used.update(more)
    others = reading.others
    if place != reading.place:
        # "Saint-Denis 93": the other Saint-Denis is offered; "Mer 41": the département is not an alternative.
        offered = (reading.place, *reading.others) if place in reading.namesakes else reading.others
        others = tuple(each for each in offered if each != place)
    certain = reading.certain or len(used) > len(reading.words)
    return Reading(
        place, tuple(sorted({*used, *_spent(words, used)})), certain, reading.service, others
    )


def of_table(name: str) -> Place | None:
    """Return the place in a table name of the ministry's naming standard: "N_ICPE_P_059", "ZNIEFF1_S_R93"."""
    code = name.rsplit("_", 1)[-1].lower()
    if code.startswith("r") and code[1:]:
        known = (
            each for each in voc.get("territories") if each.data["type"] in ("region", "outre-mer")
        )
        codes = lambda each: {str(each.data[key]).lower() for key in ("insee_region", "code")}  # noqa: E731
        concept = next((each for each in known if code[1:] in codes(each)), None)
        if concept is None and (
            named := [each for each in gazetteer.named(code[1:]) if each.kind == "region"]
        ):
            return named[0]
    else:
        departements = gazetteer.departements()
        concept = departements.get(code.upper()) or departements.get(code[1:].upper())
    return gazetteer.of_territory(concept) if concept else None


def _commune_beside(words: list[Word], reading: Reading) -> tuple[Place, set[int]]:
    """Return a commune named next to its département, although its name is a common word: "mer 41", "Forges (17)"."""
    first, last = min(reading.words), max(reading.words)
    is_code = len(reading.words) == 1 and any(letter.isdigit() for letter in words[first].folded)
    for span in ((last + 1,), (first - 2, first - 1), (first - 1,)):
        if min(span) < 0 or max(span) >= len(words):
            continue
        name = " ".join(words[position].folded for position in span)
        if name in stop_words() or (
            not is_code and words[span[-1]].stem in {*expressions(), *fillers()}
        ):
            continue
        for place in gazetteer.named(name):
            if place.kind == "commune" and reading.place.ids[0] in place.around:
                return place, set(span)
    return reading.place, set()


def _spent(words: list[Word], used: set[int]) -> set[int]:
    """Return positions of redundant words before a place ("département de la Somme", "bassin versant de l'Adour")."""
    found: set[int] = set()
    for position in sorted(used):
        start = position
        while True:
            before = start - 1
            while (
                before >= 0
                and before not in used
                and words[before].folded in (*cues()["between"], "a")
            ):
                before -= 1
            if (
                before < 0
                or before in used
                or not {words[before].stem, words[before].folded} & set(cues()["spent"])
            ):
                break
            found.update(range(before, position))
            start = before
    return found - used


def _span(words: list[Word], start: int, end: int, text: str) -> Reading | None:
    """Interpret some words as a place; None if they are not one."""
    inner = words[start:end]
    name = " ".join(word.folded for word in inner)
    places = gazetteer.named(name)
    if not places or _is_part(words, start, end, places[0]):
        return None
    if len(inner) == 1 and any(letter.isdigit() for letter in name):
        return _code(words, start, places)
    return _named(words, start, end, text) if _may_be_name(words, start, end, places[0]) else None


def _named(words: list[Word], start: int, end: int, text: str) -> Reading | None:
    """Interpret a name as a place; None if it is a common word without a cue that it is a place."""
    inner = words[start:end]
    name = " ".join(word.folded for word in inner)
    places = gazetteer.named(name)
    first = places[0]
    if (
        first.kind != "area"
        and led(words, start, "before_river")
        and (river := gazetteer.along(name))
    ):
        # After a word such as "crue" the river is meant, not the département of the same name.
        return Reading(river, tuple(range(start, end)), True, (), (first,), (river, *places))
    bare = [word.folded for word in inner if word.folded not in ("l", "la", "le", "les")]
    if first.kind not in ("commune", "epci"):
        # An island may have as common a name as "Saint-Martin", and be hardly larger than its namesakes.
        least = 0 if first.kind == "overseas" and len(places) > _MOST_ALTERNATIVES else LARGE
        others = tuple(
            each
            for each in places[1:]
            if each.population >= least and first.ids[0] not in each.around
        )
        certain = name not in cues()["homonyms"] or is_place(words, start, end, text)
        possible = certain or not denied_before(words, start)
    elif len(bare) == 1 and led(words, start, "landscapes") and (areas := _areas_of(bare[0])):
        return Reading(areas[0], tuple(range(start, end)), True, (), (first,), (*areas, *places))
    elif len(bare) == 1 and bare[0] in gazetteer.common_words():
        others = places[1:]
        certain = led(words, start) or capital(inner[0], start, text)
        certain = certain or (first.population >= LARGE and len(words) > 1 and end == len(words))
        possible = certain or first.population >= LARGE
    else:
        others = tuple(
            each for each in places[1:] if each.population >= first.population * COMPARABLE
        )
        certain = possible = True
    if not possible:
        return None
    return Reading(
        first, tuple(range(start, end)), certain, (), others[:_MOST_ALTERNATIVES], places
    )


def _areas_of(name: str) -> tuple[Place, ...]:
    return tuple(each for each in gazetteer.named(name) if each.kind == "area")


def _may_be_name(words: list[Word], start: int, end: int, place: Place) -> bool:
    """Return whether the words of a name are neither listed terms nor too short for a name."""
    inner = words[start:end]
    key = " ".join(word.stem for word in inner if word.folded not in stop_words())
    # "Étang de l'Or" is a name although its last word is a stop word.
    is_territory = place.kind in ("departement", "region") or (
        place.kind == "area" and len(inner) > SHORTEST
    )
    is_territory = is_territory or key in cues()["kept"]
    of_lists = not key or key in fillers() or (key in expressions() and not is_territory)
    if of_lists:
        return led(words, start) or (place.population >= LARGE and end == len(words) and start > 0)
    return len(inner) > 1 or len(inner[0].folded) > SHORTEST or inner[0].typed[0].isupper()


def _is_part(words: list[Word], start: int, end: int, place: Place) -> bool:
    """Return whether a name is only part of a hyphenated name or of a listed expression."""
    if place.kind == "country" and end < len(words) and words[start].folded in cues()["spent"]:
        return True  # "métropole lilloise"
    leads = (
        end - start == 1 and place.kind == "commune" and words[start].folded in cues()["leading"]
    )
    if (
        leads
        and end < len(words)
        and not words[end].folded.isdigit()
        and words[end].typed[:1].isupper()
    ):
        return True  # "Grand Douaisis"
    is_small = place.kind == "commune" and place.population < LARGE
    return (is_small and cuts_compound(words, start, end)) or is_in_expression(
        words, start, end, place
    )


def _code(words: list[Word], position: int, places: tuple[Place, ...]) -> Reading | None:
    """Interpret a postal code, an INSEE code, or the code of a département."""
    code = words[position].folded
    before = words[position - 1].folded if position else ""
    if before in cues()["not_code_before"]:
        return None
    # In mid-query only codes that cannot be ordinary numbers count ("znieff 2A type 1", "974").
    at_an_end = (
        not position or position == len(words) - 1 or not code.isdigit() or len(code) > SHORTEST
    )
    named = before in cues()["before_territory"] or _follows_commune(words, position, places[0])
    if len(code) < _POSTAL and not at_an_end and not named:
        return None
    if len(code) < _POSTAL and len(words) == 1 and not code.isalnum():
        return None
    return Reading(
        places[0],
        (position,),
        True,
        (),
        places[1:_MOST_ALTERNATIVES] if len(code) >= _POSTAL else (),
    )


def _follows_commune(words: list[Word], position: int, departement: Place) -> bool:
    """Return whether the code of a département follows one of its communes ("saint denis 93 plu")."""
    for start in range(max(0, position - gazetteer.LONGEST_NAME), position):
        for place in gazetteer.named(" ".join(word.folded for word in words[start:position])):
            if place.kind == "commune" and departement.ids[0] in place.around:
                return True
    return False


def service(words: list[Word]) -> Reading | None:
    """Recognise a service by its acronym and place: "ddt 44", "ddtm06", "dreal bretagne", "ddtm de l'Hérault"."""
    for start in range(len(words)):
        acronym, code = _parted(words[start].folded)
        for place in gazetteer.named(code) if acronym else ():
            if names := _organizations(cues()["services"][acronym], place):
                return Reading(place, (start,), True, names)
        for end in range(min(len(words), start + 4), start, -1):
            kinds = cues()["services"].get(" ".join(word.folded for word in words[start:end]))
            if not kinds:
                continue
            after = end
            while after < len(words) and words[after].folded in cues()["between"]:
                after += 1
            for last in range(min(len(words), after + gazetteer.LONGEST_NAME), after, -1):
                for place in gazetteer.named(" ".join(word.folded for word in words[after:last])):
                    names = _organizations(kinds, place)
                    if names:
                        return Reading(place, tuple(range(start, last)), True, names)
    return None


def _parted(word: str) -> tuple[str, str]:
    """Split a service's acronym from an appended code ("ddtm06"); empty acronym if there is none."""
    acronym = next(
        (
            each
            for each in cues()["services"]
            if word.startswith(each) and word[len(each) :][:1].isdigit()
        ),
        "",
    )
    return acronym, word[len(acronym) :]


def _organizations(kinds: list[str], place: Place) -> tuple[str, ...]:
    territories = voc.get("territories")
    uris = {
        territories[value].uri
        for value in (*place.ids, *place.around)
        if value in territories and value not in gazetteer.COUNTRIES
    }
    return tuple(
        concept.id
        for concept in voc.get("organisations")
        if concept.data["kind"] in kinds and concept.data["territory"] in uris
    )
