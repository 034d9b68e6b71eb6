"""Escape texts that a spreadsheet could run as a formula (OWASP, CSV injection).

Independent of CKAN: sandboxed processes write tables, too.
"""

from __future__ import annotations

import re

#: Characters that start a formula, including the full-width forms, which some spreadsheets treat alike.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MARK = "'"
#: Characters that a spreadsheet may drop, or take for the end of a cell, before it looks for a formula.
_BEFORE = " \u00a0\u3000'\"`;,|\ufeff"

#: Start of a formula at the start of a cell. French spreadsheets separate at semicolons, others at commas, and quotes
#: in mid-line do not protect from those that use the other separator. A dash or plus before a space is a list item.
_BEGINS_INSIDE = r"""(?="{0,8}(?:[=@\uff1d\uff20]|[+\uff0b\uff0d-]\S))"""
#: Numbers after a comma: coordinates.
_PLACE = r"[+-]\d{1,18}(?:\.\d{1,18})?(?: [+-]?\d{1,18}(?:\.\d{1,18})?){0,3}(?:[,;)\]]|$)"
_CELL = rf"(?:[;\t\r\n]|,(?!\s{{0,8}}{_PLACE}))\s{{0,8}}'*"
_INNER = re.compile(rf"({_CELL}){_BEGINS_INSIDE}")
_INNER_MARKED = re.compile(rf"({_CELL})'{_BEGINS_INSIDE}")


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet may run a text: it starts with a formula, possibly after quotes and the like."""
    return text.startswith(FORMULA) or text.lstrip(_BEFORE).startswith(FORMULA)


def marked(text: str) -> str:
    """Return a text for a cell, with an apostrophe before each part that may run as a formula."""
    inner = _INNER.sub(rf"\1{MARK}", text)
    return f"{MARK}{inner}" if is_formula(text) else inner


def unmarked(written: str) -> str:
    """Return the original text of a cell written by :func:`marked`."""
    inner = written.removeprefix(MARK)
    return _INNER_MARKED.sub(r"\1", inner if inner != written and is_formula(inner) else written)
