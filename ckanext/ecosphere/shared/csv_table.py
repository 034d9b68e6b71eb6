"""CSV for spreadsheets: columns and accents are recognised, and no cell runs as a formula (OWASP).

French spreadsheets separate columns at semicolons, since commas are decimal signs, and recognise UTF-8 by its byte
order mark. All tables of the portal follow this, except the catalogue in the national layout, which programs validate
against its schema; numbers have a decimal point and dates are in ISO 8601, for other programs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from ckanext.ecosphere.shared import formulas

SEPARATOR = ";"
MARK = "\ufeff"
"""Byte order mark at the start of a file."""


def cell(value: Any) -> Any:
    """Return `value` for a cell.

    None becomes empty; a datetime is written in ISO 8601 in the portal's time zone (naive ones are UTC, as CKAN stores
    them); a text that could run as a formula is escaped.
    """
    if isinstance(value, str):
        return formulas.marked(value)
    if isinstance(value, datetime):
        # Imported here because the sandboxed process of extracts, which has no datetimes, runs without CKAN.
        from ckanext.ecosphere.shared import dates

        moment = dates.read(value)
        return moment.isoformat(timespec="minutes") if isinstance(moment, datetime) else ""
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a whole table, with its byte order mark."""
    return "".join(lines(columns, rows))


def lines(columns: Iterable[str], rows: Iterable[Iterable[Any]], separator: str = SEPARATOR) -> Iterator[str]:
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
