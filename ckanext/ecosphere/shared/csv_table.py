"""CSV that people open in a spreadsheet: accents are read, and no cell runs as a formula (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from ckanext.ecosphere.shared import dates

#: Signs with which a spreadsheet begins a formula, their full-width forms too, which some take for the same.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MARK = "'"
#: What a spreadsheet may drop or take for the end of a cell before it looks for a formula.
_BEFORE = " \u00a0\u3000'\"`;,|\ufeff"

#: Where a cell begins for a spreadsheet that separates at semicolons, as the French ones do: quotes in the middle of a
#: line do not count for it. A dash or plus before a space begins an item of a list.
_BEGINS_INSIDE = r"""(?="{0,8}(?:[=@\uff1d\uff20]|[+\uff0b\uff0d-]\S))"""
_INNER = re.compile(rf"([;\t\r\n]\s{{0,8}}'*){_BEGINS_INSIDE}")
_INNER_MARKED = re.compile(rf"([;\t\r\n]\s{{0,8}}'*)'{_BEGINS_INSIDE}")


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet may run a text: a formula stands at its beginning, alone or after quotes and such."""
    return text.startswith(FORMULA) or text.lstrip(_BEFORE).startswith(FORMULA)


def cell(value: Any) -> Any:
    """Return `value` for a cell.

    Nothing for None, a moment in ISO 8601 and the portal's time zone (one without a time zone is UTC, as CKAN stores
    them), a text that may run as a formula marked.
    """
    if isinstance(value, str):
        inner = _INNER.sub(rf"\1{MARK}", value)
        return f"{MARK}{inner}" if is_formula(value) else inner
    if isinstance(value, datetime):
        moment = dates.read(value)
        return moment.isoformat(timespec="minutes") if isinstance(moment, datetime) else ""
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def text_of(written: str) -> str:
    """Return the text of a cell that :func:`cell` wrote: without its mark, if it has one."""
    inner = written.removeprefix(MARK)
    return _INNER_MARKED.sub(r"\1", inner if inner != written and is_formula(inner) else written)


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table in UTF-8 that begins with its mark, without which spreadsheets misread accents."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return "\ufeff" + out.getvalue()
