"""Reader of the tables of `data`: payloads, requests and entry points."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SURROGATE = "\ud800"
FOLDER = Path(__file__).parent / "data"


@cache
def table(name: str) -> Any:
    """Read `data/<name>.yaml`."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def filled(value: Any, words: Mapping[str, Any]) -> Any:
    """Replace `{word}` in all strings of a table; unknown words in braces stay.

    `{repeat:TEXT:NUMBER}`, anywhere in a string, becomes the text repeated NUMBER times.
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


_REPEAT = re.compile(r"\{repeat:(.*?):(\d+)\}", re.DOTALL)


def repeated(text: str) -> str:
    """Expand each `{repeat:TEXT:NUMBER}`, and `{surrogate}`: a lone surrogate,
    which YAML cannot express.
    """
    return _REPEAT.sub(lambda match: match[1] * int(match[2]), text).replace("{surrogate}", SURROGATE)
