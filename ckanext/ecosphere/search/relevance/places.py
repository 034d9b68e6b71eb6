"""The place of a query: the readings of its words, combined; and that in the name of a table. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance.words import (
    DATA,
    LONGEST_PHRASE,
    Word,
    expressions,
    fillers,
    name_of,
    near,
    read_all,
    stems_of,
    stop_words,
    without_stop_words,
    words_of_language,
)
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

SHORTEST = 2
"""Length of names that count as a place only with a capital ("GE", "Eu")."""
LARGE = 10_000
"""Population from which a commune named like a common word counts as a place at the end of a query.
"""
COMPARABLE = 0.5
"""Minimum population of an offered namesake, relative to the first one."""
SHORTEST_MISSPELT = 7
"""Minimum letters of a territory's name that is recognised with one letter wrong."""
LONG_NAME = 9
"""Minimum letters of a name that is recognised with two letters wrong."""
MOST_ALTERNATIVES = 3
_ARTICLES = ("l", "la", "le", "les")
_POSTAL = 5
_TERRITORIES = ("departement", "region", "outre-mer")
_TABLE = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+")
SHORTEST_TABLE_PART = 3
"""Minimum letters of a meaningful part of a table name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A place recognised in a query.

    Attributes:
        place: the most likely place.
        positions: those of the words that name it, and of redundant words ("commune de").
        certain: whether the words can only denote the place.
        service: names of the organisations if a service was named ("ddt 44"), else empty.
        others: other places of the same name and comparable size, offered as alternatives.
        namesakes: all places of this name.
    """

    place: Place
    positions: tuple[int, ...]
    certain: bool
    service: tuple[str, ...] = ()
    others: tuple[Place, ...] = ()
    namesakes: tuple[Place, ...] = ()


def of_words(words: list[Word], start: int, end: int, text: str) -> Reading | None:
    """Interpret some words as a place; None if they are not one.

    Args:
        words: words of the query.
        start: position of the first of these words.
        end: position after the last of them.
        text: the query as typed, since a capital in the middle indicates a name.
    """
    inner = words[start:end]
    name = name_of(inner)
    places = gazetteer.named(name)
    if not places or _is_part(words, start, end, places[0]):
        return None
    if len(inner) == 1 and any(map(str.isdigit, name)):
        return _of_code(words, start, places)
    if may_be_name(words, start, end, places[0]):
        return _of_name(words, start, end, text)
    return None


def _of_name(words: list[Word], start: int, end: int, text: str) -> Reading | None:
    """Interpret a name as a place; None if it is a common word without a cue that it is a place."""
    inner, positions = words[start:end], tuple(range(start, end))
    places = gazetteer.named(name_of(inner))
    first = places[0]
    landscape = _landscape(words, start, inner, first)
    if landscape:
        return Reading(landscape[0], positions, True, (), (first,), (*landscape, *places))
    if first.kind not in ("commune", "epci"):
        return _of_territory(words, start, end, text)
    bare = without_articles(inner)
    least = first.population * COMPARABLE
    certain = True
    if len(bare) == 1 and bare[0].folded in gazetteer.common_words():
        least = 0
        is_large = first.population >= LARGE
        ends_query = len(words) > 1 and end == len(words)
        announced = led(words, start) or capital(inner[0], start, text)
        certain = announced or (is_large and ends_query)
        if not certain and not is_large:
            return None
    others = tuple(place for place in places[1:] if place.population >= least)
    return Reading(first, positions, certain, (), others[:MOST_ALTERNATIVES], places)


def _landscape(words: list[Word], start: int, inner: list[Word], first: Place) -> tuple[Place, ...]:
    """Return the rivers or landscapes that a name denotes after a word such as "crue" or "massif"; empty if none."""
    if first.kind != "area" and led(words, start, "before_river"):
        river = gazetteer.along(name_of(inner))
        if river:
            return (river,)
    bare = without_articles(inner)
    if first.kind in ("commune", "epci") and len(bare) == 1 and led(words, start, "landscapes"):
        return tuple(place for place in gazetteer.named(bare[0].folded) if place.kind == "area")
    return ()


def _of_territory(words: list[Word], start: int, end: int, text: str) -> Reading | None:
    """Interpret the name of a territory as this; None if it is a common word here."""
    name = name_of(words[start:end])
    places = gazetteer.named(name)
    first = places[0]
    certain = name not in cues()["homonyms"] or is_place(words, start, end, text)
    if not certain and denied_before(words, start):
        return None
    least = LARGE
    if first.kind == "overseas" and len(places) > MOST_ALTERNATIVES:
        # An island may have as common a name as "Saint-Martin", and be hardly larger than its namesakes.
        least = 0
    others = []
    for place in places[1:]:
        if place.population >= least and first.ids[0] not in place.around:
            others.append(place)
    alternatives = tuple(others[:MOST_ALTERNATIVES])
    return Reading(first, tuple(range(start, end)), certain, (), alternatives, places)


def without_articles(inner: list[Word]) -> list[Word]:
    """Return the words of a name without "la", "le", "les"."""
    return [word for word in inner if word.folded not in _ARTICLES]


def may_be_name(words: list[Word], start: int, end: int, place: Place) -> bool:
    """Return whether the words of a name are neither listed terms nor too short for a name."""
    inner = words[start:end]
    key = stems_of(without_stop_words(inner))
    # "Étang de l'Or" is a name although its last word is a stop word.
    is_long_area = place.kind == "area" and len(inner) > SHORTEST
    is_territory = is_long_area or place.kind in ("departement", "region") or key in cues()["kept"]
    is_listed = not key or key in fillers() or (key in expressions() and not is_territory)
    if is_listed:
        ends_query = end == len(words) and start > 0
        return led(words, start) or (place.population >= LARGE and ends_query)
    return len(inner) > 1 or len(inner[0].folded) > SHORTEST or inner[0].typed[0].isupper()


def _is_part(words: list[Word], start: int, end: int, place: Place) -> bool:
    """Return whether a name is only part of a hyphenated name or of a listed expression."""
    first, after = words[start].folded, words[end : end + 1]
    if place.kind == "country" and after and first in cues()["spent"]:
        return True  # "métropole lilloise"
    leads = end - start == 1 and place.kind == "commune" and first in cues()["leading"]
    if leads and after and not after[0].folded.isdigit() and after[0].typed[:1].isupper():
        return True  # "Grand Douaisis"
    is_small = place.kind == "commune" and place.population < LARGE
    if is_small and cuts_compound(words, start, end):
        return True
    return is_in_expression(words, start, end, place)


def _of_code(words: list[Word], position: int, places: tuple[Place, ...]) -> Reading | None:
    """Interpret a postal code, an INSEE code, or the code of a département."""
    code = words[position].folded
    before = words[position - 1].folded if position else ""
    if before in cues()["not_code_before"]:
        return None
    if len(code) >= _POSTAL:
        return Reading(places[0], (position,), True, (), places[1:MOST_ALTERNATIVES])
    # In mid-query only codes that cannot be ordinary numbers count ("znieff 2A type 1", "974").
    is_number = code.isdigit() and len(code) <= SHORTEST and position not in (0, len(words) - 1)
    announced = before in cues()["before_territory"]
    if is_number and not announced and not _follows_commune(words, position, places[0]):
        return None
    if len(words) == 1 and not code.isalnum():
        return None
    return Reading(places[0], (position,), True)


def _follows_commune(words: list[Word], position: int, departement: Place) -> bool:
    """Return whether the code of a département follows one of its communes ("saint denis 93 plu")."""
    for start in range(max(0, position - gazetteer.LONGEST_NAME), position):
        for place in gazetteer.named(name_of(words[start:position])):
            if place.kind == "commune" and departement.ids[0] in place.around:
                return True
    return False


def misspelt(inner: list[Word]) -> tuple[Place, ...]:
    """Return the places of a territory's name with a letter or two wrong: "alpes maritime", "tarn et garone"."""
    joined = "".join(word.folded for word in inner)
    if len(joined) < SHORTEST_MISSPELT or not joined.isalpha():
        return ()
    if len(inner) == 1 and (joined in words_of_language() or inner[0].stem in expressions()):
        return ()
    if {inner[0].folded, inner[-1].folded} & {*cues()["between"], *stop_words()}:
        return ()
    allowed = 1 + (len(joined) >= LONG_NAME)
    names = _written_together().get(joined[0], {})
    alike = [(gap, names[together]) for gap, together in near(joined, list(names), allowed)]
    if alike:
        return gazetteer.named(min(alike)[1])
    return ()


@voc.derived
@cache
def _written_together() -> dict[str, dict[str, str]]:
    """Return first letter → name of a territory or area without spaces → the name."""
    territories = [
        concept for concept in voc.get("territories") if concept.data["type"] in _TERRITORIES
    ]
    names = [(territory.label_fr, SHORTEST_MISSPELT) for territory in territories]
    # Names of rivers and massifs are many and short: take only long ones. Skip those that end with another name
    # ("Loire-Bretagne"), which are too similar to that name with another word ("loutre Bretagne").
    for area in gazetteer.area_names():
        second_word = " ".join(voc.normalise(area).split()[1:][-1:])
        if not area.startswith(("Bassin", "Vallée", "DIR")) and not gazetteer.named(second_word):
            names.append((area, LONG_NAME))
    by_letter: dict[str, dict[str, str]] = defaultdict(dict)
    for label, shortest in names:
        name = voc.normalise(label)
        joined = name.replace(" ", "")
        if len(joined) >= shortest:
            by_letter[joined[0]].setdefault(joined, name)
    return by_letter


def service(words: list[Word]) -> Reading | None:
    """Recognise a service by its acronym and place: "ddt 44", "ddtm06", "dreal bretagne", "ddtm de l'Hérault"."""
    services = cues()["services"]
    for start in range(len(words)):
        acronym, code = _acronym_and_code(words[start].folded)
        if acronym:
            for place in gazetteer.named(code):
                names = _organizations(services[acronym], place)
                if names:
                    return Reading(place, (start,), True, names)
        for end in range(min(len(words), start + 4), start, -1):
            kinds = services.get(name_of(words[start:end]))
            if not kinds:
                continue
            after = end
            while after < len(words) and words[after].folded in cues()["between"]:
                after += 1
            for last in range(min(len(words), after + gazetteer.LONGEST_NAME), after, -1):
                for place in gazetteer.named(name_of(words[after:last])):
                    names = _organizations(kinds, place)
                    if names:
                        return Reading(place, tuple(range(start, last)), True, names)
    return None


def _acronym_and_code(word: str) -> tuple[str, str]:
    """Split a service's acronym from an appended code ("ddtm06"); empty acronym if there is none."""
    for acronym in cues()["services"]:
        code = word.removeprefix(acronym)
        if code != word and code[:1].isdigit():
            return acronym, code
    return "", word


def _organizations(kinds: list[str], place: Place) -> tuple[str, ...]:
    """Return the names of the organisations of some kinds whose territory is a place or contains it."""
    territories = voc.get("territories")
    values = [value for value in (*place.ids, *place.around) if value not in gazetteer.COUNTRIES]
    uris = {territory.uri for territory in filter(None, map(territories.get, values))}
    names = []
    for concept in voc.get("organisations"):
        if concept.data["kind"] in kinds and concept.data["territory"] in uris:
            names.append(concept.id)
    return tuple(names)


def is_table_name(title: str) -> bool:
    """Return whether a title is only the name of a table ("N_DFCI_PISTE_L_040")."""
    return bool(_TABLE.fullmatch(title.strip()))


def table_parts(name: str) -> tuple[list[str], Place | None]:
    """Return the meaningful parts of a table name and its place: without prefix, kind of geometry and code."""
    place = of_table(name)
    parts = name.split("_")
    if place:
        parts.pop()
    parts = [part for part in parts if len(part) >= SHORTEST_TABLE_PART and not part.isdigit()]
    return parts, place


def of_table(name: str) -> Place | None:
    """Return the place in a table name of the ministry's naming standard: "N_ICPE_P_059", "ZNIEFF1_S_R93"."""
    last_part = name.rsplit("_", 1)[-1].upper()
    code = last_part[1:]
    if not code or not last_part.startswith("R"):
        departements = gazetteer.departements()
        departement = departements.get(last_part) or departements.get(code)
        return departement and gazetteer.of_territory(departement)
    for region in voc.get("territories"):
        codes = (str(region.data["insee_region"]), str(region.data["code"]).upper())
        if code in codes and region.data["type"] in ("region", "outre-mer"):
            return gazetteer.of_territory(region)
    regions = (place for place in gazetteer.named(code.lower()) if place.kind == "region")
    return next(regions, None)


@cache
def cues() -> dict[str, Any]:
    """Return the lists of `place_cues.yaml`."""
    with (DATA / "place_cues.yaml").open(encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def led(words: list[Word], start: int, kind: str = "before_commune") -> bool:
    """Return whether a preceding word announces a place: `before_commune`, or `before_territory`."""
    if start and words[start - 1].folded in cues()[kind]:
        return True
    before = start - 1
    while before >= 0 and words[before].folded in cues()["between"]:
        before -= 1
    return 0 <= before < start - 1 and words[before].folded in cues()[kind]


def capital(word: Word, start: int, text: str) -> bool:
    """Return whether a word is capitalised in mid-query, in a query that is not all capitals."""
    return start > 0 and word.typed[:1].isupper() and not text.isupper()


def cuts_compound(words: list[Word], start: int, end: int) -> bool:
    """Return whether the words are only part of a hyphenated name ("Sancy" in "Chastreix-Sancy")."""
    return (start > 0 and words[start - 1].glued) or words[end - 1].glued


def is_in_expression(words: list[Word], start: int, end: int, place: Place) -> bool:
    """Return whether a name is only part of a known expression ("passe à Poissons", "feu de la Forêt").

    A département or région counts as a place even then, unless it is short ("OCS GE") or a lower-case homonym ("pas
    cher").
    """
    name = words[start:end]
    if place.kind not in ("commune", "epci", "country"):
        is_word = (
            len(name) == 1 and name[0].typed.islower() and name[0].folded in cues()["homonyms"]
        )
        if len("".join(word.folded for word in name)) > SHORTEST and not is_word:
            return False
    for first in range(max(0, end - LONGEST_PHRASE), start + 1):
        for last in range(end, min(len(words), first + LONGEST_PHRASE) + 1):
            inner = words[first:last]
            ends = (inner[0].folded, inner[-1].folded)
            if last - first <= end - start or set(ends) & stop_words():
                continue
            key = stems_of(without_stop_words(inner))
            if " " in key and key in expressions():
                return True
    return False


def is_place(words: list[Word], start: int, end: int, text: str) -> bool:
    """Return whether a homonym denotes the place: by the preceding word, a capital, or as the last of several words."""
    denied_after = end < len(words) and words[end].folded in cues()["not_place_after"]
    if denied_after or denied_before(words, start):
        return False
    if led(words, start, "before_territory") or (capital(words[start], start, text) and start):
        return True
    # References are not among the words ("N2000 var").
    return end == len(words) and (start > 0 or len(read_all(text)) > end)


def denied_before(words: list[Word], start: int) -> bool:
    """Return whether the word before a name makes it a common word: "mer du Nord", "côte Allier".

    A word that ends an expression of its own does not: "trait de côte Allier".
    """
    if not start or words[start - 1].folded not in cues()["not_place_before"]:
        return False
    for first in range(max(0, start - LONGEST_PHRASE), start - 1):
        key = stems_of(without_stop_words(words[first:start]))
        if " " in key and key in expressions():
            return False
    return True


LONGEST_MISSPELT = 5
"""Maximum words of a misspelt name."""
_FROM_LARGE_TO_SMALL = (
    "country",
    "region",
    "area",
    "sea",
    "overseas",
    "departement",
    "epci",
    "commune",
)
"""Kinds of places."""


def read(words: list[Word], text: str) -> Reading | None:
    """Return the place in a query; None if there is none.

    Args:
        words: words of the query.
        text: the query as typed, since a capital in the middle indicates a name.
    """
    of_service = service(words)
    if of_service:
        return of_service
    readings: list[Reading] = []
    for start in range(len(words)):
        for end in range(min(len(words), start + gazetteer.LONGEST_NAME), start, -1):
            reading = of_words(words, start, end, text)
            if reading is not None:
                readings.append(reading)
                break
    readings += _misspelt(words, readings)
    readings = [reading for reading in readings if not _is_elsewhere(words, reading, readings)]
    # Ignore names within longer ones ("Centre-Val de Loire", "mer du Nord").
    outer = [reading for reading in readings if not _is_within_another(reading, readings)]
    if not outer:
        return None
    best = _with_others_beside(words, text, max(outer, key=_rank))
    positions = (
        position for position in best.positions if words[position].folded not in cues()["kept"]
    )
    return replace(best, positions=tuple(positions))


def read_word(words: list[Word]) -> Reading | None:
    """Return the commune named by a common word at an end of the query, if it makes no other sense ("plu pithiviers").

    Args:
        words: words of the query; all others are domain terms.
    """
    number = len(words)
    for start, end in ((number - 1, number), (0, 1), (number - 2, number), (0, 2)):
        if start < 0:
            continue
        inner = words[start:end]
        bare = without_articles(inner)
        if len(bare) != 1 or bare[0].folded not in gazetteer.common_words() or bare[0].glued:
            continue
        name = name_of(inner)
        communes = tuple(place for place in gazetteer.named(name) if place.kind == "commune")
        if communes and may_be_name(words, start, end, communes[0]):
            others = communes[1:][:MOST_ALTERNATIVES]
            return Reading(communes[0], tuple(range(start, end)), True, (), others, communes)
    return None


def _rank(reading: Reading) -> tuple[bool, int, int, int]:
    """Sort key: prefer the smallest place (a commune beside its département), then the last one."""
    size = _FROM_LARGE_TO_SMALL.index(reading.place.kind)
    return reading.certain, size, len(reading.positions), reading.positions[0]


def _is_within_another(reading: Reading, readings: list[Reading]) -> bool:
    return any(set(reading.positions) < set(other.positions) for other in readings)


def _is_elsewhere(words: list[Word], reading: Reading, readings: list[Reading]) -> bool:
    """Return whether a small commune's name is only a word, as the territory in the query lacks that commune
    ("bio")."""
    place = reading.place
    if place.kind != "commune" or place.population >= LARGE or len(reading.positions) != 1:
        return False
    word = words[reading.positions[0]]
    if word.typed[:1].isupper() or any(map(str.isdigit, word.folded)):
        return False
    certain = [other.place for other in readings if other.certain]
    territories = [other for other in certain if other.kind not in ("commune", "epci")]
    around = {value for namesake in (place, *reading.namesakes) for value in namesake.around}
    return bool(territories) and not any(around & set(other.ids) for other in territories)


def _misspelt(words: list[Word], readings: list[Reading]) -> list[Reading]:
    """Return départements and régions with a letter or two wrong in the name, beside what was read exactly."""
    corrected: list[Reading] = []
    for start in range(len(words)):
        for end in range(min(len(words), start + LONGEST_MISSPELT), start, -1):
            positions = tuple(range(start, end))
            places = misspelt(words[start:end])
            if places and not any(_excludes(reading, positions) for reading in readings):
                corrected.append(Reading(places[0], positions, True, (), (), places))
                break
    return corrected


def _excludes(reading: Reading, positions: tuple[int, ...]) -> bool:
    """Return whether words that were read exactly are no misspelt territory: all of them, or one beside a town."""
    place = reading.place
    if place.kind != "area" and set(positions) <= set(reading.positions):
        return True
    is_town = place.kind == "commune" and place.population >= LARGE
    return is_town and not set(positions).isdisjoint(reading.positions)


def _with_others_beside(words: list[Word], text: str, reading: Reading) -> Reading:
    """Combine a reading with other places in the query: "nantes 44", "Saint-Denis (Réunion)"."""
    used, place = set(reading.positions), reading.place
    for start in range(len(words)):
        for end in range(min(len(words), start + gazetteer.LONGEST_NAME), start, -1):
            span = range(start, end)
            if used.intersection(span):
                continue
            other = of_words(words, start, end, text)
            if other is None or not (other.certain or reading.certain):
                continue
            namesake = _namesake_in((place, *reading.namesakes), other.place)
            if namesake:
                place = namesake
                used.update(span)
                break
    if place == reading.place and place.kind in ("departement", "overseas"):
        place, positions = _commune_beside(words, reading)
        used.update(positions)
    others = reading.others
    if place != reading.place:
        # "Saint-Denis 93": the other Saint-Denis is offered; "Mer 41": the département is not an alternative.
        if place in reading.namesakes:
            others = (reading.place, *others)
        others = tuple(other for other in others if other != place)
    certain = reading.certain or len(used) > len(reading.positions)
    positions = tuple(sorted({*used, *_redundant(words, used)}))
    return Reading(place, positions, certain, reading.service, others)


def _namesake_in(namesakes: tuple[Place, ...], area: Place) -> Place | None:
    """Return the first of some places that is another place or lies in it; None if none does."""
    for namesake in namesakes:
        if set(area.ids) & {*namesake.ids, *namesake.around}:
            return namesake
    return None


def _commune_beside(words: list[Word], reading: Reading) -> tuple[Place, set[int]]:
    """Return a commune named next to its département, although its name is a common word: "mer 41", "Forges (17)"."""
    first, last = min(reading.positions), max(reading.positions)
    is_code = len(reading.positions) == 1 and any(map(str.isdigit, words[first].folded))
    for start, end in ((last + 1, last + 2), (first - 2, first), (first - 1, first)):
        if start < 0 or end > len(words):
            continue
        name = name_of(words[start:end])
        is_word = not is_code and words[end - 1].stem in {*expressions(), *fillers()}
        if is_word or name in stop_words():
            continue
        for place in gazetteer.named(name):
            if place.kind == "commune" and reading.place.ids[0] in place.around:
                return place, set(range(start, end))
    return reading.place, set()


def _redundant(words: list[Word], used: set[int]) -> set[int]:
    """Return positions of redundant words before a place ("département de la Somme", "bassin versant de l'Adour")."""
    linking = (*cues()["between"], "a")
    redundant: set[int] = set()
    for position in sorted(used):
        start = position
        while True:
            before = start - 1
            while before >= 0 and before not in used and words[before].folded in linking:
                before -= 1
            if before < 0 or before in used:
                break
            if not {words[before].stem, words[before].folded} & set(cues()["spent"]):
                break
            redundant.update(range(before, position))
            start = before
    return redundant - used
