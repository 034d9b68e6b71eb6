"""Tolerant parsing of untrusted JSON: an odd value costs that value, not the document.

NaN and Infinity, which JSON does not have, become null; integers of excessive length stay texts; lone surrogates and
NUL, which no database stores, are replaced; values nested too deeply become null.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 100
"""Maximum nesting of lists and objects; a polygon in a description has about ten levels."""
MAX_DIGITS = 18
"""Maximum digits of an integer; more would not fit into 64 bits."""

_TOKEN = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*\\?(?:"|\Z)', re.DOTALL)
"""A bracket or a whole string; an unterminated one extends to the end of the text, or the search would be quadratic."""
_ODD_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_ODD = re.compile("[\x00\ud800-\udfff]")


def loads(data: str | bytes) -> Any:
    """Parse a document.

    Raises:
        ValueError: it is not JSON.
    """
    text = data if isinstance(data, str) else _decoded(data)
    odd = bool(_ODD_ESCAPE.search(text) or _ODD.search(text))
    try:
        return _read(text, odd)
    except RecursionError:
        return _read(_shallow(text), odd)


def sound_text(text: str) -> str:
    """Return a text with lone surrogates and NUL replaced by U+FFFD."""
    return _ODD.sub("\ufffd", text)


def _decoded(data: bytes) -> str:
    """Decode a document; its first bytes determine the encoding (RFC 8259 §8.1, RFC 4627 §3)."""
    return data.decode(json.detect_encoding(data), "replace").removeprefix("\ufeff")


def _read(text: str, odd: bool) -> Any:
    value = _decoder.decode(text)
    if odd:
        return _sound(value)
    return value


def _integer(digits: str) -> int | str:
    if len(digits) <= MAX_DIGITS:
        return int(digits)
    return digits


def _float(text: str) -> float | None:
    value = float(text)
    if math.isfinite(value):
        return value
    return None


_decoder = json.JSONDecoder(
    parse_int=_integer, parse_float=_float, parse_constant=lambda _name: None
)  # type: ignore[arg-type]


def _shallow(text: str) -> str:
    """Replace values nested deeper than `MAX_DEPTH` by null.

    Raises:
        ValueError: the text ends within such a value.
    """
    depth = begin = start = 0
    pieces: list[str] = []
    for match in _TOKEN.finditer(text):
        sign = match.group()
        if sign in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                begin = match.start()
        elif sign in "]}":
            if depth == MAX_DEPTH + 1:
                pieces += (text[start:begin], "null")
                start = match.end()
            depth -= 1
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    return "".join((*pieces, text[start:]))


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return sound_text(value)
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, dict):
        return {sound_text(name): _sound(item) for name, item in value.items()}
    return value
