"""JSON that strangers wrote, read without surprises.

What JSON does not have (NaN, Infinity) becomes null; a number of more digits than any figure stays a text; half
characters (lone surrogates) and NUL, which no database stores, are replaced; what is nested deeper than any description
is left out. So one odd value costs that value, not the document.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 100
"""Levels of lists and objects; a polygon in a description has about ten."""
MAX_DIGITS = 18
"""Digits of a number; more would not fit into 64 bits."""

_TOKEN = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*\\?(?:"|\Z)', re.DOTALL)
"""A bracket, or a string to its end: that of the text when it has none, or searching would begin anew at each quote."""
_ODD_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_ODD = re.compile("[\x00\ud800-\udfff]")


def loads(data: str | bytes) -> Any:
    """Read a document.

    Raises:
        ValueError: it is no JSON.
    """
    text = data if isinstance(data, str) else _decoded(data)
    odd = bool(_ODD_ESCAPE.search(text) or _ODD.search(text))
    try:
        return _read(text, odd)
    except RecursionError:
        return _read(_shallow(text), odd)


def sound_text(text: str) -> str:
    """A text with every half character and NUL replaced by the sign for that (U+FFFD)."""
    return _ODD.sub("\ufffd", text)


def _decoded(data: bytes) -> str:
    """The text of a document: its encoding is told by its first bytes (RFC 8259 §8.1, RFC 4627 §3)."""
    return data.decode(json.detect_encoding(data), "replace").removeprefix("\ufeff")


def _read(text: str, odd: bool) -> Any:
    found = _decoder.decode(text)
    return _sound(found) if odd else found


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


_decoder = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=lambda _name: None)  # type: ignore[arg-type]


def _shallow(text: str) -> str:
    """Put null in the place of what lies deeper than `MAX_DEPTH`.

    Raises:
        ValueError: the text ends within it.
    """
    depth = begin = start = 0
    kept: list[str] = []
    for match in _TOKEN.finditer(text):
        sign = match.group()
        if sign in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                begin = match.start()
        elif sign in "]}":
            if depth == MAX_DEPTH + 1:
                kept += (text[start:begin], "null")
                start = match.end()
            depth -= 1
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    return "".join((*kept, text[start:]))


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return sound_text(value)
    if isinstance(value, list):
        return [_sound(each) for each in value]
    if isinstance(value, dict):
        return {sound_text(name): _sound(each) for name, each in value.items()}
    return value
