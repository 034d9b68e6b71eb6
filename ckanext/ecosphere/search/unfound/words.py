"""Normalise the words of a search and remove personal data, for counting. Pure."""

from __future__ import annotations

import re

from ckanext.ecosphere import vocabularies as voc

LONGEST = 200
SHORTEST = 3
#: Number of digits, however grouped, from which a number may identify a telephone, an account or a person.
PERSONAL_DIGITS = 7
_E_MAIL = re.compile(r"\S{0,80}@\S{0,80}")
_NUMBER = re.compile(r"\+?\d(?:[\s./()-]{0,2}\d){0,40}")


def counted(query: str) -> str:
    """Return the words of a query without case, accents and punctuation; "" if nothing is left.

    E-mail addresses and numbers as long as telephone numbers are removed.

    >>> counted("Jean 06 12 34 56 78 jean@exemple.fr Éolien 44000")
    'jean eolien 44000'
    """
    text = _E_MAIL.sub(" ", query[: LONGEST * 5])
    text = _NUMBER.sub(lambda match: " " if _is_personal(match[0]) else match[0], text)
    words = voc.normalise(text)[:LONGEST].strip()
    return words if len(words) >= SHORTEST else ""


def _is_personal(number: str) -> bool:
    return sum(char.isdigit() for char in number) >= PERSONAL_DIGITS
