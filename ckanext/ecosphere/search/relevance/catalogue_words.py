"""Words of titles and keywords of public datasets, for correcting misspelt words without querying Solr.

They are counted in the background and stored in Redis; each process reloads them when they change. If none have been
counted yet, or Redis is down, Solr is queried instead (see `suggest.nearest_word`).
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from rapidfuzz import process
from rapidfuzz.distance import OSA
from redis.exceptions import RedisError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance.words import stem

KEPT_SECONDS = 7 * 24 * 3600
"""Expiry of the stored words, unless a worker refreshes them."""
READ_AGAIN_SECONDS = 60
MOST_WORDS = 100_000
"""Maximum number of words stored, the most frequent ones."""
SHORTEST = 3
_ROWS_AT_ONCE = 5_000
_WORDS = re.compile(r"\w+")
_PACKAGE = model.Package
_PUBLIC = (
    _PACKAGE.state == model.State.ACTIVE,
    _PACKAGE.private.is_(False),
    _PACKAGE.type != "harvest",  # sources of ckanext-harvest are packages too
)


@dataclass(frozen=True)
class Words:
    """Words of the catalogue.

    Attributes:
        version: state of the catalogue at the time of counting, see `_state`.
        written: words in lower case, most frequent first.
        folded: the same words, normalised.
    """

    version: str
    written: tuple[str, ...]
    folded: tuple[str, ...]

    @cached_property
    def stems(self) -> frozenset[str]:
        """Return the stems of the words (see `words.stem`)."""
        return frozenset(map(stem, self.folded))


def nearest(folded: str, allowed: int) -> str | None:
    """Return the nearest word of the catalogue; the most frequent one among equals.

    Args:
        folded: a normalised word.
        allowed: maximum edit distance.

    Returns:
        the word as written in the catalogue; empty if the word itself occurs or none is near; None if the words of the
        catalogue are not available.
    """
    words = _known()
    if words is None:
        return None
    near = process.extract(
        folded, words.folded, scorer=OSA.distance, score_cutoff=allowed, limit=None
    )
    # The first letter is rarely wrong.
    candidates = [(gap, place) for other, gap, place in near if gap <= 1 or other[0] == folded[0]]
    if not candidates or min(candidates)[0] == 0:
        return ""
    return words.written[min(candidates)[1]]


def has(typed: Iterable[str]) -> bool | None:
    """Return whether the catalogue has all the words, singular or plural; None if its words are not available."""
    words = _known()
    if words is None:
        return None
    return all(stem(voc.normalise(word)) in words.stems for word in typed)


def is_due() -> bool:
    """Return whether the catalogue has changed since its words were counted.

    Raises:
        RedisError: Redis is down.
    """
    version: Any = connect_to_redis().get(_key("version"))
    return (version or b"").decode() != _state()


def count() -> int:
    """Count and store the words, if the catalogue has changed; return how many.

    Raises:
        RedisError: Redis is down; the next run does it.
    """
    if not is_due():
        return 0
    state = _state()
    spellings = [word for word, _number in _counted().most_common(MOST_WORDS)]
    pipeline = connect_to_redis().pipeline()
    pipeline.set(
        _key("words"), zlib.compress(json.dumps([state, spellings]).encode()), ex=KEPT_SECONDS
    )
    pipeline.set(_key("version"), state, ex=KEPT_SECONDS)
    pipeline.execute()
    return len(spellings)


def _counted() -> Counter[str]:
    """Return the number of titles and keywords of public datasets that contain each word."""
    counted: Counter[str] = Counter()
    titles = sa.select(_PACKAGE.title, sa.literal(1)).where(*_PUBLIC)
    keywords = (
        sa.select(model.Tag.name, sa.func.count())
        .join(model.PackageTag, model.PackageTag.tag_id == model.Tag.id)
        .join(_PACKAGE, _PACKAGE.id == model.PackageTag.package_id)
        .where(*_PUBLIC, model.PackageTag.state == model.State.ACTIVE)
        .group_by(model.Tag.name)
    )
    for texts in (titles, keywords):
        for text, number in model.Session.execute(texts.execution_options(yield_per=_ROWS_AT_ONCE)):
            for word in {word for word in _WORDS.findall((text or "").lower()) if _is_kept(word)}:
                counted[word] += number
    return counted


def _is_kept(word: str) -> bool:
    return len(word) >= SHORTEST and not word.isdigit()


def _state() -> str:
    """Return a value that changes whenever a public dataset is added, removed or saved."""
    number, latest = model.Session.execute(
        sa.select(sa.func.count(), sa.func.max(_PACKAGE.metadata_modified)).where(*_PUBLIC)
    ).one()
    return f"{number} {latest}"


_read: dict[str, tuple[float, Words | None]] = {}


def _known() -> Words | None:
    """Return the words, cached for a minute; None if none are stored."""
    key = _key("words")
    moment, words = _read.get(key, (0.0, None))
    if not moment or time.monotonic() - moment > READ_AGAIN_SECONDS:
        words = _kept(words)
        _read[key] = (time.monotonic(), words)
    return words


def _kept(known: Words | None) -> Words | None:
    try:
        connection: Any = connect_to_redis()
        version = (connection.get(_key("version")) or b"").decode()
        if known and known.version == version:
            return known
        packed = connection.get(_key("words")) if version else None
    except RedisError:
        return known
    if not packed:
        return None
    state, spellings = json.loads(zlib.decompress(packed))
    return Words(state, tuple(spellings), tuple(map(voc.normalise, spellings)))


def forget() -> None:
    """Delete the stored words, so that Solr is queried until they are counted again."""
    _read.clear()
    connect_to_redis().delete(_key("version"), _key("words"))


def _key(name: str) -> str:
    return f"ecosphere:search:catalogue_words:{tk.config['ckan.site_id']}:{name}"
