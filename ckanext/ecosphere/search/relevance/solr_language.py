"""Adapt queries in Solr's syntax (quotes, `*`, AND, OR) to the French index. Pure.

The index has no stop words, and a word with a multi-word synonym occupies as many positions; a quoted phrase is matched
position by position, so it would not even find the title that it was copied from.
"""

from __future__ import annotations

import re
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import synonyms
from ckanext.ecosphere.search.relevance import words

SIGNS = re.compile(r'["*~^{}]|\|\||(?:^|\s)[+!]\w|&&')
"""Solr's special characters; not mere brackets ("Forges (17)"), nor a sign between words ("eau + déchets"), nor a
minus, which is read with the words that exclude something (`exclusions.py`)."""
OPERATORS = re.compile(r"\S\s+(?:AND|OR)\s+\S")
"""Solr's operators, not considered if the whole query is in capitals ("PLU COTE D OR BEAUNE")."""
EITHER = re.compile(r"\s(?:OR|\|\|)(?=\s)")
"""The OR operator."""
_BOTH = re.compile(r"\s(?:AND|&&)\s|(?:^|\s)NOT\s")
_PHRASE = re.compile(r'(?<![\w"])(?P<field>\w{1,60}:)?"(?P<text>[^"]{1,400})"(?![~\w])')
_GROUP = re.compile(r'(\b\w{1,60}:\((?:[^()"]|"[^"]{0,400}"){0,400}\))')
_BEGINNING = re.compile(r'(?<![\w:"*])(?P<word>[^\W_]{2,40})\*(?![\w*"])')
_ODD = re.compile(r"/|\?(?=\s|$)|(?<!\S)\*(?!\S)")
_ANALYSED = re.compile(
    r"(?:title|notes|text|ecosphere_tags|ecosphere_resources|extras_\w+|res_extras_\w+):"
)
"""Fields with French analysis: others hold unanalysed values."""
_WORDS_FIELD = "ecosphere_words"
"""Index field of the words of titles and keywords, unstemmed."""
_EXACT = 3
"""Boost of titles and keywords that contain the exact words."""


def is_written(text: str) -> bool:
    """Return whether a query without fields uses Solr's special characters or operators."""
    if text.count('"') == 1:
        text = text.replace('"', " ")  # unbalanced or accidental
    return bool(SIGNS.search(text) or (OPERATORS.search(text) and not text.isupper()))


def is_choice(text: str) -> bool:
    """Return whether `OR` between words is the only Solr syntax of a query."""
    plain = EITHER.sub(" ", text)
    return plain != text and not text.isupper() and not is_written(plain)


def minimum(text: str, minimum: str) -> str:
    """Return Solr's `mm` for such a query: one clause suffices if `OR` is the only operator."""
    if EITHER.search(text) and not _BOTH.search(text):
        return "1"
    return minimum


def plain(text: str) -> str:
    """Return a query without fields, without "/", " ? " and " * ", which would be an expression or match everything."""
    parts = re.split(r'("[^"]*")', text)
    parts[::2] = [_ODD.sub(" ", part) for part in parts[::2]]
    return "".join(parts).strip()


def written(text: str) -> str:
    """Return a query without fields, adapted to the index, for Solr's edismax parser."""
    # Every second part is quoted.
    parts = re.split(r'("[^"]*")', text)
    parts[::2] = [_BEGINNING.sub(_begins, part) for part in parts[::2]]
    return _PHRASE.sub(lambda match: _phrase(match, loosely=True), "".join(parts))


def fielded(text: str) -> str:
    """Return a query with fields, with phrases adapted to the index; values of unanalysed fields are unchanged."""
    # Every second part is a parenthesised group of values of one field.
    parts = _GROUP.split(text)
    for number, part in enumerate(parts):
        is_group = number % 2 == 1
        if not is_group or _ANALYSED.match(part):
            parts[number] = _phrases(part)
    return "".join(parts)


def _phrases(text: str) -> str:
    return _PHRASE.sub(lambda match: _phrase(match, loosely=False), text)


def _begins(match: re.Match[str]) -> str:
    start = voc.normalise(match["word"])
    return f"({start}* OR {_WORDS_FIELD}:{start}*)"


def _phrase(match: re.Match[str], *, loosely: bool) -> str:
    field, text = match["field"] or "", match["text"]
    if field and not _ANALYSED.fullmatch(field):
        return match[0]
    typed = words.read_all(text)
    content = [word for word in typed if word.folded not in words.stop_words()]
    if not content or re.search(r"[\\*?]", text):
        return match[0]
    slop = len(typed) - len(content) + lengthened([word.stem for word in content])
    near = f'{field}"{" ".join(word.typed for word in content)}"~{slop}'
    if loosely and not field:
        return f'({near} OR {_WORDS_FIELD}:"{text}"^{_EXACT})'
    return near


@cache
def longest_synonyms() -> dict[str, int]:
    """Return stems of a term → number of words of its longest synonym.

    Solr indexes a word and its synonyms at one place, which is as long as the longest of them and separates its
    neighbours.
    """
    longest: dict[str, int] = {}
    for line in synonyms.read_lines():
        lengths = [len(words.key_of(term).split()) for term in (*line.terms, *line.broader)]
        for term in line.terms:
            key = words.key_of(term)
            longest[key] = max(longest.get(key, 1), *lengths)
    return longest


def lengthened(stems: list[str]) -> int:
    """Return the maximum number of positions that synonyms add between words in the index.

    The last word does not count, as it has no neighbour after it.
    """
    longest = longest_synonyms()
    number = 0
    for start in range(len(stems)):
        for end in range(min(len(stems), start + words.LONGEST_PHRASE), start, -1):
            size = longest.get(" ".join(stems[start:end]), 0)
            if size and end < len(stems):
                number += max(0, size - (end - start))
            if size and end - start > 1:
                number += 1  # an expression is stretched by its own synonym, too
    return number
