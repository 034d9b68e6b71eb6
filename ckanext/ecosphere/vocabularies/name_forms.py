"""Forms of a place's name and of its adjective, as people write them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_IN_FULL = {"st": "saint", "ste": "sainte"}
ARTICLES = frozenset({"l", "la", "le", "les"})


def spellings(name: str) -> Iterator[str]:
    """A normalised name, and as it is written in short or without its article."""
    yield name
    words = name.split()
    if "les" in words[1:]:
        yield " ".join("lez" if word == "les" else word for word in words)
    bare = [word for word in words if word not in ("d", *ARTICLES)]
    if len(bare) > 1:
        yield " ".join(bare)
    if "saint" in words or "sainte" in words:
        # "st symphorien d'ozon" too, of which the reading of a question leaves the elided article out.
        for each in (words, bare):
            yield " ".join({"saint": "st", "sainte": "ste"}.get(word, word) for word in each)
    if words[0] in ARTICLES and len(words) > 1 and len(name) > 7:  # noqa: PLR2004 - "rochelle", not "mans"
        yield " ".join(words[1:])


def in_full(start: str) -> str:
    """The beginning of a normalised name with "saint" in full: "st malo", "ste max"; a last "st" may go on."""
    *before, last = start.split() or [""]
    return " ".join([*(_IN_FULL.get(word, word) for word in before), last])


def plural(adjective: str) -> str:
    """Several of what an adjective says: "provençal", "provençaux"."""
    if adjective.endswith("al"):
        return adjective[:-1] + "ux"
    if adjective.endswith("s"):
        return adjective
    return adjective + ("x" if adjective.endswith("eau") else "s")
