"""Spelling variants of place names, and plurals of their adjectives. No CKAN imports."""

from __future__ import annotations

from collections.abc import Iterator

_IN_FULL = {"st": "saint", "ste": "sainte"}
ARTICLES = frozenset({"l", "la", "le", "les"})


def spellings(name: str) -> Iterator[str]:
    """Yield a normalised name and its variants: abbreviated, with "lez" for "les", without articles."""
    yield name
    words = name.split()
    if "les" in words[1:]:
        yield " ".join("lez" if word == "les" else word for word in words)
    bare = [word for word in words if word not in ("d", *ARTICLES)]
    if len(bare) > 1:
        yield " ".join(bare)
    if "saint" in words or "sainte" in words:
        # Also without articles, since query parsing drops the elided one of "st symphorien d'ozon".
        for each in (words, bare):
            yield " ".join({"saint": "st", "sainte": "ste"}.get(word, word) for word in each)
    if words[0] in ARTICLES and len(words) > 1 and len(name) > 7:  # noqa: PLR2004 - "rochelle", not "mans"
        yield " ".join(words[1:])


def in_full(start: str) -> str:
    """Return the beginning of a normalised name with "st" and "ste" spelled out, except in the last (partial) word."""
    *before, last = start.split() or [""]
    return " ".join([*(_IN_FULL.get(word, word) for word in before), last])


def plural(adjective: str) -> str:
    """Return the masculine plural of an adjective: "provençaux" for "provençal"."""
    if adjective.endswith("al"):
        return adjective[:-1] + "ux"
    if adjective.endswith("s"):
        return adjective
    return adjective + ("x" if adjective.endswith("eau") else "s")
