"""CSV that people open in a spreadsheet: accents are read, and no cell runs as a formula (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

#: Signs with which a spreadsheet begins a formula, their full-width forms too, which some take for the same.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MARK = "'"
#: What a spreadsheet may drop or take for the end of a cell before it looks for a formula.
_BEFORE = " \u00a0\u3000'\"`;,|\ufeff"


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet may run a text: a formula stands at its beginning, alone or after quotes and such."""
    return text.startswith(FORMULA) or text.lstrip(_BEFORE).startswith(FORMULA)


def cell(value: Any) -> Any:
    """Return `value` for a cell: nothing for None, moments in ISO 8601, a text that may run as a formula marked."""
    if isinstance(value, str):
        return f"{MARK}{value}" if is_formula(value) else value
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def text_of(written: str) -> str:
    """Return the text of a cell that :func:`cell` wrote: without its mark, if it has one."""
    inner = written.removeprefix(MARK)
    return inner if inner != written and is_formula(inner) else written


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table in UTF-8 that begins with its mark, without which spreadsheets misread accents."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return "\ufeff" + out.getvalue()
