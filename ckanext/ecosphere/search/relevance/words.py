"""The words of a question: folded, without those that only ask, with the other names of what they mean. Pure."""

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
"""Area of the lines that administrators added, see `vocabularies/local.py`."""
LONGEST_PHRASE = 7
"""Words of the longest expression that is looked for."""
MOST_WORDS = 20
"""Words of a question that are read beside stop words; what follows is not looked for."""
MOST_READ = 60
"""The same with stop words: a sentence that was pasted often names its place at the end."""

_ELIDED = re.compile(r"\b(?:l|d|j|m|n|s|t|c|qu|jusqu|lorsqu|puisqu)['’](?=\w)", re.IGNORECASE)
_IN_SHORT = re.compile(r"(?<![\w/])s/\s?(s/?\s+)?(?=\w)", re.IGNORECASE)
"""How "sur" and "sous" are written in the name of a commune ("Villefranche s/ Mer")."""
_TOKEN = re.compile(r"[^\W_]+(?:[.'’_-][^\W_]+)*", re.UNICODE)
_CODE = re.compile(r"\d[\w.]*")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
"""An acronym with its points ("P.L.U.")."""
_SHORTEST_JOINED = 7
"""Letters of an expression that is known when it is written together, or apart ("natura2000", "photo voltaïque")."""
_PLURAL = re.compile(r"(?<=\w{3})[sx]$")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question.

    Attributes:
        typed: as it was typed, without an elided article.
        folded: normalised; of a compound ("sous-sol") the first part that the word stands for.
        stem: `folded` without the ending of a plural, to compare with lists.
        glued: whether a hyphen joins it to the word after it.
    """

    typed: str
    folded: str
    stem: str
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """What is looked for as one thing: a word, or an expression of several.

    Attributes:
        words: as they were typed.
        others: other names of it, each one or several words: the catalogue's first.
        called: how many of them are the catalogue's.
        weak: whether it only weighs: what the data are wanted for, a word that tells nothing apart, a year.
        core: whether it is an expression of the field, which says more of the subject than other words.
    """

    words: tuple[str, ...]
    others: tuple[str, ...] = ()
    called: int = 0
    weak: bool = False
    core: bool = False

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.words)


def read(text: str) -> list[Word]:
    """Split a question into words.

    Args:
        text: as it was typed, accents and case of no matter.
    """
    found = read_all(text)[:MOST_READ]
    content = accumulate(word.folded not in stop_words() for word in found)
    return [word for word, number in zip(found, content, strict=True) if number <= MOST_WORDS]


@cache
def pictures() -> dict[str, str]:
    """Pictures that people type → the word for which each stands."""
    with (DATA / "pictures.csv").open(encoding="utf-8", newline="") as file:
        return {row["picture"]: row["word"] for row in csv.DictReader(line for line in file if line[0] != "#")}


def read_all(text: str) -> list[Word]:
    """Split a text into words, however many."""
    found = []
    text = "".join(f" {word} " if (word := pictures().get(sign)) else sign for sign in text)
    text = _IN_SHORT.sub(lambda match: "sous " if match[1] else "sur ", text)
    for match in _TOKEN.finditer(_ELIDED.sub(" ", text)):
        typed = match[0]
        # A number, or the name of a table ("N_ICPE_P_059"), is one word.
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
    """A word without the ending of a plural; each word of an expression."""
    return " ".join(_one_stem(word) for word in folded.split())


def _one_stem(word: str) -> str:
    if word.endswith("aux") and len(word) > 4 and not word.endswith("eaux"):  # noqa: PLR2004 - "canaux", not "aux"
        return word[:-3] + "al"
    return _PLURAL.sub("", word)


@cache
def stop_words() -> frozenset[str]:
    """Words that carry no subject, folded: those of the Solr chain."""
    return frozenset(_lines("stopwords_fr.txt"))


@cache
def words_of_language() -> frozenset[str]:
    """Usual words of the language, folded."""
    return frozenset((DATA / "french_words.txt").read_text(encoding="utf-8").split())


@cache
def fillers() -> frozenset[str]:
    """Stems of words and expressions that only ask."""
    return frozenset(" ".join(word.stem for word in read(line)) for line in _lines("fillers_fr.txt"))


@cache
def purposes() -> frozenset[str]:
    """Stems of what data are wanted for, without stop words."""
    return frozenset(key_of(line) for line in _lines("purposes_fr.txt"))


@cache
def exceptions() -> frozenset[str]:
    """Words after which stands what is not looked for, folded."""
    return frozenset(_lines("exceptions_fr.txt"))


@cache
def generic_terms() -> frozenset[str]:
    """Words that tell no subject from another, and names of bodies, folded."""
    return frozenset(map(voc.normalise, _lines("generic_fr.txt")))


@cache
def generic() -> frozenset[str]:
    """Their stems."""
    return frozenset(map(key_of, generic_terms()))


@voc.derived
@cache
def expressions() -> dict[str, tuple[tuple[str, ...], int]]:
    """Stems of an expression → its other names (`everyday`) and how many are the catalogue's.

    Terms of the synonyms are there too, without other names: Solr knows those itself. Here they keep an expression
    together ("carte de bruit"), and tell words of the field from others.
    """
    catalogue: dict[str, dict[str, None]] = {}
    found: dict[str, dict[str, None]] = {}
    for asked, called in everyday():
        for term in asked:
            key = key_of(term)
            catalogue.setdefault(key, {}).update(dict.fromkeys(each for each in called if key_of(each) != key))
            found.setdefault(key, {}).update(dict.fromkeys(each for each in asked if key_of(each) != key))
    for line in synonyms.read_lines():
        keys = [key_of(term) for term in line.terms]
        known = [catalogue[key] for key in keys if key in catalogue] if not line.broader else []
        for key in keys:
            # The long form of an acronym means what the acronym means.
            if key not in catalogue and known:
                catalogue[key] = {name: None for called in known for name in called if key_of(name) != key}
        for term in (*line.terms, *line.broader):
            found.setdefault(key_of(term), {})
    return {
        key: (tuple(dict.fromkeys((*catalogue.get(key, {}), *siblings))), len(catalogue.get(key, {})))
        for key, siblings in found.items()
        if key
    }


@voc.derived
@cache
def written() -> dict[str, str]:
    """Stems of an expression → the expression as the lists write it."""
    terms = [term for lists in everyday() for each in lists for term in each]
    terms += [term for line in synonyms.read_lines() for term in (*line.terms, *line.broader)]
    found: dict[str, str] = {}
    for term in terms:
        found.setdefault(key_of(term), term)
    return found


@voc.derived
@cache
def _joined() -> dict[str, str]:
    """An expression written together, without the ending of a plural → its stems."""
    found: dict[str, str] = {}
    for key, term in written().items():
        together = _together([word for word in read(term) if word.folded not in stop_words()])
        if key in expressions() and len(together) >= _SHORTEST_JOINED:
            found.setdefault(together, key)
    return found


def _together(content: list[Word]) -> str:
    return stem("".join(word.folded for word in content))


def _known(key: str, content: list[Word]) -> tuple[tuple[str, ...], int] | None:
    """Other names of an expression, and how many are the catalogue's; None when it is no expression.

    One that is written together or apart has its usual spelling among them.
    """
    if found := expressions().get(key):
        return found
    usual = _joined().get(_together(content))
    if not usual:
        return None
    others, called = expressions()[usual]
    return (written()[usual], *others), called + 1


def is_expression(text: str) -> bool:
    """Whether a text is a word or expression of the lists, written together or apart."""
    read_words = [word for word in read(text) if word.folded not in stop_words()]
    return _known(" ".join(word.stem for word in read_words), read_words) is not None


@cache
def longest_synonyms() -> dict[str, int]:
    """Stems of a word or expression → words of its longest synonym: so far apart are its neighbours.

    Solr indexes a word and its synonyms in one place, which is as long as the longest of them.
    """
    found: dict[str, int] = {}
    for line in synonyms.read_lines():
        lengths = [len(key_of(term).split()) for term in (*line.terms, *line.broader)]
        for term in line.terms:
            key = key_of(term)
            found[key] = max(found.get(key, 1), *lengths)
    return found


def lengthened(stems: list[str]) -> int:
    """By how many words synonyms of some words, or of expressions of them, lengthen these in the index, at most.

    The last one has no neighbour after it.
    """
    longest = longest_synonyms()
    found = 0
    for start in range(len(stems)):
        for end in range(min(len(stems), start + LONGEST_PHRASE), start, -1):
            size = longest.get(" ".join(stems[start:end]), 0)
            if size and end < len(stems):
                found += max(0, size - (end - start))
            # A long expression is broken by its own synonym too.
            found += 1 if size and end - start > 1 else 0
    return found


def everyday() -> list[tuple[list[str], list[str]]]:
    """What people say, and what the catalogue calls it: administrators' lines and synonyms first, then the file's."""
    found: list[tuple[list[str], list[str]]] = []
    for line in local.of(EVERYDAY).values():
        asked, called = list(line["asked"]), list(line["called"])
        found += [(asked, called), (called, asked)] if line.get("both") else [(asked, called)]
    found += [(list(synonyms_of), [label]) for label, synonyms_of in voc.own_synonyms()]
    return found + packaged_everyday()


def packaged_everyday() -> list[tuple[list[str], list[str]]]:
    """The lines of `everyday_fr.txt`."""
    found: list[tuple[list[str], list[str]]] = []
    for line in _lines("everyday_fr.txt"):
        left, _arrow, right = line.partition("=>")
        if _arrow:
            found.append((_terms(left), _terms(right)))
        else:
            # Terms that do not mean the same, although the catalogue has the same for each.
            left, _arrow, right = line.partition("->")
            found += [([term], _terms(right)) for term in _terms(left)]
    return found


def _terms(text: str) -> list[str]:
    return [term for part in text.split(";") if (term := part.strip())]


def key_of(text: str) -> str:
    """Return the stems by which an expression is known, without stop words; "" when it has no word of its own."""
    return " ".join(word.stem for word in read(text) if word.folded not in stop_words())


def units(words: list[Word], *, synonyms_on: bool = True) -> list[Unit]:
    """Join words to what is looked for; words that only ask are dropped when something else is left.

    Args:
        words: those of the question that are not part of a place.
        synonyms_on: whether other names are looked for too.
    """
    for position, word in enumerate(words):
        before = units(words[:position], synonyms_on=synonyms_on) if word.folded in exceptions() else []
        if any(unit.core for unit in before):
            # What is left out is not what is looked for ("zones humides sans Natura 2000").
            return before + units(words[position + 1 :], synonyms_on=synonyms_on)[1:]
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
    """Drop words and expressions that only ask, but for those of an expression that has a meaning of its own."""
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
    """How many words from here on are an expression of the lists."""
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
