"""What a question means: where, and what. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance import conditions, places, references, solr_language, words
from ckanext.ecosphere.search.relevance.place_cues import cues
from ckanext.ecosphere.search.relevance.solr_query import Asked
from ckanext.ecosphere.search.relevance.words import Unit
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

SHORTEST_PART = 3
"""Letters of a part of a table's name that means something."""
_FILE_TYPE = re.compile(r"\.[A-Za-z]{3,7}(?=\s|$)")
"""What is left out behind the name of a table ("N_ICPE_P_059.shp")."""
FEATURES = ("places", "everyday", "spelling", "steps", "ranking")
"""What can be switched off, see the option `ecosphere.search.without`."""


@dataclass(frozen=True, slots=True)
class Understood:
    """A question as it was understood.

    Attributes:
        text: the question.
        asked: what is looked for first.
        others: other places of the same name.
        place_words: the words that were read as the place.
    """

    text: str
    asked: Asked
    others: tuple[Place, ...] = ()
    place_words: tuple[str, ...] = ()

    @property
    def place(self) -> Place | None:
        """Where, when it is certain."""
        return self.asked.place


def understand(text: str, *, place: str = "", without: frozenset[str] = frozenset()) -> Understood:
    """Read a question, of which parts with `OR` between them are a choice.

    Args:
        text: as typed.
        place: index value of the place that a person chose for the name in the question; `off` for none.
        without: features that are switched off, of `FEATURES`.
    """
    plain = solr_language.EITHER.sub(" ", text) if solr_language.is_choice(text) else text
    table = _FILE_TYPE.sub("", plain) if "_" in plain else plain
    understood = _understood(table, place, without)
    title = voc.normalise(table) if "ranking" not in without else ""
    strong = sum(not unit.weak for unit in understood.asked.units)
    optional = max(0, strong - 1) if plain != text else 0
    return replace(understood, text=text, asked=replace(understood.asked, title=title, optional=optional))


def _understood(text: str, place: str, without: frozenset[str]) -> Understood:
    """Read a question without signs.

    Args:
        text: as typed.
        place: index value of the place that a person chose for the name in the question; `off` for none.
        without: features that are switched off, of `FEATURES`.
    """
    everyday = "everyday" not in without
    read, named_by_number, beside = _read(text, without)
    reading = places.read(read, text) if place != "off" and "places" not in without else None

    def units_of(left: list[words.Word]) -> tuple[Unit, ...]:
        return _units(left, named_by_number, everyday=everyday, placed=bool(reading and (reading.certain or place)))

    if reading is None:
        return Understood(text, replace(beside, units=units_of(read)))
    chosen = (gazetteer.of_id(place) if place else None) or reading.place
    others = tuple(each for each in (reading.place, *reading.others) if each.ids != chosen.ids)
    named = tuple(read[position].typed for position in reading.words)
    if reading.certain or place:
        left = [word for position, word in enumerate(read) if position not in reading.words]
        first = _of_same_name(chosen, others)
        asked = replace(beside, units=units_of(left), place=chosen, service=reading.service, first=first)
        return Understood(text, asked, others, named)
    return Understood(text, replace(beside, units=units_of(read), maybe=chosen, maybe_words=named), others)


def _read(text: str, without: frozenset[str]) -> tuple[list[words.Word], list[Unit], Asked]:
    """Split a question into its words, what its references stand for, and what it says beside subject and place.

    Args:
        text: as typed.
        without: features that are switched off, of `FEATURES`.
    """
    text, period = conditions.take_period(text)
    rest, named_by_number = references.take(text) if "everyday" not in without else (text, [])
    whole = words.read(rest)
    read, not_at = conditions.take_left_out(whole) if "places" not in without else (whole, None)
    return read, named_by_number, Asked((), not_at=not_at, formats=conditions.formats(whole), period=period)


def _of_same_name(place: Place, others: tuple[Place, ...]) -> str:
    """The département that a river flows through and has the name of ("digues du Lot"): index value, or empty."""
    values = (each.ids[0] for each in others if each.kind == "departement")
    return next((value for value in values if place.kind == "area" and value in place.ids), "")


def with_common_name(
    understood: Understood, *, place: str = "", without: frozenset[str] = frozenset()
) -> Understood | None:
    """A question without a place whose only strange word is a commune that has the name of a usual word.

    None when it is not so. To be asked when the question finds nothing: as long as it does, the word is no place.

    Args:
        understood: the question.
        place: index value of the namesake that a person chose; `off` for none.
        without: features that are switched off, of `FEATURES`.
    """
    if place == "off" or without & {"places", "everyday"} or understood.place or understood.asked.maybe:
        return None
    read, named_by_number, beside = _read(understood.text, without)
    reading = places.read_word(read)
    if reading is None:
        return None
    left = _units(
        [word for position, word in enumerate(read) if position not in reading.words],
        named_by_number,
        everyday=True,
        placed=True,
    )
    if not left or not all(unit.core or unit.weak for unit in left):
        return None
    chosen = (gazetteer.of_id(place) if place else None) or reading.place
    others = tuple(each for each in (reading.place, *reading.others) if each.ids != chosen.ids)
    named = tuple(read[position].typed for position in reading.words)
    asked = replace(beside, units=left, place=chosen, title=understood.asked.title)
    return replace(understood, asked=asked, others=others, place_words=named)


def _units(left: list[words.Word], numbers: list[Unit], *, everyday: bool, placed: bool) -> tuple[Unit, ...]:
    """What is looked for; nothing when words beside a place only ask ("données nantes").

    Args:
        left: words that name no place.
        numbers: what references stand for.
        everyday: whether other names are looked for too.
        placed: whether there is a place, or may be one.
    """
    asking = {*words.stop_words(), *(cues()["compass"] if placed else ())}
    only_ask = all(word.folded in asking or word.stem in words.fillers() for word in left)
    own = [] if only_ask and (placed or numbers) else words.units(left, synonyms_on=everyday)
    found = [*own, *numbers]
    if all(unit.weak for unit in found):
        found = [replace(unit, weak=False) for unit in found]
    return tuple(dict.fromkeys(found))


def steps(asked: Asked) -> list[Asked]:
    """Further questions for one that finds nothing, each asking less: a word, the place, then more."""
    strong = sum(not unit.weak for unit in asked.units)
    # Not one by one: a long sentence would ask Solr a dozen times.
    fewer = sorted({1, strong // 4, strong // 2} - {0}) if strong > 1 else []
    core = sum(unit.core and not unit.weak for unit in asked.units)
    has_other_words = 0 < core < strong
    found = [replace(asked, units=merged)] if len(merged := _merged(asked.units)) < len(asked.units) else []
    found += [replace(asked, core=True)] if has_other_words else []
    # Of what the place has, other words alone say nothing of the subject ("photovoltaïque au sol": no polluted ground).
    found += [] if asked.place and has_other_words else [replace(asked, optional=number) for number in fewer]
    if asked.place and core > 1:
        # What the place has of one subject says more than what others have of both.
        kept = tuple(unit for unit in asked.units if unit.core and not unit.weak)
        found.append(replace(asked, units=kept, optional=core - 1))
    if asked.place:
        wide = replace(asked, strict=False, service=())
        found.append(wide)
        if has_other_words:
            # What the place has says more than what the other words have elsewhere ("aires" of "aires de covoiturage").
            found += [replace(wide, core=True), replace(asked, units=())]
        found += [replace(wide, optional=number) for number in fewer]
    if strong > 1:
        found.append(replace(asked, strict=False, service=(), optional=strong - 1))
    # Of an expression that nobody writes, its words ("aires de covoiturage").
    parts = tuple(Unit((word,)) for unit in asked.units for word in unit.words)
    if len(parts) > len(asked.units):
        found.append(replace(asked, units=parts, strict=False, service=(), optional=len(parts) - 1))
    if asked.place:
        found.append(replace(asked, units=()))
    found += [replace(_of_table(unit.text), title=asked.title) for unit in asked.units if "_" in unit.text]
    return list(dict.fromkeys(found))


def _merged(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Units of which those that the catalogue calls the same are one ("OLD débroussaillement"): either will do."""
    kept: list[Unit] = []
    for unit in units:
        names = {unit.text.casefold(), *(each.casefold() for each in unit.others[: unit.called])}
        same = next(
            (
                position
                for position, each in enumerate(kept)
                if each.core
                and unit.core
                and names & {each.text.casefold(), *(name.casefold() for name in each.others[: each.called])}
            ),
            None,
        )
        if same is None:
            kept.append(unit)
        else:
            first = kept[same]
            called = (*first.others[: first.called], unit.text, *unit.others[: unit.called])
            others = tuple(dict.fromkeys((*called, *first.others, *unit.others)))
            kept[same] = replace(first, others=others, called=len(dict.fromkeys(called)), weak=first.weak and unit.weak)
    return tuple(kept)


def _of_table(name: str) -> Asked:
    """The parts of a table's name, when no dataset tells the name itself ("N_ZONE_REG_PPRI_S_017")."""
    place = places.of_table(name)
    parts = name.split("_")[: -1 if place else None]
    # A number behind a word tells types apart ("ZNIEFF1"), but for those that are no word of the field.
    numbered = {part for part in parts if any(map(str.isdigit, part)) and not words.is_expression(part)}
    kept = [part.rstrip("0123456789") if part in numbered else part for part in parts]
    read = [word for part in kept if len(part) >= SHORTEST_PART for word in words.read(part)]
    units = tuple(words.units([word for word in read if not word.folded.isdigit()]))
    return Asked(units, place, core=any(unit.core for unit in units), optional=max(len(units) - 1, 0))
