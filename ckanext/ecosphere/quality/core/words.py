"""What texts say: without mark-up and placeholders, folded for comparison, and their words that inform."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.dataset.view import plain_text
from ckanext.ecosphere.shared import characters

DATA = Path(__file__).parents[1] / "data"
SHORTEST = 3
LONGEST_PLACEHOLDER = 30

_TAG = re.compile(r"<[^>]{0,1000}>")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


@functools.cache
def table(name: str) -> dict[str, Any]:
    """Return the data file `name` (without `.yaml`) of this room."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))


def fold(value: str) -> str:
    """Return `value` without accents, case and punctuation, words separated by one space."""
    return _NOT_WORD.sub(" ", characters.without_accents(value.casefold())).strip()


def clean(value: Any) -> str:
    """Return `value` as one line of text without mark-up; "" if it is not a text or only a placeholder."""
    text = plain_text(value)
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = " ".join(text.split())
    if len(text) < LONGEST_PLACEHOLDER and _is_placeholder(text):
        return ""
    return text


@functools.lru_cache(maxsize=16384)
def _is_placeholder(text: str) -> bool:
    return fold(text) in _placeholders()


@functools.cache
def _placeholders() -> frozenset[str]:
    return frozenset(table("placeholders")["placeholders"])


@functools.lru_cache(maxsize=4096)
def informing(text: str) -> frozenset[str]:
    """Return the distinct words of `text` that inform, without accents and case.

    Short, common and empty ones do not (`data/empty_words.yaml`).
    """
    words = (word for word in fold(text).split() if len(word) >= SHORTEST)
    return frozenset(words) - _empty_words()


@functools.cache
def _empty_words() -> frozenset[str]:
    return frozenset(" ".join(table("empty_words").values()).split())
