"""Parse untrusted XML and JSON: bounded; an odd value costs that value, not the document. Pure.

XML: nothing that a document declares is resolved, and libxml2 keeps its limits on depth and entity
expansion (`huge_tree` would lift them). Callers must bound bytes and elements themselves, and
refuse a DOCTYPE.

JSON: NaN and Infinity, which it does not have, become null; integers of excessive length stay
texts; lone surrogates and NUL, which no database stores, are replaced; values nested too deeply
become null.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from lxml import etree

Element = etree._Element


def xml_parser(encoding: str | None = None, *, recover: bool = False) -> etree.XMLParser:
    """Return a parser without entities, network access, DTDs, comments and processing instructions.

    Args:
        encoding: overrides the declared encoding; None to use the declared one.
        recover: read on after errors, and close what is open where a document ends.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding=encoding,
        recover=recover,
    )


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace; "" for a comment,
    an entity or a processing instruction.
    """
    tag = element.tag
    if isinstance(tag, str):
        return tag.rpartition("}")[2]
    return ""


MAX_DEPTH = 100
"""Maximum nesting of lists and objects; a polygon in a description has about ten levels."""
MAX_DIGITS = 18
"""Maximum digits of an integer; more would not fit into 64 bits."""

_TOKEN = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*\\?(?:"|\Z)', re.DOTALL)
"""A bracket or a whole string; an unterminated one extends to the end of the text, or the search
would be quadratic."""
_ODD_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_ODD = re.compile("[\x00\ud800-\udfff]")


def load_json(data: str | bytes) -> Any:
    """Parse a document.

    Raises:
        ValueError: it is not JSON.
    """
    text = data if isinstance(data, str) else _decoded(data)
    odd = bool(_ODD_ESCAPE.search(text) or _ODD.search(text))
    try:
        return _read_json(text, odd)
    except RecursionError:
        return _read_json(_shallow(text), odd)


def sound_text(text: str) -> str:
    """Return a text with lone surrogates and NUL replaced by U+FFFD."""
    return _ODD.sub("\ufffd", text)


def _decoded(data: bytes) -> str:
    """Decode a document; its first bytes determine the encoding (RFC 8259 §8.1, RFC 4627 §3)."""
    return data.decode(json.detect_encoding(data), "replace").removeprefix("\ufeff")


def _read_json(text: str, odd: bool) -> Any:
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
