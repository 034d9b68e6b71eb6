"""Correct misspelt words of a query: from the term lists and place names, then from the words of
the catalogue.

The words of titles and keywords of public datasets are counted by a job of a worker, and kept in
Redis.
"""

from __future__ import annotations

import json
import math
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import chain, islice
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from rapidfuzz import process
from rapidfuzz.distance import OSA
from redis.exceptions import RedisError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.relevance.words import stem
from ckanext.ecosphere.vocabularies import gazetteer

MOST_STRANGE = 3
"""Maximum number of expressions reported as missing from the catalogue."""
MOST_CORRECTED = 4
"""Maximum number of words to correct."""
MOST_UNITS = 8
"""Maximum number of units searched for a misspelt expression."""
SHORTEST_PART = 4
"""Minimum letters of each part of two joined words."""
MIN_FUZZY_LENGTH = 4
"""Minimum letters of a word to correct."""
LONG_WORD, VERY_LONG_WORD = 8, 12
"""Letters from which two, and three, may be wrong."""


def strange(units: Iterable[words.Unit]) -> list[words.Unit]:
    """Return some expressions that have another name in the catalogue
    and occur in no title or keyword.
    """
    translated = (unit for unit in units if unit.called and not unit.weak)
    absent = (unit for unit in translated if catalogue_has(unit.words) is False)
    return list(islice(absent, MOST_STRANGE))


def unknown(understood: Understood) -> list[str]:
    """Return the words, as typed, that may be misspelt."""
    typed = chain.from_iterable(unit.words for unit in understood.question.units)
    return [word for word in typed if _may_be_misspelt(voc.normalise(word))][:MOST_CORRECTED]


def _may_be_misspelt(folded: str) -> bool:
    if any(map(str.isdigit, folded)):
        return bool(without_number(folded))  # else a reference
    return len(folded) >= MIN_FUZZY_LENGTH and not is_known(folded) and not is_french(folded)


def with_words_replaced(text: str, replacements: Mapping[str, str]) -> str:
    """Return a query with words replaced, as typed → replacement."""
    for word, other in replacements.items():
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", other, text, count=1)
    return text


def is_of_lists(word: str) -> bool:
    """Return whether a word, or two joined words, are in the lists or the name of a place."""
    folded = voc.normalise(word)
    return " " in folded or is_known(folded) or is_place(folded)


def near(folded: str) -> str:
    """Return the word that a misspelt word may be, of the lists or of the catalogue; "" if there is
    none.

    Args:
        folded: a normalised word.
    """
    if any(map(str.isdigit, folded)):
        return without_number(folded)
    of_lists, distance = nearest_of_lists(folded)
    if distance == 1:
        return of_lists
    of_catalogue = apart(folded) or nearest_in_catalogue(folded, allowed_distance(folded))
    return of_catalogue or of_lists


def is_place_misspelt(folded: str, other: str) -> bool:
    """Return whether a word is the name of a place but for one letter ("nante"),
    even if the catalogue has the word.
    """
    return nearest_of_lists(folded) == (other, 1) and is_place(other)


def allowed_distance(word: str) -> int:
    """Return the edit distance allowed for a word: one, two for a long word,
    three for a very long one.
    """
    return 1 + (len(word) >= LONG_WORD) + (len(word) >= VERY_LONG_WORD)


def with_expression_corrected(understood: Understood) -> str:
    """Return the query with two or three words replaced by a near expression.

    As typed if there is none.
    """
    units, text = understood.question.units[:MOST_UNITS], understood.text
    for number in (3, 2):
        for start in range(len(units) - number + 1):
            typed = [word for unit in units[start : start + number] for word in unit.words]
            near = nearest_expression(" ".join(words.stem(voc.normalise(word)) for word in typed))
            if near and not _takes_known(units[start : start + number], near):
                between = r"\W+(?:\w{1,3}\W+){0,3}".join(map(re.escape, typed))
                return re.sub(between, near, text, count=1)
    return text


def _takes_known(units: tuple[words.Unit, ...], near: str) -> bool:
    """Return whether an expression would replace correct text.

    That is another listed expression ("SIS"), or a word too short to be misspelt ("PO").
    """
    stems = {word.stem for word in words.read(near)}
    correct = {word for unit in units if unit.core for word in unit.words}
    for unit in units:
        for word in unit.words:
            is_replaced = words.stem(voc.normalise(word)) not in stems
            if is_replaced and (word in correct or len(word) < MIN_FUZZY_LENGTH):
                return True
    return False


def is_known(folded: str) -> bool:
    """Return whether a word, singular or plural, is in the term lists."""
    return words.stem(folded) in _stems()


def is_french(folded: str) -> bool:
    """Return whether a word, singular or plural, is a common French word, so that it is not
    corrected.

    For instance "fret" must not become "forêt", nor "gîtes" "sites".
    """
    return not {folded, words.stem(folded)}.isdisjoint(words.words_of_language())


@voc.derived
@lru_cache(maxsize=1_000)
def nearest_of_lists(folded: str) -> tuple[str, int]:
    """Return the nearest word of the lists or place name, and its distance; "" and 0 if none is
    near.

    Args:
        folded: a normalised word.
    """
    if len(folded) < MIN_FUZZY_LENGTH or not folded.isalpha():
        return "", 0
    allowed = allowed_distance(folded)
    near: list[tuple[int, int, str]] = []
    for order, candidates in enumerate((_words(), gazetteer.large_names())):
        # The first letter is rarely wrong.
        alike = [candidate for candidate in candidates if candidate[0] == folded[0]]
        near += [(gap, order, other) for gap, other in words.near(folded, alike, allowed)]
    gap, _order, nearest = min(near, default=(0, 0, ""))
    return nearest, gap


def apart(folded: str) -> str:
    """Split two words that were written as one ("localurbanisme"); empty if it is not such a word.

    Both must be in the lists, or one of them and the other a common French word.
    """
    for position in range(len(folded) - SHORTEST_PART, SHORTEST_PART - 1, -1):
        parts = folded[:position], folded[position:]
        if any(map(is_known, parts)) and all(is_known(part) or is_french(part) for part in parts):
            return " ".join(parts)
    return ""


def without_number(folded: str) -> str:
    """Return a word of the lists to which a number was appended ("natura200").

    Empty if it is not such a word.
    """
    letters = folded.rstrip("0123456789")
    if letters == folded or len(letters) < MIN_FUZZY_LENGTH or not is_known(letters):
        return ""
    return letters


def nearest_expression(key: str) -> str | None:
    """Return the listed expression that differs by a letter from the words ("qualité de l'aire");
    None if none.

    Two letters may differ in a long one ("qualitée de l'aire"). A number is not a typo ("zones
    humides 5").

    Args:
        key: stems of consecutive words.

    Returns:
        the expression as written in the lists.
    """
    if " " not in key or len(key) < VERY_LONG_WORD or key in words.expressions():
        return None
    allowed = 1 + (len(key) > VERY_LONG_WORD)
    several = [other for other in words.expressions() if " " in other]
    alike = words.near(key, several, allowed)
    same_numbers = [(gap, other) for gap, other in alike if _numbers(other) == _numbers(key)]
    if not same_numbers:
        return None
    _gap, nearest = min(same_numbers)
    return words.spellings()[nearest]


def _numbers(key: str) -> int:
    return sum(any(map(str.isdigit, word)) for word in key.split())


def is_place(folded: str) -> bool:
    """Return whether a word is the name of a large place."""
    return folded in gazetteer.large_names()


@voc.derived
@cache
def _words() -> tuple[str, ...]:
    texts = [*words.expressions(), *words.fillers(), *words.purposes(), *words.generic_terms()]
    terms: list[str] = []
    for names, _called in words.expressions().values():
        terms += names
    for line in words.synonym_lines():
        terms += [*line.terms, *line.broader]
    for name in ("themes", "inspire-theme"):
        terms += [concept.label_fr for concept in voc.get(name)]
    texts += map(voc.normalise, terms)
    distinct = {word for text in texts for word in text.split() if word.isalpha()}
    return tuple(sorted(word for word in distinct if len(word) >= MIN_FUZZY_LENGTH))


@voc.derived
@cache
def _stems() -> frozenset[str]:
    return frozenset(words.stem(word) for word in _words())


# --- the words of the catalogue ---

# Words of public titles and keywords, kept in Redis. They know no permissions: what is found with
# them is asked of Solr again, with the reader's.

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


def nearest_in_catalogue(folded: str, allowed: int) -> str | None:
    """Return the nearest word of the catalogue; the most frequent one among equals.

    Args:
        folded: a normalised word.
        allowed: maximum edit distance.

    Returns:
        the word as written in the catalogue; empty if the word itself occurs or none is near; None
        if the words of the catalogue are not available.
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


def catalogue_has(typed: Iterable[str]) -> bool | None:
    """Return whether the catalogue has all the words, singular or plural.

    None if its words are not available.
    """
    words = _known()
    if words is None:
        return None
    return all(stem(voc.normalise(word)) in words.stems for word in typed)


def words_are_due() -> bool:
    """Return whether the catalogue has changed since its words were counted.

    Raises:
        RedisError: Redis is down.
    """
    version: Any = connect_to_redis().get(_key("version"))
    return (version or b"").decode() != _state()


def count_words() -> int:
    """Count and store the words, if the catalogue has changed; return how many.

    Raises:
        RedisError: Redis is down; the next run does it.
    """
    if not words_are_due():
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
            for word in set(_WORDS.findall((text or "").lower())):
                if len(word) >= SHORTEST and not word.isdigit():
                    counted[word] += number
    return counted


def _state() -> str:
    """Return a value that changes whenever a public dataset is added, removed or saved."""
    number, latest = model.Session.execute(
        sa.select(sa.func.count(), sa.func.max(_PACKAGE.metadata_modified)).where(*_PUBLIC)
    ).one()
    return f"{number} {latest}"


_read: dict[str, tuple[float, Words | None]] = {}
"""Key in Redis → when the words were read (monotonic clock, in seconds), and the words."""


def _known() -> Words | None:
    """Return the words, cached for a minute; None if none are stored."""
    key = _key("words")
    moment, words = _read.get(key, (-math.inf, None))
    if time.monotonic() - moment > READ_AGAIN_SECONDS:
        words = _read_stored(words)
        _read[key] = (time.monotonic(), words)
    return words


def _read_stored(known: Words | None) -> Words | None:
    """Return the stored words, those read before if they are still the same or Redis is down.

    None without any.
    """
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


def forget_words() -> None:
    """Delete the stored words, so that Solr is queried until they are counted again."""
    _read.clear()
    connect_to_redis().delete(_key("version"), _key("words"))


def _key(name: str) -> str:
    return f"ecosphere:search:catalogue_words:{tk.config['ckan.site_id']}:{name}"
