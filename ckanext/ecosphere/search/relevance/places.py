"""The place of a query: the readings of its words, combined; and that in the name of a table.

Pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
LONGEST_SERVICE = 4
"""Maximum words of the name of a kind of service."""


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
    certain: bool = True
    service: tuple[str, ...] = ()
    others: tuple[Place, ...] = ()
    namesakes: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Span:
    """Some consecutive words of a query, which may name a place.

    Attributes:
        query: all words of the query.
        start: position of the first of these words.
        end: position after the last of them.
        text: the query as typed, since a capital in the middle indicates a name.
    """

    query: list[Word]
    start: int
    end: int
    text: str = ""

    @property
    def words(self) -> list[Word]:
        """Return these words."""
        return self.query[self.start : self.end]

    @property
    def positions(self) -> tuple[int, ...]:
        """Return their positions in the query."""
        return tuple(range(self.start, self.end))

    @property
    def name(self) -> str:
        """Return the name that they make."""
        return name_of(self.words)

    @property
    def single(self) -> Word | None:
        """Return the only word of the name beside "la", "le", "les"; None if it has several."""
        bare = [word for word in self.words if word.folded not in _ARTICLES]
        if len(bare) == 1:
            return bare[0]
        return None

    @property
    def is_capital(self) -> bool:
        """Return whether they begin with a capital in mid-query,
        in a query that is not all capitals.
        """
        return self.start > 0 and self.words[0].typed[:1].isupper() and not self.text.isupper()

    def is_led(self, kind: str = "before_commune") -> bool:
        """Return whether a preceding word announces a place of a kind:
        a list of `place_cues.yaml`.
        """
        if self.start and self.query[self.start - 1].folded in cues()[kind]:
            return True
        before = self.start - 1
        while before >= 0 and self.query[before].folded in cues()["between"]:
            before -= 1
        return 0 <= before < self.start - 1 and self.query[before].folded in cues()[kind]


def _spans_from(query: list[Word], start: int, longest: int, text: str = "") -> Iterator[Span]:
    """Yield the spans of a query that begin at a position, the longest first."""
    for end in range(min(len(query), start + longest), start, -1):
        yield Span(query, start, end, text)


def _of_span(span: Span) -> Reading | None:
    """Interpret some words as a place; None if they are not one."""
    name = span.name
    places = gazetteer.named(name)
    if not places or _is_part(span, places[0]):
        return None
    if len(span.words) == 1 and any(map(str.isdigit, name)):
        return _of_code(span, places)
    if _may_be_name(span, places[0]):
        return _of_name(span, places)
    return None


def _of_name(span: Span, places: tuple[Place, ...]) -> Reading | None:
    """Interpret a name as a place; None if it is a common word without a cue that it is a place."""
    first = places[0]
    landscape = _landscape(span, first)
    if landscape:
        namesakes = (*landscape, *places)
        return Reading(landscape[0], span.positions, others=(first,), namesakes=namesakes)
    if first.kind not in ("commune", "epci"):
        return _of_territory(span, places)
    least = first.population * COMPARABLE
    certain = True
    single = span.single
    if single and single.folded in gazetteer.common_words():
        least = 0
        is_large = first.population >= LARGE
        is_last = span.end == len(span.query) > 1
        certain = span.is_led() or span.is_capital or (is_large and is_last)
        if not certain and not is_large:
            return None
    others = [place for place in places[1:] if place.population >= least]
    return _with_alternatives(span, places, others, certain=certain)


def _with_alternatives(
    span: Span, places: tuple[Place, ...], others: Iterable[Place], *, certain: bool
) -> Reading:
    """Return the first of the places of a name, with some of the others as alternatives."""
    alternatives = tuple(others)[:MOST_ALTERNATIVES]
    return Reading(places[0], span.positions, certain, others=alternatives, namesakes=places)


def _landscape(span: Span, first: Place) -> tuple[Place, ...]:
    """Return the rivers or landscapes that a name denotes after a word such as "crue" or "massif".

    Empty if none.
    """
    if first.kind != "area" and span.is_led("before_river"):
        river = gazetteer.along(span.name)
        if river:
            return (river,)
    single = span.single
    if first.kind in ("commune", "epci") and single and span.is_led("landscapes"):
        return tuple(place for place in gazetteer.named(single.folded) if place.kind == "area")
    return ()


def _of_territory(span: Span, places: tuple[Place, ...]) -> Reading | None:
    """Interpret the name of a territory as this; None if it is a common word here."""
    first = places[0]
    certain = span.name not in cues()["homonyms"] or _is_place(span)
    if not certain and _is_denied_before(span):
        return None
    least = LARGE
    if first.kind == "overseas" and len(places) > MOST_ALTERNATIVES:
        # An island may have as common a name as "Saint-Martin", and be hardly larger than its
        # namesakes.
        least = 0
    large = [place for place in places[1:] if place.population >= least]
    others = [place for place in large if first.ids[0] not in place.around]
    return _with_alternatives(span, places, others, certain=certain)


def _may_be_name(span: Span, place: Place) -> bool:
    """Return whether the words of a name are neither listed terms nor too short for a name."""
    words = span.words
    key = stems_of(without_stop_words(words))
    # "Étang de l'Or" is a name although its last word is a stop word.
    is_long_area = place.kind == "area" and len(words) > SHORTEST
    is_territory = is_long_area or place.kind in ("departement", "region") or key in cues()["kept"]
    is_listed = not key or key in fillers() or (key in expressions() and not is_territory)
    if is_listed:
        ends_query = span.start > 0 and span.end == len(span.query)
        return span.is_led() or (place.population >= LARGE and ends_query)
    return len(words) > 1 or len(words[0].folded) > SHORTEST or words[0].typed[0].isupper()


def _is_part(span: Span, place: Place) -> bool:
    """Return whether a name is only part of a hyphenated name or of a listed expression."""
    first, after = span.words[0].folded, span.query[span.end : span.end + 1]
    if place.kind == "country" and after and first in cues()["spent"]:
        return True  # "métropole lilloise"
    leads = len(span.words) == 1 and place.kind == "commune" and first in cues()["leading"]
    if leads and after and not after[0].folded.isdigit() and after[0].typed[:1].isupper():
        return True  # "Grand Douaisis"
    # "Sancy" in "Chastreix-Sancy"
    is_joined = span.words[-1].glued or (span.start > 0 and span.query[span.start - 1].glued)
    if is_joined and place.kind == "commune" and place.population < LARGE:
        return True
    return _is_in_expression(span, place)


def _is_in_expression(span: Span, place: Place) -> bool:
    """Return whether a name is only part of a known expression ("passe à Poissons", "feu de la
    Forêt").

    A département or region counts as a place even then, unless it is short ("OCS GE") or a
    lower-case homonym ("pas cher").
    """
    words, start, end = span.words, span.start, span.end
    if place.kind not in ("commune", "epci", "country"):
        is_homonym = words[0].typed.islower() and words[0].folded in cues()["homonyms"]
        is_short = len("".join(word.folded for word in words)) <= SHORTEST
        if not is_short and not (len(words) == 1 and is_homonym):
            return False
    for first in range(max(0, end - LONGEST_PHRASE), start + 1):
        for last in range(end, min(len(span.query), first + LONGEST_PHRASE) + 1):
            phrase = span.query[first:last]
            ends = {phrase[0].folded, phrase[-1].folded}
            is_longer = len(phrase) > len(words)
            if is_longer and not ends & stop_words() and _is_expression(phrase):
                return True
    return False


def _is_expression(phrase: list[Word]) -> bool:
    """Return whether words are a listed expression of several words."""
    key = stems_of(without_stop_words(phrase))
    return " " in key and key in expressions()


def _is_place(span: Span) -> bool:
    """Return whether a homonym denotes the place: by the preceding word, a capital,
    or as the last of several words.
    """
    after = span.query[span.end : span.end + 1]
    denied_after = after and after[0].folded in cues()["not_place_after"]
    if denied_after or _is_denied_before(span):
        return False
    if span.is_led("before_territory") or span.is_capital:
        return True
    # References are not among the words ("N2000 var").
    is_last = span.end == len(span.query)
    return is_last and (span.start > 0 or len(read_all(span.text)) > span.end)


def _is_denied_before(span: Span) -> bool:
    """Return whether the word before a name makes it a common word: "mer du Nord", "côte Allier".

    A word that ends an expression of its own does not: "trait de côte Allier".
    """
    start = span.start
    if not start or span.query[start - 1].folded not in cues()["not_place_before"]:
        return False
    before = range(max(0, start - LONGEST_PHRASE), start - 1)
    return not any(_is_expression(span.query[first:start]) for first in before)


def _of_code(span: Span, places: tuple[Place, ...]) -> Reading | None:
    """Interpret a postal code, an INSEE code, or the code of a département."""
    code = span.words[0].folded
    before = span.query[span.start - 1].folded if span.start else ""
    if before in cues()["not_code_before"]:
        return None
    if len(code) >= _POSTAL:
        return Reading(places[0], span.positions, others=places[1:MOST_ALTERNATIVES])
    # In mid-query only codes that cannot be ordinary numbers count ("znieff 2A type 1", "974").
    at_an_end = span.start in (0, len(span.query) - 1)
    is_number = code.isdigit() and len(code) <= SHORTEST and not at_an_end
    announced = before in cues()["before_territory"]
    if is_number and not announced and not _follows_commune(span, places[0]):
        return None
    if len(span.query) == 1 and not code.isalnum():
        return None
    return Reading(places[0], span.positions)


def _follows_commune(span: Span, departement: Place) -> bool:
    """Return whether the code of a département follows one of its
    communes ("saint denis 93 plu").
    """
    for start in range(max(0, span.start - gazetteer.LONGEST_NAME), span.start):
        for place in gazetteer.named(name_of(span.query[start : span.start])):
            if place.kind == "commune" and departement.ids[0] in place.around:
                return True
    return False


def _misspelt_places(words: list[Word]) -> tuple[Place, ...]:
    """Return the places of a territory's name with a letter or two wrong: "alpes maritime",
    "tarn et garone".
    """
    joined = "".join(word.folded for word in words)
    if len(joined) < SHORTEST_MISSPELT or not joined.isalpha():
        return ()
    if len(words) == 1 and (joined in words_of_language() or words[0].stem in expressions()):
        return ()
    if {words[0].folded, words[-1].folded} & {*cues()["between"], *stop_words()}:
        return ()
    allowed = 1 + (len(joined) >= LONG_NAME)
    names = _written_together().get(joined[0], {})
    alike = [(gap, names[together]) for gap, together in near(joined, list(names), allowed)]
    if alike:
        return gazetteer.named(min(alike)[1])
    return ()


@cache
def _written_together() -> dict[str, dict[str, str]]:
    """Return first letter → name of a territory or area without spaces → the name."""
    territories = [
        concept for concept in voc.get("territories") if concept.data["type"] in _TERRITORIES
    ]
    names = [(territory.label_fr, SHORTEST_MISSPELT) for territory in territories]
    # Names of rivers and massifs are many and short: take only long ones. Skip those that end with
    # another name ("Loire-Bretagne"), which are too similar to that name with another word ("loutre
    # Bretagne").
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
    """Recognise a service by its acronym and place: "ddt 44", "ddtm06", "dreal bretagne",
    "ddtm de l'Hérault".
    """
    services = cues()["services"]
    for start in range(len(words)):
        acronym, code = _acronym_and_code(words[start].folded)
        if acronym:
            for place in gazetteer.named(code):
                names = _organizations(services[acronym], place)
                if names:
                    return Reading(place, (start,), service=names)
        for span in _spans_from(words, start, LONGEST_SERVICE):
            reading = _service_at(span, services.get(span.name))
            if reading:
                return reading
    return None


def _service_at(span: Span, kinds: list[str] | None) -> Reading | None:
    """Return the service of some kinds whose place follows the words that name the kinds.

    None if there is none.
    """
    if not kinds:
        return None
    after = span.end
    while after < len(span.query) and span.query[after].folded in cues()["between"]:
        after += 1
    for area in _spans_from(span.query, after, gazetteer.LONGEST_NAME):
        for place in gazetteer.named(area.name):
            names = _organizations(kinds, place)
            if names:
                return Reading(place, tuple(range(span.start, area.end)), service=names)
    return None


def _acronym_and_code(word: str) -> tuple[str, str]:
    """Split a service's acronym from an appended code ("ddtm06").

    Empty acronym if there is none.
    """
    for acronym in cues()["services"]:
        code = word.removeprefix(acronym)
        if code != word and code[:1].isdigit():
            return acronym, code
    return "", word


def _organizations(kinds: list[str], place: Place) -> tuple[str, ...]:
    """Return the names of the organisations of some kinds whose
    territory is a place or contains it.
    """
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
    """Return the meaningful parts of a table name and its place: without prefix,
    kind of geometry and code.
    """
    place = _of_table(name)
    parts = name.split("_")
    if place:
        parts.pop()
    parts = [part for part in parts if len(part) >= SHORTEST_TABLE_PART and not part.isdigit()]
    return parts, place


def _of_table(name: str) -> Place | None:
    """Return the place in a table name of the ministry's naming standard: "N_ICPE_P_059",
    "ZNIEFF1_S_R93".
    """
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
        spans = _spans_from(words, start, gazetteer.LONGEST_NAME, text)
        reading = next(filter(None, map(_of_span, spans)), None)
        if reading:
            readings.append(reading)
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
    """Return the commune named by a common word at an end of the query, if it makes no other sense
    ("plu pithiviers").

    Args:
        words: words of the query; all others are domain terms.
    """
    number = len(words)
    for start, end in ((number - 1, number), (0, 1), (number - 2, number), (0, 2)):
        if start < 0:
            continue
        span = Span(words, start, end)
        single = span.single
        if single is None or single.glued or single.folded not in gazetteer.common_words():
            continue
        places = gazetteer.named(span.name)
        communes = tuple(place for place in places if place.kind == "commune")
        if communes and _may_be_name(span, communes[0]):
            return _with_alternatives(span, communes, communes[1:], certain=True)
    return None


def _rank(reading: Reading) -> tuple[bool, int, int, int]:
    """Sort key: prefer the smallest place (a commune beside its département), then the last one."""
    size = _FROM_LARGE_TO_SMALL.index(reading.place.kind)
    return reading.certain, size, len(reading.positions), reading.positions[0]


def _is_within_another(reading: Reading, readings: list[Reading]) -> bool:
    return any(set(reading.positions) < set(other.positions) for other in readings)


def _is_elsewhere(words: list[Word], reading: Reading, readings: list[Reading]) -> bool:
    """Return whether a small commune's name is only a word, as the territory in the query lacks
    that commune ("bio").
    """
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
    """Return départements and régions with a letter or two wrong in the name,
    beside what was read exactly.
    """
    corrected: list[Reading] = []
    for start in range(len(words)):
        for span in _spans_from(words, start, LONGEST_MISSPELT):
            places = _misspelt_places(span.words)
            if places and not any(_excludes(reading, span.positions) for reading in readings):
                corrected.append(Reading(places[0], span.positions, namesakes=places))
                break
    return corrected


def _excludes(reading: Reading, positions: tuple[int, ...]) -> bool:
    """Return whether words that were read exactly are no misspelt territory: all of them,
    or one beside a town.
    """
    place = reading.place
    if place.kind != "area" and set(positions) <= set(reading.positions):
        return True
    is_town = place.kind == "commune" and place.population >= LARGE
    return is_town and not set(positions).isdisjoint(reading.positions)


def _with_others_beside(words: list[Word], text: str, reading: Reading) -> Reading:
    """Combine a reading with other places in the query: "nantes 44", "Saint-Denis (Réunion)"."""
    used, place = set(reading.positions), reading.place
    for start in range(len(words)):
        for span in _spans_from(words, start, gazetteer.LONGEST_NAME, text):
            if used.intersection(span.positions):
                continue
            other = _of_span(span)
            if other is None or not (other.certain or reading.certain):
                continue
            namesake = _namesake_in((place, *reading.namesakes), other.place)
            if namesake:
                place = namesake
                used.update(span.positions)
                break
    if place == reading.place and place.kind in ("departement", "overseas"):
        place, positions = _commune_beside(words, reading)
        used.update(positions)
    others = reading.others
    if place != reading.place:
        # "Saint-Denis 93": the other Saint-Denis is offered; "Mer 41": the département is not an
        # alternative.
        if place in reading.namesakes:
            others = (reading.place, *others)
        others = tuple(other for other in others if other != place)
    certain = reading.certain or len(used) > len(reading.positions)
    positions = tuple(sorted({*used, *_redundant(words, used)}))
    return Reading(place, positions, certain, others=others)


def _namesake_in(namesakes: tuple[Place, ...], area: Place) -> Place | None:
    """Return the first of some places that is another place or lies in it; None if none does."""
    for namesake in namesakes:
        if set(area.ids) & {*namesake.ids, *namesake.around}:
            return namesake
    return None


def _commune_beside(words: list[Word], reading: Reading) -> tuple[Place, set[int]]:
    """Return a commune named next to its département, although its name is a common word: "mer 41",
    "Forges (17)".
    """
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
    """Return positions of redundant words before a place ("département de la
    Somme", "bassin versant de l'Adour").
    """
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
