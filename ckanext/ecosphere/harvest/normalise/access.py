"""Find access rights in free text: limitations on public access, their absence, and reserved access.

Negated words do not count ("Il n'y a pas d'accès restreint"). A text means that nothing limits access only if it makes
no exception ("… sauf les zones militaires", "… pour les services de l'État").
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.denials import Clauses
from ckanext.ecosphere.harvest.normalise.tables import plain, rows, written_out

NO_LIMIT = "noLimitations"
DOUBT = "doubt"
"""In place of an access right: with such words, an open licence does not make the dataset public."""
_PARTLY = "partly"
MAX_SEARCHED = 2_000
"""Maximum number of characters of a text that are searched."""
STRICTNESS = ("PUBLIC", "SENSITIVE", "RESTRICTED", "CONFIDENTIAL", "NON_PUBLIC")
_MAY_NAME_A_LIMIT = re.compile(r"restriction|limitation|contrainte|acces|\b13\b|311|\b(?:l ?)?124\b")
"""Quick test that saves matching the many patterns: most texts name no limitation."""
_MAY_NAME_AN_ARTICLE = re.compile(r"311|\b13\b|\b(?:l ?)?124\b")
_DENIES = re.compile(r"\b(?:aucune?|pas|non|sans|no|not)\b")
_ENDS = re.compile(r"[.!?]\s|[\n;]")
_SHORT = 300
"""Length in characters up to which an exception counts anywhere in a text, not only in the same sentence."""


@cache
def limit_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns of limitations, and of their absence → ids of limitations."""
    return tuple((re.compile(written_out(row["pattern"])), row["limitation"]) for row in rows("access-texts"))


@cache
def reserved_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns of words that reserve access → ids of access rights, `doubt` or `partly`."""
    return tuple((re.compile(written_out(row["pattern"])), row["right"]) for row in rows("access-reserved"))


def limits_of_text(text: str) -> list[str]:
    """Return the ids of the limitations named in a text, including "no limitation"."""
    found = _limits_named(text)
    return [limit for limit in found if limit != NO_LIMIT] if NO_LIMIT in found and is_partial(text) else found


def _limits_named(text: str) -> list[str]:
    known = voc.get("access-limitation").find(text) if len(text) < 400 else None  # noqa: PLR2004 - a label
    if known:
        return [known.id]
    bare = plain(text[:MAX_SEARCHED])
    if not _MAY_NAME_A_LIMIT.search(bare):
        return []
    names_an_article = _MAY_NAME_AN_ARTICLE.search(bare)
    found: dict[str, None] = {}
    for pattern, limit in limit_patterns():
        if limit == NO_LIMIT:
            found |= {limit: None} if any(not _is_denied(text, bare, each) for each in pattern.finditer(bare)) else {}
        elif names_an_article and pattern.search(bare):
            found[limit] = None
    return list(found)


@lru_cache(maxsize=4)
def _clauses(text: str) -> Clauses:
    return Clauses(text)


def _is_denied(text: str, bare: str, found: re.Match[str]) -> bool:
    """Tell whether a match is negated in the text, unless it begins with a negation itself."""
    if _DENIES.match(found.group()):
        return False
    start = bare.count(" ", 0, found.start())
    return _clauses(text[:MAX_SEARCHED]).deny_access(start, start + len(found.group().split()))


def is_partial(text: str) -> bool:
    """Tell whether a text about unlimited access makes an exception for some data or some people."""
    if voc.get("access-limitation").find(text[:400]):
        return False
    whole = text[:MAX_SEARCHED]
    if not _MAY_NAME_A_LIMIT.search(plain(whole)):
        return False
    for sentence in [whole] if len(whole) <= _SHORT else _ENDS.split(whole):
        rest, count = without_no_limit(plain(sentence))
        if count and any(right == _PARTLY and pattern.search(rest) for pattern, right in reserved_patterns()):
            return True
    return NO_LIMIT in _limits_named(text) and reserved_in(text) not in (None, DOUBT)


def without_no_limit(bare: str) -> tuple[str, int]:
    """Return a text without the words for unlimited access, and how often they occurred."""
    count = 0
    for pattern, limit in limit_patterns():
        if limit == NO_LIMIT:
            bare, replaced = pattern.subn(" ", bare)
            count += replaced
    return bare, count


def reserved_in(text: str) -> str | None:
    """Return the strictest access right named in a text, `doubt`, or None without such words."""
    bare = plain(text[:MAX_SEARCHED])
    found: set[str] = set()
    for pattern, right in reserved_patterns():
        if right == _PARTLY or right in found or (right == DOUBT and _DENIES.search(bare)):
            continue
        if any(not _is_denied(text, bare, each) for each in pattern.finditer(bare)):
            found.add(right)
    rights = found - {DOUBT}
    return max(rights, key=STRICTNESS.index) if rights else next(iter(found), None)
