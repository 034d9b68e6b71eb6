"""Detect negation in texts about licences and access: "ne relève pas de la licence ODbL", "hors licence ouverte".

A negation counts only if it governs the licence: in the same clause, with only words of the table `licence-denials.csv`
in between. "N'engage pas la responsabilité du producteur. Licence Ouverte" does not deny the licence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache

from ckanext.ecosphere.harvest.normalise.tables import parts, plain, rows

_BREAK = re.compile(r"[.!?]\s|[\n;,:()/]|\s[-–—]\s")
"""Possible ends of clauses; commas, colons and brackets may also occur within one."""
_ENDS = ".!?;\n"
_FAR = 20
"""Number of words examined before a licence."""
_NEAR = 8
"""Number of words examined after a licence, and before words on access; half as many between "ne" and "pas"."""
_AFTER = re.compile(
    r"(?:n|ne) (?:est|sont|peut etre|s applique|s appliquent) (?:pas|plus)(?! que\b)"
    r"(?: (?:autorisee?|applicable|applique|permise?|possible|accordee?|concedee?|valable|admise?)s?\b|$| aux? )|"
    r"(?:is|are) not (?:applicable|allowed|permitted|granted|authori[sz]ed)\b|(?:does|do) not apply\b|"
    r"(?:(?:est|sont|is|are) )?(?:interdite?|exclue?|prohibited|excluded)s?\b|"
    r"(?:non|pas|not) (?:applicable|appliquee?|concernee?|accordee?|retenue?|autorisee?|allowed|granted)s?$"
)
"""Words after a licence that negate it."""

_ANSWER = re.compile(
    r"(?:non|no|aucune?s?|neant|sans objet|(?:non|pas) (?:applicable|concernee?s?))$|"
    r"(?:ont|sont|a|est) (?:ete )?(?:retire|supprime|exclu|masque|anonymise|ote|enleve|floute|occulte)e?s?\b"
)
"""Words after a text on access that negate it ("Accès restreint : non"), or that concern data already removed."""


@cache
def _words(place: str) -> frozenset[str]:
    return frozenset(word for row in rows("licence-denials") if row["place"] == place for word in parts(row["words"]))


@cache
def _denying() -> frozenset[str]:
    return _words("always") | _words("not")


class Clauses:
    """The words of a text, without case and accents, and the ends of its clauses.

    Attributes:
        words: normalised words of the text.
    """

    def __init__(self, text: str):
        self.words: list[str] = []
        self._pauses: set[int] = set()
        self._ends: set[int] = set()
        position = 0
        for found in _BREAK.finditer(text):
            self._add(text[position : found.start()])
            (self._ends if found.group()[0] in _ENDS else self._pauses).add(len(self.words))
            position = found.end()
        self._add(text[position:])

    def _add(self, text: str) -> None:
        self.words += plain(text).split()

    def deny(self, start: int, end: int) -> bool:
        """Tell whether the words `start` to `end` (exclusive), which name a licence, are negated."""
        return self._before(start) or self._after(end)

    def _before(self, start: int) -> bool:
        """Search backwards for a negation, past words that may stand between it and the licence."""
        paused = False
        start = min(start, len(self.words))
        for at in range(start - 1, max(-1, start - 1 - _FAR), -1):
            if at + 1 in self._ends:
                return False
            paused = paused or at + 1 in self._pauses
            word = self.words[at]
            verbs = self._between_ne_and(at) if word in _words("not") else None
            if verbs is not None:
                return not _words("verb").isdisjoint(verbs)
            if word in _words("always"):
                return not paused
            if word not in _words("passed"):
                return False
        return False

    def deny_access(self, start: int, end: int) -> bool:
        """Tell whether words about access are negated, directly before them or in an answer after them."""
        for at in range(start - 1, max(-1, start - 1 - _NEAR), -1):
            if at + 1 in self._ends or at + 1 in self._pauses:
                break
            word = self.words[at]
            if word in _words("access"):
                return word != "plus" or self._between_ne_and(at) is not None
            if word not in _words("between"):
                break
        stop = next((at for at in range(end, min(end + _NEAR, len(self.words))) if at in self._ends), end + _NEAR)
        return bool(_ANSWER.match(" ".join(self.words[end:stop])))

    def _between_ne_and(self, at: int) -> Sequence[str] | None:
        """Return the words between "ne" and the "pas" at an index; None without "ne"."""
        for begin in range(at - 1, max(-1, at - 1 - _NEAR // 2), -1):
            if begin + 1 in self._ends:
                return None
            if self.words[begin] in ("ne", "n"):
                return self.words[begin + 1 : at]
        return None

    def _after(self, end: int) -> bool:
        """Search for a negation after the rest of the licence's name."""
        while end < len(self.words) and end not in self._ends and self._is_of_a_name(self.words[end]):
            end += 1
        stop = next((at for at in range(end, min(end + _NEAR, len(self.words))) if at in self._ends), end + _NEAR)
        return bool(_AFTER.match(" ".join(self.words[end:stop])))

    @staticmethod
    def _is_of_a_name(word: str) -> bool:
        return word in _words("name") or word.isdigit()


def may_deny(bare: Collection[str]) -> bool:
    """Tell whether some words include a possible negation: a quick test, since most texts have none."""
    return not _denying().isdisjoint(bare) or not _EXCLUDES.isdisjoint(bare)


_EXCLUDES = {
    "interdit", "interdite", "interdits", "interdites", "exclu", "exclue", "exclus", "exclues", "prohibited",
    "excluded",
}  # fmt: skip
