"""Words of a text that inform: what is left without short, common and empty ones."""

from __future__ import annotations

import functools

from ckanext.ecosphere.quality.storage.reading import fold, table

SHORTEST = 3


@functools.lru_cache(maxsize=4096)
def informing(text: str) -> frozenset[str]:
    """Return the distinct words of `text` that inform, without accents and case (see `data/empty_words.yaml`)."""
    return frozenset(word for word in fold(text).split() if len(word) >= SHORTEST and word not in _empty())


@functools.cache
def _empty() -> frozenset[str]:
    return frozenset(" ".join(table("empty_words").values()).split())
