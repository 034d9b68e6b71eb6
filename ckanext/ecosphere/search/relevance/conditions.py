"""Extract from a query what is written in a form of its own: references, period, formats. Pure.

Users who prepare a file know their subject by its number ("3.2.2.0", "L. 211-1", "zone 2AU", "FR8201696", "AC1"), which
no title contains: rubrics of IOTA and ICPE, articles, zones of a PLU, codes of sites, roads. The subject of each number
is in `data/references.csv`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance.words import DATA, Unit, Word, fillers, generic, stem
from ckanext.ecosphere.vocabularies import gazetteer, tables

EARLIEST, LATEST = 0, 9999
"""Years of a period without a beginning or an end."""
_YEAR = r"(?:19|20)\d\d"
_SINCE = r"depuis|après|apres|dès|à partir de|a partir de|since|from|after"
_UNTIL = r"avant|jusqu['’ ]?en|jusqu['’ ][àa]|before|until"
_BETWEEN = rf"(?:(?:entre|de|between|from)\s+)?(?P<first>{_YEAR})\s?(?:-|–|/|à|a|et|au|to|and)\s?(?P<last>{_YEAR})"
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
_LETTERS_OF_CHAPTER = 2
"""Length of a shortened article number in the table ("L. 41" for title I of book IV)."""

_CODE = (
    r"(?:\s+(?i:(?:du\s+)?(?P<code>code\s+(?:de\s+l['’]environnement|de\s+l['’]urbanisme|forestier|rural"
    r"|de\s+la\s+santé\s+publique))))?"
)
_ZONE = r"(?:[0-3]?AU|[UAN])[A-Za-z]{0,2}\d?(?![\w'’])"
_SERVITUDE = r"(?i:AC[1-4]|AR[356]|AS[12]|EL(?:[235679]|1[01])|INT1|JS1|PM[1-9]|PT[1-4])|I(?:[1-46-9]|1bis)|T[14578]"
_LENGTH = r"\d{1,5}(?:[.,]\d{1,3})?\s?(?:kms?|kilom[èe]tres?|m|m[èe]tres?)\b"
_ABOUT = r"(?:(?:moins|plus|environ|près|pres|peu près)\s+(?:de\s+|d['’]\s?)?|env\.?\s+)?"
_AROUND = r"(?:autour|à la ronde|a la ronde|aux alentours)"
_FROM = rf"(?:de\s(?!résol|resol|précis|precis|pas\b)|du\s|des\s|d['’]|aux?\s|{_AROUND})"
_DISTANCE = re.compile(
    rf"(?<![\w-])(?:(?:dans|sur|sous)\s+(?:un|le|les)\s+(?:rayon|p[ée]rimètre|perimetre)\s+(?:de\s+|d['’]\s?)?{_ABOUT}"
    rf"{_LENGTH}|[àa]\s+{_ABOUT}{_LENGTH}(?=\s+{_FROM})|{_ABOUT}{_LENGTH}(?=\s+{_AROUND}))(?:\s+{_AROUND})?",
    re.IGNORECASE,
)
"""A distance from a place, ignored since the place suffices. Not "MNT à 5 m" or "bande des 100 m"."""
# In this order: the first match removes its text from the query.
_PATTERNS = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "natura-2000": r"(?:\b(?i:natura(?:[\s-]?2000)?)\s+)?\b(?i:FR\d{7})\b|\bN\s?°?\s?2000\b|\b(?i:n[°o])\s?2000\b",
        "water-body": r"\b(?i:FR[A-K](?P<water_body>[RGLTC])\w{1,8})\b",
        "obstacle": r"\b(?i:ROE\s?\d{2,6})\b",
        "iota": r"(?:(?i:rubriques?)\s+)?(?<![\w.])(?P<iota>[1-5]\.[1-3]\.\d\.\d)(?![\w.]*\d)",
        "icpe": r"(?i:rubriques?|rub\.?|icpe)\s+(?i:icpe\s+)?(?i:n[°o]\s*)?(?P<icpe>[1-4]\d{3})(?!\d)",
        "article": r"(?:(?i:articles?|art\.?)\s+)?\b(?P<article>[LRDlrd]\.?\s?\*?\s?\d{3,4}(?:-\d{1,3}){0,3})"
        + _CODE,
        "directive": r"(?:(?i:directive)\s+)?(?<![\w/])(?P<directive>\d{2,4}/\d{1,4})(?:/(?:CEE?|UE))?(?![\w/])",
        "servitude": rf"(?:(?i:servitudes?|sup|catégorie)\s+)?\b(?P<servitude>{_SERVITUDE})\b(?![.,]\d)",
        "zone": rf"\b(?i:zones?|zonages?|secteurs?)\s+{_ZONE}(?:\s*(?:,|/|\bet\b|\bou\b)\s*{_ZONE})*"
        r"|\b(?i:[0-3]AU[a-z]{0,2})\d?\b(?:\s+(?i:zones?|zonages?))?",
        "flood": r"\b[QT]\s?(?:10|20|30|50|100|500|1000)\b",
        "road": r"\b(?:(?i:rn|rd)\s?|[ADN]\s?)\d{1,4}\b",
        "znieff": r"(?<!\d)(?P<znieff>\d{9})(?!\d)",
        "reference-system": r"(?i:\bEPSG\s?:?\s?\d{4,5}\b|\blambert[\s-]?93\b|\bRGF\s?93\b|\bWGS\s?84\b)",
        "year": r"(?i:(?<!natura )(?<!loi ))(?<![\w/-])(?:19|20)\d\d(?:\s?-\s?(?:19|20)\d\d)?(?![\w/-])",
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
    return rest, (EARLIEST, year - 1 if _LAST_BEFORE.match(match["until"]) else year)


@voc.derived
@cache
def format_names() -> dict[str, tuple[str, ...]]:
    """Return stem of a format's name → index values of the formats."""
    ids_by_name: dict[str, dict[str, None]] = {}
    for concept in voc.get("format"):
        names = (concept.id, *concept.alt_labels, *str(concept.data["extensions"] or "").split("|"))
        for word in {stem(name) for name in map(voc.normalise, names) if name.isalnum()}:
            ids_by_name.setdefault(word, {}).setdefault(concept.id)
    return {word: tuple(values) for word, values in ids_by_name.items()}


def formats(words: list[Word]) -> tuple[str, ...]:
    """Return the index values of the formats named in a query ("shapefile", "gpkg"), without duplicates.

    Args:
        words: words of the query. Only filler and generic words count, since others may be a subject ("image", "text").
    """
    stems = (word.stem for word in words if word.stem in fillers() or word.stem in generic())
    return tuple(dict.fromkeys(value for word in stems for value in format_names().get(word, ())))


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
        the text without them and without distances, and the units that replace them, in the order typed.
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
                typed = tuple((names[0] if kind == "zone" else match[0]).split())
                units.append(
                    (
                        match.start(),
                        Unit(typed, names, len(names), weak=kind in _WEAK, core=bool(names)),
                    )
                )
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
        return own.get(code.upper(), own[""])
    longest = max(
        (reference for reference in own if code.startswith(reference)), key=len, default=None
    )
    return own[longest] if longest is not None else None


def _of_article(own: dict[str, tuple[str, ...]], code: str, of_code: str) -> tuple[str, ...] | None:
    """Return the names of an article's subject, by the longest prefix of its number in the table.

    Args:
        own: rows of the table; numbers used by two codes may include the code ("L. 341 code forestier").
        code: letter and number.
        of_code: the code named with it, in lower case, or empty.
    """
    number = re.sub(r"[^\d-]", "", code)
    parts = number.split("-")
    beginnings = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    if len(parts[0]) == _LETTERS_OF_CHAPTER + 1:
        beginnings.append(parts[0][:_LETTERS_OF_CHAPTER])
    book = code[0].upper()
    if book == "D" and len(parts) == 1:
        return None  # a road
    # The regulatory part has the same numbering as the legislative part.
    for letter in dict.fromkeys((book, "L")):
        for beginning in beginnings:
            if names := own.get(f"{letter}. {beginning} {of_code}") or own.get(
                f"{letter}. {beginning}"
            ):
                return names
    return None
