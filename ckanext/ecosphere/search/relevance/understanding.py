"""Interpret a query: place, subject, conditions; and titles that are the name of a table. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance import (
    conditions,
    exclusions,
    place_names,
    places,
    solr_language,
    words,
)
from ckanext.ecosphere.search.relevance.asked import Asked
from ckanext.ecosphere.search.relevance.place_names import cues
from ckanext.ecosphere.search.relevance.words import Unit
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
        asked: the Solr query to try first.
        wanted: the query without what it excludes.
        others: other places of the same name.
        place_words: the words interpreted as the place.
    """

    text: str
    asked: Asked
    wanted: str = ""
    others: tuple[Place, ...] = ()
    place_words: tuple[str, ...] = ()

    @property
    def place(self) -> Place | None:
        """Return the place, if it is certain."""
        return self.asked.place


def understand(text: str, *, place: str = "", without: frozenset[str] = frozenset()) -> Understood:
    """Interpret a query, whose parts may be alternatives separated by `OR`.

    Args:
        text: as typed.
        place: index value of the place that the user chose among namesakes; `off` for none, or `AROUND`.
        without: disabled features, among `FEATURES`.
    """
    plain = solr_language.EITHER.sub(" ", text) if solr_language.is_choice(text) else text
    taken = exclusions.take(plain)
    wanted = _FILE_TYPE.sub("", taken.text) if "_" in taken.text else taken.text
    understood = _understood(wanted, place, without)
    title = voc.normalise(plain if taken.excluded else wanted) if "ranking" not in without else ""
    strong = sum(not unit.weak for unit in understood.asked.units)
    optional = max(0, strong - 1) if plain != text else 0
    asked = replace(understood.asked, title=title, optional=optional, excluded=taken.excluded)
    return replace(understood, text=text, wanted=wanted, asked=asked)


def _understood(text: str, place: str, without: frozenset[str]) -> Understood:
    """Interpret a query without operators.

    Args:
        text: as typed.
        place: index value of the place that the user chose among namesakes; `off` for none.
        without: disabled features, among `FEATURES`.
    """
    everyday = "everyday" not in without
    read, named_by_number, beside = _read(text, without)
    reading = places.read(read, text) if place != "off" and "places" not in without else None

    def units_of(left: list[words.Word]) -> tuple[Unit, ...]:
        return _units(
            left,
            named_by_number,
            everyday=everyday,
            placed=bool(reading and (reading.certain or place)),
        )

    if reading is None:
        return Understood(text, replace(beside, units=units_of(read)))
    chosen = (gazetteer.of_id(place) if place else None) or reading.place
    others = tuple(each for each in (reading.place, *reading.others) if each.ids != chosen.ids)
    named = tuple(read[position].typed for position in reading.words)
    if reading.certain or place:
        left = [word for position, word in enumerate(read) if position not in reading.words]
        first = _of_same_name(chosen, others)
        asked = replace(
            beside, units=units_of(left), place=chosen, service=reading.service, first=first
        )
        asked = replace(asked, strict=False, service=()) if place == AROUND else asked
        return Understood(text, asked, others=others, place_words=named)
    asked = replace(beside, units=units_of(read), maybe=chosen, maybe_words=named)
    return Understood(text, asked, others=others)


def _read(text: str, without: frozenset[str]) -> tuple[list[words.Word], list[Unit], Asked]:
    """Split a query into words, units of its references, and conditions.

    Args:
        text: as typed.
        without: disabled features, among `FEATURES`.
    """
    text, period = conditions.take_period(text)
    rest, named_by_number = (
        conditions.take_references(text) if "everyday" not in without else (text, [])
    )
    whole = words.read(rest)
    return whole, named_by_number, Asked((), formats=conditions.formats(whole), period=period)


def _of_same_name(place: Place, others: tuple[Place, ...]) -> str:
    """Return the index value of the département named like a river that flows through it ("digues du Lot"), or ""."""
    values = (each.ids[0] for each in others if each.kind == "departement")
    return next((value for value in values if place.kind == "area" and value in place.ids), "")


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
    if (
        place == "off"
        or without & {"places", "everyday"}
        or understood.place
        or understood.asked.maybe
    ):
        return None
    read, named_by_number, _beside = _read(understood.wanted, without)
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
    asked = replace(understood.asked, units=left, place=chosen)
    return replace(understood, asked=asked, others=others, place_words=named)


def _units(
    left: list[words.Word], numbers: list[Unit], *, everyday: bool, placed: bool
) -> tuple[Unit, ...]:
    """Return the units of a query; empty if the words beside a place are only fillers ("données nantes").

    Args:
        left: words that are not part of a place.
        numbers: units of the references.
        everyday: whether to add alternative names.
        placed: whether a place is certain or was chosen.
    """
    asking = {*words.stop_words(), *(cues()["compass"] if placed else ())}
    only_ask = all(word.folded in asking or word.stem in words.fillers() for word in left)
    own = [] if only_ask and (placed or numbers) else words.units(left, synonyms_on=everyday)
    found = [*own, *numbers]
    if all(unit.weak for unit in found):
        found = [replace(unit, weak=False) for unit in found]
    return tuple(dict.fromkeys(found))


def steps(asked: Asked) -> list[Asked]:
    """Return increasingly relaxed variants of a query that finds nothing: fewer words, a wider area, then both."""
    strong = sum(not unit.weak for unit in asked.units)
    # Not one word at a time: a long sentence would query Solr a dozen times.
    fewer = sorted({1, strong // 4, strong // 2} - {0}) if strong > 1 else []
    core = sum(unit.core and not unit.weak for unit in asked.units)
    has_other_words = 0 < core < strong
    found = (
        [replace(asked, units=merged)]
        if len(merged := _merged(asked.units)) < len(asked.units)
        else []
    )
    found += [replace(asked, core=True)] if has_other_words else []
    # Within a place, other words alone do not match the subject ("photovoltaïque au sol" is not about polluted soil).
    found += (
        []
        if asked.place and has_other_words
        else [replace(asked, optional=number) for number in fewer]
    )
    if asked.place and core > 1:
        # The place's data on one subject matter more than other places' data on both.
        kept = tuple(unit for unit in asked.units if unit.core and not unit.weak)
        found.append(replace(asked, units=kept, optional=core - 1))
    if asked.place:
        wide = replace(asked, strict=False, service=())
        found.append(wide)
        if has_other_words:
            # Any data of the place matter more than other words elsewhere ("aires" of "aires de covoiturage").
            found += [replace(wide, core=True), replace(asked, units=())]
        found += [replace(wide, optional=number) for number in fewer]
    if strong > 1:
        found.append(replace(asked, strict=False, service=(), optional=strong - 1))
    # The single words of an expression that no dataset contains ("aires de covoiturage").
    parts = tuple(Unit((word,)) for unit in asked.units for word in unit.words)
    if len(parts) > len(asked.units):
        found.append(replace(asked, units=parts, strict=False, service=(), optional=len(parts) - 1))
    if asked.place:
        found.append(replace(asked, units=()))
    tables = (_of_table(unit.text) for unit in asked.units if "_" in unit.text)
    found += [replace(table, title=asked.title, excluded=asked.excluded) for table in tables]
    return list(dict.fromkeys(found))


def _merged(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Merge units for which the catalogue uses the same name ("OLD débroussaillement"): either suffices."""
    kept: list[Unit] = []
    for unit in units:
        names = {unit.text.casefold(), *(each.casefold() for each in unit.others[: unit.called])}
        same = next(
            (
                position
                for position, each in enumerate(kept)
                if each.core
                and unit.core
                and names
                & {each.text.casefold(), *(name.casefold() for name in each.others[: each.called])}
            ),
            None,
        )
        if same is None:
            kept.append(unit)
        else:
            first = kept[same]
            called = (*first.others[: first.called], unit.text, *unit.others[: unit.called])
            others = tuple(dict.fromkeys((*called, *first.others, *unit.others)))
            kept[same] = replace(
                first,
                others=others,
                called=len(dict.fromkeys(called)),
                weak=first.weak and unit.weak,
            )
    return tuple(kept)


def _of_table(name: str) -> Asked:
    """Return a query for the parts of a table name that no dataset contains as a whole ("N_ZONE_REG_PPRI_S_017")."""
    parts, place = table_parts(name)
    # A number after a word distinguishes types ("ZNIEFF1"), unless the word is not a domain term.
    numbered = {
        part for part in parts if any(map(str.isdigit, part)) and not words.is_expression(part)
    }
    kept = [part.rstrip("0123456789") if part in numbered else part for part in parts]
    units = tuple(words.units(words.read(" ".join(kept))))
    return Asked(
        units, place, core=any(unit.core for unit in units), optional=max(len(units) - 1, 0)
    )


def is_table_name(title: str) -> bool:
    """Return whether a title is only the name of a table ("N_DFCI_PISTE_L_040")."""
    return bool(_TABLE.fullmatch(title.strip()))


def table_parts(name: str) -> tuple[list[str], Place | None]:
    """Return the meaningful parts of a table name and its place: without prefix, kind of geometry and code."""
    place = place_names.of_table(name)
    found = name.split("_")[: -1 if place else None]
    return [
        part for part in found if len(part) >= SHORTEST_TABLE_PART and not part.isdigit()
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
    return f"{text} – {place.title}" if place and text else text
