"""The place of a query: the readings of its words, combined. Pure."""

from __future__ import annotations

from dataclasses import replace

from ckanext.ecosphere.search.relevance import place_names
from ckanext.ecosphere.search.relevance.place_names import LARGE, MOST_ALTERNATIVES, Reading, cues
from ckanext.ecosphere.search.relevance.words import Word, expressions, fillers, stop_words
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

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
    of_service = place_names.service(words)
    if of_service:
        return of_service
    readings: list[Reading] = []
    for start in range(len(words)):
        for end in range(min(len(words), start + gazetteer.LONGEST_NAME), start, -1):
            reading = place_names.of_words(words, start, end, text)
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
        position for position in best.words if words[position].folded not in cues()["kept"]
    )
    return replace(best, words=tuple(positions))


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
        bare = place_names.without_articles(inner)
        if len(bare) != 1 or bare[0].folded not in gazetteer.common_words() or bare[0].glued:
            continue
        name = " ".join(word.folded for word in inner)
        communes = tuple(place for place in gazetteer.named(name) if place.kind == "commune")
        if communes and place_names.may_be_name(words, start, end, communes[0]):
            others = communes[1:][:MOST_ALTERNATIVES]
            return Reading(communes[0], tuple(range(start, end)), True, (), others, communes)
    return None


def _rank(reading: Reading) -> tuple[bool, int, int, int]:
    """Sort key: prefer the smallest place (a commune beside its département), then the last one."""
    size = _FROM_LARGE_TO_SMALL.index(reading.place.kind)
    return reading.certain, size, len(reading.words), reading.words[0]


def _is_within_another(reading: Reading, readings: list[Reading]) -> bool:
    return any(set(reading.words) < set(other.words) for other in readings)


def _is_elsewhere(words: list[Word], reading: Reading, readings: list[Reading]) -> bool:
    """Return whether a small commune's name is only a word, as the territory in the query lacks that commune
    ("bio")."""
    place = reading.place
    if place.kind != "commune" or place.population >= LARGE or len(reading.words) != 1:
        return False
    word = words[reading.words[0]]
    if word.typed[:1].isupper() or any(map(str.isdigit, word.folded)):
        return False
    certain = [other.place for other in readings if other.certain]
    territories = [other for other in certain if other.kind not in ("commune", "epci")]
    around = {value for namesake in (place, *reading.namesakes) for value in namesake.around}
    return bool(territories) and not any(around & set(other.ids) for other in territories)


def _misspelt(words: list[Word], readings: list[Reading]) -> list[Reading]:
    """Return départements and régions with a letter or two wrong in the name, beside what was read exactly."""
    exact = [set(reading.words) for reading in readings if reading.place.kind != "area"]
    towns = [
        set(reading.words)
        for reading in readings
        if reading.place.kind == "commune" and reading.place.population >= LARGE
    ]
    corrected: list[Reading] = []
    for start in range(len(words)):
        for end in range(min(len(words), start + LONGEST_MISSPELT), start, -1):
            span = set(range(start, end))
            if any(span <= positions for positions in exact):
                continue
            if any(span & positions for positions in towns):
                continue
            places = place_names.misspelt(words[start:end])
            if places:
                positions = tuple(range(start, end))
                corrected.append(Reading(places[0], positions, True, (), (), places))
                break
    return corrected


def _with_others_beside(words: list[Word], text: str, reading: Reading) -> Reading:
    """Combine a reading with other places in the query: "nantes 44", "Saint-Denis (Réunion)"."""
    used, place = set(reading.words), reading.place
    for start in range(len(words)):
        for end in range(min(len(words), start + gazetteer.LONGEST_NAME), start, -1):
            span = range(start, end)
            if used.intersection(span):
                continue
            other = place_names.of_words(words, start, end, text)
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
    certain = reading.certain or len(used) > len(reading.words)
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
    first, last = min(reading.words), max(reading.words)
    is_code = len(reading.words) == 1 and any(map(str.isdigit, words[first].folded))
    for span in ((last + 1,), (first - 2, first - 1), (first - 1,)):
        if min(span) < 0 or max(span) >= len(words):
            continue
        name = " ".join(words[position].folded for position in span)
        if name in stop_words():
            continue
        if not is_code and words[span[-1]].stem in {*expressions(), *fillers()}:
            continue
        for place in gazetteer.named(name):
            if place.kind == "commune" and reading.place.ids[0] in place.around:
                return place, set(span)
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
