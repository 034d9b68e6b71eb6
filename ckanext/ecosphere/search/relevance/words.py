"""Split a query into words and domain expressions, drop filler words,
and look up alternative names. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.gazetteer import Place

DATA = Path(__file__).parents[1] / "data"
EVERYDAY = "search:everyday"
"""Area of the lines added by administrators, see `vocabularies/local.py`."""
LONGEST_PHRASE = 7
"""Maximum words of an expression."""
LONGEST_WITH_STOP_WORDS = LONGEST_PHRASE + 3
"""Maximum words of an expression with its stop words ("plan de prévention des risques")."""
MOST_WORDS = 20
"""Maximum words of a query, stop words excluded; the rest is ignored."""
MOST_READ = 60
"""Maximum words including stop words: a pasted sentence often names its place at the end."""

_ELIDED = re.compile(r"\b(?:l|d|j|m|n|s|t|c|qu|jusqu|lorsqu|puisqu)['’](?=\w)", re.IGNORECASE)
_IN_SHORT = re.compile(r"(?<![\w/])s/\s?(s/?\s+)?(?=\w)", re.IGNORECASE)
"""Abbreviations of "sur" and "sous" in names of communes ("Villefranche s/ Mer")."""
_TOKEN = re.compile(r"[^\W_]+(?:[.'’_-][^\W_]+)*", re.UNICODE)
_CODE = re.compile(r"\d[\w.]*")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
"""An acronym with dots ("P.L.U.")."""
_SHORTEST_JOINED = 7
"""Minimum letters of an expression recognised with missing or extra spaces ("natura2000", "photo
voltaïque")."""
_PLURAL = re.compile(r"(?<=\w{3})[sx]$")
_SHORTEST_OF_AL = 5
"""Minimum letters of a plural in "-aux" of a word in "-al"."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query.

    Attributes:
        typed: as typed, without an elided article.
        folded: normalised.
        stem: `folded` without plural ending, for comparison with lists.
        glued: whether a hyphen joins it to the next word.
    """

    typed: str
    folded: str
    stem: str
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A search unit: a word, or an expression of several words.

    Attributes:
        words: as typed.
        others: alternative names, each of one or several words, those of the catalogue first.
        called: number of alternative names that are the catalogue's.
        weak: whether it only affects the score: a purpose, a generic word, a year.
        core: whether it is a domain expression, which says more about the subject than other words.
    """

    words: tuple[str, ...]
    others: tuple[str, ...] = ()
    called: int = 0
    weak: bool = False
    core: bool = False

    @property
    def text(self) -> str:
        """Return the words joined by spaces."""
        return " ".join(self.words)

    @property
    def names_in_catalogue(self) -> tuple[str, ...]:
        """Return the alternative names that are the catalogue's."""
        return self.others[: self.called]


@dataclass(frozen=True, slots=True)
class Excluded:
    """Something that a query excludes ("sauf Vendée", "sans WMS", "hors inondation").

    Attributes:
        kind: `place`, `service`, `format` or `words`.
        title: name of the place, else the words as typed.
        field: index field of a place, service or format; "" for words.
        values: the field's excluded values.
        names: words and expressions of which title and keywords must have none.
    """

    kind: str
    title: str
    field: str = ""
    values: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question to be sent to Solr.

    Attributes:
        units: words and expressions.
        place: the place; None for anywhere.
        strict: whether results must be in the place, contain it or lie within it.
        service: names of organisations, if one was named.
        optional: number of units that a dataset may lack.
        core: whether only domain expressions are required, while other words only add to the score.
        maybe: place that some words may denote: it affects the score, but filters nothing.
        maybe_words: these words.
        first: the place's index value to rank first: the département named like the river.
        title: the whole query, normalised: datasets with exactly this title come first.
        excluded: what the results must not be about, lie in, or have as a format.
        formats: index values of formats: datasets with one of them rank higher.
        period: first and last year of a period: data of these years rank higher.
        identifier: the text, if it is an identifier or the name of a dataset: then all else is
            ignored.
        about: whether the units must be in the title or keywords, to count what is about them.
    """

    units: tuple[Unit, ...]
    place: Place | None = None
    strict: bool = True
    service: tuple[str, ...] = ()
    optional: int = 0
    core: bool = False
    maybe: Place | None = None
    maybe_words: tuple[str, ...] = ()
    first: str = ""
    title: str = ""
    excluded: tuple[Excluded, ...] = ()
    formats: tuple[str, ...] = ()
    period: tuple[int, int] | None = None
    identifier: str = ""
    about: bool = False


def read(text: str) -> list[Word]:
    """Split a query into words, up to the maximum numbers.

    Args:
        text: as typed; accents and case do not matter.
    """
    words = read_all(text)[:MOST_READ]
    numbers = accumulate(word.folded not in stop_words() for word in words)
    return [word for word, number in zip(words, numbers, strict=True) if number <= MOST_WORDS]


def read_all(text: str) -> list[Word]:
    """Split a text into words, without a maximum."""
    text = _IN_SHORT.sub(_in_full, text)
    words = []
    for match in _TOKEN.finditer(_ELIDED.sub(" ", text)):
        typed = match[0]
        parts = [typed]
        # A number or a table name ("N_ICPE_P_059") is a single word.
        if not _CODE.fullmatch(typed) and "_" not in typed:
            parts = re.split(r"[-'’.]", typed)
        if _INITIALS.fullmatch(typed):
            parts = ["".join(parts)]
        last = len(parts) - 1
        for number, part in enumerate(parts):
            folded = voc.normalise(part)
            if folded:
                glued = "-" in typed and number < last
                words.append(Word(part, folded, stem(folded), glued))
    return words


def _in_full(abbreviation: re.Match[str]) -> str:
    if abbreviation[1]:
        return "sous "
    return "sur "


def without_stop_words(words: Iterable[Word]) -> list[Word]:
    """Return the words that are no stop words."""
    return [word for word in words if word.folded not in stop_words()]


def name_of(words: Iterable[Word]) -> str:
    """Return words as a normalised name, as the gazetteer has it."""
    return " ".join(word.folded for word in words)


def stems_of(words: Iterable[Word]) -> str:
    """Return the stems of words, joined by spaces."""
    return " ".join(word.stem for word in words)


def key_of(text: str) -> str:
    """Return the stems that identify an expression, without stop words;
    "" if it has no other words.
    """
    return stems_of(without_stop_words(read(text)))


def stem(folded: str) -> str:
    """Return a word, or each word of an expression, without plural ending."""
    return " ".join(_one_stem(word) for word in folded.split())


def _one_stem(word: str) -> str:
    is_of_al = word.endswith("aux") and not word.endswith("eaux")
    if is_of_al and len(word) >= _SHORTEST_OF_AL:  # "canaux", not "aux"
        return word.removesuffix("aux") + "al"
    return _PLURAL.sub("", word)


@cache
def stop_words() -> frozenset[str]:
    """Return the normalised stop words, those of Solr's analysis chain."""
    return frozenset(_lines("stopwords_fr.txt"))


@cache
def words_of_language() -> frozenset[str]:
    """Return the common words of French, normalised."""
    return frozenset((DATA / "french_words.txt").read_text(encoding="utf-8").split())


@cache
def fillers() -> frozenset[str]:
    """Return the stems of words and expressions that only introduce a question."""
    return frozenset(stems_of(read(line)) for line in _lines("fillers_fr.txt"))


@cache
def purposes() -> frozenset[str]:
    """Return the stems of purposes for which data are wanted, without stop words."""
    return frozenset(key_of(line) for line in _lines("purposes_fr.txt"))


@cache
def exceptions() -> tuple[str, ...]:
    """Return the words that introduce an exclusion."""
    return tuple(line for line in _lines("exceptions_fr.txt") if not line.startswith("!"))


@cache
def not_exceptions() -> tuple[str, ...]:
    """Return expressions with such a word that exclude nothing ("hors sol")."""
    return tuple(line[1:].strip() for line in _lines("exceptions_fr.txt") if line.startswith("!"))


@cache
def generic_terms() -> frozenset[str]:
    """Return words that do not distinguish subjects, and names of bodies, normalised."""
    return frozenset(map(voc.normalise, _lines("generic_fr.txt")))


@cache
def generic() -> frozenset[str]:
    """Return the stems of the generic terms."""
    return frozenset(map(key_of, generic_terms()))


@voc.derived
@cache
def expressions() -> dict[str, tuple[tuple[str, ...], int]]:
    """Return stems of an expression → its alternative names (`everyday`), and how many are the
    catalogue's.

    The catalogue's come first, as in `Unit.others`.

    Terms of the synonym list are included without alternative names, since Solr knows their
    synonyms. Here they keep expressions together ("carte de bruit") and distinguish domain terms
    from other words.
    """
    # Dicts without values, as sets that keep their order.
    names_of_catalogue: dict[str, dict[str, None]] = {}
    everyday_names: dict[str, dict[str, None]] = {}
    for typed, called in everyday():
        for term in typed:
            _add_names(names_of_catalogue, term, called)
            _add_names(everyday_names, term, typed)
    for line in synonym_lines():
        if not line.broader:
            _share_names([key_of(term) for term in line.terms], names_of_catalogue)
        for term in (*line.terms, *line.broader):
            everyday_names.setdefault(key_of(term), {})
    everyday_names.pop("", None)
    names_by_key = {}
    for key, siblings in everyday_names.items():
        called = names_of_catalogue.get(key, {})
        names_by_key[key] = (tuple({**called, **siblings}), len(called))
    return names_by_key


def _add_names(names: dict[str, dict[str, None]], term: str, others: list[str]) -> None:
    """Add alternative names of a term, without other forms of the term itself."""
    key = key_of(term)
    new = [other for other in others if key_of(other) != key]
    names.setdefault(key, {}).update(dict.fromkeys(new))


def _share_names(keys: list[str], names_of_catalogue: dict[str, dict[str, None]]) -> None:
    """Give synonyms without names the names of the others:
    the long form of an acronym has those of the acronym.
    """
    names = [names_of_catalogue[key] for key in keys if key in names_of_catalogue]
    if not names:
        return
    for key in keys:
        if key not in names_of_catalogue:
            others = [name for called in names for name in called if key_of(name) != key]
            names_of_catalogue[key] = dict.fromkeys(others)


@voc.derived
@cache
def own_terms() -> frozenset[str]:
    """Return the stems of terms that catalogues use,
    for which the everyday lines have no other name of the thing.
    """
    return frozenset(key_of(term) for _asked, called in everyday() for term in called)


@voc.derived
@cache
def spellings() -> dict[str, str]:
    """Return stems of an expression → the expression as written in the lists."""
    terms: list[str] = []
    for typed, called in everyday():
        terms += [*typed, *called]
    for line in synonym_lines():
        terms += [*line.terms, *line.broader]
    by_key: dict[str, str] = {}
    for term in terms:
        by_key.setdefault(key_of(term), term)
    return by_key


@voc.derived
@cache
def _joined() -> dict[str, str]:
    """Return an expression without spaces and plural ending → its stems."""
    keys: dict[str, str] = {}
    for key, term in spellings().items():
        joined = _join(without_stop_words(read(term)))
        if key in expressions() and len(joined) >= _SHORTEST_JOINED:
            keys.setdefault(joined, key)
    return keys


def _join(content: list[Word]) -> str:
    """Return words as one, the way in which missing or extra spaces make no difference."""
    return stem("".join(word.folded for word in content))


def _names_of(content: list[Word]) -> tuple[tuple[str, ...], int] | None:
    """Return the alternative names of an expression and how many are the catalogue's; None if it is
    unknown.

    If it is written without its spaces or with extra ones, its usual spelling is among the names.
    """
    names = expressions().get(stems_of(content))
    if names:
        return names
    usual = _joined().get(_join(content))
    if not usual:
        return None
    others, called = expressions()[usual]
    return (spellings()[usual], *others), called + 1


def is_expression(text: str) -> bool:
    """Return whether a text is a term of the lists, even with missing or extra spaces."""
    return _names_of(without_stop_words(read(text))) is not None


def everyday() -> list[tuple[list[str], list[str]]]:
    """Return everyday terms and the catalogue's terms: administrators' lines and synonyms first,
    then the package's.
    """
    lines: list[tuple[list[str], list[str]]] = []
    for line in local.of(EVERYDAY).values():
        typed, called = list(line["asked"]), list(line["called"])
        lines.append((typed, called))
        if line.get("both"):
            lines.append((called, typed))
    lines += [([*others], [label]) for label, others in voc.own_synonyms()]
    return lines + _packaged_everyday()


def _packaged_everyday() -> list[tuple[list[str], list[str]]]:
    """Return the lines of `everyday_fr.txt`."""
    lines: list[tuple[list[str], list[str]]] = []
    for line in _lines("everyday_fr.txt"):
        typed, arrow, called = line.partition("=>")
        if arrow:
            lines.append((_terms(typed), _terms(called)))
        else:
            # Terms that are not equivalent, although the catalogue uses the same name for each.
            typed, _arrow, called = line.partition("->")
            lines += [([term], _terms(called)) for term in _terms(typed)]
    return lines


def _terms(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.split(";"))))


def is_translated(unit: Unit) -> bool:
    """Return whether a unit is an everyday word for something that
    catalogues call otherwise ("égout").
    """
    return bool(unit.called) and key_of(unit.text) not in own_terms()


def units(words: list[Word]) -> list[Unit]:
    """Group words into units; filler words are dropped unless nothing else is left.

    Args:
        words: words of the query that are not part of a place.
    """
    content = _without_fillers(words)
    grouped: list[Unit] = []
    start = 0
    while start < len(content):
        unit, start = _longest_unit(content, start)
        grouped.append(unit)
    if all(unit.weak for unit in grouped):
        grouped = [replace(unit, weak=False) for unit in grouped]
    return list(dict.fromkeys(grouped))


def _longest_unit(content: list[Word], start: int) -> tuple[Unit, int]:
    """Return the longest expression that begins at a word, or this word,
    and the position after it.
    """
    for end in range(min(len(content), start + LONGEST_PHRASE), start, -1):
        inner = content[start:end]
        names = _names_of(inner)
        is_purpose = end - start > 1 and stems_of(inner) in purposes()
        if names or is_purpose:
            others, called = names or ((), 0)
            typed = tuple(word.typed for word in inner)
            return Unit(typed, others, called, weak=is_purpose, core=True), end
    word = content[start]
    return Unit((word.typed,), weak=word.stem in generic()), start + 1


def _without_fillers(words: list[Word]) -> list[Word]:
    """Drop filler words, except those within a known expression."""
    remaining: list[Word] = []
    position = 0
    while position < len(words):
        words_to_keep = _length_of_expression(words, position)
        if not words_to_keep:
            filler_words = _length_of_filler(words, position)
            if filler_words:
                position += filler_words
                continue
            words_to_keep = 1
        remaining += words[position : position + words_to_keep]
        position += words_to_keep
    return without_stop_words(remaining) or without_stop_words(words) or words


def _length_of_filler(words: list[Word], position: int) -> int:
    """Return the number of words from here on that only introduce a question; 0 if they do not."""
    for end in range(min(len(words), position + LONGEST_PHRASE), position, -1):
        if stems_of(words[position:end]) in fillers():
            return end - position
    return 0


def _length_of_expression(words: list[Word], position: int) -> int:
    """Return the number of words from here on that form a known expression; 0 if they do not."""
    for end in range(min(len(words), position + LONGEST_WITH_STOP_WORDS), position, -1):
        inner = words[position:end]
        if inner[0].folded in stop_words() or inner[-1].folded in stop_words():
            continue
        key = stems_of(without_stop_words(inner))
        if key in expressions() or (key in purposes() and " " in key):
            return end - position
    return 0


def near(text: str, others: list[str], allowed: int) -> list[tuple[int, str]]:
    """Return the texts within an edit distance of another one, after their distances."""
    alike = process.extract(text, others, scorer=OSA.distance, score_cutoff=allowed, limit=None)
    return [(gap, other) for other, gap, _place in alike]


def _lines(name: str) -> list[str]:
    """Return the lines of a list in `data/`, without comments."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    texts = (line.partition("#")[0].strip() for line in lines)
    return list(filter(None, texts))


# --- the synonyms of the index ---


@dataclass(frozen=True)
class SynonymLine:
    """A line of the file.

    Attributes:
        number: line number, for messages.
        terms: equivalent terms.
        broader: broader terms.
    """

    number: int
    terms: tuple[str, ...]
    broader: tuple[str, ...] = ()


def synonym_lines() -> list[SynonymLine]:
    """Read the synonym list.

    Terms separated by semicolons are equivalent. `narrow > broad`: documents about the left term
    are also found by the right one, but not vice versa (a search for PPR should find PPRI as
    well)::

        ICPE ; installation classée ; installation classée pour la protection de l'environnement
        PPRI > PPR

    Raises:
        ValueError: a line is neither a set of at least two terms nor `narrow > broad`.
    """
    lines: list[SynonymLine] = []
    content = (DATA / "synonyms_fr.txt").read_text(encoding="utf-8")
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if text:
            lines.append(parse_line(number, text))
    return lines


def parse_line(number: int, text: str) -> SynonymLine:
    """Parse one line without comment.

    Raises:
        ValueError: see `synonym_lines`.
    """
    before, arrow, right = text.partition(">")
    terms, broader = tuple(_terms(before)), tuple(_terms(right))
    if not terms or (arrow and not broader) or (not arrow and len(terms) == 1):
        raise ValueError(f"line {number}: expected 'a ; b' or 'a > b', got {text!r}")
    return SynonymLine(number, terms, broader)


@cache
def longest_synonyms() -> dict[str, int]:
    """Return stems of a term → number of words of its longest synonym.

    Solr indexes a word and its synonyms at one place, which is as long as the longest of them and
    separates its neighbours.
    """
    longest: dict[str, int] = {}
    for line in synonym_lines():
        lengths = [len(key_of(term).split()) for term in (*line.terms, *line.broader)]
        for term in line.terms:
            key = key_of(term)
            longest[key] = max(longest.get(key, 1), *lengths)
    return longest


def lengthened(stems: list[str]) -> int:
    """Return the maximum number of positions that synonyms add between words in the index.

    The last word does not count, as it has no neighbour after it.
    """
    longest = longest_synonyms()
    number = 0
    for start in range(len(stems)):
        for end in range(min(len(stems), start + LONGEST_PHRASE), start, -1):
            size = longest.get(" ".join(stems[start:end]), 0)
            if size and end < len(stems):
                number += max(0, size - (end - start))
            if size and end - start > 1:
                number += 1  # an expression is stretched by its own synonym, too
    return number
