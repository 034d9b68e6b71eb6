"""Split a query into words and domain expressions, drop filler words, and look up alternative names. Pure."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import synonyms
from ckanext.ecosphere.vocabularies import local

DATA = Path(__file__).parents[1] / "data"
EVERYDAY = "search:everyday"
"""Area of the lines added by administrators, see `vocabularies/local.py`."""
LONGEST_PHRASE = 7
"""Maximum words of an expression."""
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
"""Minimum letters of an expression recognised with missing or extra spaces ("natura2000", "photo voltaïque")."""
_PLURAL = re.compile(r"(?<=\w{3})[sx]$")


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


def read(text: str) -> list[Word]:
    """Split a query into words, up to the maximum numbers.

    Args:
        text: as typed; accents and case do not matter.
    """
    found = read_all(text)[:MOST_READ]
    content = accumulate(word.folded not in stop_words() for word in found)
    return [word for word, number in zip(found, content, strict=True) if number <= MOST_WORDS]


@cache
def pictures() -> dict[str, str]:
    """Return emoji → the word that each stands for."""
    with (DATA / "pictures.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["picture"]: row["word"]
            for row in csv.DictReader(line for line in file if line[0] != "#")
        }


def read_all(text: str) -> list[Word]:
    """Split a text into words, without a maximum."""
    found = []
    text = "".join(f" {word} " if (word := pictures().get(sign)) else sign for sign in text)
    text = _IN_SHORT.sub(lambda match: "sous " if match[1] else "sur ", text)
    for match in _TOKEN.finditer(_ELIDED.sub(" ", text)):
        typed = match[0]
        # A number or a table name ("N_ICPE_P_059") is a single word.
        parts = [typed] if _CODE.fullmatch(typed) or "_" in typed else re.split(r"[-'’.]", typed)
        if _INITIALS.fullmatch(typed):
            parts = ["".join(parts)]
        last = len(parts) - 1
        found += [
            Word(part, folded, stem(folded), glued="-" in typed and number < last)
            for number, part in enumerate(parts)
            if (folded := voc.normalise(part))
        ]
    return found


def stem(folded: str) -> str:
    """Return a word, or each word of an expression, without plural ending."""
    return " ".join(_one_stem(word) for word in folded.split())


def _one_stem(word: str) -> str:
    if word.endswith("aux") and len(word) > 4 and not word.endswith("eaux"):  # noqa: PLR2004 - "canaux", not "aux"
        return word[:-3] + "al"
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
    return frozenset(
        " ".join(word.stem for word in read(line)) for line in _lines("fillers_fr.txt")
    )


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
    """Return stems of an expression → its alternative names (`everyday`) and how many are the catalogue's.

    Terms of the synonym list are included without alternative names, since Solr knows their synonyms. Here they keep
    expressions together ("carte de bruit") and distinguish domain terms from other words.
    """
    catalogue: dict[str, dict[str, None]] = {}
    found: dict[str, dict[str, None]] = {}
    for asked, called in everyday():
        for term in asked:
            key = key_of(term)
            catalogue.setdefault(key, {}).update(
                dict.fromkeys(each for each in called if key_of(each) != key)
            )
            found.setdefault(key, {}).update(
                dict.fromkeys(each for each in asked if key_of(each) != key)
            )
    for line in synonyms.read_lines():
        keys = [key_of(term) for term in line.terms]
        known = [catalogue[key] for key in keys if key in catalogue] if not line.broader else []
        for key in keys:
            # The long form of an acronym has the acronym's names.
            if key not in catalogue and known:
                catalogue[key] = {
                    name: None for called in known for name in called if key_of(name) != key
                }
        for term in (*line.terms, *line.broader):
            found.setdefault(key_of(term), {})
    return {
        key: (
            tuple(dict.fromkeys((*catalogue.get(key, {}), *siblings))),
            len(catalogue.get(key, {})),
        )
        for key, siblings in found.items()
        if key
    }


@voc.derived
@cache
def own_terms() -> frozenset[str]:
    """Return the stems of terms that catalogues use, for which the everyday lines have no other name of the thing."""
    return frozenset(key_of(term) for _asked, called in everyday() for term in called)


@voc.derived
@cache
def written() -> dict[str, str]:
    """Return stems of an expression → the expression as written in the lists."""
    terms = [term for lists in everyday() for each in lists for term in each]
    terms += [term for line in synonyms.read_lines() for term in (*line.terms, *line.broader)]
    found: dict[str, str] = {}
    for term in terms:
        found.setdefault(key_of(term), term)
    return found


@voc.derived
@cache
def _joined() -> dict[str, str]:
    """Return an expression without spaces and plural ending → its stems."""
    found: dict[str, str] = {}
    for key, term in written().items():
        together = _together([word for word in read(term) if word.folded not in stop_words()])
        if key in expressions() and len(together) >= _SHORTEST_JOINED:
            found.setdefault(together, key)
    return found


def _together(content: list[Word]) -> str:
    return stem("".join(word.folded for word in content))


def _known(key: str, content: list[Word]) -> tuple[tuple[str, ...], int] | None:
    """Return the alternative names of an expression and how many are the catalogue's; None if it is unknown.

    If it is written without its spaces or with extra ones, its usual spelling is among the names.
    """
    if found := expressions().get(key):
        return found
    usual = _joined().get(_together(content))
    if not usual:
        return None
    others, called = expressions()[usual]
    return (written()[usual], *others), called + 1


def is_expression(text: str) -> bool:
    """Return whether a text is a term of the lists, even with missing or extra spaces."""
    read_words = [word for word in read(text) if word.folded not in stop_words()]
    return _known(" ".join(word.stem for word in read_words), read_words) is not None


@cache
def longest_synonyms() -> dict[str, int]:
    """Return stems of a term → number of words of its longest synonym.

    Solr indexes a word and its synonyms at one place, which is as long as the longest of them and separates its
    neighbours.
    """
    found: dict[str, int] = {}
    for line in synonyms.read_lines():
        lengths = [len(key_of(term).split()) for term in (*line.terms, *line.broader)]
        for term in line.terms:
            key = key_of(term)
            found[key] = max(found.get(key, 1), *lengths)
    return found


def lengthened(stems: list[str]) -> int:
    """Return the maximum number of positions that synonyms add between words in the index.

    The last word does not count, as it has no neighbour after it.
    """
    longest = longest_synonyms()
    found = 0
    for start in range(len(stems)):
        for end in range(min(len(stems), start + LONGEST_PHRASE), start, -1):
            size = longest.get(" ".join(stems[start:end]), 0)
            if size and end < len(stems):
                found += max(0, size - (end - start))
            # A multi-word expression is stretched by its own synonym, too.
            found += 1 if size and end - start > 1 else 0
    return found


def everyday() -> list[tuple[list[str], list[str]]]:
    """Return everyday terms and the catalogue's terms: administrators' lines and synonyms first, then the package's."""
    found: list[tuple[list[str], list[str]]] = []
    for line in local.of(EVERYDAY).values():
        asked, called = list(line["asked"]), list(line["called"])
        found += [(asked, called), (called, asked)] if line.get("both") else [(asked, called)]
    found += [(list(synonyms_of), [label]) for label, synonyms_of in voc.own_synonyms()]
    return found + packaged_everyday()


def packaged_everyday() -> list[tuple[list[str], list[str]]]:
    """Return the lines of `everyday_fr.txt`."""
    found: list[tuple[list[str], list[str]]] = []
    for line in _lines("everyday_fr.txt"):
        left, _arrow, right = line.partition("=>")
        if _arrow:
            found.append((_terms(left), _terms(right)))
        else:
            # Terms that are not equivalent, although the catalogue uses the same name for each.
            left, _arrow, right = line.partition("->")
            found += [([term], _terms(right)) for term in _terms(left)]
    return found


def _terms(text: str) -> list[str]:
    return [term for part in text.split(";") if (term := part.strip())]


def key_of(text: str) -> str:
    """Return the stems that identify an expression, without stop words; "" if it has no other words."""
    return " ".join(word.stem for word in read(text) if word.folded not in stop_words())


def is_translated(unit: Unit) -> bool:
    """Return whether a unit is an everyday word for something that catalogues call otherwise ("égout")."""
    return bool(unit.called) and key_of(unit.text) not in own_terms()


def units(words: list[Word], *, synonyms_on: bool = True) -> list[Unit]:
    """Group words into units; filler words are dropped unless nothing else is left.

    Args:
        words: words of the query that are not part of a place.
        synonyms_on: whether to add alternative names.
    """
    content = _without_fillers(words)
    found: list[Unit] = []
    start = 0
    while start < len(content):
        for end in range(min(len(content), start + LONGEST_PHRASE), start, -1):
            key = " ".join(word.stem for word in content[start:end])
            typed = tuple(word.typed for word in content[start:end])
            known = _known(key, content[start:end])
            others, called = known if known and synonyms_on else ((), 0)
            if key in purposes() and end - start > 1:
                found.append(Unit(typed, others, called, weak=True, core=True))
                break
            if known:
                found.append(Unit(typed, others, called, core=True))
                break
        else:
            end = start + 1
            found.append(Unit((content[start].typed,), weak=content[start].stem in generic()))
        start = end
    if all(unit.weak for unit in found):
        found = [replace(unit, weak=False) for unit in found]
    return list(dict.fromkeys(found))


def _without_fillers(words: list[Word]) -> list[Word]:
    """Drop filler words, except those within a known expression."""
    kept: list[Word] = []
    position = 0
    while position < len(words):
        protected = _protected(words, position)
        if protected:
            kept += words[position : position + protected]
            position += protected
            continue
        for end in range(min(len(words), position + LONGEST_PHRASE), position, -1):
            if " ".join(word.stem for word in words[position:end]) in fillers():
                position = end
                break
        else:
            kept.append(words[position])
            position += 1
    content = [word for word in kept if word.folded not in stop_words()]
    return content or [word for word in words if word.folded not in stop_words()] or words


def _protected(words: list[Word], position: int) -> int:
    """Return the number of words from here on that form a known expression."""
    for end in range(min(len(words), position + LONGEST_PHRASE + 3), position, -1):
        inner = words[position:end]
        if inner[0].folded in stop_words() or inner[-1].folded in stop_words():
            continue
        key = " ".join(word.stem for word in inner if word.folded not in stop_words())
        if key in expressions() or (key in purposes() and " " in key):
            return end - position
    return 0


def _lines(name: str) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [text for line in lines if (text := line.split("#", 1)[0].strip())]
