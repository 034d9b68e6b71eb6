"""CSV for spreadsheets: columns and accents are recognised, and no cell runs as a formula (OWASP,
CSV injection).

French spreadsheets separate columns at semicolons, since commas are decimal signs, and recognise
UTF-8 by its byte order mark. All tables of the portal follow this, except the catalogue in the
national layout, which programs validate against its schema; numbers have a decimal point and dates
are in ISO 8601, for other programs. Independent of CKAN: sandboxed processes write tables, too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

APOSTROPHE = "'"
#: Characters that start a formula, including the full-width and small forms, which some
#: spreadsheets treat alike.
_EQUAL = "=@\uff1d\uff20\ufe66\ufe6b"
_SIGN = "+\uff0b\uff0d\ufe62\ufe63-"
#: Characters that a spreadsheet may drop, or take for the end of a cell, before it looks for a
#: formula.
_BEFORE = r"\s'\"`;,|\x00-\x1f\u200b-\u200f\u2060-\u2064\ufeff"
_BEGINS = re.compile(rf"[{_BEFORE}]*[{_EQUAL}\t\r\n{_SIGN}]")

#: Start of a formula at the start of a cell. French spreadsheets separate at semicolons, others at
#: commas, and quotes in mid-line do not protect from those that use the other separator. A dash or
#: plus before a space is a list item.
_BEGINS_INSIDE = rf"""(?="{{0,8}}(?:[{_EQUAL}]|[{_SIGN}]\S))"""
#: Numbers after a comma: coordinates.
_PLACE = r"[+-]\d{1,18}(?:\.\d{1,18})?(?: [+-]?\d{1,18}(?:\.\d{1,18})?){0,3}(?:[,;)\]]|$)"
_CELL = rf"(?:[;\t\r\n]|,(?!\s{{0,8}}{_PLACE}))[\s\u200b\ufeff]{{0,8}}'*"
_INNER = re.compile(rf"({_CELL}){_BEGINS_INSIDE}")
_INNER_MARKED = re.compile(rf"({_CELL})'{_BEGINS_INSIDE}")


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet may run a text: it starts with a formula,
    possibly after quotes and the like.
    """
    return bool(_BEGINS.match(text))


def marked(text: str) -> str:
    """Return a text for a cell, with an apostrophe before each part that may run as a formula."""
    inner = _INNER.sub(rf"\1{APOSTROPHE}", text)
    if is_formula(text):
        return f"{APOSTROPHE}{inner}"
    return inner


def unmarked(written: str) -> str:
    """Return the original text of a cell written by :func:`marked`."""
    inner = written.removeprefix(APOSTROPHE)
    if is_formula(inner):
        return _INNER_MARKED.sub(r"\1", inner)
    return _INNER_MARKED.sub(r"\1", written)


SEPARATOR = ";"
MARK = "\ufeff"
"""Byte order mark at the start of a file."""


def cell(value: Any) -> Any:
    """Return `value` for a cell.

    None becomes empty; a datetime is written in ISO 8601 in the portal's time zone (naive ones are
    UTC, as CKAN stores them); a text that could run as a formula is escaped.
    """
    if isinstance(value, str):
        return marked(value)
    if isinstance(value, datetime):
        # Imported here because the sandboxed process of extracts, which has no datetimes, runs
        # without CKAN.
        from ckanext.ecosphere.shared import dates

        moment = dates.read(value)
        if isinstance(moment, datetime):
            return moment.isoformat(timespec="minutes")
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if value is None:
        return ""
    return value


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a whole table, with its byte order mark."""
    return "".join(lines(columns, rows))


def lines(
    columns: Iterable[str], rows: Iterable[Iterable[Any]], separator: str = SEPARATOR
) -> Iterator[str]:
    """Yield a table line by line, starting with the byte order mark and the column headers."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator)
    writer.writerow(columns)
    yield MARK + _taken(buffer)
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
