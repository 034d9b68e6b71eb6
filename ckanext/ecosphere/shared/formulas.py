"""Texts that a spreadsheet may run as a formula (OWASP, CSV injection). Needs nothing of CKAN: confined processes write
tables, too."""

from __future__ import annotations

import re

#: Signs with which a spreadsheet begins a formula, their full-width forms too, which some take for the same.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MARK = "'"
#: What a spreadsheet may drop or take for the end of a cell before it looks for a formula.
_BEFORE = " \u00a0\u3000'\"`;,|\ufeff"

#: Where a cell begins for a spreadsheet: French ones separate at semicolons, others at commas, and quotes in the middle
#: of a line do not count for those that take the other sign. A dash or plus before a space begins an item of a list.
_BEGINS_INSIDE = r"""(?="{0,8}(?:[=@\uff1d\uff20]|[+\uff0b\uff0d-]\S))"""
#: Numbers behind a comma, which are coordinates.
_PLACE = r"[+-]\d{1,18}(?:\.\d{1,18})?(?: [+-]?\d{1,18}(?:\.\d{1,18})?){0,3}(?:[,;)\]]|$)"
_CELL = rf"(?:[;\t\r\n]|,(?!\s{{0,8}}{_PLACE}))\s{{0,8}}'*"
_INNER = re.compile(rf"({_CELL}){_BEGINS_INSIDE}")
_INNER_MARKED = re.compile(rf"({_CELL})'{_BEGINS_INSIDE}")


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet may run a text: a formula stands at its beginning, alone or after quotes and such."""
    return text.startswith(FORMULA) or text.lstrip(_BEFORE).startswith(FORMULA)


def marked(text: str) -> str:
    """Return a text for a cell, with a mark before each part of it that may run as a formula."""
    inner = _INNER.sub(rf"\1{MARK}", text)
    return f"{MARK}{inner}" if is_formula(text) else inner


def unmarked(written: str) -> str:
    """Return the text of which :func:`marked` made a cell."""
    inner = written.removeprefix(MARK)
    return _INNER_MARKED.sub(r"\1", inner if inner != written and is_formula(inner) else written)
