"""Queries with signs of Solr's language (quotes, `*`, AND, OR), as the French index takes them. Pure.

The index has no stop words, and a word with a long synonym is as long as that; a phrase in quotes is compared word by
word, so that it would not find the very title that it was copied from.
"""

from __future__ import annotations

import re

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance import words

SIGNS = re.compile(r'["*~^{}]|\|\||(?:^|\s)[-+!]\w|&&')
"""Signs of Solr's language; brackets alone are none ("Forges (17)"), nor is a sign between words ("eau + déchets")."""
OPERATORS = re.compile(r"(?:\S\s+(?:AND|OR)|(?:^|\s)NOT)\s+\S")
"""Its operators, unless all of a question is in capitals ("PLU COTE D OR BEAUNE")."""
EITHER = re.compile(r"\s(?:OR|\|\|)(?=\s)")
"""What says that one of several will do."""
_BOTH = re.compile(r"\s(?:AND|&&)\s|(?:^|\s)NOT\s")
_PHRASE = re.compile(r'(?<![\w"])(?P<field>\w{1,60}:)?"(?P<text>[^"]{1,400})"(?![~\w])')
_GROUP = re.compile(r'(\b\w{1,60}:\((?:[^()"]|"[^"]{0,400}"){0,400}\))')
_BEGINNING = re.compile(r'(?<![\w:"*])(?P<word>[^\W_]{2,40})\*(?![\w*"])')
_ODD = re.compile(r"/|\?(?=\s|$)|(?<!\S)\*(?!\S)")
_ANALYSED = re.compile(r"(?:title|notes|text|ecosphere_tags|ecosphere_resources|extras_\w+|res_extras_\w+):")
"""Fields with words of French texts: others have values as a whole."""
_WORDS_FIELD = "ecosphere_words"
"""Index field of the words of titles and keywords as they are written."""
_EXACT = 3
"""By how much more a title or keyword weighs that has the words as they were written."""


def is_written(text: str) -> bool:
    """Whether a query without fields has signs or operators of Solr's language."""
    if text.count('"') == 1:
        text = text.replace('"', " ")  # a quotation mark that was never closed, or a key hit by mistake
    return bool(SIGNS.search(text) or (OPERATORS.search(text) and not text.isupper()))


def is_choice(text: str) -> bool:
    """Whether words between which `OR` stands are all that a query has of Solr's language."""
    plain = EITHER.sub(" ", text)
    return plain != text and not text.isupper() and not is_written(plain)


def minimum(text: str, minimum: str) -> str:
    """Solr's mm for such a query: one clause is enough where only `OR` stands between them."""
    return "1" if EITHER.search(text) and not _BOTH.search(text) else minimum


def plain(text: str) -> str:
    """A query without fields, without what is no word and would be an expression or find everything: "/", " ? "."""
    parts = re.split(r'("[^"]*")', text)
    parts[::2] = [_ODD.sub(" ", part) for part in parts[::2]]
    return "".join(parts).strip()


def written(text: str) -> str:
    """A query without fields, as Solr's parser edismax finds what it asks for."""
    # Every second part is in quotes.
    parts = re.split(r'("[^"]*")', text)
    parts[::2] = [_BEGINNING.sub(_begins, part) for part in parts[::2]]
    return _PHRASE.sub(lambda match: _phrase(match, loosely=True), "".join(parts))


def fielded(text: str) -> str:
    """A query with fields, its phrases as the index has them; values of other fields as they are, several too."""
    # Every second part is a group of values of one field.
    parts = _GROUP.split(text)
    parts = [part if number % 2 and not _ANALYSED.match(part) else _phrases(part) for number, part in enumerate(parts)]
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
    slop = len(typed) - len(content) + words.lengthened([word.stem for word in content])
    near = f'{field}"{" ".join(word.typed for word in content)}"~{slop}'
    return f'({near} OR {_WORDS_FIELD}:"{text}"^{_EXACT})' if loosely and not field else near
