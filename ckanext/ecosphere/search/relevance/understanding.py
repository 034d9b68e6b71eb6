"""Interpret a query: place, subject, conditions; and titles that are the name of a table. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import query
from ckanext.ecosphere.search.relevance import conditions, places, words
from ckanext.ecosphere.search.relevance.places import cues
from ckanext.ecosphere.search.relevance.words import Question, Unit
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

AROUND = "around"
"""Value of `place`: the place of the query and everywhere else, nearest first."""
_FILE_TYPE = re.compile(r"\.[A-Za-z]{3,7}(?=\s|$)")
"""File extension after a table name, ignored ("N_ICPE_P_059.shp")."""
_TABLE = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+")
SHORTEST_TABLE_PART = 3
"""Minimum letters of a meaningful part."""
FEATURES = ("places", "everyday", "spelling", "steps", "ranking")
"""Features that can be disabled with the option `ecosphere.search.without`."""


@dataclass(frozen=True, slots=True)
class Understood:
    """An interpreted query.

    Attributes:
        text: the query.
        question: the Solr query to try first.
        wanted: the query without what it excludes.
        others: other places of the same name.
        place_words: the words interpreted as the place.
    """

    text: str
    question: Question
    wanted: str = ""
    others: tuple[Place, ...] = ()
    place_words: tuple[str, ...] = ()

    @property
    def place(self) -> Place | None:
        """Return the place, if it is certain."""
        return self.question.place


def understand(text: str, *, place: str = "", without: frozenset[str] = frozenset()) -> Understood:
    """Interpret a query, whose parts may be alternatives separated by `OR`.

    Args:
        text: as typed.
        place: index value of the place that the user chose among namesakes; `off` for none, or `AROUND`.
        without: disabled features, among `FEATURES`.
    """
    plain = text
    if query.is_choice(text):
        plain = query.EITHER.sub(" ", text)
    without_exclusions = conditions.take(plain)
    wanted = without_exclusions.text
    if "_" in wanted:
        wanted = _FILE_TYPE.sub("", wanted)
    understood = _understood(wanted, place, without)
    question = replace(understood.question, excluded=without_exclusions.excluded)
    if "ranking" not in without:
        title = plain if without_exclusions.excluded else wanted
        question = replace(question, title=voc.normalise(title))
    if plain != text:
        strong = sum(not unit.weak for unit in question.units)
        question = replace(question, optional=max(0, strong - 1))
    return replace(understood, text=text, wanted=wanted, question=question)


def _understood(text: str, place: str, without: frozenset[str]) -> Understood:
    """Interpret a query without operators.

    Args:
        text: as typed.
        place: index value of the place that the user chose among namesakes; `off` for none.
        without: disabled features, among `FEATURES`.
    """
    parts = _parts(text, without)
    reading = None
    if place != "off" and "places" not in without:
        reading = places.read(parts.words, text)
    if reading is None:
        return Understood(
            text, replace(parts.conditions, units=_units(parts, parts.words, placed=False))
        )
    chosen = _place_of_id(place) or reading.place
    others = _other_places(reading, chosen)
    place_words = tuple(parts.words[position].typed for position in reading.words)
    if not reading.certain and not place:
        units = _units(parts, parts.words, placed=False)
        question = replace(parts.conditions, units=units, maybe=chosen, maybe_words=place_words)
        return Understood(text, question, others=others)
    question = replace(
        parts.conditions,
        units=_units(parts, _without_place(parts.words, reading), placed=True),
        place=chosen,
        service=reading.service,
        first=_of_same_name(chosen, others),
    )
    if place == AROUND:
        question = replace(question, strict=False, service=())
    return Understood(text, question, others=others, place_words=place_words)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A query, split.

    Attributes:
        words: its words, without references and period.
        references: units of its references.
        conditions: a query with only its conditions: formats and period.
        everyday: whether words have alternative names.
    """

    words: list[words.Word]
    references: list[Unit]
    conditions: Question
    everyday: bool


def _parts(text: str, without: frozenset[str]) -> _Parts:
    """Split a query into words, references and conditions; for the arguments, see `understand`."""
    everyday = "everyday" not in without
    text, period = conditions.take_period(text)
    references: list[Unit] = []
    if everyday:
        text, references = conditions.take_references(text)
    read = words.read(text)
    question = Question((), formats=conditions.formats(read), period=period)
    return _Parts(read, references, question, everyday)


def _place_of_id(value: str) -> Place | None:
    if value:
        return gazetteer.of_id(value)
    return None


def _other_places(reading: places.Reading, chosen: Place) -> tuple[Place, ...]:
    return tuple(place for place in (reading.place, *reading.others) if place.ids != chosen.ids)


def _without_place(read: list[words.Word], reading: places.Reading) -> list[words.Word]:
    return [word for position, word in enumerate(read) if position not in reading.words]


def _of_same_name(place: Place, others: tuple[Place, ...]) -> str:
    """Return the index value of the département named like a river that flows through it ("digues du Lot"), or ""."""
    if place.kind == "area":
        for other in others:
            if other.kind == "departement" and other.ids[0] in place.ids:
                return other.ids[0]
    return ""


def with_common_name(
    understood: Understood, *, place: str = "", without: frozenset[str] = frozenset()
) -> Understood | None:
    """Interpret a query without a place whose only unknown word is both a common word and a commune.

    To be tried only if the query finds nothing: otherwise the word is not a place.

    Args:
        understood: the interpreted query.
        place: index value of the namesake that the user chose; `off` for none.
        without: disabled features, among `FEATURES`.

    Returns:
        the other interpretation, None if there is none.
    """
    if place == "off" or without & {"places", "everyday"}:
        return None
    if understood.place or understood.question.maybe:
        return None
    parts = _parts(understood.wanted, without)
    reading = places.read_word(parts.words)
    if reading is None:
        return None
    units = _units(parts, _without_place(parts.words, reading), placed=True)
    if not units or not all(unit.core or unit.weak for unit in units):
        return None
    chosen = _place_of_id(place) or reading.place
    return replace(
        understood,
        question=replace(understood.question, units=units, place=chosen),
        others=_other_places(reading, chosen),
        place_words=tuple(parts.words[position].typed for position in reading.words),
    )


def _units(parts: _Parts, subject_words: list[words.Word], *, placed: bool) -> tuple[Unit, ...]:
    """Return the units of a query; empty if the words beside a place are only fillers ("données nantes").

    Args:
        parts: the query.
        subject_words: its words that are not part of a place.
        placed: whether a place is certain or was chosen.
    """
    empty = set(words.stop_words())
    if placed:
        empty.update(cues()["compass"])
    is_empty = all(word.folded in empty or word.stem in words.fillers() for word in subject_words)
    units = list(parts.references)
    if not is_empty or not (placed or units):
        units = [*words.units(subject_words, synonyms_on=parts.everyday), *units]
    if all(unit.weak for unit in units):
        units = [replace(unit, weak=False) for unit in units]
    return tuple(dict.fromkeys(units))


def steps(question: Question) -> list[Question]:
    """Return increasingly relaxed variants of a query that finds nothing: fewer words, a wider area, then both."""
    strong = sum(not unit.weak for unit in question.units)
    core = sum(unit.core and not unit.weak for unit in question.units)
    has_other_words = 0 < core < strong
    # Not one word at a time: a long sentence would query Solr a dozen times.
    fewer = sorted({1, strong // 4, strong // 2} - {0}) if strong > 1 else []
    variants: list[Question] = []
    merged = _merged(question.units)
    if len(merged) < len(question.units):
        variants.append(replace(question, units=merged))
    if has_other_words:
        variants.append(replace(question, core=True))
    # Within a place, other words alone do not match the subject ("photovoltaïque au sol" is not about polluted soil).
    if not question.place or not has_other_words:
        variants += [replace(question, optional=number) for number in fewer]
    if question.place and core > 1:
        # The place's data on one subject matter more than other places' data on both.
        subjects = tuple(unit for unit in question.units if unit.core and not unit.weak)
        variants.append(replace(question, units=subjects, optional=core - 1))
    if question.place:
        wide = replace(question, strict=False, service=())
        variants.append(wide)
        if has_other_words:
            # Any data of the place matter more than other words elsewhere ("aires" of "aires de covoiturage").
            variants += [replace(wide, core=True), replace(question, units=())]
        variants += [replace(wide, optional=number) for number in fewer]
    if strong > 1:
        variants.append(replace(question, strict=False, service=(), optional=strong - 1))
    # The single words of an expression that no dataset contains ("aires de covoiturage").
    single = tuple(Unit((word,)) for unit in question.units for word in unit.words)
    if len(single) > len(question.units):
        optional = len(single) - 1
        variants.append(
            replace(question, units=single, strict=False, service=(), optional=optional)
        )
    if question.place:
        variants.append(replace(question, units=()))
    for unit in question.units:
        if "_" in unit.text:
            table = _of_table(unit.text)
            variants.append(replace(table, title=question.title, excluded=question.excluded))
    return list(dict.fromkeys(variants))


def _merged(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Merge units for which the catalogue uses the same name ("OLD débroussaillement"): either suffices."""
    merged: list[Unit] = []
    for unit in units:
        names = _names_in_catalogue(unit)
        for position, first in enumerate(merged):
            if first.core and unit.core and names & _names_in_catalogue(first):
                merged[position] = _either(first, unit)
                break
        else:
            merged.append(unit)
    return tuple(merged)


def _names_in_catalogue(unit: Unit) -> set[str]:
    return {name.casefold() for name in (unit.text, *unit.others[: unit.called])}


def _either(first: Unit, second: Unit) -> Unit:
    """Return a unit that stands for one or the other."""
    called = (*first.others[: first.called], second.text, *second.others[: second.called])
    others = tuple(dict.fromkeys((*called, *first.others, *second.others)))
    weak = first.weak and second.weak
    return replace(first, others=others, called=len(dict.fromkeys(called)), weak=weak)


def _of_table(name: str) -> Question:
    """Return a query for the parts of a table name that no dataset contains as a whole ("N_ZONE_REG_PPRI_S_017")."""
    parts, place = table_parts(name)
    typed = []
    for part in parts:
        # A number after a word distinguishes types ("ZNIEFF1"), unless the word is not a domain term.
        has_number = any(map(str.isdigit, part))
        is_term = not has_number or words.is_expression(part)
        if is_term:
            typed.append(part)
        else:
            typed.append(part.rstrip("0123456789"))
    units = tuple(words.units(words.read(" ".join(typed))))
    core = any(unit.core for unit in units)
    return Question(units, place, core=core, optional=max(len(units) - 1, 0))


def is_table_name(title: str) -> bool:
    """Return whether a title is only the name of a table ("N_DFCI_PISTE_L_040")."""
    return bool(_TABLE.fullmatch(title.strip()))


def table_parts(name: str) -> tuple[list[str], Place | None]:
    """Return the meaningful parts of a table name and its place: without prefix, kind of geometry and code."""
    place = places.of_table(name)
    parts = name.split("_")
    if place:
        parts.pop()
    return [
        part for part in parts if len(part) >= SHORTEST_TABLE_PART and not part.isdigit()
    ], place


def readable(title: str) -> str:
    """Return what a table name used as a title stands for; "" for other titles.

    >>> readable("N_DFCI_PISTE_L_040")
    'DFCI piste – Landes'
    """
    if not is_table_name(title):
        return ""
    own, place = table_parts(title.strip())
    units = words.units(words.read(" ".join(own)), synonyms_on=False)
    names = [words.written().get(words.key_of(unit.text), unit.text.lower()) for unit in units]
    text = " ".join(names)
    text = text[:1].upper() + text[1:]
    if place and text:
        return f"{text} – {place.title}"
    return text
