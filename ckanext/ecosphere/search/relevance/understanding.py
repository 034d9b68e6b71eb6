"""Interpret a query: place, subject, conditions.

First the whole (`understand`) and its relaxed variants (`steps`), then the parts that are taken out
of a query before its words are read: period, references and formats; what it excludes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import dropwhile

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import query
from ckanext.ecosphere.search.relevance import places, words
from ckanext.ecosphere.search.relevance.places import cues
from ckanext.ecosphere.search.relevance.solr import FORMAT_FIELD, INSIDE_FIELD
from ckanext.ecosphere.search.relevance.words import (
    DATA,
    LONGEST_PHRASE,
    Excluded,
    Question,
    Unit,
    Word,
    key_of,
    stem,
    stems_of,
)
from ckanext.ecosphere.vocabularies import gazetteer, tables
from ckanext.ecosphere.vocabularies.gazetteer import Place

AROUND = "around"
"""Value of `place`: the place of the query and everywhere else, nearest first."""
_FILE_TYPE = re.compile(r"\.[A-Za-z]{3,7}(?=\s|$)")
"""File extension after a table name, ignored ("N_ICPE_P_059.shp")."""


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


def understand(text: str, *, place: str = "") -> Understood:
    """Interpret a query, whose parts may be alternatives separated by `OR`.

    Args:
        text: as typed.
        place: index value of the place that the user chose among namesakes; `off` for none, or
            `AROUND`.
    """
    plain = text
    if query.is_choice(text):
        plain = query.EITHER.sub(" ", text)
    wanted, excluded = take_exclusions(plain)
    if "_" in wanted:
        wanted = _FILE_TYPE.sub("", wanted)
    understood = _understood(wanted, place)
    title = wanted
    if excluded:  # a title may have the words that are taken for an exclusion
        title = plain
    question = replace(understood.question, excluded=excluded, title=voc.normalise(title))
    if plain != text:  # one of the alternatives suffices
        strong = sum(not unit.weak for unit in question.units)
        question = replace(question, optional=max(0, strong - 1))
    return replace(understood, text=text, wanted=wanted, question=question)


def _understood(text: str, place: str) -> Understood:
    """Interpret a query without operators.

    Args:
        text: as typed.
        place: index value of the place that the user chose among namesakes; `off` for none.
    """
    parts = _parts(text)
    reading = None
    if place != "off":
        reading = places.read(parts.words, text)
    units = _units(parts, parts.words, placed=False)
    if reading is None:
        return Understood(text, replace(parts.conditions, units=units))
    chosen = gazetteer.of_id(place) or reading.place
    others = _other_places(reading, chosen)
    place_words = tuple(parts.words[position].typed for position in reading.positions)
    if not reading.certain and not place:
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
    """

    words: list[Word]
    references: list[Unit]
    conditions: Question


def _parts(text: str) -> _Parts:
    """Split a query, as typed, into words, references and conditions."""
    text, period = take_period(text)
    text, references = take_references(text)
    query_words = words.read(text)
    conditions = Question((), formats=formats(query_words), period=period)
    return _Parts(query_words, references, conditions)


def _other_places(reading: places.Reading, chosen: Place) -> tuple[Place, ...]:
    return tuple(place for place in (reading.place, *reading.others) if place.ids != chosen.ids)


def _without_place(query_words: list[Word], reading: places.Reading) -> list[Word]:
    """Return the words that do not name the place."""
    return [word for position, word in enumerate(query_words) if position not in reading.positions]


def _of_same_name(place: Place, others: tuple[Place, ...]) -> str:
    """Return the index value of the département named like a river that flows
    through it ("digues du Lot"), or "".
    """
    if place.kind == "area":
        for other in others:
            if other.kind == "departement" and other.ids[0] in place.ids:
                return other.ids[0]
    return ""


def with_common_name(understood: Understood, *, place: str = "") -> Understood | None:
    """Interpret a query without a place whose only unknown word is both a common word and a
    commune.

    To be tried only if the query finds nothing: otherwise the word is not a place.

    Args:
        understood: the interpreted query.
        place: index value of the namesake that the user chose; `off` for none.

    Returns:
        the other interpretation, None if there is none.
    """
    if place == "off" or understood.place or understood.question.maybe:
        return None
    parts = _parts(understood.wanted)
    reading = places.read_word(parts.words)
    if reading is None:
        return None
    units = _units(parts, _without_place(parts.words, reading), placed=True)
    if not units or not all(unit.core or unit.weak for unit in units):
        return None
    chosen = gazetteer.of_id(place) or reading.place
    return replace(
        understood,
        question=replace(understood.question, units=units, place=chosen),
        others=_other_places(reading, chosen),
        place_words=tuple(parts.words[position].typed for position in reading.positions),
    )


def _units(parts: _Parts, subject_words: list[Word], *, placed: bool) -> tuple[Unit, ...]:
    """Return the units of a query; empty if the words beside a place are only fillers ("données
    nantes").

    Args:
        parts: the query.
        subject_words: its words that are not part of a place.
        placed: whether a place is certain or was chosen.
    """
    meaningless = set(words.stop_words())
    if placed:
        meaningless.update(cues()["compass"])
    has_subject = not all(
        word.folded in meaningless or word.stem in words.fillers() for word in subject_words
    )
    units = list(parts.references)
    if has_subject or not (placed or units):
        units = [*words.units(subject_words), *units]
    if all(unit.weak for unit in units):
        units = [replace(unit, weak=False) for unit in units]
    return tuple(dict.fromkeys(units))


def steps(question: Question) -> list[Question]:
    """Return increasingly relaxed variants of a query that finds nothing: fewer words,
    a wider area, then both.
    """
    strong = sum(not unit.weak for unit in question.units)
    core = sum(unit.core and not unit.weak for unit in question.units)
    has_other_words = 0 < core < strong
    # Not one word at a time: a long sentence would query Solr a dozen times.
    fewer = []
    if strong > 1:
        fewer = sorted({1, strong // 4, strong // 2} - {0})
    wide = replace(question, strict=False, service=())
    variants: list[Question] = []
    merged = _merged(question.units)
    if len(merged) < len(question.units):
        variants.append(replace(question, units=merged))
    if has_other_words:
        variants.append(replace(question, core=True))
    # Within a place, other words alone do not match the subject ("photovoltaïque au sol" is not
    # about polluted soil).
    if not question.place or not has_other_words:
        variants += [replace(question, optional=number) for number in fewer]
    if question.place and core > 1:
        # The place's data on one subject matter more than other places' data on both.
        subjects = tuple(unit for unit in question.units if unit.core and not unit.weak)
        variants.append(replace(question, units=subjects, optional=core - 1))
    if question.place:
        variants.append(wide)
        if has_other_words:
            # Any data of the place matter more than other words elsewhere ("aires" of "aires de
            # covoiturage").
            variants += [replace(wide, core=True), replace(question, units=())]
        variants += [replace(wide, optional=number) for number in fewer]
    if strong > 1:
        variants.append(replace(wide, optional=strong - 1))
    # The single words of an expression that no dataset contains ("aires de covoiturage").
    single = tuple(Unit((word,)) for unit in question.units for word in unit.words)
    if len(single) > len(question.units):
        variants.append(replace(wide, units=single, optional=len(single) - 1))
    if question.place:
        variants.append(replace(question, units=()))
    for unit in question.units:
        if "_" in unit.text:
            table = _of_table(unit.text)
            variants.append(replace(table, title=question.title, excluded=question.excluded))
    return list(dict.fromkeys(variants))


def _merged(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Merge units for which the catalogue uses the same name ("OLD débroussaillement"):
    either suffices.
    """
    merged: list[Unit] = []
    for unit in units:
        for position, first in enumerate(merged):
            names = _names_in_catalogue(unit) & _names_in_catalogue(first)
            if first.core and unit.core and names:
                merged[position] = _either(first, unit)
                break
        else:
            merged.append(unit)
    return tuple(merged)


def _names_in_catalogue(unit: Unit) -> set[str]:
    return {name.casefold() for name in (unit.text, *unit.names_in_catalogue)}


def _either(first: Unit, second: Unit) -> Unit:
    """Return a unit that stands for one or the other."""
    called = (*first.names_in_catalogue, second.text, *second.names_in_catalogue)
    others = tuple(dict.fromkeys((*called, *first.others, *second.others)))
    weak = first.weak and second.weak
    return replace(first, others=others, called=len(dict.fromkeys(called)), weak=weak)


def _of_table(name: str) -> Question:
    """Return a query for the parts of a table name that no dataset contains as a whole
    ("N_ZONE_REG_PPRI_S_017").
    """
    parts, place = places.table_parts(name)
    typed = []
    for part in parts:
        # A number after a word distinguishes types ("ZNIEFF1"), unless the word is not a domain
        # term.
        if words.is_expression(part):
            typed.append(part)
        else:
            typed.append(part.rstrip("0123456789"))
    units = tuple(words.units(words.read(" ".join(typed))))
    core = any(unit.core for unit in units)
    return Question(units, place, core=core, optional=max(len(units) - 1, 0))


# --- references, period, formats ---

# Users who prepare a file know their subject by its number ("3.2.2.0", "L. 211-1", "zone 2AU",
# "FR8201696", "AC1"), which no title contains: rubrics of IOTA and ICPE, articles, zones of a PLU,
# codes of sites, roads. The subject of each number is in `data/references.csv`.

EARLIEST, LATEST = 0, 9999
"""Years of a period without a beginning or an end."""
_YEAR = r"(?:19|20)\d\d"
_SINCE = r"depuis|après|apres|dès|à partir de|a partir de|since|from|after"
_UNTIL = r"avant|jusqu['’ ]?en|jusqu['’ ][àa]|before|until"
_BETWEEN = (
    rf"(?:(?:entre|de|between|from)\s+)?(?P<first>{_YEAR})\s?(?:-|–|/|à|a|et|au|to|and)\s?"
    rf"(?P<last>{_YEAR})"
)
_FROM_OR_TO = (
    rf"(?:(?P<since>{_SINCE})|(?P<until>{_UNTIL}))\s+(?:l['’]ann[ée]e\s+)?(?P<year>{_YEAR})"
)
PERIOD = re.compile(
    rf"(?:(?<!natura )(?<![\w/-]){_BETWEEN}|(?<!\w){_FROM_OR_TO})(?![\w/-])",
    re.IGNORECASE,
)
"""A period: "2015-2020", "de 2015 à 2020", "depuis 2020", "avant 2015"."""
_LAST_BEFORE = re.compile(r"avant|before", re.IGNORECASE)
MOST_REFERENCES = 4
"""Maximum number of references per query."""
_WEAK = frozenset({"road", "reference-system", "year"})
"""Kinds that do not name a subject: they only affect the score, unless there are no other words."""
_DIGITS_OF_TITLE = 2
"""Length of a shortened article number in the table ("L. 41" for title I of book IV)."""

_CODE = (
    r"(?:\s+(?i:(?:du\s+)?(?P<code>code\s+(?:de\s+l['’]environnement|de\s+l['’]urbanisme"
    r"|forestier|rural|de\s+la\s+santé\s+publique))))?"
)
_ZONE = r"(?:[0-3]?AU|[UAN])[A-Za-z]{0,2}\d?(?![\w'’])"
_SERVITUDE = (
    r"(?i:AC[1-4]|AR[356]|AS[12]|EL(?:[235679]|1[01])|INT1|JS1|PM[1-9]|PT[1-4])"
    r"|I(?:[1-46-9]|1bis)|T[14578]"
)
_LENGTH = r"\d{1,5}(?:[.,]\d{1,3})?\s?(?:kms?|kilom[èe]tres?|m|m[èe]tres?)\b"
_ABOUT = r"(?:(?:moins|plus|environ|près|pres|peu près)\s+(?:de\s+|d['’]\s?)?|env\.?\s+)?"
_AROUND = r"(?:autour|à la ronde|a la ronde|aux alentours)"
_FROM = rf"(?:de\s(?!résol|resol|précis|precis|pas\b)|du\s|des\s|d['’]|aux?\s|{_AROUND})"
_DISTANCE = re.compile(
    r"(?<![\w-])(?:(?:dans|sur|sous)\s+(?:un|le|les)\s+(?:rayon|p[ée]rimètre|perimetre)\s+"
    rf"(?:de\s+|d['’]\s?)?{_ABOUT}{_LENGTH}|[àa]\s+{_ABOUT}{_LENGTH}(?=\s+{_FROM})"
    rf"|{_ABOUT}{_LENGTH}(?=\s+{_AROUND}))(?:\s+{_AROUND})?",
    re.IGNORECASE,
)
"""A distance from a place, ignored since the place suffices. Not "MNT à 5 m" or "bande des 100 m".
"""
# In this order: the first match removes its text from the query.
_PATTERNS = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "natura-2000": r"(?:\b(?i:natura(?:[\s-]?2000)?)\s+)?\b(?i:FR\d{7})\b"
        r"|\bN\s?°?\s?2000\b|\b(?i:n[°o])\s?2000\b",
        "water-body": r"\b(?i:FR[A-K](?P<water_body>[RGLTC])\w{1,8})\b",
        "obstacle": r"\b(?i:ROE\s?\d{2,6})\b",
        "iota": r"(?:(?i:rubriques?)\s+)?(?<![\w.])(?P<iota>[1-5]\.[1-3]\.\d\.\d)(?![\w.]*\d)",
        "icpe": r"(?i:rubriques?|rub\.?|icpe)\s+(?i:icpe\s+)?(?i:n[°o]\s*)?"
        r"(?P<icpe>[1-4]\d{3})(?!\d)",
        "article": r"(?:(?i:articles?|art\.?)\s+)?\b"
        r"(?P<article>[LRDlrd]\.?\s?\*?\s?\d{3,4}(?:-\d{1,3}){0,3})" + _CODE,
        "directive": r"(?:(?i:directive)\s+)?(?<![\w/])(?P<directive>\d{2,4}/\d{1,4})"
        r"(?:/(?:CEE?|UE))?(?![\w/])",
        "servitude": r"(?:(?i:servitudes?|sup|catégorie)\s+)?\b"
        rf"(?P<servitude>{_SERVITUDE})\b(?![.,]\d)",
        "zone": rf"\b(?i:zones?|zonages?|secteurs?)\s+{_ZONE}"
        rf"(?:\s*(?:,|/|\bet\b|\bou\b)\s*{_ZONE})*"
        r"|\b(?i:[0-3]AU[a-z]{0,2})\d?\b(?:\s+(?i:zones?|zonages?))?",
        "flood": r"\b[QT]\s?(?:10|20|30|50|100|500|1000)\b",
        "road": r"\b(?:(?i:rn|rd)\s?|[ADN]\s?)\d{1,4}\b",
        "znieff": r"(?<!\d)(?P<znieff>\d{9})(?!\d)",
        "reference-system": r"(?i:\bEPSG\s?:?\s?\d{4,5}\b|\blambert[\s-]?93\b"
        r"|\bRGF\s?93\b|\bWGS\s?84\b)",
        "year": r"(?i:(?<!natura )(?<!loi ))(?<![\w/-])(?:19|20)\d\d"
        r"(?:\s?-\s?(?:19|20)\d\d)?(?![\w/-])",
    }.items()
}


def take_period(text: str) -> tuple[str, tuple[int, int] | None]:
    """Extract the period from a query.

    Args:
        text: as typed.

    Returns:
        the text without it, and the first and last year; None if there is no period.
    """
    match = PERIOD.search(text)
    if match is None:
        return text, None
    rest = f"{text[: match.start()]} {text[match.end() :]}"
    if match["first"]:
        first, last = sorted((int(match["first"]), int(match["last"])))
        return rest, (first, last)
    year = int(match["year"])
    if match["since"]:
        return rest, (year, LATEST)
    if _LAST_BEFORE.match(match["until"]):
        year -= 1
    return rest, (EARLIEST, year)


@cache
def format_names() -> dict[str, tuple[str, ...]]:
    """Return stem of a format's name → index values of the formats."""
    ids_by_name: dict[str, dict[str, None]] = {}
    for concept in voc.get("format"):
        names = (concept.id, *concept.alt_labels, *str(concept.data["extensions"] or "").split("|"))
        for word in {stem(name) for name in map(voc.normalise, names) if name.isalnum()}:
            ids_by_name.setdefault(word, {}).setdefault(concept.id)
    return {word: tuple(values) for word, values in ids_by_name.items()}


def formats(query_words: list[Word]) -> tuple[str, ...]:
    """Return the index values of the formats named in a query ("shapefile", "gpkg"), without
    duplicates.

    Args:
        query_words: words of the query. Only filler and generic words count, since others may be a
            subject ("image", "text").
    """
    values: dict[str, None] = {}
    for word in query_words:
        if word.stem in words.fillers() | words.generic():
            values.update(dict.fromkeys(format_names().get(word.stem, ())))
    return tuple(values)


@cache
def _references() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return kind → reference → names."""
    names: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for row in tables.rows(DATA / "references.csv"):
        names[row["kind"]][row["reference"]] = tuple(filter(None, row["names"].split("|")))
    return names


def take_references(text: str) -> tuple[str, list[Unit]]:
    """Extract the references from a query.

    Args:
        text: as typed.

    Returns:
        the text without them and without distances, and the units that replace them, in the order
        typed.
    """
    if not any(map(str.isdigit, text)) and not re.search(rf"\s{_ZONE}", text):
        return text, []
    text = _DISTANCE.sub(lambda match: " " * len(match[0]), text)
    units: list[tuple[int, Unit]] = []
    for kind, pattern in _PATTERNS.items():
        for match in list(pattern.finditer(text)):
            names = _names_of_reference(kind, match)
            if names is not None and len(units) < MOST_REFERENCES:
                # Solr's analysis reduces "2AU" to "2".
                typed = names[0] if kind == "zone" else match[0]
                weak, core = kind in _WEAK, bool(names)
                unit = Unit(tuple(typed.split()), names, len(names), weak=weak, core=core)
                units.append((match.start(), unit))
                text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    return text, [unit for _start, unit in sorted(units, key=lambda item: item[0])]


def _names_of_reference(kind: str, match: re.Match[str]) -> tuple[str, ...] | None:
    """Return the names of a reference's subject; None if it is not a reference after all."""
    own = _references()[kind]
    name = kind.replace("-", "_")
    code = (match.groupdict().get(name) or "").strip()
    if kind == "article":
        of_code = " ".join((match["code"] or "").lower().replace("’", "'").split())
        return _of_article(own, code, of_code)
    if kind == "directive":
        return own.get(code) or own.get(re.sub(r"^19", "", code))
    if kind == "znieff" and code in gazetteer.epcis():
        return None
    if kind in ("servitude", "water-body"):
        return own.get(code.upper(), own[""])  # "": what all of the kind have in common
    for reference in sorted(own, key=len, reverse=True):
        if code.startswith(reference):
            return own[reference]
    return None


def _of_article(own: dict[str, tuple[str, ...]], code: str, of_code: str) -> tuple[str, ...] | None:
    """Return the names of an article's subject, by the longest prefix of its number in the table.

    Args:
        own: rows of the table; numbers used by two codes may include the code ("L. 341 code
            forestier").
        code: letter and number.
        of_code: the code named with it, in lower case, or empty.
    """
    number = re.sub(r"[^\d-]", "", code)
    parts = number.split("-")
    beginnings = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    if len(parts[0]) == _DIGITS_OF_TITLE + 1:
        beginnings.append(parts[0][:_DIGITS_OF_TITLE])
    book = code[0].upper()
    if book == "D" and len(parts) == 1:
        return None  # a road
    # The regulatory part has the same numbering as the legislative part.
    for letter in dict.fromkeys((book, "L")):
        for beginning in beginnings:
            article = f"{letter}. {beginning}"
            names = own.get(f"{article} {of_code}") or own.get(article)
            if names:
                return names
    return None


# --- what a query excludes ---

MOST_EXCLUDED = 5
"""Maximum number of exclusions of a query; others remain words of it."""
_OF = r"(?:de\s|du\s|des\s|d\s?['’])"
_MINUS = r"(?<!\S)-(?=[^\W\d_])"
"""A minus sign before a word; before a number it is a coordinate."""
_AND = re.compile(r"\s*(?:,|&|/|\b(?:et|ou|ni|and|or|nor)\b)\s*", re.IGNORECASE)
_STATED = re.compile(
    r"(?:\b(?:a|ai|as|avons|ont|est|sont|trouve|trouvons|vois|connais|existe|reste|ya)"
    r"|\bn['’]\w+)\s+$",
    re.IGNORECASE,
)
"""The verb of a sentence before "pas de", which states that something is missing ("il n'y a pas de
réseau")."""
_BARE = str.maketrans("àâäéèêëîïôöùûüçÀÂÄÉÈÊËÎÏÔÖÙÛÜÇ", "aaaeeeeiioouuucAAAEEEEIIOOUUUC")


@dataclass(frozen=True, slots=True)
class _Exclusion:
    """An exclusion, and the number of words that name it."""

    excluded: Excluded
    length: int


@cache
def _markers() -> re.Pattern[str]:
    return re.compile(_markers_written(), re.IGNORECASE)


def _markers_written() -> str:
    """Return the expression of what introduces an exclusion, longest first."""
    lines = sorted((line.translate(_BARE) for line in words.exceptions()), key=len, reverse=True)
    parts = []
    for line in lines:
        *first_words, last = re.split(r"[\s']", line)
        ends = rf"{last}(?![\w-])"
        if last == "de":
            ends = _OF
        parts.append(r"[\s'’]\s*".join([*map(re.escape, first_words), ends]))
    return rf"{_MINUS}|(?<![\w'’-])(?:(?-i:NOT\b)|{'|'.join(parts)})"


def take_exclusions(text: str) -> tuple[str, tuple[Excluded, ...]]:
    """Extract the exclusions from a query.

    Args:
        text: as typed.

    Returns:
        the text without them, and the exclusions, in the order typed.
    """
    excluded_parts: list[Excluded] = []
    start = 0
    while len(excluded_parts) < MOST_EXCLUDED and (
        marker := _markers().search(text.translate(_BARE), start)
    ):
        start = marker.end()
        if _is_part_of_name(text, marker) or _is_statement(text, marker):
            continue
        end, excluded = _exclusions_after(text, marker)
        if excluded and not _is_subject(text, marker, excluded[0]):
            excluded_parts += excluded
            text = f"{text[: marker.start()].rstrip()} {text[end:].lstrip()}".strip()
            start = min(marker.start(), len(text))
    return text, tuple(dict.fromkeys(excluded_parts[:MOST_EXCLUDED]))


def _is_statement(text: str, marker: re.Match[str]) -> bool:
    """Return whether a marker belongs to a sentence that states what is missing, see `_STATED`."""
    return marker[0].lower().startswith("pas") and bool(_STATED.search(text[: marker.start()]))


def _is_subject(text: str, marker: re.Match[str], first: Excluded) -> bool:
    """Return whether what lacks is the subject, as no other precedes it ("maison sans
    assainissement collectif").
    """
    before = words.read(text[: marker.start()])
    may_be = first.kind == "words" and marker[0].lower().startswith(("sans", "pas", "without"))
    return may_be and bool(before) and not any(unit.core for unit in words.units(before))


def _is_part_of_name(text: str, marker: re.Match[str]) -> bool:
    """Return whether the marker is a word of a place ("Pas de Calais") or of a
    listed expression ("hors sol").
    """
    if marker[0] == "-":
        return False
    before, whole = words.read(text[: marker.start()]), words.read(text)
    position = len(before)
    for start in range(max(0, position - LONGEST_PHRASE), position + 1):
        for end in range(position + 2, min(len(whole), start + LONGEST_PHRASE) + 1):
            inner = whole[start:end]
            if (
                gazetteer.named(words.name_of(inner))
                or stems_of(inner) in _expressions_with_marker()
            ):
                return True
    return False


@cache
def _expressions_with_marker() -> frozenset[str]:
    """Return the stems, stop words included, of the listed expressions
    that contain an excluding word.
    """
    terms = (*words.spellings().values(), *words.not_exceptions())
    marked = [term for term in terms if _markers().search(term.translate(_BARE))]
    return frozenset(stems_of(words.read(term)) for term in marked)


def _exclusions_after(text: str, marker: re.Match[str]) -> tuple[int, list[Excluded]]:
    """Return the exclusions after a marker, joined by "et", "ou", "ni" or commas,
    and where they end in the text.
    """
    before, end = words.read(text[: marker.start()]), marker.end()
    exclusions: list[Excluded] = []
    start = end
    while item := _first_exclusion(before, words.read(text[start:])):
        joins = text[end:start].strip()
        if exclusions and not _goes_on(joins, exclusions[-1].kind, item.excluded.kind):
            break
        exclusions.append(_as_marked(item.excluded, marker[0]))
        end = start + _length(text[start:], item.length)
        more = _AND.match(text, end)
        if marker[0] == "-" or not more or len(exclusions) == MOST_EXCLUDED:
            break
        start = more.end()
    return end, exclusions


def _as_marked(excluded: Excluded, marker: str) -> Excluded:
    """Return an exclusion; a sign before a place ("-Loire") also
    excludes what is named after it.
    """
    if excluded.kind == "place" and marker in ("-", "NOT"):
        return replace(excluded, names=(excluded.title,))
    return excluded


def _goes_on(joins: str, kind: str, other: str) -> bool:
    """Return whether it goes on: "sauf Vendée, Sarthe", but not "sauf crues, Isère" or "sauf crues,
    bruit".
    """
    return kind == other and not (joins == "," and kind == "words")


def _length(text: str, number: int) -> int:
    """Return the number of characters of the first words of a text."""
    for part in re.finditer(r"[^\s,;&/]+", text):
        if len(words.read(text[: part.end()])) >= number:
            return part.end()
    return len(text)


def _first_exclusion(before: list[Word], after: list[Word]) -> _Exclusion | None:
    """Return the exclusion with which a text begins; None if it has no words.

    Args:
        before: words before what introduces the exclusion.
        after: words after it.
    """
    linking = {*words.stop_words(), *cues()["between"]}
    following = list(dropwhile(lambda word: word.folded in linking, after))
    if not following:
        return None
    item = (
        _place_excluded(following)
        or _format_excluded(following)
        or _subject_excluded(before, following)
    )
    return replace(item, length=item.length + len(after) - len(following))


def _place_excluded(following: list[Word]) -> _Exclusion | None:
    """Return the place or service with which the words begin."""
    for end in range(min(len(following), gazetteer.LONGEST_NAME), 0, -1):
        service = places.service(following[:end])
        if service and len(service.positions) == end:
            title = " ".join(word.typed for word in following[:end])
            return _Exclusion(Excluded("service", title, "organization", service.service), end)
        if place := _whole_place(following[:end]):
            return _Exclusion(Excluded("place", place.title, INSIDE_FIELD, place.ids), end)
    return None


def _whole_place(inner: list[Word]) -> Place | None:
    """Return the place named by words that have no other meaning; None if there is none."""
    name, key = words.name_of(inner), stems_of(inner)
    place = next(iter(gazetteer.named(name)), None)
    if place is None or key in words.expressions() or name.isdigit():
        return None
    is_word = name in gazetteer.common_words() or key in words.fillers() | words.generic()
    if is_word and place.kind in ("commune", "epci"):
        return None
    return place


def _format_excluded(following: list[Word]) -> _Exclusion | None:
    """Return the format with which the words begin, after words such as "flux" or "format"."""
    for position, word in enumerate(following):
        values = format_names().get(word.stem)
        if values and word.stem not in words.expressions():
            return _Exclusion(Excluded("format", word.typed, FORMAT_FIELD, values), position + 1)
        if not _is_general(word):
            return None
    return None


def _subject_excluded(before: list[Word], following: list[Word]) -> _Exclusion:
    """Return the expression or word with which the words begin.

    Generic words need another one ("zones urbaines"), or the subject before them ("ZNIEFF" and
    "type 1").
    """
    length = _expression_length(following) or _phrase_length(following)
    inner = words.without_stop_words(following[:length])
    title = " ".join(word.typed for word in following[:length])
    for word in reversed(before):
        whole = [word, *inner]
        if stems_of(whole) in words.expressions() and stems_of(inner) not in words.expressions():
            inner = whole
            break
    return _Exclusion(Excluded("words", title, names=tuple(_names_excluded(inner))), length)


def _expression_length(following: list[Word]) -> int:
    """Return the number of words of the longest listed expression with which the words begin,
    0 without one.
    """
    for end in range(min(len(following), LONGEST_PHRASE), 0, -1):
        key = stems_of(words.without_stop_words(following[:end]))
        if following[end - 1].folded not in words.stop_words() and key in words.expressions():
            return end
    return 0


def _phrase_length(following: list[Word]) -> int:
    """Return the number of words up to the first one that is neither generic nor a filler."""
    for position, word in enumerate(following):
        if not _is_general(word):
            return position + 1
    return len(following)


def _is_general(word: Word) -> bool:
    """Return whether a word alone distinguishes no subject: a generic word,
    a filler or a stop word.
    """
    return word.stem in words.generic() | words.fillers() or word.folded in words.stop_words()


def _names_excluded(inner: list[Word]) -> Iterator[str]:
    """Yield the names of an excluded subject: as typed, and other forms of it ("ZNIEFF 1", "ZNIEFF
    de type I").

    The everyday lists also have related things, which are not excluded; synonyms are in the index.
    """
    typed = " ".join(word.typed for word in inner)
    yield typed
    for unit in words.units(inner):
        first = key_of(unit.words[0]).rstrip("0123456789")  # "ZNIEFF1"
        if unit.text == typed:
            yield from (name for name in unit.others if key_of(name).split()[:1] == [first])
