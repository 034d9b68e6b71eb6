"""The tables of `data`: payloads, questions and doors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "data"


@cache
def table(name: str) -> Any:
    """Read `data/<name>.yaml`."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def filled(value: Any, words: Mapping[str, Any]) -> Any:
    """Put words in the place of `{word}` in all texts of a table; unknown braces stay.

    `{repeat:TEXT:NUMBER}` becomes the text so many times; it stands alone or among others.
    """
    if isinstance(value, dict):
        return {filled(key, words): filled(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, words) for each in value]
    if not isinstance(value, str):
        return value
    if value.startswith("{") and value.endswith("}") and value[1:-1] in words:
        return words[value[1:-1]]
    for word, text in words.items():
        value = value.replace(f"{{{word}}}", str(text))
    return repeated(value)


def repeated(text: str) -> str:
    """Write out each `{repeat:TEXT:NUMBER}`."""
    return "".join(_parts(text))


def _parts(text: str) -> Iterator[str]:
    while "{repeat:" in text:
        before, _, rest = text.partition("{repeat:")
        inside, _, text = rest.partition("}")
        words, _, number = inside.rpartition(":")
        yield before
        yield words * int(number)
    yield text
