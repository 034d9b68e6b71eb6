"""Escape texts that a spreadsheet could run as a formula (OWASP, CSV injection).

Independent of CKAN: sandboxed processes write tables, too.
"""

from __future__ import annotations

import re

MARK = "'"
#: Characters that start a formula, including the full-width and small forms, which some spreadsheets treat alike.
_EQUAL = "=@\uff1d\uff20\ufe66\ufe6b"
_SIGN = "+\uff0b\uff0d\ufe62\ufe63-"
#: Characters that a spreadsheet may drop, or take for the end of a cell, before it looks for a formula.
_BEFORE = r"\s'\"`;,|\x00-\x1f\u200b-\u200f\u2060-\u2064\ufeff"
_BEGINS = re.compile(rf"[{_BEFORE}]*[{_EQUAL}\t\r\n{_SIGN}]")

#: Start of a formula at the start of a cell. French spreadsheets separate at semicolons, others at commas, and quotes
#: in mid-line do not protect from those that use the other separator. A dash or plus before a space is a list item.
_BEGINS_INSIDE = rf"""(?="{{0,8}}(?:[{_EQUAL}]|[{_SIGN}]\S))"""
#: Numbers after a comma: coordinates.
_PLACE = r"[+-]\d{1,18}(?:\.\d{1,18})?(?: [+-]?\d{1,18}(?:\.\d{1,18})?){0,3}(?:[,;)\]]|$)"
_CELL = rf"(?:[;\t\r\n]|,(?!\s{{0,8}}{_PLACE}))[\s\u200b\ufeff]{{0,8}}'*"
_INNER = re.compile(rf"({_CELL}){_BEGINS_INSIDE}")
_INNER_MARKED = re.compile(rf"({_CELL})'{_BEGINS_INSIDE}")


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet may run a text: it starts with a formula, possibly after quotes and the like."""
    return bool(_BEGINS.match(text))


def marked(text: str) -> str:
    """Return a text for a cell, with an apostrophe before each part that may run as a formula."""
    inner = _INNER.sub(rf"\1{MARK}", text)
    return f"{MARK}{inner}" if is_formula(text) else inner


def unmarked(written: str) -> str:
    """Return the original text of a cell written by :func:`marked`."""
    inner = written.removeprefix(MARK)
    return _INNER_MARKED.sub(r"\1", inner if inner != written and is_formula(inner) else written)
