"""Extract from a query what it excludes: places, services, formats, subjects ("sauf type 1", "sans WMS"). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from ckanext.ecosphere.search.relevance import conditions, place_names
from ckanext.ecosphere.search.relevance.place_names import cues
from ckanext.ecosphere.search.relevance.question import Excluded
from ckanext.ecosphere.search.relevance.solr_query import FORMAT_FIELD, INSIDE_FIELD
from ckanext.ecosphere.search.relevance.words import (
    LONGEST_PHRASE,
    Word,
    exceptions,
    expressions,
    fillers,
    generic,
    key_of,
    not_exceptions,
    read,
    stems_of,
    stop_words,
    units,
    without_stop_words,
    written,
)
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.vocabularies.gazetteer import Place

MOST = 5
"""Maximum number of exclusions of a query; others remain words of it."""
_OF = r"(?:de\s|du\s|des\s|d\s?['’])"
_MINUS = r"(?<!\S)-(?=[^\W\d_])"
"""A minus sign before a word; before a number it is a coordinate."""
_AND = re.compile(r"\s*(?:,|&|/|\b(?:et|ou|ni|and|or|nor)\b)\s*", re.IGNORECASE)
_STATED = re.compile(
    r"(?:\b(?:a|ai|as|avons|ont|est|sont|trouve|trouvons|vois|connais|existe|reste|ya)|\bn['’]\w+)\s+$",
    re.IGNORECASE,
)
"""The verb of a sentence before "pas de", which states that something is missing ("il n'y a pas de réseau")."""
_BARE = str.maketrans("àâäéèêëîïôöùûüçÀÂÄÉÈÊËÎÏÔÖÙÛÜÇ", "aaaeeeeiioouuucAAAEEEEIIOOUUUC")


@dataclass(frozen=True, slots=True)
class Taken:
    """A query without its exclusions.

    Attributes:
        text: the query without them.
        excluded: the exclusions, in the order typed.
    """

    text: str
    excluded: tuple[Excluded, ...] = ()


@dataclass(frozen=True, slots=True)
class _Item:
    """An exclusion, and the number of words that name it."""

    excluded: Excluded
    length: int


@cache
def _markers() -> re.Pattern[str]:
    return re.compile(_markers_written(), re.IGNORECASE)


def _markers_written() -> str:
    """Return the expression of what introduces an exclusion, longest first."""
    lines = sorted((line.translate(_BARE) for line in exceptions()), key=len, reverse=True)
    parts = []
    for line in lines:
        *words, last = re.split(r"[\s']", line)
        ends = _OF if last == "de" else rf"{last}(?![\w-])"
        parts.append(r"[\s'’]\s*".join([*map(re.escape, words), ends]))
    return rf"{_MINUS}|(?<![\w'’-])(?:(?-i:NOT\b)|{'|'.join(parts)})"


def take(text: str) -> Taken:
    """Extract the exclusions from a query.

    Args:
        text: as typed.
    """
    excluded_parts: list[Excluded] = []
    start = 0
    while len(excluded_parts) < MOST and (
        marker := _markers().search(text.translate(_BARE), start)
    ):
        start = marker.end()
        if _is_part_of_name(text, marker) or _is_statement(text, marker):
            continue
        end, excluded = _items(text, marker)
        if excluded and not _is_wanted(text, marker, excluded[0]):
            excluded_parts += excluded
            text = f"{text[: marker.start()].rstrip()} {text[end:].lstrip()}".strip()
            start = min(marker.start(), len(text))
    return Taken(text, tuple(dict.fromkeys(excluded_parts[:MOST])))


def _is_statement(text: str, marker: re.Match[str]) -> bool:
    return marker[0].lower().startswith("pas") and bool(_STATED.search(text[: marker.start()]))


def _is_wanted(text: str, marker: re.Match[str], first: Excluded) -> bool:
    """Return whether what lacks is the subject, as no other precedes it ("maison sans assainissement collectif")."""
    before = read(text[: marker.start()])
    may_be = first.kind == "words" and marker[0].lower().startswith(("sans", "pas", "without"))
    return may_be and bool(before) and not any(unit.core for unit in units(before))


def _is_part_of_name(text: str, marker: re.Match[str]) -> bool:
    """Return whether the marker is a word of a place ("Pas de Calais") or of a listed expression ("hors sol")."""
    if marker[0] == "-":
        return False
    before, whole = read(text[: marker.start()]), read(text)
    position = len(before)
    for start in range(max(0, position - LONGEST_PHRASE), position + 1):
        for end in range(position + 2, min(len(whole), start + LONGEST_PHRASE) + 1):
            inner = whole[start:end]
            name = " ".join(word.folded for word in inner)
            key = stems_of(inner)
            if gazetteer.named(name) or key in _expressions_with_marker():
                return True
    return False


@cache
def _expressions_with_marker() -> frozenset[str]:
    """Return the stems, stop words included, of the listed expressions that contain an excluding word."""
    terms = (*written().values(), *not_exceptions())
    marked = [term for term in terms if _markers().search(term.translate(_BARE))]
    return frozenset(stems_of(read(term)) for term in marked)


def _items(text: str, marker: re.Match[str]) -> tuple[int, list[Excluded]]:
    """Return the exclusions after a marker, joined by "et", "ou", "ni" or commas, and where they end in the text."""
    before, end = read(text[: marker.start()]), marker.end()
    exclusions: list[Excluded] = []
    start = end
    while item := _item(before, read(text[start:])):
        joins = text[end:start].strip()
        if exclusions and not _goes_on(joins, exclusions[-1].kind, item.excluded.kind):
            break
        exclusions.append(_as_marked(item.excluded, marker[0]))
        end = start + _length(text[start:], item.length)
        more = _AND.match(text, end)
        if marker[0] == "-" or not more or len(exclusions) == MOST:
            break
        start = more.end()
    return end, exclusions


def _as_marked(excluded: Excluded, marker: str) -> Excluded:
    """Return an exclusion; a sign before a place ("-Loire") also excludes what is named after it."""
    if excluded.kind == "place" and marker in ("-", "NOT"):
        return replace(excluded, names=(excluded.title,))
    return excluded


def _goes_on(joins: str, kind: str, other: str) -> bool:
    """Return whether it goes on: "sauf Vendée, Sarthe", but not "sauf crues, Isère" or "sauf crues, bruit"."""
    return kind == other and not (joins == "," and kind == "words")


def _length(text: str, number: int) -> int:
    """Return the number of characters of the first words of a text."""
    for part in re.finditer(r"[^\s,;&/]+", text):
        if len(read(text[: part.end()])) >= number:
            return part.end()
    return len(text)


def _item(before: list[Word], after: list[Word]) -> _Item | None:
    """Return the exclusion with which a text begins; None if it has no words.

    Args:
        before: words before what introduces the exclusion.
        after: words after it.
    """
    skipped = 0
    while skipped < len(after) and after[skipped].folded in {*stop_words(), *cues()["between"]}:
        skipped += 1
    following = after[skipped:]
    if not following:
        return None
    item = next(filter(None, (_place(following), _format(following), _subject(before, following))))
    return _Item(item.excluded, item.length + skipped)


def _place(following: list[Word]) -> _Item | None:
    """Return the place or service with which the words begin."""
    for end in range(min(len(following), gazetteer.LONGEST_NAME), 0, -1):
        service = place_names.service(following[:end])
        if service and len(service.words) == end:
            title = " ".join(word.typed for word in following[:end])
            return _Item(Excluded("service", title, "organization", service.service), end)
        if place := _place_alone(following[:end]):
            return _Item(Excluded("place", place.title, INSIDE_FIELD, place.ids), end)
    return None


def _place_alone(inner: list[Word]) -> Place | None:
    """Return the place named by words that have no other meaning; None if there is none."""
    name = " ".join(word.folded for word in inner)
    key = stems_of(inner)
    place = next(iter(gazetteer.named(name)), None)
    if place is None or key in expressions() or name.isdigit():
        return None
    is_word = place.kind in ("commune", "epci") and (
        name in gazetteer.common_words() or key in fillers() | generic()
    )
    return None if is_word else place


def _format(following: list[Word]) -> _Item | None:
    """Return the format with which the words begin, after words such as "flux" or "format"."""
    for position, word in enumerate(following):
        values = conditions.format_names().get(word.stem)
        if values and word.stem not in expressions():
            return _Item(Excluded("format", word.typed, FORMAT_FIELD, values), position + 1)
        if word.stem not in fillers() | generic() and word.folded not in stop_words():
            return None
    return None


def _subject(before: list[Word], following: list[Word]) -> _Item:
    """Return the expression or word with which the words begin.

    Generic words need another one ("zones urbaines"), or the subject before them ("ZNIEFF" and "type 1").
    """
    length = _expression_length(following) or _phrase_length(following)
    inner = without_stop_words(following[:length])
    title = " ".join(word.typed for word in following[:length])
    for word in reversed(before):
        whole = [word, *inner]
        if stems_of(whole) in expressions() and stems_of(inner) not in expressions():
            inner = whole
            break
    return _Item(Excluded("words", title, names=tuple(_names(inner))), length)


def _expression_length(following: list[Word]) -> int:
    """Return the number of words of the longest listed expression with which the words begin, 0 without one."""
    for end in range(min(len(following), LONGEST_PHRASE), 0, -1):
        inner = without_stop_words(following[:end])
        if following[end - 1].folded not in stop_words() and stems_of(inner) in expressions():
            return end
    return 0


def _phrase_length(following: list[Word]) -> int:
    for position, word in enumerate(following):
        is_general = word.stem in generic() | fillers() or word.folded in stop_words()
        if not is_general:
            return position + 1
    return len(following)


def _names(inner: list[Word]) -> Iterator[str]:
    """Yield the names of an excluded subject: as typed, and other forms of it ("ZNIEFF 1", "ZNIEFF de type I").

    The everyday lists also have related things, which are not excluded; synonyms are in the index.
    """
    typed = " ".join(word.typed for word in inner)
    yield typed
    for unit in units(inner):
        first = key_of(unit.words[0]).rstrip("0123456789")  # "ZNIEFF1"
        if unit.text == typed:
            yield from (name for name in unit.others if key_of(name).split()[:1] == [first])
